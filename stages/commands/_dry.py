"""A sweep without training: an experiment's runs go in, the engine's plans for them come out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import torch

from stages import _training
from stages._trained import Trained
from stages._training import Run
from stages.sweep import Keep, Kind, Member, Plan, Result, Task, generator


@dataclass
class DryFit:
    """An experiment's `Fit` that plans its sweeps; every net comes back as zeros.

    Attributes:
        seed: the root seed.
        kind: the engine's plan, as params.yaml has it.
        plans: one for each sweep.
    """

    seed: int
    kind: Kind
    plans: list[Plan] = field(default_factory=list)

    def __call__(self, runs: Iterable[Run], keep: Keep | None = None) -> Trained:
        """Plan a sweep of all runs (see `_training.Fit`)."""
        members, tasks = _training.members_and_tasks(runs, self.seed)
        plan = _training.plan(members, tasks, self.kind)
        self.plans.append(plan)
        zeros = {
            members[i].name: weights
            for chunk in plan.chunks
            for weights in [_zeros(members[chunk.members[0]])]
            for i in chunk.members
        }
        return _training.collect(
            (
                _untrained(member, tasks[member.task], zeros[member.name], keep)
                for member in members
            ),
            keep,
        )

    def time(self, name: str, works: Mapping[str, Callable[[], object]], repeats: int) -> None:
        """Time nothing."""


def _zeros(member: Member) -> dict[str, torch.Tensor]:
    state = member.build(generator(member.streams.init)).state_dict()
    return {name: torch.zeros_like(value) for name, value in state.items()}


def _untrained(
    member: Member, task: Task, zeros: Mapping[str, torch.Tensor], keep: Keep | None
) -> Result:
    size = min(member.batch_size or len(task.x), len(task.x))
    whole, short = divmod(len(task.x), size)
    metrics = ["loss"] if task.loss == "mse" or callable(task.loss) else ["loss", "accuracy"]
    curves = [("loss", "batches"), *((m, split) for split in task.watch for m in metrics)]
    watched = range(member.watch_every, member.epochs, member.watch_every)
    epochs = (*watched, member.epochs)
    return Result(
        name=member.name,
        weights=zeros,
        kept=zeros if isinstance(keep, tuple) or keep in epochs else None,
        epochs=epochs,
        curves={curve: (0.0,) * len(epochs) for curve in curves},
        steps_per_epoch=whole + (short > 0 and not member.drop_last),
        diverged_at=None,
    )
