"""A sweep, run: a plan, members and tasks go in; events come out as chunks go on."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from stages.sweep._batches import scaled
from stages.sweep._chunk import Job
from stages.sweep._dense import DROPOUTS
from stages.sweep._draws import generator
from stages.sweep._pass import RATE
from stages.sweep._plan import Chunk, Plan
from stages.sweep._spec import Event, Keep, Member, State, Task
from stages.sweep._structure import build_key, net_of
from stages.sweep._updates import kind_of
from stages.sweep._workers import execute


def run(
    plan: Plan,
    members: Sequence[Member],
    tasks: Mapping[str, Task],
    *,
    resume: Mapping[int, State] | None = None,
    keep: Keep | None = None,
    checkpoint_every: int | None = None,
) -> Iterator[Event]:
    """Train all chunks of a plan; an event after each watched epoch of each.

    Args:
        plan: what :func:`plan` made of the same members and tasks.
        members: the models.
        tasks: their data by name.
        resume: states by chunk, to go on from; chunks without one start anew.
        keep: weights that are kept besides the last: those of each member's best watched epoch by a
            curve, as ("loss", "dev"), or those after the watched epoch of that number.
        checkpoint_every: events carry the chunk's state at multiples of this epoch.

    Yields:
        Events; a chunk's last one holds its results.
    """
    jobs = [
        partial(
            _job, plan, chunk, members, tasks, keep, checkpoint_every,
            (resume or {}).get(chunk.index),
        )
        for chunk in plan.chunks
    ]  # fmt: skip
    return execute(jobs, tasks, plan.workers)


def _job(
    plan: Plan,
    chunk: Chunk,
    members: Sequence[Member],
    tasks: Mapping[str, Task],
    keep: Keep | None,
    checkpoint_every: int | None,
    state: State | None,
) -> Job:
    own = sorted((members[i] for i in chunk.members), key=lambda m: repr(kind_of(m.optimizer)))
    modules = _build(own)
    first = own[0]
    net = net_of(modules[0], scaled(tasks[first.task].x[:1], torch.float32))
    return Job(
        chunk=chunk.index,
        names=tuple(m.name for m in own),
        module=modules[0],
        structure=net.structure,
        custom=net.custom,
        start=stack(modules),
        trained=tuple(name for name, p in modules[0].named_parameters() if p.requires_grad),
        width=net.width,
        optimizers=tuple(m.optimizer for m in own),
        streams=tuple(m.streams for m in own),
        tasks=tuple(m.task for m in own),
        epochs=first.epochs,
        batch_size=first.batch_size,
        drop_last=first.drop_last,
        watch_every=first.watch_every,
        kind=chunk.kind,
        device=plan.device,
        keep=keep,
        checkpoint_every=checkpoint_every,
        state=state,
    )


def _build(members: Sequence[Member]) -> list[nn.Module]:
    """The members' modules; one for all that share build and init stream."""
    built: dict[Hashable, nn.Module] = {}
    modules = []
    for member in members:
        key = (build_key(member.build), member.streams.init)
        if key not in built:
            built[key] = member.build(generator(member.streams.init))
        modules.append(built[key])
    return modules


def stack(modules: Sequence[nn.Module]) -> dict[str, Tensor]:
    """Parameters and buffers of equal nets, M,... each, and their dropout rates, M."""
    states = [module.state_dict() for module in modules]
    tensors = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    dtype = next(modules[0].parameters()).dtype
    for name, layer in modules[0].named_modules():
        if isinstance(layer, DROPOUTS):
            rates = [module.get_submodule(name).p for module in modules]
            tensors[f"{name}.{RATE}" if name else RATE] = torch.tensor(rates, dtype=dtype)
    return tensors
