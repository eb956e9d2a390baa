"""Verdicts about time: the repeats that training timed, from its record, in; claims out.

No two runs share a time, so times stand in records, never among metrics, and `report` computes what
they say. The claims are declared beside the others, as `evaluate.timed`; all of an experiment's
intervals hold together. Shapes: S repeats of the clock, which are no seeds.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stages import _claims
from stages._claims import ClaimSettings, Effect
from stages._results import Results


def seconds(results: Results, name: str) -> dict[str, np.ndarray]:
    """Return arm -> seconds of each repeat (S,) of one comparison (see `Fit.time`)."""
    timings = results.records["train"]["details"]["timings"][name]
    return {arm: np.asarray(values) for arm, values in timings.items()}


def claims(results: Results, effects: Mapping[str, Effect]) -> list[dict[str, Any]]:
    """Return the claims about time with their verdicts, in the settings' order."""
    block = results.records["evaluate"]["params"]["evaluate"]
    timed, others = (_settings(block[part]) for part in ("timed", "claims"))
    return _claims.decide(timed, effects, beside=others.values())


def _settings(block: Mapping[str, Any]) -> dict[str, ClaimSettings]:
    return {name: ClaimSettings.model_validate(claim) for name, claim in block.items()}
