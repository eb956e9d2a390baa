"""The tracker's doorbell: a finished stage rings it, and a detached process does the rest.

In: nothing but the environment (`LECTURES_SYNC=off`, or `CI`, silences it). Out: perhaps a
process that sends the new records to MLflow (stages/commands/track.py); what goes wrong there is
in `.work/sync.log`.
"""

import os
import subprocess
import sys
from pathlib import Path

SWITCH = "LECTURES_SYNC"
LOG = Path(".work/sync.log")
COMMAND = (sys.executable, "-m", "stages.commands.track", "sync", "--background")


def wanted() -> bool:
    """Return whether stages should send their runs to MLflow as soon as they end."""
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return os.environ.get(SWITCH, "").lower() != "off" and not in_ci


def start_background() -> None:
    """Start the tracker beside this process, if wanted; neither waits nor raises."""
    if not wanted():
        return
    try:
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with LOG.open("ab") as log:
            process = _detached(log.fileno())
    except OSError:
        return
    process.returncode = 0  # nobody waits for it, and Popen would warn of that


def _detached(log: int) -> "subprocess.Popen[bytes]":
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(
            COMMAND, stdin=subprocess.DEVNULL, stdout=log, stderr=log, creationflags=flags
        )
    return subprocess.Popen(
        COMMAND, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
