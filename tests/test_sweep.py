"""The engine's contract beside parity: determinism, independence, divergence, resume, events."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from stages.models.mlp import mlp
from stages.sweep import Keep, Optimizer, State, WorkerError, generator, logits, plan, run
from tests.small_sweeps import (
    OPTIMIZERS,
    TASKS,
    closeness,
    equal,
    finished,
    same,
    sweep,
    trained,
)
from tests.small_sweeps import one_thread as one_thread


def small_chunks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("stages.sweep._cost.CHUNK_MODELS", size)


def test_a_second_run_gives_the_same_bits() -> None:
    first, second = trained(sweep()), trained(sweep())

    assert all(equal(first[name], second[name]) for name in first)


def test_the_number_of_workers_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    small_chunks(monkeypatch, 6)

    one, two, three = (trained(sweep(), workers=n) for n in (1, 2, 3))

    assert len(one) == len(sweep())
    assert all(equal(one[name], two[name]) and equal(one[name], three[name]) for name in one)


def test_order_and_subset_of_members_change_results_by_rounding_only() -> None:
    members = [replace(m, epochs=3) for m in sweep()]

    whole, part = trained(members), trained(members[::-3])

    assert len(part) == 8
    assert all(closeness(whole[name], part[name]) < 1e-5 for name in part)


def test_arms_of_a_seed_start_from_equal_weights() -> None:
    still = [replace(m, optimizer=replace(m.optimizer, lr=0.0)) for m in sweep()]
    names = [m.name for m in still if m.name.endswith("/1")]
    results = trained(still)

    start = mlp((6, 7, 5, 3), generator(1), dropout=0.0).state_dict()
    assert all(same(results[name].weights, start) for name in names)


def test_a_member_that_diverges_is_marked_and_frozen_and_leaves_the_rest_alone() -> None:
    members = sweep((0.0,))
    sick = list(members)
    sick[4] = replace(members[4], optimizer=Optimizer("sgd", 1e30, momentum=0.9))

    well, results = trained(members), trained(sick)

    lost = results[members[4].name]
    assert lost.diverged_at == 1
    assert all(value.isfinite().all() for value in lost.weights.values())
    assert repr(lost.curves["loss", "dev"]) == repr((float("nan"),) * 4)
    others = [m.name for m in members if m is not members[4]]
    assert all(equal(well[name], results[name]) for name in others)


def test_members_that_diverge_late_keep_their_last_sound_weights() -> None:
    members = sweep((0.0,), epochs=3)
    late = replace(OPTIMIZERS[1], gamma=1e35, every=2)
    members[3] = replace(members[3], optimizer=late)

    lost = trained(members)[members[3].name]
    short = trained([replace(m, epochs=2) for m in members])[members[3].name]

    assert lost.diverged_at == 3
    assert same(lost.weights, short.weights)


@pytest.mark.parametrize("hidden", [5, 60])
@pytest.mark.parametrize(("stop", "keep"), [(1, ("loss", "dev")), (3, ("loss", "dev")), (3, 2)])
def test_going_on_from_a_state_gives_the_bits_of_no_stop(
    hidden: int, stop: int, keep: Keep
) -> None:
    members = [
        replace(m, build=partial(mlp, (6, hidden, hidden, 3), dropout=0.2)) for m in sweep((0.2,))
    ]
    chosen = plan(members, TASKS)
    settings = {"keep": keep, "checkpoint_every": stop}

    events = list(run(chosen, members, TASKS, **settings))
    states = {e.chunk: e.state for e in events if e.epoch == stop and e.state is not None}
    resumed = finished(run(chosen, members, TASKS, resume=states, **settings))

    assert states.keys() == {chunk.index for chunk in chosen.chunks}
    whole = finished(events)
    assert all(equal(whole[name], resumed[name]) for name in whole)
    assert all(whole[name].kept for name in whole)
    assert all(same(whole[name].kept or {}, resumed[name].kept or {}) for name in whole)


def test_a_state_holds_plain_tensors() -> None:
    members = sweep()
    events = run(plan(members, TASKS), members, TASKS, checkpoint_every=1)

    state = next(event.state for event in events)

    assert isinstance(state, State)
    assert all(isinstance(t, Tensor) and not t.requires_grad for t in state.tensors.values())


def test_the_best_weights_are_those_of_the_best_watched_epoch() -> None:
    members = sweep((0.0,), epochs=6, watch_every=2)
    results = trained(members, keep=("loss", "dev"))

    for member in members:
        result = results[member.name]
        curve = result.curves["loss", "dev"]
        x, y = TASKS[member.task].watch["dev"]
        outputs = logits(member.build(generator(0)), [result.kept or {}], x)[0]
        assert result.epochs == (2, 4, 6)
        assert nn.functional.cross_entropy(outputs, y).item() == pytest.approx(min(curve), abs=1e-6)


def test_the_weights_after_an_epoch_are_those_of_a_run_that_ends_there() -> None:
    long, short = (sweep((0.0,), epochs=epochs, watch_every=2) for epochs in (6, 4))
    results, ended = trained(long, keep=4), trained(short)

    assert all(same(results[name].kept or {}, ended[name].weights) for name in ended)
    assert all(result.kept is None for result in trained(long, keep=3).values())


def test_events_come_after_each_watched_epoch_and_end_with_results() -> None:
    members = sweep((0.0,), epochs=5, watch_every=2)

    events = list(run(plan(members, TASKS), members, TASKS))

    assert [(e.epoch, e.step, bool(e.results)) for e in events] == [
        (2, 12, False),
        (4, 24, False),
        (5, 30, True),
    ]
    assert set(events[0].metrics) == {
        ("loss", "batches"),
        *((metric, split) for metric in ("loss", "accuracy") for split in ("train", "dev")),
    }
    assert all(len(values) == len(members) for values in events[0].metrics.values())


def test_watched_metrics_are_those_of_the_outputs() -> None:
    members = sweep((0.0,))
    results = trained(members)

    for task_name in ("one", "two"):
        own = [m for m in members if m.task == task_name]
        x, y = TASKS[task_name].watch["dev"]
        outputs_MNC = logits(own[0].build(generator(0)), [results[m.name].weights for m in own], x)
        accuracy = (outputs_MNC.argmax(-1) == y).double().mean(1).tolist()
        assert [results[m.name].curves["accuracy", "dev"][-1] for m in own] == accuracy


def test_the_global_random_state_and_thread_count_stay_as_they_are() -> None:
    before = torch.get_rng_state()
    torch.set_num_threads(2)

    trained(sweep(epochs=1))

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert threads == 2


def test_what_is_nearly_zero_is_so_while_training_alone() -> None:
    tiny = torch.tensor([1e-40])

    trained(sweep(epochs=1))

    assert (tiny / 2).item() > 0


def test_a_failing_worker_is_reported_with_its_own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    small_chunks(monkeypatch, 1)
    members = sweep((0.0,), epochs=1)
    tasks = {name: replace(t, loss=fails_elsewhere) for name, t in TASKS.items()}

    with pytest.raises(WorkerError, match="only in a worker"):
        list(run(plan(members, tasks, workers=2), members, tasks))


def fails_elsewhere(output: Tensor, y: Tensor) -> Tensor:
    """A loss that fails in any process but this one."""
    import multiprocessing
    import time

    if multiprocessing.parent_process() is not None:
        raise ArithmeticError("only in a worker")
    time.sleep(0.2)
    return (
        nn.functional.cross_entropy(
            output.flatten(0, 1), y.expand(output.shape[:2]).flatten(), reduction="none"
        )
        .view(output.shape[:2])
        .mean(1)
    )
