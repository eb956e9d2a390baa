"""Stores that fail cost a warning and nothing else."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from stores import RUNS, call, contents, sync

from stages.commands import track


def test_a_dead_server_costs_one_warning_and_no_failure(
    repo: Path, dead_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{dead_port}")
    started = time.monotonic()

    assert track.main(["sync"]) == 0
    said = capsys.readouterr()
    assert track.main(["sync", "--strict"]) == 1

    assert time.monotonic() - started < 5
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith(f"warning: MLflow at http://127.0.0.1:{dead_port} failed")


def test_a_server_that_never_answers_is_given_up(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        started = time.monotonic()

        assert track.main(["sync"]) == 0

    assert time.monotonic() - started < 5
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_database_that_cannot_be_opened_is_given_up_at_once(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{repo}/no/such/folder/mlflow.db")
    started = time.monotonic()

    assert track.main(["sync"]) == 0

    assert time.monotonic() - started < 5
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_passwords_are_nowhere_in_what_is_said_or_logged(
    repo: Path, dead_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:s3%40cret@127.0.0.1:{dead_port}")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "0ther")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "user")

    track.main(["sync"])
    track.main(["sync", "--background"])

    said = capsys.readouterr()
    text = said.out + said.err + Path(".work/sync.log").read_text()
    assert "***@127.0.0.1" in text
    assert re.search("s3%40cret|s3@cret|0ther", text) is None


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes")
def test_a_full_disk_costs_a_warning_and_the_next_sync_completes_it(repo: Path) -> None:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    command = [sys.executable, "-m", "stages.commands.track", "sync"]
    full = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)

    assert full.returncode == 0
    assert full.stderr.startswith("warning: MLflow at sqlite")
    assert len(full.stderr.splitlines()) == 1
    sync()
    assert sorted(name for name in contents() if "@" in name) == RUNS


FULL = """
mount -t tmpfs -o size=8m none disk || exit 77
cp -r data reports mlflow.db disk/ && cd disk
cat /dev/zero > ballast 2> ../full
truncate -s -{free}k ballast
{python} -m stages.commands.track sync; echo $? >&2
rm ballast
{python} -m stages.commands.track sync --strict || exit 1
cp mlflow.db ..
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a file system of its own for one process")
@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 300])
def test_a_file_system_without_space_costs_a_warning_and_the_next_sync_completes_it(
    repo: Path, free: int
) -> None:
    (repo / "disk").mkdir()
    script = FULL.format(free=free, python=sys.executable)
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this machine lets nobody mount a file system")

    assert done.returncode == 0, done.stderr
    warning, code = done.stderr.splitlines()
    assert warning.startswith(("warning: MLflow at sqlite", "warning: no sync without a lock"))
    assert code == "0"
    sent = [line for line in done.stdout.splitlines() if " runs, " in line]
    assert sum(int(line.split()[1]) for line in sent) == len(RUNS)
    assert sorted(name for name in contents() if "@" in name) == RUNS


class Slow(BaseHTTPRequestHandler):
    """A server that takes ten seconds for whatever it is asked."""

    def do_GET(self) -> None:
        """Answer late."""
        self.server.asked += 1  # type: ignore[attr-defined]
        time.sleep(10)
        self.send_error(503)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.slow
def test_a_server_that_takes_ten_seconds_a_call_is_given_up(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.asked = 0  # type: ignore[attr-defined]
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # nobody listens any more
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
    started = time.monotonic()

    done = call("sync")

    assert time.monotonic() - started < 30
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)
    assert 1 <= server.asked <= 2
    server.shutdown()
    server.server_close()


def test_the_ui_of_a_server_is_the_servers_own(
    repo: Path, dead_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{dead_port}")

    assert track.main(["ui"]) == 0
    assert (
        f"the UI is the server's own: http://***@127.0.0.1:{dead_port}" in capsys.readouterr().out
    )


def test_the_ui_opens_on_the_store_and_no_password_is_in_its_command_line(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Replaced(Exception):
        """The process became another."""

    def execve(path: str, arguments: list[str], environment: dict[str, str]) -> None:
        raise Replaced(arguments, environment)

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+nodriver://user:secret@127.0.0.1/mlflow")
    monkeypatch.setattr(os, "execve", execve)

    with pytest.raises(Replaced) as replaced:
        track.main(["ui", "--port", "5999"])

    arguments, environment = replaced.value.args
    assert arguments[1:6] == ["-m", "mlflow", "ui", "--port", "5999"]
    assert "secret" not in " ".join(arguments)
    assert environment["MLFLOW_BACKEND_STORE_URI"] == track.store()
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert "secret" not in "".join(capsys.readouterr())
