"""A real tracking server that is killed during a sync."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stores import RUNS, Failing, contents, sync
from tracking_server import kill, serve

from stages.commands import track


@pytest.fixture
def server(repo: Path, dead_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Start a tracking server; the list holds its process, so that a test can put in another."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{dead_port}")
    held = [serve(repo, dead_port)]
    yield held
    kill(held[0])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills a process group")
def test_a_server_killed_during_a_sync_holds_all_once_after_the_next(
    repo: Path,
    server: list[Any],
    dead_port: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    connect = track.connect
    strike = Failing(connect(track.store()), 30, lambda: kill(server[0]))
    monkeypatch.setattr(track, "connect", lambda uri: strike)

    assert track.main(["sync"]) == 0
    assert len(capsys.readouterr().err.splitlines()) == 1
    server[0] = serve(repo, dead_port)
    monkeypatch.setattr(track, "connect", connect)
    assert track.main(["sync", "--strict"]) == 0
    assert track.main(["sync"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"added 0 runs, {len(RUNS)} already there"

    on_server = contents()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    sync()
    assert on_server == contents()
