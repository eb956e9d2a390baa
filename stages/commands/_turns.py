"""One sync at a time: a lock, a way to hurry the one that lingers, and what a passer-by sees.

In and out: `.work/sync.lock`, `.work/sync.wanted`, `.work/sync.log`; no other file is written.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from stages._sync import LOG
from stages.commands import _live

RECORDS = Path("data/records")
LOCK, WANTED = Path(".work/sync.lock"), Path(".work/sync.wanted")
LINGER, POLL, PATIENCE = 5.0, 0.25, 300.0  # seconds
LONGEST_LOG = 200_000  # bytes

Sight = frozenset[tuple[str, int, int]]


@contextmanager
def foreground() -> Iterator[None]:
    """Hold the lock; ask a background sync that only lingers to leave (Timeout: it does not)."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    WANTED.touch()
    try:
        lock = FileLock(LOCK)
        lock.acquire(timeout=PATIENCE)
    finally:
        WANTED.unlink(missing_ok=True)
    with lock:
        yield


def background(sync: Callable[[], bool]) -> None:
    """Sync while new records keep coming, unless another process already does.

    Args:
        sync: sends what there is; returns whether the store answered.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    done: Sight | None = None
    while done != _seen():  # a record of the moment between last look and release is not lost
        try:
            with FileLock(LOCK, timeout=0):
                done = _follow(sync)
        except Timeout:
            return
        if done is None:
            return


def _follow(sync: Callable[[], bool]) -> Sight | None:
    """Sync at every change until all rests and no training goes on; None if the store failed."""
    done: Sight | None = None
    resting = time.monotonic()
    while True:
        seen = _seen()
        if seen != done:
            if not sync():
                return None
            done, resting = seen, time.monotonic()
        elif _hurried() or (time.monotonic() - resting > LINGER and not _live.going_on()):
            return done
        else:
            time.sleep(POLL)


def _seen() -> Sight:
    found = ((path, path.stat()) for path in RECORDS.glob("*/*.json"))
    records = frozenset((path.as_posix(), i.st_mtime_ns, i.st_size) for path, i in found)
    return records | _live.sight()


def _hurried() -> bool:
    try:
        return time.time() - WANTED.stat().st_mtime < PATIENCE
    except FileNotFoundError:
        return False


def log(text: str) -> None:
    """Append a dated line to the log, which starts anew when it has grown long."""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    with suppress(OSError):  # a full disk may be the very thing to tell
        LOG.parent.mkdir(parents=True, exist_ok=True)
        long = LOG.is_file() and LOG.stat().st_size > LONGEST_LOG
        with LOG.open("w" if long else "a", encoding="utf-8") as file:
            file.write(f"{now} {text}\n")
