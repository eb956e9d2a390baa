"""params.yaml, checked: from YAML to frozen pydantic models, with errors that help.

A dataset's block is described by `Params` in `stages/datasets/<name>.py`; an experiment's by
`Data`, `Train`, `Evaluate` and `Report` in `stages/experiments/<name>/params.py`. This check is
an observer: it can refuse a run but never change its result, so no stage depends on it.
"""

import difflib
import importlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages._entry import UserError

PARAMS = Path("params.yaml")
Plan = Literal["auto", "stacked", "compiled", "sequential"]
PARTS = ("data", "train", "evaluate", "report", "thresholds")


class ParamsError(UserError):
    """A value in params.yaml (or in a profile) that cannot be used."""


class Block(BaseModel):
    """A mapping of params.yaml: no unknown keys, no silent conversion, frozen.

    The string below a field is its description, which pages show beside the value.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


B = TypeVar("B", bound=Block)


class Band(Block):
    """A threshold: a measured number must lie within [min, max], or a verdict be the one named."""

    min: float | None = None
    max: float | None = None
    verdict: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Band":
        if self.verdict is None and self.min is None and self.max is None:
            raise ValueError("a threshold needs min, max or verdict")
        return self

    def holds(self, measured: object) -> bool:
        """Return whether the measured value satisfies the threshold; NaN never does."""
        if self.verdict is not None:
            return measured == self.verdict
        if not isinstance(measured, int | float):
            return False
        low = -math.inf if self.min is None else self.min
        high = math.inf if self.max is None else self.max
        return low <= measured <= high

    def text(self) -> str:
        """Return the band in words."""
        if self.verdict is not None:
            return self.verdict
        low = [] if self.min is None else [f"at least {self.min:g}"]
        high = [] if self.max is None else [f"at most {self.max:g}"]
        return " and ".join(low + high)


@dataclass(frozen=True)
class Experiment:
    """One experiment's block: each part is an instance of the experiment's own schema."""

    data: dict[str, str]
    train: Any
    evaluate: Any
    report: Any
    thresholds: dict[str, Band]


@dataclass(frozen=True)
class Params:
    """The whole of params.yaml; `raw` is the same as plain data."""

    profile: str
    seed: int
    plan: Plan
    datasets: dict[str, Block]
    experiments: dict[str, Experiment]
    raw: Mapping[str, Any]

    def experiment(self, name: str) -> Experiment:
        """Return one experiment's block (ParamsError, with the nearest name, if there is none)."""
        if name not in self.experiments:
            raise ParamsError(f"{name!r} is no experiment{did_you_mean(name, self.experiments)}")
        return self.experiments[name]


def load(path: Path = PARAMS) -> Params:
    """Read and check params.yaml.

    Raises:
        ParamsError: the first thing that is wrong: where, what, what is allowed, nearest name.
    """
    return check(read(path))


def read(path: Path = PARAMS) -> dict[str, Any]:
    """Read a params file as plain data, unchecked (ParamsError if it is no YAML mapping)."""
    try:
        raw = YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run this in the project's root folder") from None
    except YAMLError as error:
        raise ParamsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    return _mapping(raw, str(path))


