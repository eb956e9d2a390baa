"""Scratch for long sweeps: .work/<hash of all inputs>/, so that a killed run goes on from there.

In: states and results of chunks as they come. Out: the same, read back by the next process that
has the same inputs, parameters and code. Nothing depends on it; it is removed on success.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stages import _files
from stages.sweep import Event, Result, State

WORK = Path(".work")
CODE = Path(__file__).parent


def key(settings: Mapping[str, Any], inputs: Path) -> str:
    """Return the hash of settings, input files and all code."""
    code = [_files.sha256(path) for path in sorted(CODE.rglob("*.py"))]
    parts = [settings, _files.read_json(inputs / "manifest.json"), code]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


class Checkpoint:
    """The chunks of one sweep on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, event: Event) -> None:
        """Write the event's results, or its state, if it has any."""
        if event.results:
            _write_results(self._folder / f"{event.chunk}.done.safetensors", event.results)
            self._state_path(event.chunk).unlink(missing_ok=True)
        elif event.state is not None:
            arrays = {name: t.numpy() for name, t in event.state.tensors.items()}
            _files.write_tensors(
                self._state_path(event.chunk), arrays, {"epoch": event.state.epoch}
            )

    def done(self) -> dict[int, list[Result]]:
        """Return the results of the chunks that are finished."""
        found = self._folder.glob("*.done.safetensors")
        return {int(path.name.split(".")[0]): _read_results(path) for path in sorted(found)}

    def states(self) -> dict[int, State]:
        """Return the states of the chunks that were under way."""
        states = {}
        for path in self._folder.glob("*.state.safetensors"):
            arrays, meta = _files.read_tensors(path)
            states[int(path.name.split(".")[0])] = State(meta["epoch"], _tensors(arrays))
        return states

    def _state_path(self, chunk: int) -> Path:
        return self._folder / f"{chunk}.state.safetensors"


def remove(folder: Path) -> None:
    """Remove a run's scratch."""
    shutil.rmtree(folder, ignore_errors=True)


def _write_results(path: Path, results: Iterable[Result]) -> None:
    arrays: dict[str, np.ndarray] = {}
    about = []
    for number, result in enumerate(results):
        for kind, weights in (("weights", result.weights), ("kept", result.kept or {})):
            arrays |= {f"{number}/{kind}/{name}": t.numpy() for name, t in weights.items()}
        curves = [[*curve, list(values)] for curve, values in result.curves.items()]
        about.append({**_plain(result), "curves": curves})
    _files.write_tensors(path, arrays, {"results": about})


def _plain(result: Result) -> dict[str, Any]:
    fields = ("name", "epochs", "steps_per_epoch", "diverged_at")
    return {field: getattr(result, field) for field in fields}


def _read_results(path: Path) -> list[Result]:
    arrays, meta = _files.read_tensors(path)
    results = []
    for number, about in enumerate(meta["results"]):
        kept = _tensors(arrays, f"{number}/kept/")
        curves = {(metric, split): tuple(v) for metric, split, v in about.pop("curves")}
        epochs = tuple(about.pop("epochs"))
        weights = _tensors(arrays, f"{number}/weights/")
        results.append(
            Result(**about, weights=weights, kept=kept or None, epochs=epochs, curves=curves)
        )
    return results


def _tensors(arrays: Mapping[str, np.ndarray], prefix: str = "") -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(array)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
