"""A real tracking server that is killed during a sync."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stores import RUNS, Failing, contents, sync

from stages.commands import track


@pytest.fixture
def server(repo: Path, dead_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Start a tracking server; the list holds its process, so that a test can put in another."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{dead_port}")
    held = [serve(repo, dead_port)]
    yield held
    stop(held[0])


def serve(repo: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a server with its store apart from the default one, and wait until it answers."""
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{repo}/server.db"]
    place = ["--artifacts-destination", str(repo / "server-artifacts")]
    with (repo / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *store, *place],
            env={**os.environ, **track.SETTINGS},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until = time.monotonic() + 90
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.2)
    stop(process)
    raise AssertionError((repo / "server.log").read_text())


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


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
    strike = Failing(connect(track.store()), 30, lambda: stop(server[0]))
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
