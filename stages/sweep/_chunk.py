"""One stack of models, trained: a job goes in, an event per watched epoch comes out."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stages.sweep._batches import Batches
from stages.sweep._draws import mask_keys
from stages.sweep._fused import FUSED_FROM
from stages.sweep._layers import layers_of
from stages.sweep._ledger import Ledger
from stages.sweep._pass import RATE
from stages.sweep._spec import Curve, Event, Keep, Optimizer, State, Streams, Task
from stages.sweep._step import FusedSteps, Recipe, Stack, StackedSteps, Steps
from stages.sweep._updates import segments_of
from stages.sweep._watch import Watch


@dataclass(frozen=True)
class Job:
    """A chunk, ready to be trained anywhere: stacked start tensors M,... and each member's part."""

    chunk: int
    names: tuple[str, ...]
    module: nn.Module
    structure: Hashable
    custom: bool
    start: Mapping[str, Tensor]
    trained: tuple[str, ...]
    width: int
    optimizers: tuple[Optimizer, ...]
    streams: tuple[Streams, ...]
    tasks: tuple[str, ...]
    epochs: int
    batch_size: int | None
    drop_last: bool
    watch_every: int
    kind: str
    device: str
    keep: Keep | None
    checkpoint_every: int | None
    state: State | None


def train(job: Job, tasks: Mapping[str, Task]) -> Iterator[Event]:
    """Train a chunk from its start, or from its state; an event after each watched epoch."""
    training = _Training(job, [tasks[name] for name in job.tasks])
    for epoch in range(training.epoch + 1, job.epochs + 1):
        if epoch % job.watch_every == 0 or epoch == job.epochs:
            yield training.advance(epoch)


class _Training:
    """The changing state of a chunk: the stack, the epoch and the ledger."""

    def __init__(self, job: Job, tasks: list[Task]) -> None:
        self.job, self.device = job, torch.device(job.device)
        segments = segments_of(job.optimizers)
        self.recipe = Recipe(layers_of(job.module), tasks[0].loss, job.trained, segments)
        self.tensors = {name: t.to(self.device).clone() for name, t in job.start.items()}
        self.stack = _stack(self.tensors, job.trained, max(s.slots for s in segments))
        self.epoch, self.ledger = 0, Ledger(len(job.names), job.keep)
        if job.state is not None:
            self._restore(job.state)
        orders, dtype = [s.order for s in job.streams], self.stack.parameters[0].dtype
        self.batches = Batches(tasks, orders, job.batch_size, job.drop_last, self.device, dtype)
        self.watch = Watch(tasks, job.width, self.device)
        self.steps = self._choose_steps()

    def _choose_steps(self) -> Steps:
        job, key = self.job, None
        if job.kind == "compiled":
            key = (job.structure, self.recipe.loss, id(job.module) if job.custom else 0)
        size = sum(p[0].numel() for p in self.stack.parameters)
        plain = all(o.l1 == 0 and o.penalise == "all" for o in job.optimizers)
        fused = self.device.type == "cpu" and size >= FUSED_FROM and plain
        steps = FusedSteps if fused else StackedSteps
        return steps(self.recipe, self.stack, job.optimizers, key)

    def advance(self, epoch: int) -> Event:
        """Train up to ``epoch`` (counted from 1), then watch, mark and report."""
        before = {name: t.clone() for name, t in self.tensors.items()}
        alive = self.ledger.alive
        sound_M = torch.ones(len(alive), dtype=torch.bool, device=self.device)
        loss_M = torch.full((len(alive),), float("nan"), device=self.device)
        while self.epoch < epoch:
            if any(alive):
                loss_M = self._train_epoch(alive)
                sound_M &= loss_M.isfinite()
            self.epoch += 1
        for p in self.stack.parameters:
            sound_M &= p.isfinite().flatten(1).all(1)
        self.ledger.mark(epoch, sound_M)
        self._freeze(before)
        watched = self.watch.metrics(self.recipe.layers, self.tensors)
        metrics = self.ledger.add(epoch, {("loss", "batches"): loss_M, **watched}, self.tensors)
        return self._event(metrics)

    def _freeze(self, before: Mapping[str, Tensor]) -> None:
        """Put the diverged back to where they were last sound."""
        dead = (self.ledger.diverged != 0).nonzero().flatten().to(self.device)
        if len(dead):
            for name, t in self.tensors.items():
                t[dead] = before[name][dead]

    def _train_epoch(self, alive: list[bool]) -> Tensor:
        """One epoch; the mean loss of its batches, M. No host synchronisation."""
        first, count = self.epoch * self.batches.steps, self.batches.steps
        self.steps.start(self.epoch, range(first + 1, first + count + 1), alive)
        keys = self._mask_keys(first, count)
        total_M = torch.zeros(len(alive), dtype=torch.float64, device=self.device)
        for number, batch in enumerate(self.batches.epoch(self.epoch)):
            loss_M = self.steps.take(number, batch, keys[number])
            total_M += loss_M * (batch.x.shape[1] / self.batches.used)
        return total_M

    def _mask_keys(self, first: int, count: int) -> Sequence[Tensor | None]:
        if not any(name.endswith(RATE) for name in self.tensors):
            return [None] * count
        seeds = [s.mask for s in self.job.streams]
        return mask_keys(seeds, first, count).to(self.device).unbind()

    def _event(self, metrics: Mapping[Curve, tuple[float, ...]]) -> Event:
        job, last, steps = self.job, self.epoch == self.job.epochs, self.batches.steps
        due = job.checkpoint_every and self.epoch % job.checkpoint_every == 0
        return Event(
            chunk=job.chunk,
            epoch=self.epoch,
            epochs=job.epochs,
            step=self.epoch * steps,
            names=job.names,
            metrics=metrics,
            state=self._state() if due and not last else None,
            results=self.ledger.results(job.names, self.tensors, steps) if last else (),
        )

    def _kept(self) -> dict[str, Tensor]:
        """The tensors that a state holds beside the ledger's, by name; not copies."""
        slots = {
            f"slot/{number}/{name}": t
            for number, slot in enumerate(self.stack.slots)
            for name, t in zip(self.job.trained, slot, strict=True)
        }
        return {**{f"tensor/{name}": t for name, t in self.tensors.items()}, **slots}

    def _state(self) -> State:
        tensors = {**self._kept(), **self.ledger.tensors()}
        return State(self.epoch, {name: t.cpu().clone() for name, t in tensors.items()})

    def _restore(self, state: State) -> None:
        self.epoch = state.epoch
        for name, t in self._kept().items():
            t.copy_(state.tensors[name])
        self.ledger.load(state.tensors, self.tensors)


def _stack(tensors: Mapping[str, Tensor], trained: Sequence[str], slots: int) -> Stack:
    parameters = [tensors[name] for name in trained]
    others = {name: t for name, t in tensors.items() if name not in trained}
    return Stack(
        parameters, others, [[torch.zeros_like(p) for p in parameters] for _ in range(slots)]
    )
