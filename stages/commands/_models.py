"""The net that an experiment keeps, built again from its weights, and which of several is best.

In: data/trained/<experiment>/model.safetensors (stages/_trained.py) and the registry's versions.
Out: an ordinary module with example rows, for the tracker to export; whether it is the best.

Nets are compared by their value on dev, and only with nets of equal data and profile: each such
class has its own alias, `best` for the first that came, `best-<profile>-<data>` for any other.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages import _files
from stages._trained import MODELS

if TYPE_CHECKING:
    from torch import nn

UNREGISTERED = ("smoke",)  # profiles whose nets are no use to anybody
CLASS = ("profile", "data_hash", "metric")
BEST = "best"


@dataclass(frozen=True)
class Model:
    """A kept net.

    Attributes:
        name: its experiment, and its name in the registry.
        file: where it lies.
        tags: arm, seed, metric and value on dev, largest, profile, data_hash: what is compared.
        about: what goes in and what comes out.
    """

    name: str
    file: Path
    tags: Mapping[str, str]
    about: str


@dataclass(frozen=True)
class Version:
    """A version that the registry has."""

    number: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]


def read(name: str, file: Path, of_its_data: Mapping[str, str]) -> Model:
    """Read what a kept net's file says of it; `of_its_data`: profile and data_hash."""
    _, meta = _files.read_tensors(file)
    told = {part: str(meta[part]) for part in ("arm", "seed", "metric", "value", "largest")}
    return Model(name, file, {**told, **of_its_data}, str(meta["about"]))


def rebuild(file: Path) -> "tuple[nn.Module, np.ndarray]":
    """Build a kept net with its weights, in evaluation mode, and return its example rows too.

    Raises:
        ValueError: no function of stages/models builds it.
        AttributeError, ImportError, RuntimeError: that function is gone, or builds another net now.
    """
    import torch

    arrays, meta = _files.read_tensors(file)
    recipe = meta["build"]
    if not recipe["function"].startswith(MODELS):
        raise ValueError(f"{recipe['function']} is not in stages/models")
    module, _, function = recipe["function"].rpartition(".")
    build = getattr(import_module(module), function)
    net: nn.Module = build(*recipe["arguments"], torch.Generator(), **recipe["options"])
    weights = {
        name.removeprefix("weight/"): torch.from_numpy(array)
        for name, array in arrays.items()
        if name.startswith("weight/")
    }
    net.load_state_dict(weights)
    return net.eval(), arrays["example"]


def alias(model: Model, versions: Iterable[Version]) -> str | None:
    """Return the alias that a net earns among the versions there are; None if it earns none."""
    if model.tags["profile"] in UNREGISTERED or not model.tags["data_hash"]:
        return None
    known = list(versions)
    own = [version for version in known if _class(version.tags) == _class(model.tags)]
    if any(_score(version.tags) >= _score(model.tags) for version in own):
        return None
    holder = next((version for version in known if BEST in version.aliases), None)
    if holder is None or _class(holder.tags) == _class(model.tags):
        return BEST
    return f"{BEST}-{model.tags['profile']}-{model.tags['data_hash'][:6]}"


def _class(tags: Mapping[str, str]) -> tuple[str | None, ...]:
    return tuple(tags.get(name) for name in CLASS)


def _score(tags: Mapping[str, str]) -> float:
    """Return how good a net is on dev; the larger the better."""
    value = float(tags.get("value", "nan"))
    score = value if tags.get("largest") == "True" else -value
    return score if math.isfinite(score) else -math.inf
