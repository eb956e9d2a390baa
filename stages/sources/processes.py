"""Running a package manager: a command and a folder -> what it printed, within bounded waiting."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from stages.sources import progress
from stages.sources.errors import SourceError

PATIENCE = 20.0  # seconds without a new byte on disk or on the screen
POLL = 0.05


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], patience: float = PATIENCE
) -> str:
    """Run a command inside a folder, its temporary files there too, and return its output.

    Raises:
        SourceError: it failed (the text is its last error line) or stood still.
    """
    log = folder / ".log"
    with log.open("wb") as out, progress.bar(f"{Path(command[0]).name} {command[-1]}") as advance:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment, "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            _watch(process, folder, patience, advance)
        finally:
            process.kill()
            process.wait()
    text = log.read_text(encoding="utf-8", errors="replace")
    log.unlink()
    if process.returncode:
        raise SourceError(last_error(text) or f"exit code {process.returncode}")
    return text


def last_error(text: str) -> str:
    """Return the last line that looks like an error, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith(("E:", "ERROR"))]
    note = " (no connection)" if any("Retrying (" in line for line in lines) else ""
    return (errors or lines or [""])[-1] + note


def _watch(
    process: "subprocess.Popen[bytes]", folder: Path, patience: float, advance: progress.Advance
) -> None:
    size, since = -1, time.monotonic()
    while process.poll() is None:
        now = _bytes_under(folder)
        if now != size:
            size, since = now, time.monotonic()
            advance(size)
        elif time.monotonic() - since > patience:
            raise SourceError(f"no progress for {patience:g} s")
        time.sleep(POLL)


def _bytes_under(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue  # a temporary file that has just gone
    return total
