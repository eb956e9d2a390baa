"""A look at what the machine does in one epoch: an observer, `LECTURES_PROFILE=on` asks for it.

In: the engine's events. Out: per sweep a trace by torch.profiler, .work/traces/<title>.<n>.json.gz,
of this process between two events of the chunk that reports first. Open it in Perfetto or
chrome://tracing. The sweep's results are the same; its seconds are not.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from stages import _files
from stages.sweep import Event

SWITCH = "LECTURES_PROFILE"
FOLDER = Path(".work/traces")
Show = Callable[[Event], None]
_taken: list[Path] = []


@contextmanager
def looking(title: str, number: int) -> Iterator[Show]:
    """Yield a function that starts a trace at a sweep's first event and ends it an epoch later.

    Args:
        title: the experiment.
        number: which of its sweeps this is, from 0.
    """
    if os.environ.get(SWITCH, "").lower() not in ("on", "1", "true"):
        yield lambda event: None
        return
    look = _Look(FOLDER / f"{title}.{number}.json.gz")
    try:
        yield look.show
    finally:
        look.end()


def taken() -> dict[str, str]:
    """Return {path: SHA-256} of the traces that this process took."""
    return {path.as_posix(): _files.sha256(path) for path in _taken}


class _Look:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._chunk: int | None = None
        self._profile: profile | None = None

    def show(self, event: Event) -> None:
        """Start at the first event; write the trace at the next one of the same chunk."""
        if self._chunk is None:
            self._chunk = event.chunk
            if not event.results:
                self._start()
        elif event.chunk == self._chunk and self._profile:
            ended = self.end()
            if ended:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                ended.export_chrome_trace(str(self._path))
                _taken.append(self._path)

    def _start(self) -> None:
        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        self._profile = profile(activities=activities, record_shapes=True)
        self._profile.start()

    def end(self) -> profile | None:
        """Stop looking; return the profile that is under way."""
        ended, self._profile = self._profile, None
        if ended:
            ended.stop()
        return ended
