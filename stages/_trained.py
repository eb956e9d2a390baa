"""What training leaves: data/trained/<experiment>/ written and read.

Shapes: S seeds (repeats). A weight's name is "<arm>/<parameter>"; its first axis is the seed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages import _files

FOLDER = Path("data/trained")
MODEL, MODELS = "model.safetensors", "stages.models."
TRIALS = ["arm", "seed", "metric", "split", "value"]
CURVES = ["arm", "seed", "epoch", "step", "metric", "split", "value"]


@dataclass(frozen=True)
class Kept:
    """The one net of an experiment that a user would keep; MLflow's registry offers it.

    Attributes:
        arm, seed: which of the weights it has.
        build: what builds it from a generator: `partial` of a function in stages/models.
        example: a few input rows (B, ...) as the net takes them, at least two.
        metric: what it was chosen by, on dev.
        value: its own value of that.
        largest: whether large values of that are good.
        about: what goes in and what comes out, for the user.
    """

    arm: str
    seed: int
    build: Callable[..., Any]
    example: np.ndarray
    metric: str
    value: float
    largest: bool
    about: str


@dataclass(frozen=True)
class Trained:
    """The outcome of an experiment's training.

    Attributes:
        trials: one number per arm, seed, metric and split (columns `TRIALS`).
        curves: the same by epoch and step (columns `CURVES`).
        weights: "<arm>/<parameter>" -> (S, ...) float32.
        kept: the net worth keeping, if there is one.
    """

    trials: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=TRIALS))
    curves: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=CURVES))
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    kept: Kept | None = None

    def arms(self) -> list[str]:
        """Return the names of the arms that have weights, sorted."""
        return sorted({name.rpartition("/")[0] for name in self.weights})

    def values(self, metric: str, split: str) -> dict[str, np.ndarray]:
        """Return arm -> values by seed (S,) of one metric on one split."""
        chosen = self.trials.query("metric == @metric and split == @split")
        return {
            str(arm): rows.sort_values("seed")["value"].to_numpy()
            for arm, rows in chosen.groupby("arm", sort=True)
        }

    def states(self, arm: str) -> dict[str, np.ndarray]:
        """Return parameter -> (S, ...) of one arm."""
        prefix = f"{arm}/"
        return {
            name.removeprefix(prefix): value
            for name, value in self.weights.items()
            if name.startswith(prefix)
        }


def numbers(arm: str, metric: str, split: str, values_S: np.ndarray) -> pd.DataFrame:
    """Return the trials of one arm, a value per repeat."""
    seeds = np.arange(len(values_S))
    columns = {"arm": arm, "seed": seeds, "metric": metric, "split": split, "value": values_S}
    return pd.DataFrame(columns)


def join(*parts: Trained) -> Trained:
    """Return several outcomes as one."""
    weights: dict[str, np.ndarray] = {}
    for part in parts:
        weights.update(part.weights)
    trials = [part.trials for part in parts if not part.trials.empty]
    curves = [part.curves for part in parts if not part.curves.empty]
    return Trained(
        pd.concat(trials) if trials else parts[0].trials,
        pd.concat(curves) if curves else parts[0].curves,
        weights,
        next((part.kept for part in parts if part.kept), None),
    )


def save(folder: Path, trained: Trained, about: Mapping[str, Any]) -> None:
    """Write everything, rows sorted.

    Args:
        folder: where.
        trained: what.
        about: "settings", the numbers that training depended on, "data", what it saw, and "arms",
            what each arm was trained with.
    """
    _files.write_json(folder / "about.json", about)
    _files.write_table(folder / "trials.parquet", _sorted(trained.trials, TRIALS))
    _files.write_table(folder / "curves.parquet", _sorted(trained.curves, CURVES))
    if trained.weights:
        _files.write_tensors(folder / "weights.safetensors", trained.weights, {})
    if trained.kept:
        _save_kept(folder / MODEL, trained.kept, trained.states(trained.kept.arm))


def _save_kept(path: Path, kept: Kept, states: Mapping[str, np.ndarray]) -> None:
    """Write a net so that it can be built again without its experiment."""
    weights = {f"weight/{name}": value_S[kept.seed] for name, value_S in states.items()}
    names = ("arm", "seed", "metric", "value", "largest", "about")
    meta = {name: getattr(kept, name) for name in names} | {"build": _recipe(kept.build)}
    _files.write_tensors(path, {**weights, "example": kept.example}, meta)


def _recipe(build: Callable[..., Any]) -> dict[str, Any]:
    """Return the function of stages/models behind a `partial`, and its arguments, as JSON."""
    made = build if isinstance(build, partial) else partial(build)
    place = f"{made.func.__module__}.{made.func.__qualname__}"
    if not place.startswith(MODELS):
        raise ValueError(f"a kept net is built by a function of stages/models, not by {place}")
    return {"function": place, "arguments": list(made.args), "options": dict(made.keywords)}


def load(folder: Path) -> tuple[Trained, dict[str, Any]]:
    """Read what `save` wrote."""
    weights = folder / "weights.safetensors"
    trained = Trained(
        _files.read_table(folder / "trials.parquet"),
        _files.read_table(folder / "curves.parquet"),
        _files.read_tensors(weights)[0] if weights.exists() else {},
    )
    return trained, _files.read_json(folder / "about.json")


def _sorted(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    keys = [column for column in columns if column != "value"]
    return table[columns].sort_values(keys, ignore_index=True)
