"""Reading and writing: JSON, tensors, tables and hashes. Every write is atomic and repeatable."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

if TYPE_CHECKING:  # the stages that read no table need not wait for pandas
    import pandas as pd


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; it takes the place of `path` only on success."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys; NaN and infinity are refused (ValueError)."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Write arrays with safetensors.

    `meta` goes under one key, since the order of several is not fixed in the file format.
    """
    arrays = {name: np.asarray(tensors[name], order="C") for name in sorted(tensors)}
    with atomic(path) as temporary:
        save_file(arrays, temporary, {"meta": json.dumps(meta, sort_keys=True)})


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the arrays and the metadata of a file that `write_tensors` wrote."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        return tensors, json.loads(file.metadata()["meta"])


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write a table as parquet."""
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False, engine="pyarrow")


def read_table(path: Path) -> "pd.DataFrame":
    """Read a table that `write_table` wrote."""
    import pandas as pd

    return pd.read_parquet(path, engine="pyarrow")


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table for git: six significant digits, one line ending."""
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_hashes(path: Path) -> dict[str, str]:
    """Return {path: sha256} of a file, or of every file under a folder, sorted."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {file.as_posix(): sha256(file) for file in files}
