"""Records: what a stage did, when, on what and how long it took.

A record is an output of its own, never part of another; only reports and the tracker read it.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from stages import _files, _sync

RECORDS = Path("data/records")
PACKAGES = ("dvc", "matplotlib", "numpy", "pandas", "scikit-learn", "scipy", "torch", "torchvision")


@dataclass
class Record:
    """What a stage tells of itself while it runs.

    Attributes:
        profile: the label at the top of params.yaml.
        params: the blocks of params.yaml that the stage used.
        params_hash: the hash that its metrics carry, where there are metrics.
        inputs, outputs: the files and folders read and written.
        device: where the computation ran.
        timing: flat numbers.
        details: anything else worth keeping.
    """

    profile: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    params_hash: str | None = None
    inputs: list[Path] = field(default_factory=list)
    outputs: list[Path] = field(default_factory=list)
    device: dict[str, Any] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def path(stage: str, key: str) -> Path:
    """Return where the record of a stage and key lies."""
    return RECORDS / stage / f"{key}.json"


@contextmanager
def recording(stage: str, key: str) -> Iterator[Record]:
    """Yield a record to fill in; write it, and wake the tracker, if the stage succeeds."""
    record = Record()
    started, clock = datetime.now(UTC), time.perf_counter()
    yield record
    record.timing.setdefault("peak_memory_mb", _peak_memory())
    _files.write_json(
        path(stage, key),
        {
            "schema": 1,
            "stage": stage,
            "key": key,
            "started": started.isoformat(),
            "seconds": round(time.perf_counter() - clock, 3),
            "profile": record.profile,
            "params": record.params,
            "params_hash": record.params_hash,
            "git_commit": _git_commit(),
            "dvc_experiment": os.environ.get("DVC_EXP_NAME"),
            "device": {"type": "cpu", "name": processor(), **record.device},
            "versions": _versions(),
            "inputs": _hashes(record.inputs),
            "outputs": _hashes(record.outputs),
            "timing": record.timing,
            "details": record.details,
        },
    )
    _sync.start_background()


def _hashes(paths: list[Path]) -> Mapping[str, str]:
    return {name: digest for p in paths for name, digest in _files.tree_hashes(p).items()}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = _version(package)
        except PackageNotFoundError:
            continue
    return found


def _version(package: str) -> str:
    """Return a package's version without parsing its whole description, as importlib does."""
    text = distribution(package).read_text("METADATA") or ""
    return text.partition("\nVersion: ")[2].partition("\n")[0].strip()


def _git_commit() -> str | None:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _peak_memory() -> float:
    """Return the largest resident size of this process so far, in MB."""
    if sys.platform == "win32":
        import psutil

        return round(psutil.Process().memory_info().peak_wset / 1e6, 1)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
