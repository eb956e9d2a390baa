"""What a report is made from: an experiment's numbers (`Results`) and its words (`Story`)."""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from stages import _files
from stages._entry import UserError

METRICS, ARMS, CURVES = Path("reports/metrics"), Path("reports/arms"), Path("reports/curves")
EVALUATED, RECORDS = Path("data/evaluated"), Path("data/records")
WORDS = ("TITLE", "FOLDER", "QUESTION", "LECTURE", "STATEMENTS", "CORRECTED")
STAGES_OF_DATA = ("fetch", "prepare")


class StoryError(UserError):
    """An experiment's report.py that does not fit its claims or lacks a part."""


@dataclass(frozen=True)
class Results:
    """The numbers of one experiment.

    Attributes:
        name: the experiment.
        metrics: reports/metrics/<name>.json.
        arms: arm, metric, split, mean, sd, low, high, n, rows (test rows in the interval, or 0).
        curves: arm, metric, split, epoch, step, mean, low, high, n.
        trials: the test rows by seed: arm, seed, metric, split, value.
        claims: the items of claims.json.
        arrays: arrays that figures need, {} if there are none.
        meta: the arrays' description.
        records: "train", "evaluate", "fetch/<dataset>", "prepare/<dataset>" -> record.
    """

    name: str
    metrics: Mapping[str, Any]
    arms: pd.DataFrame
    curves: pd.DataFrame
    trials: pd.DataFrame
    claims: list[dict[str, Any]]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def arm(self, arm: str, metric: str, split: str = "test") -> pd.Series:
        """Return the one row of `arms` that is asked for (KeyError if there is none)."""
        rows = _rows(self.arms, arm=arm, metric=metric, split=split)
        if len(rows) != 1:
            raise KeyError(f"{self.name}: {len(rows)} rows for {arm} / {metric} / {split}")
        return rows.iloc[0]

    def curve(self, arm: str, metric: str, split: str = "dev") -> pd.DataFrame:
        """Return one arm's curve, by step."""
        rows = _rows(self.curves, arm=arm, metric=metric, split=split)
        return rows.sort_values("step", ignore_index=True)


@dataclass(frozen=True)
class Compared:
    """A number of the course's notebook beside ours, and why they differ."""

    what: str
    notebook: str
    ours: str
    reason: str


@dataclass(frozen=True)
class Story:
    """The words and figures of one experiment: what its report.py defines.

    `headline` names numbers of the headline better than their keys do: with data and split.
    `changed` tells what of our own design was changed after a first result, and why.
    """

    title: str
    folder: str
    question: str
    lecture: list[tuple[str, str]]
    statements: dict[str, str]
    corrected: list[str]
    figures: Callable[..., Iterable[Any]]
    timed: Callable[..., list[dict[str, Any]]]
    compared: Callable[..., list[Compared]]
    data: str = ""
    run: str = ""
    headline: Mapping[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)


def read(name: str, datasets: Iterable[str], root: Path = Path(".")) -> Results:
    """Read the numbers of one experiment and the records of its stages and datasets."""
    evaluated = root / EVALUATED / name
    arrays = evaluated / "arrays.safetensors"
    tensors, meta = _files.read_tensors(arrays) if arrays.exists() else ({}, {})
    return Results(
        name=name,
        metrics=_files.read_json(root / METRICS / f"{name}.json"),
        arms=pd.read_csv(root / ARMS / f"{name}.csv"),
        curves=pd.read_csv(root / CURVES / f"{name}.csv"),
        trials=_files.read_table(evaluated / "trials.parquet"),
        claims=_files.read_json(evaluated / "claims.json"),
        arrays=tensors,
        meta=meta,
        records=_records(name, datasets, root / RECORDS),
    )


def paths(name: str, root: Path = Path(".")) -> list[Path]:
    """Return the files and folders of numbers that `read` reads, records apart."""
    return [
        root / METRICS / f"{name}.json",
        root / ARMS / f"{name}.csv",
        root / CURVES / f"{name}.csv",
        root / EVALUATED / name,
    ]


def story(name: str) -> Story:
    """Import the report.py of an experiment and check that nothing is missing."""
    module = importlib.import_module(f"stages.experiments.{name}.report")
    for word in (*WORDS, "figures"):
        if not hasattr(module, word):
            raise StoryError(f"stages/experiments/{name}/report.py: {word} is missing")
    return Story(
        **{word.lower(): getattr(module, word) for word in WORDS},
        figures=module.figures,
        timed=_optional(module, "timed"),
        compared=_optional(module, "compared"),
        data=getattr(module, "DATA", ""),
        run=getattr(module, "RUN", ""),
        headline=getattr(module, "HEADLINE", {}),
        changed=getattr(module, "CHANGED", []),
    )


def match(name: str, statements: Mapping[str, str], claims: Iterable[Mapping[str, Any]]) -> None:
    """Refuse a claim without its sentence, and a sentence without its claim."""
    found = {claim["id"] for claim in claims}
    where = f"stages/experiments/{name}/report.py: STATEMENTS"
    if missing := sorted(found - set(statements)):
        raise StoryError(f"{where} has no sentence for {', '.join(missing)}")
    if spare := sorted(set(statements) - found):
        raise StoryError(f"{where} speaks of {', '.join(spare)}, which nothing measures")


def _rows(table: pd.DataFrame, **wanted: str) -> pd.DataFrame:
    keep = pd.Series(True, index=table.index)
    for column, value in wanted.items():
        keep &= table[column] == value
    return table[keep]


def _records(name: str, datasets: Iterable[str], folder: Path) -> dict[str, Any]:
    paths = {stage: folder / stage / f"{name}.json" for stage in ("train", "evaluate")}
    for dataset in sorted(set(datasets)):
        for stage in STAGES_OF_DATA:
            paths[f"{stage}/{dataset}"] = folder / stage / f"{dataset}.json"
    return {key: _files.read_json(path) for key, path in paths.items()}


def _optional(module: ModuleType, name: str) -> Callable[..., list[Any]]:
    function: Callable[..., list[Any]] = getattr(module, name, lambda results, settings: [])
    return function
