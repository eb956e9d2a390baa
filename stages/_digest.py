"""The numbers that a result depends on, and their digest: what makes metrics current or stale."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def training_settings(raw: Mapping[str, Any], experiment: str) -> dict[str, Any]:
    """Return what training depends on: seed, plan, data, train, the blocks of the datasets used.

    Args:
        raw: params.yaml as plain data.
        experiment: the experiment's name.
    """
    block = raw["experiments"][experiment]
    datasets = sorted(set((block["data"] or {}).values()))
    return {
        "seed": raw["seed"],
        "plan": raw["plan"],
        "data": block["data"],
        "train": block["train"],
        "datasets": {name: raw["datasets"][name] for name in datasets},
    }


def digest(training: Mapping[str, Any], evaluate: Mapping[str, Any]) -> str:
    """Return the first 16 hex digits of the SHA-256 of everything the metrics depend on."""
    text = json.dumps({**training, "evaluate": evaluate}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def params_hash(raw: Mapping[str, Any], experiment: str) -> str:
    """Return the digest that the experiment's metrics carry if they are current."""
    training = training_settings(raw, experiment)
    return digest(training, raw["experiments"][experiment]["evaluate"])
