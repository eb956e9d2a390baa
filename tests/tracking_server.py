"""A real tracking server on loopback, with a store in a folder of the test, to be killed at will.

In: the folder and a port. Out: the process, once it answers.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from stages.commands import track


def serve(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a server, or the same one again, and wait until it answers."""
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{folder}/server.db"]
    place = ["--artifacts-destination", str(folder / "server-artifacts")]
    with (folder / "server.log").open("ab") as log:
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
    kill(process)
    raise AssertionError((folder / "server.log").read_text())


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a server without warning, as a power cut would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
