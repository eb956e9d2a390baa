"""Repositories after a repro, with an empty store and with a synced one."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from finished_repo import repository
from stores import ARMS, RUNS, contents, copy, sync
from tracking_server import free_port

from stages import _sync
from stages.commands import _local, track

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the schema once; tests start from a copy."""
    folder = tmp_path_factory.mktemp("store")
    here = Path.cwd()
    os.chdir(folder)
    track.connect(_local.address(folder))
    os.chdir(here)
    return folder / "mlflow.db"


@pytest.fixture
def repo(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a repository after a repro, with an empty default store."""
    for name in ("MLFLOW_TRACKING_URI", "CI", _sync.SWITCH):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    copy(empty_store)
    return repository(tmp_path, ARMS)


@pytest.fixture(scope="module")
def synced(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Sync a repository once, for the tests that only look; give what its store holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(tmp_path_factory.mktemp("synced"))
        copy(empty_store)
        repository(Path.cwd(), ARMS)
        outcome = sync()
        assert (outcome.added, outcome.problems) == (len(RUNS), [])
        yield Path.cwd(), contents()


@pytest.fixture
def held(synced: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Look at what a sync left in a store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(synced[0])
    found: dict[str, Any] = synced[1]
    return found


@pytest.fixture
def dead_port() -> int:
    """Return a port on which nothing listens."""
    return free_port()
