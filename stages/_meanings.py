"""An experiment's settings as rows: dotted name, value, and what its schema says they mean."""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from stages._claims import ClaimSettings
from stages._pages import Setting
from stages._params import Block

SHARED = {
    "seed": "From it, with the repeat and the purpose, every random number is drawn.",
    "plan": "How the engine trains the nets: `auto` leaves the choice to it.",
}
OF_DATASETS = {
    "variant": "Which version of the data; data/catalog.yaml lists its files.",
    "split": "Rows to train on, rows to choose by (dev) and rows that are held back (test).",
    "scaling": "What is done to the inputs, by the training rows' mean and deviation.",
    "names": "The pictures.",
    "size": "Pixels along an edge.",
    "dev_fonts": "Typefaces that only dev has.",
    "test_fonts": "Typefaces that only test has.",
    "noise": "Deviation of the noise on pixels from 0 to 1.",
}


def settings(experiment: str, part: str, params: Mapping[str, Any]) -> list[Setting]:
    """Return what decides a part of an experiment, claims apart: they stand by their verdicts.

    `part` is "train" or "evaluate", `params` what that stage's record has.
    """
    module = importlib.import_module(f"stages.experiments.{experiment}.params")
    schema: type[Block] = getattr(module, part.capitalize())
    return [
        *(Setting(key, text(params[key]), SHARED[key]) for key in SHARED if key in params),
        *_datasets(params.get("datasets", {})),
        Setting(part, None, about(schema)),
        *_rows(schema, params[part], f"{part}."),
    ]


def about(schema: type[Block]) -> str:
    """Return a block's description on one line."""
    return " ".join(inspect.cleandoc(schema.__doc__ or "").split())


def block_in(annotation: Any) -> type[Block] | None:
    """Return the block that a field holds, be it alone, optional, in a list or by name."""
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return annotation
    return next((found for one in get_args(annotation) if (found := block_in(one))), None)


def _datasets(values: Mapping[str, Mapping[str, Any]]) -> Iterator[Setting]:
    for dataset, block in values.items():
        for key, value in block.items():
            yield Setting(f"datasets.{dataset}.{key}", text(value), OF_DATASETS.get(key, ""))


def _rows(schema: type[Block], values: Mapping[str, Any], prefix: str) -> Iterator[Setting]:
    for key, field in schema.model_fields.items():
        value, name = values[key], f"{prefix}{key}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, Block):
            yield Setting(name, None, about(field.annotation))
            yield from _rows(field.annotation, value, f"{name}.")
        elif block_in(field.annotation) is not ClaimSettings:
            yield Setting(name, text(value), field.description or "")


def text(value: Any) -> str:
    """Write a value as params.yaml does, without most of the punctuation."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_within(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_within(item) for item in value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _within(value: Any) -> str:
    return f"({text(value)})" if isinstance(value, Mapping | list | tuple) else text(value)
