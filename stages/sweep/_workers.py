"""Where chunks run: jobs go in, their events come out, from this process and others beside it.

The calling process is the first worker; each further one is a fresh interpreter with one torch
thread. Results do not depend on who runs what. Payloads are pickled by value, so that neither
file descriptors nor shared memory are used up.
"""

from __future__ import annotations

import io
import multiprocessing
import pickle
import queue
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor, nn

from stages.sweep._chunk import Job, train
from stages.sweep._spec import Event, Task

MakeJob = Callable[[], Job]


class WorkerError(RuntimeError):
    """A worker process failed; the message holds its own account."""


def execute(jobs: Sequence[MakeJob], tasks: Mapping[str, Task], workers: int) -> Iterator[Event]:
    """The events of all jobs, as they come."""
    waiting = deque(jobs)
    helpers = [_Helper(waiting, tasks) for _ in range(min(workers, len(jobs)) - 1)]
    try:
        while (make := _next(waiting)) is not None:
            for event in one_thread(train(make(), tasks)):
                yield event
                for helper in helpers:
                    yield from helper.ready()
        for helper in helpers:
            yield from helper.rest()
    finally:
        for helper in helpers:
            helper.close()


def one_thread(events: Iterator[Event]) -> Iterator[Event]:
    """The same events, each computed on one torch thread; the caller's number is put back."""
    while True:
        with _alone():
            event = next(events, None)
        if event is None:
            return
        yield event


@contextmanager
def _alone() -> Iterator[None]:
    before = torch.get_num_threads()
    _settle()
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)


def _settle() -> None:
    """One thread; numbers too small for a float's full digits are 0: they cost many times more."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def _next(waiting: deque[MakeJob]) -> MakeJob | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


class _Helper:
    """One more process; a thread here feeds it and collects its events."""

    def __init__(self, waiting: deque[MakeJob], tasks: Mapping[str, Task]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._feed, args=(waiting, tasks), daemon=True)
        self._thread.start()

    def ready(self) -> Iterator[Event]:
        """The events that have come in."""
        while not self._events.empty():
            event = self._events.get()
            if event is None:
                self._events.put(None)
                return
            yield _checked(event)

    def rest(self) -> Iterator[Event]:
        """All further events, waiting for them."""
        while (event := self._events.get()) is not None:
            yield _checked(event)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.terminate()
        self._process.join()
        self._thread.join()
        self._pipe.close()

    def _feed(self, waiting: deque[MakeJob], tasks: Mapping[str, Task]) -> None:
        try:
            self._pipe.send_bytes(_pack(dict(tasks)))
            while (make := _next(waiting)) is not None:
                self._pipe.send_bytes(_pack(make()))
                while (event := pickle.loads(self._pipe.recv_bytes())) is not None:
                    self._events.put(event)
        except (EOFError, OSError):
            self._events.put(WorkerError("a worker process of the sweep died; run it again"))
        except BaseException as error:
            self._events.put(error)
        finally:
            self._events.put(None)


def _checked(event: Event | BaseException) -> Event:
    if isinstance(event, BaseException):
        raise event
    return event


def _serve(pipe: Connection) -> None:
    """A helper's life: tasks once, then job after job until the pipe closes."""
    _settle()
    try:
        tasks = pickle.loads(pipe.recv_bytes())
        while True:
            job = pickle.loads(pipe.recv_bytes())
            for answer in _answers(job, tasks):
                pipe.send_bytes(_pack(answer))
    except (EOFError, OSError, KeyboardInterrupt):
        return


def _answers(job: Job, tasks: Mapping[str, Task]) -> Iterator[Event | WorkerError | None]:
    try:
        yield from train(job, tasks)
    except Exception:
        yield WorkerError(f"chunk {job.chunk} failed in a worker:\n{traceback.format_exc()}")
    yield None


class _ByValue(pickle.Pickler):
    """Pickles tensors as arrays."""

    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, nn.Parameter):
            return nn.Parameter, (obj.detach().clone(), obj.requires_grad)
        if isinstance(obj, Tensor):
            return torch.from_numpy, (obj.detach().cpu().numpy(),)
        return NotImplemented


def _pack(payload: object) -> bytes:
    buffer = io.BytesIO()
    _ByValue(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(payload)
    return buffer.getvalue()
