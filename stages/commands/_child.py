"""A command in this terminal that no signal to this process leaves behind.

In: the command. Out: its exit code, or, after SIGINT or SIGTERM, an end of everything below it:
stages are asked to end as by Ctrl-C, so that they clean up, and made to if they do not.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import psutil

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 3.0  # seconds: Ctrl-C reaches everything in the terminal by itself
PATIENCE = 10.0


class SignalledError(Exception):
    """The command was ended by a signal; `code` is what the shell would say."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.code = 128 + number


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end; after a signal, leave its complaints out.

    Raises:
        SignalledError: a signal came; nothing of the command runs any more.
    """
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        with _passing_on(process) as came:
            for line in process.stderr or ():
                if not came:
                    print(line, end="", file=sys.stderr, flush=True)
            process.wait()
    if came:
        raise SignalledError(came[0])
    return process.returncode


@contextmanager
def _passing_on(process: "subprocess.Popen[str]") -> Iterator[list[int]]:
    """Pass signals on to a process and all below it; yield the list of those that came."""
    came: list[int] = []
    ending = threading.Thread(target=lambda: _end(process.pid, GRACE * (came[0] == SIGNALS[0])))

    def receive(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            ending.start()

    before = [signal.signal(number, receive) for number in SIGNALS]
    try:
        yield came
    finally:
        if came:
            ending.join()
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)


def _end(pid: int, grace: float) -> None:
    """End a process and all below it, after `grace` seconds in which they may do so themselves."""
    _, left = psutil.wait_procs(_tree(pid), timeout=grace)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        left = list({*left, *_tree(pid)})
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, left = psutil.wait_procs(left, timeout=PATIENCE)


def _tree(pid: int) -> list[psutil.Process]:
    """Return a process and all below it; nothing if it is gone."""
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
