"""The datasets that a stage read, as MLflow names them.

In: the `inputs` of a record, {path: SHA-256}. Out: one `Input` per file of a split or folder of raw
files, and one digest of them all.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SPLITS = {"train": "train", "dev": "validation", "test": "test"}
DIGEST = 12


@dataclass(frozen=True)
class Input:
    """A dataset that a run read."""

    name: str
    digest: str
    source: str
    context: str


def _data_files(inputs: Mapping[str, str]) -> dict[str, str]:
    """Keep the data sets among a stage's inputs (not weights, tables, or records)."""
    roots = ("data/raw/", "data/tensors/", "data/inputs/")
    return {path: inputs[path] for path in sorted(inputs) if path.startswith(roots)}


def _hash(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def data_hash(inputs: Mapping[str, str]) -> str | None:
    """Return the digest of all data that a stage read; None if it read none."""
    files = _data_files(inputs)
    return _hash(files)[:16] if files else None


def inputs_of(inputs: Mapping[str, str]) -> list[Input]:
    """Return one data set per split file, and one per folder of raw files."""
    folders: dict[str, dict[str, str]] = {}
    found = []
    for path, sha in _data_files(inputs).items():
        file = Path(path)
        if file.suffix == ".safetensors":
            context = SPLITS.get(file.stem, file.stem)
            found.append(Input(file.parent.name, sha[:DIGEST], path, context))
        elif path.startswith("data/raw/"):
            folders.setdefault("/".join(path.split("/")[:3]), {})[path] = sha
    for folder, files in folders.items():
        found.append(Input(Path(folder).name, _hash(files)[:DIGEST], folder, "raw"))
    return found
