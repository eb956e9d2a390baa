"""The engine as experiments use it: runs go in; their numbers, curves and weights come out.

Between the pure engine (`stages/sweep`) and an experiment stand its seeds, the device, the clock
and the checkpoints of long sweeps.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import nn

from stages import _arms, _device, _live, _profile, _progress, _seeds, sweep
from stages._checkpoint import Checkpoint
from stages._trained import CURVES, TRIALS, Kept, Trained
from stages.sweep import Member, Optimizer, Plan, Result, Streams, Task

BEST = " (best)"
SECONDS_WORTH_A_CHECKPOINT = 60.0
SECONDS_WORTH_A_WORKER = 2.0  # of all work: a fresh process imports torch for as long


@dataclass(frozen=True)
class Run:
    """One network to train: an arm in one repeat.

    Attributes:
        arm: what is compared.
        repeat: which seeds it gets; arms share those of a repeat.
        build: a generator -> an ordinary module with its initial weights.
        optimizer: the update rule.
        task: the rows, the loss and the splits to watch.
        epochs: passes over the rows.
        batch_size: rows per step; None is all of them.
        watch_every: epochs between two points of the curves.
        drop_last: whether an epoch leaves out its last, short batch.
    """

    arm: str
    repeat: int
    build: Callable[[torch.Generator], nn.Module]
    optimizer: Optimizer
    task: Task
    epochs: int
    batch_size: int | None = None
    watch_every: int = 1
    drop_last: bool = False


class Fit(Protocol):
    """What an experiment's `train` is handed to train its networks with, and to time work."""

    def __call__(self, runs: Iterable[Run], keep: sweep.Keep | None = None) -> Trained:
        """Train all runs.

        `keep` also keeps the weights of each run's best watched epoch by (metric, split), as arm
        "<arm> (best)", or those after a watched epoch, as arm "<arm> (epoch 500)".
        """

    def time(self, name: str, works: Mapping[str, Callable[[], object]], repeats: int) -> None:
        """Time works against each other, in turn (A B A B), after a warm-up of each.

        The seconds go into the record of training, where `stages/_timed.py` finds them by `name`.
        """


@dataclass
class Trainer:
    """Trains runs and notes what it cost; an experiment's `Fit`.

    Attributes:
        title: the experiment's name, for the progress display.
        seed: the root seed.
        scratch: the folder for checkpoints.
        kind: the engine's plan; auto chooses by what the sweep costs.
        sweeps: what each call trained, where, and how long it took.
        timings: name of a comparison -> arm -> seconds of each repeat.
        arms: what each arm was trained with.
    """

    title: str
    seed: int
    scratch: Path
    kind: sweep.Kind = "auto"
    sweeps: list[dict[str, Any]] = field(default_factory=list)
    timings: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    arms: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, runs: Iterable[Run], keep: sweep.Keep | None = None) -> Trained:
        """Train all runs (see `Fit`)."""
        members, tasks = members_and_tasks(runs, self.seed)
        self.arms |= _arms.settings(members)
        chosen = plan(members, tasks, self.kind)
        _progress.say(f"{self.title}: {chosen.note}" if chosen.note else "")
        with _device.stopwatch(chosen.device) as seconds:
            results = self._run(chosen, members, tasks, keep)
        self.sweeps.append(_cost(chosen, members, tasks, results, seconds()))
        trained = collect(results, keep)
        self.arms |= _kept_settings(self.arms, trained, keep)
        return trained

    def time(self, name: str, works: Mapping[str, Callable[[], object]], repeats: int) -> None:
        """Time works against each other (see `Fit`)."""
        device = _device.device()
        for work in works.values():
            work()
        self.timings[name] = {arm: [] for arm in works}
        for _ in range(repeats):
            for arm, work in works.items():
                with _device.stopwatch(device) as seconds:
                    work()
                self.timings[name][arm].append(float(f"{seconds():.6g}"))

    def _run(
        self,
        plan: Plan,
        members: Sequence[Member],
        tasks: Mapping[str, Task],
        keep: sweep.Keep | None,
    ) -> list[Result]:
        checkpoint = Checkpoint(self.scratch / str(len(self.sweeps)))
        done = checkpoint.done()
        results = [result for chunk in done.values() for result in chunk]
        rest = replace(plan, chunks=tuple(c for c in plan.chunks if c.index not in done))
        total = sum(members[i].epochs for chunk in rest.chunks for i in chunk.members)
        with (
            _progress.training(self.title, len(members) - len(results), total) as show,
            _live.telling(self.title, total) as tell,
            _profile.looking(self.title, len(self.sweeps)) as look,
        ):
            events = sweep.run(
                rest,
                members,
                tasks,
                resume=checkpoint.states(),
                keep=keep,
                checkpoint_every=_checkpoint_every(rest, members),
            )
            for event in events:
                show(event)
                tell(event)
                look(event)
                checkpoint.save(event)
                results.extend(event.results)
        return results