def check(raw: Mapping[str, Any]) -> Params:
    """Check plain data against the schemas (see `load`)."""
    _keys(raw, ("profile", "seed", "plan", "datasets", "experiments"), "")
    if not isinstance(raw["profile"], str):
        raise ParamsError(f"profile: {raw['profile']!r} is not a name")
    if not isinstance(raw["seed"], int) or isinstance(raw["seed"], bool) or raw["seed"] < 0:
        raise ParamsError(f"seed: {raw['seed']!r} is not a whole number of at least 0")
    if raw["plan"] not in get_args(Plan):
        hint = did_you_mean(str(raw["plan"]), get_args(Plan))
        raise ParamsError(f"plan: {raw['plan']!r} is no plan of the engine{hint}")
    datasets = {
        name: _dataset(name, block) for name, block in _mapping(raw["datasets"], "datasets").items()
    }
    experiments = {
        name: _experiment(name, block, datasets)
        for name, block in _mapping(raw["experiments"], "experiments").items()
    }
    plan = cast(Plan, raw["plan"])
    return Params(raw["profile"], raw["seed"], plan, datasets, experiments, raw)


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return '; did you mean …?' for the nearest known name, else what names there are."""
    known = sorted(names)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"


def _dataset(name: str, raw: Any) -> Block:
    where = f"datasets.{name}"
    _known_module("datasets", name, where)
    schema: type[Block] = importlib.import_module(f"stages.datasets.{name}").Params
    return _block(schema, raw, where)


def _experiment(name: str, raw: Any, datasets: Mapping[str, Block]) -> Experiment:
    where = f"experiments.{name}"
    _known_module("experiments", name, where)
    schema = importlib.import_module(f"stages.experiments.{name}.params")
    _keys(_mapping(raw, where), PARTS, where)
    return Experiment(
        data=_data(schema.Data, raw["data"], datasets, f"{where}.data"),
        train=_block(schema.Train, raw["train"], f"{where}.train"),
        evaluate=_block(schema.Evaluate, raw["evaluate"], f"{where}.evaluate"),
        report=_block(schema.Report, raw["report"], f"{where}.report"),
        thresholds={
            metric: _block(Band, band, f"{where}.thresholds.{metric}")
            for metric, band in _mapping(raw["thresholds"], f"{where}.thresholds").items()
        },
    )


def _data(
    schema: type[Block], raw: Any, datasets: Mapping[str, Block], where: str
) -> dict[str, str]:
    roles = list(schema.model_fields)
    if isinstance(raw, str):
        example = ", ".join(f"{role}: <dataset>" for role in roles)
        raise ParamsError(
            f"{where}: {raw!r} should be a mapping of role to dataset, {{{example}}}"
            + ("" if raw in datasets else did_you_mean(raw, datasets))
        )
    chosen: dict[str, str] = _block(schema, raw, where).model_dump()
    for role, dataset in chosen.items():
        if dataset not in datasets:
            hint = did_you_mean(dataset, datasets)
            raise ParamsError(f"{where}.{role}: {dataset!r} is no dataset{hint}")
    return chosen


def _block(schema: type[B], raw: Any, where: str) -> B:
    try:
        return schema.model_validate(_mapping(raw, where))
    except ValidationError as error:
        raise ParamsError(_explain(schema, error, where)) from None


def _explain(schema: type[BaseModel], error: ValidationError, where: str) -> str:
    """Turn pydantic's first complaint into one line."""
    first = error.errors(include_url=False)[0]
    path = ".".join([where, *(str(step) for step in first["loc"])])
    if first["type"] == "extra_forbidden":
        word = str(first["loc"][-1])
        return f"{path}: unknown key{did_you_mean(word, _fields_at(schema, first['loc'][:-1]))}"
    if first["type"] == "missing":
        return f"{path}: missing"
    text = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if first["type"] == "literal_error":
        allowed = first["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return (
            f"{path}: {first['input']!r} is not allowed{did_you_mean(str(first['input']), allowed)}"
        )
    wants = text if first["type"] == "value_error" else f"should be {text}"
    return f"{path}: {first['input']!r}: {wants}" if first["loc"] else f"{path}: {wants}"


def _fields_at(schema: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the known keys of the (nested) block that a pydantic location points at."""
    current: Any = schema
    for step in loc:
        field = current.model_fields.get(step) if hasattr(current, "model_fields") else None
        current = field.annotation if field else _value_type(current)
    current = current if hasattr(current, "model_fields") else _value_type(current)
    return list(getattr(current, "model_fields", {}))


def _value_type(annotation: Any) -> Any:
    arguments = getattr(annotation, "__args__", None)
    return arguments[-1] if arguments else annotation


def _known_module(package: str, name: str, where: str) -> None:
    folder = Path(__file__).parent / package
    names = [p.stem for p in folder.iterdir() if not p.name.startswith((".", "_"))]
    if name not in names:
        raise ParamsError(
            f"{where}: there is no stages/{package}/{name}{did_you_mean(name, names)}"
        )


def _mapping(raw: Any, where: str) -> dict[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise ParamsError(f"{where}: {raw!r} should be a mapping of names to values")
    return raw


def _keys(raw: Mapping[str, Any], expected: tuple[str, ...], where: str) -> None:
    prefix = f"{where}." if where else ""
    for key in raw:
        if key not in expected:
            raise ParamsError(f"{prefix}{key}: unknown key{did_you_mean(key, expected)}")
    for key in expected:
        if key not in raw:
            raise ParamsError(f"{prefix}{key}: missing")
