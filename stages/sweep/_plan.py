"""How a sweep is cut up: members and tasks go in; groups and chunks come out.

A pure function of shapes, counts, the device's type and whether a compiler works. Members of a
group share structure, loss, rows, batch and budget; a chunk is the part of a group that is
trained as one stack. The number of workers changes neither, so it changes no bit of a result.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch

from stages.sweep._batches import scaled
from stages.sweep._cost import Load
from stages.sweep._draws import generator
from stages.sweep._spec import Member, SweepError, Task
from stages.sweep._structure import Net, build_key, net_of
from stages.sweep._updates import kind_of

Kind = Literal["auto", "stacked", "compiled", "sequential"]


@dataclass(frozen=True)
class Chunk:
    """Members (by their number in the sweep) that are trained as one stack.

    ``seconds`` is what the cost model expects of one thread, compiling left out.
    """

    index: int
    group: int
    members: tuple[int, ...]
    kind: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """The chunks of a sweep, where they run, and on how many worker processes."""

    chunks: tuple[Chunk, ...]
    groups: tuple[str, ...]
    device: str
    workers: int

    @property
    def seconds(self) -> float:
        """Expected seconds of training, on all workers."""
        return sum(chunk.seconds for chunk in self.chunks) / self.workers

    def describe(self) -> str:
        """Groups and chunks in words, one line per group."""
        return "\n".join(self._line(number, text) for number, text in enumerate(self.groups))

    def _line(self, number: int, text: str) -> str:
        chunks = [c for c in self.chunks if c.group == number]
        sizes = sorted({len(c.members) for c in chunks})
        span = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        models = sum(len(c.members) for c in chunks)
        seconds = sum(c.seconds for c in chunks) / self.workers
        cut = f"{chunks[0].kind}: {models} models, {len(chunks)} chunks of {span}"
        return f"{cut}; {text}; about {seconds:.2g} s"


def plan(
    members: Sequence[Member],
    tasks: Mapping[str, Task],
    *,
    kind: Kind = "auto",
    device: str = "cpu",
    workers: int = 1,
    compiler: bool = False,
) -> Plan:
    """Cut a sweep into chunks. ``compiler`` says whether ``torch.compile`` works here."""
    _check(members, tasks)
    nets: dict[Hashable, Net] = {}
    groups: dict[Hashable, list[int]] = {}
    for i, member in enumerate(members):
        task = tasks[member.task]
        key = (build_key(member.build), tuple(task.x.shape[1:]))
        if key not in nets:
            row = scaled(task.x[:1], torch.float32)
            nets[key] = net_of(member.build(generator(member.streams.init)), row)
        groups.setdefault(_group_key(member, task, nets[key], key), []).append(i)
    found: list[Chunk] = []
    texts: list[str] = []
    for numbers in groups.values():
        first = members[numbers[0]]
        task = tasks[first.task]
        net = nets[build_key(first.build), tuple(task.x.shape[1:])]
        kinds = len({kind_of(members[i].optimizer) for i in numbers})
        load = Load(net, first.epochs, len(task.x), first.batch_size, kinds)
        how = _choose(kind, load, len(numbers), device, compiler)
        for part in _cut(numbers, members, load.chunk_size(how)):
            found.append(Chunk(0, len(texts), tuple(part), how, load.seconds(len(part), how)))
        texts.append(f"{net.parameters} parameters, {first.epochs} epochs")
    found.sort(key=lambda chunk: -chunk.seconds)  # the longest first: workers end together
    chunks = tuple(replace(chunk, index=i) for i, chunk in enumerate(found))
    return Plan(chunks, tuple(texts), device, workers)


def _choose(kind: Kind, load: Load, models: int, device: str, compiler: bool) -> str:
    """The plan of a group: as asked; else by what the benchmark measured."""
    if kind == "compiled" and not compiler:
        return "stacked"
    if kind != "auto":
        return kind
    if load.net.convolves and device == "cpu":
        return "sequential"
    return "compiled" if compiler and load.repays_compiling(models) else "stacked"


def _check(members: Sequence[Member], tasks: Mapping[str, Task]) -> None:
    names = [member.name for member in members]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SweepError(f"two members are called {twice!r}: give each a name of its own")
    for member in members:
        if member.task not in tasks:
            raise SweepError(f"member {member.name!r}: there is no task {member.task!r}")


def _group_key(member: Member, task: Task, net: Net, key: Hashable) -> Hashable:
    splits = tuple((name, tuple(x.shape), tuple(y.shape)) for name, (x, y) in task.watch.items())
    rows = (tuple(task.x.shape), task.x.dtype, tuple(task.y.shape), task.weights is None)
    budget = (member.epochs, member.batch_size, member.watch_every, member.drop_last)
    return (net.structure, key if net.custom else None, task.loss, rows, splits, budget)


def _cut(numbers: list[int], members: Sequence[Member], size: int) -> Iterator[list[int]]:
    """Chunks of at most ``size``; members that share their batches stay together if they can."""
    blocks: dict[Hashable, list[int]] = {}
    for i in numbers:
        blocks.setdefault((members[i].task, members[i].streams.order), []).append(i)
    pending: list[int] = []
    for block in blocks.values():
        if pending and len(pending) + len(block) > size:
            yield pending
            pending = []
        pieces = -(-len(block) // size)
        if pieces == 1:
            pending = pending + block
            continue
        for piece in range(pieces):
            yield block[piece * len(block) // pieces : (piece + 1) * len(block) // pieces]
    if pending:
        yield pending
