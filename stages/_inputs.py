"""What an experiment may see: data/inputs/<experiment>/<part> -> arrays by role and split."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stages import _files

FOLDER = Path("data/inputs")


@dataclass(frozen=True)
class Split:
    """One split of a dataset.

    Attributes:
        x: features (N, F) float32, or images (N, H, W) or (N, C, H, W) uint8.
        y: class numbers (N,) int64.
        meta: name, classes, scaling and settings of the dataset.
        others: further tensors; a dataset without rows has only these.
    """

    x: np.ndarray
    y: np.ndarray
    meta: dict[str, Any]
    others: Mapping[str, np.ndarray] = field(default_factory=dict)

    def scaled(self) -> np.ndarray:
        """Return `x` as float32, scaled with the statistics of the train split."""
        scaling = self.meta["scaling"]
        x = self.x.astype(np.float32)
        if scaling["kind"] == "divide":
            return x / np.float32(scaling["by"])
        if scaling["kind"] == "standardise":
            mean, std = (np.asarray(scaling[name], np.float32) for name in ("mean", "std"))
            return (x - mean) / std
        return x

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.meta["classes"])


Inputs = dict[str, dict[str, Split]]


def load(experiment: str, part: str) -> Inputs:
    """Return role -> split -> arrays; `part` is "fit" (train and dev) or "test"."""
    folder = FOLDER / experiment / part
    roles: dict[str, str] = _files.read_json(folder / "manifest.json")["roles"]
    return {role: _splits(folder / dataset) for role, dataset in sorted(roles.items())}


def describe(inputs: Inputs) -> dict[str, dict[str, Any]]:
    """Return role -> name and variant of the dataset, and its rows by split."""
    return {role: _about(splits) | counts(splits) for role, splits in inputs.items()}


def counts(splits: dict[str, Split]) -> dict[str, int]:
    """Return the rows of each split."""
    return {name: len(split.y) for name, split in splits.items()}


def _about(splits: dict[str, Split]) -> dict[str, Any]:
    meta = next(iter(splits.values())).meta
    return {"name": meta["name"], "variant": meta["variant"]}


def _splits(folder: Path) -> dict[str, Split]:
    splits = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors, meta = _files.read_tensors(path)
        x, y = (tensors.pop(name, np.empty(0)) for name in ("x", "y"))
        splits[path.stem] = Split(x, y, meta, tensors)
    return splits