def _checkpoint_every(plan: Plan, members: Sequence[Member]) -> int | None:
    """Return after how many epochs a chunk's state is worth keeping; None in a short sweep."""
    if sum(chunk.seconds for chunk in plan.chunks) < SECONDS_WORTH_A_CHECKPOINT * plan.workers:
        return None
    return max(1, max(member.epochs for member in members) // 10)


def plan(members: Sequence[Member], tasks: Mapping[str, Task], kind: sweep.Kind) -> Plan:
    """Return how the engine will train on this machine."""
    chosen = sweep.plan(
        members,
        tasks,
        kind=kind,
        device=_device.device(),
        workers=_device.workers(),
        compiler=_device.has_compiler(),
    )
    short = chosen.seconds * chosen.workers < SECONDS_WORTH_A_WORKER
    return replace(chosen, workers=1) if short else chosen


def members_and_tasks(runs: Iterable[Run], seed: int) -> tuple[list[Member], dict[str, Task]]:
    """Return the engine's members and tasks; runs that share a task object share its name."""
    names: dict[int, str] = {}
    tasks: dict[str, Task] = {}
    members = []
    for run in runs:
        name = names.setdefault(id(run.task), f"task {len(names)}")
        tasks[name] = run.task
        members.append(
            Member(
                name=f"{run.arm}#{run.repeat}",
                build=run.build,
                streams=streams(seed, run.repeat),
                optimizer=run.optimizer,
                task=name,
                epochs=run.epochs,
                batch_size=run.batch_size,
                watch_every=run.watch_every,
                drop_last=run.drop_last,
            )
        )
    return members, tasks


def streams(seed: int, repeat: int) -> Streams:
    """Return the seeds of a repeat's initial weights, order of rows and dropout masks."""
    init, order, mask = (_seeds.integer(seed, repeat, name) for name in ("init", "order", "mask"))
    return Streams(init, order, mask)


def collect(results: Iterable[Result], keep: sweep.Keep | None = None) -> Trained:
    """Return results as tables and weights stacked by arm; a trial is a curve's last value.

    Weights that were kept after an epoch are an arm of their own, with the curve's values there.
    """
    by_arm: dict[str, dict[int, Result]] = defaultdict(dict)
    for result in results:
        arm, _, repeat = result.name.rpartition("#")
        by_arm[arm][int(repeat)] = result
    weights: dict[str, np.ndarray] = {}
    kept: dict[str, str] = {}
    for arm, by_repeat in by_arm.items():
        ordered = [by_repeat[repeat] for repeat in sorted(by_repeat)]
        weights |= _stacked(arm, [result.weights for result in ordered])
        if all(result.kept for result in ordered):
            kept[arm] = kept_arm(arm, keep)
            weights |= _stacked(kept[arm], [result.kept or {} for result in ordered])
    curves = pd.concat(_curves(arm, runs) for arm, runs in by_arm.items())
    watched = curves[curves["split"].isin(["train", "dev"])]
    trials = watched.sort_values("epoch").groupby(["arm", "seed", "metric", "split"]).tail(1)
    if isinstance(keep, int):
        early = watched[(watched["epoch"] == keep) & watched["arm"].isin(kept)]
        trials = pd.concat([trials, early.replace({"arm": kept})])
    return Trained(trials[TRIALS], curves[CURVES], weights)


def _kept_settings(
    arms: Mapping[str, Any], trained: Trained, keep: sweep.Keep | None
) -> dict[str, Any]:
    """Return what the arms were trained with whose weights were kept after an epoch."""
    if not isinstance(keep, int):
        return {}
    kept = {kept_arm(arm, keep): {**about, "epochs": keep} for arm, about in arms.items()}
    return {name: kept[name] for name in trained.arms() if name in kept}


def kept_arm(arm: str, keep: sweep.Keep | None) -> str:
    """Return the name of the arm of the weights that `keep` keeps besides an arm's last."""
    return f"{arm} (epoch {keep})" if isinstance(keep, int) else f"{arm}{BEST}"


def _stacked(arm: str, states: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, np.ndarray]:
    return {f"{arm}/{name}": torch.stack([s[name] for s in states]).numpy() for name in states[0]}


def _curves(arm: str, runs: Mapping[int, Result]) -> pd.DataFrame:
    """Return the curves of an arm's repeats; the loss of an epoch's batches has split "batches"."""
    rows = [
        (arm, repeat, epoch, epoch * result.steps_per_epoch, metric, split, value)
        for repeat, result in runs.items()
        for (metric, split), values in result.curves.items()
        for epoch, value in zip(result.epochs, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=CURVES)


def keep_best(
    trained: Trained,
    build: Callable[[torch.Generator], nn.Module],
    example: torch.Tensor,
    about: str,
    metric: str = "accuracy",
    largest: bool = True,
) -> Trained:
    """Return `trained` with a net to keep: the best repeat of the best arm, both on dev.

    An arm in which a repeat diverged is not chosen; without any other, none is kept.

    Args:
        trained: arms that all have the structure of `build`.
        build: `functools.partial` of a function in stages/models.
        example: a few input rows.
        about: what goes in and what comes out, for who loads the net.
        metric: what is compared.
        largest: whether large values of that are good.
    """
    sign = 1.0 if largest else -1.0
    values = {arm: sign * value_S for arm, value_S in trained.values(metric, "dev").items()}
    means = {arm: value_S.mean() for arm, value_S in values.items() if np.isfinite(value_S).all()}
    if not means:
        return trained
    arm = max(means, key=lambda name: means[name])
    seed = int(np.argmax(values[arm]))
    value = float(f"{sign * values[arm][seed]:.6g}")
    kept = Kept(arm, seed, build, example.numpy(), metric, value, largest, about)
    return replace(trained, kept=kept)


def hits(
    net: nn.Module, states: Mapping[str, np.ndarray], x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Return 1 where a repeat's net puts a row into its class, else 0: (S, R) float32.

    A net with one output puts a row into class 1 where the output is above 0, else into class 0.

    Args:
        net: any build of the structure.
        states: parameter -> (S, ...), see `Trained.states`.
        x: rows (R, ...), float32.
        y: their class numbers (R,).
    """
    stacked = {name: torch.from_numpy(value) for name, value in states.items()}
    outputs_SRC = sweep.logits(net, stacked, torch.from_numpy(x))
    if outputs_SRC.shape[-1] == 1:
        right_SR = (outputs_SRC[..., 0] > 0) == torch.from_numpy(y == 1)
    else:
        right_SR = outputs_SRC.argmax(-1) == torch.from_numpy(y)
    return right_SR.float().numpy()


def _cost(
    plan: Plan,
    members: Sequence[Member],
    tasks: Mapping[str, Task],
    results: Sequence[Result],
    seconds: float,
) -> dict[str, Any]:
    """Return what a sweep trained, how it was cut up, and what it cost."""
    of = {member.name: member for member in members}
    steps = sum(result.epochs[-1] * result.steps_per_epoch for result in results)
    return {
        "models": len(members),
        "model_steps": steps,
        "samples": sum(_seen(one, of[one.name], tasks[of[one.name].task]) for one in results),
        "seconds": round(seconds, 3),
        "ms_per_model_step": round(1e3 * seconds / steps, 5),
        "diverged": sorted(result.name for result in results if result.diverged_at is not None),
        "plan": plan.describe().splitlines(),
    }


def _seen(result: Result, member: Member, task: Task) -> int:
    """Return how many rows a model saw; a short batch that was left out does not count."""
    rows = len(task.x)
    return result.epochs[-1] * min(rows, result.steps_per_epoch * (member.batch_size or rows))
