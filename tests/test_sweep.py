"""The engine's contract beside parity: determinism, independence, divergence, resume, events."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from stages.models.mlp import mlp
from stages.sweep import (
    Event,
    Member,
    Optimizer,
    Result,
    State,
    Streams,
    SweepError,
    Task,
    WorkerError,
    generator,
    logits,
    plan,
    run,
)
from stages.sweep._cost import CHUNK_MODELS
from stages.sweep._draws import keep_mask, mask_keys

OPTIMIZERS = [
    Optimizer("adam", 0.01),
    Optimizer("sgd", 0.1, momentum=0.9),
    Optimizer("rmsprop", 0.001),
    Optimizer("adamw", 0.01, weight_decay=0.1),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Several threads on tiny tensors wait for each other more than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def task(seed: int = 0) -> Task:
    g = generator(seed)
    y = torch.randint(0, 3, (45,), generator=g)
    x = torch.randn(45, 6, generator=g) + y[:, None]
    return Task(x, y, watch={"train": (x, y), "dev": (x[:20], y[:20])})


TASKS = {"one": task(1), "two": task(2)}


def sweep(rates: Sequence[float] = (0.0, 0.3), **settings: object) -> list[Member]:
    """Four optimizers x dropout rates x three seeds, one of them on data of its own."""
    common = {"epochs": 4, "batch_size": 8, **settings}
    return [
        Member(
            f"{o.name}/{p}/{seed}",
            partial(mlp, (6, 7, 5, 3), dropout=p),
            Streams(seed, 10 + seed, 20 + seed),
            o,
            "two" if seed == 2 else "one",
            **common,
        )
        for o in OPTIMIZERS
        for p in rates
        for seed in range(3)
    ]


def finished(events: Iterable[Event]) -> dict[str, Result]:
    return {result.name: result for event in events for result in event.results}


def trained(
    members: Sequence[Member], *, workers: int = 1, **settings: object
) -> dict[str, Result]:
    return finished(run(plan(members, TASKS, workers=workers), members, TASKS, **settings))


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def equal(a: Result, b: Result) -> bool:
    """Bit for bit, NaN like NaN."""
    return same(a.weights, b.weights) and repr(replace(a, weights={}, best={})) == repr(
        replace(b, weights={}, best={})
    )


def closeness(a: Result, b: Result) -> float:
    return max(float((a.weights[k] - b.weights[k]).abs().max()) for k in a.weights)


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
@pytest.mark.parametrize("stop", [1, 3])
def test_going_on_from_a_state_gives_the_bits_of_no_stop(hidden: int, stop: int) -> None:
    members = [
        replace(m, build=partial(mlp, (6, hidden, hidden, 3), dropout=0.2)) for m in sweep((0.2,))
    ]
    chosen = plan(members, TASKS)
    settings = {"keep_best": ("loss", "dev"), "checkpoint_every": stop}

    events = list(run(chosen, members, TASKS, **settings))
    states = {e.chunk: e.state for e in events if e.epoch == stop and e.state is not None}
    resumed = finished(run(chosen, members, TASKS, resume=states, **settings))

    assert states.keys() == {chunk.index for chunk in chosen.chunks}
    whole = finished(events)
    assert all(equal(whole[name], resumed[name]) for name in whole)
    assert all(same(whole[name].best or {}, resumed[name].best or {}) for name in whole)


def test_a_state_holds_plain_tensors() -> None:
    members = sweep()
    events = run(plan(members, TASKS), members, TASKS, checkpoint_every=1)

    state = next(event.state for event in events)

    assert isinstance(state, State)
    assert all(isinstance(t, Tensor) and not t.requires_grad for t in state.tensors.values())


def test_the_best_weights_are_those_of_the_best_watched_epoch() -> None:
    members = sweep((0.0,), epochs=6, watch_every=2)
    results = trained(members, keep_best=("loss", "dev"))

    for member in members:
        result = results[member.name]
        curve = result.curves["loss", "dev"]
        x, y = TASKS[member.task].watch["dev"]
        outputs = logits(member.build(generator(0)), [result.best or {}], x)[0]
        assert result.epochs == (2, 4, 6)
        assert nn.functional.cross_entropy(outputs, y).item() == pytest.approx(min(curve), abs=1e-6)


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


def test_masks_depend_on_seed_step_layer_and_index_alone() -> None:
    p_M = torch.tensor([0.25, 0.5, 0.9])
    keys_SM2 = mask_keys([3, 4, 5], 10, 4)

    mask = keep_mask(keys_SM2[1], 2, (50, 200), p_M)

    alone = keep_mask(mask_keys([5], 11, 1)[0], 2, (50, 200), p_M[2:])
    assert torch.equal(mask[2], alone[0])
    assert mask.float().mean((1, 2)).tolist() == pytest.approx([0.75, 0.5, 0.1], abs=0.02)
    half = [
        keep_mask(keys, layer, (50, 200), torch.tensor([0.5] * 3))
        for keys in keys_SM2
        for layer in (1, 2)
    ]
    draws = torch.stack(half).flatten(0, 1).flatten(1).float()
    correlations = torch.corrcoef(draws) - torch.eye(len(draws))
    assert correlations.abs().max() < 0.05


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler")
def test_compiled_steps_draw_the_same_masks_and_renew_the_same_statistics() -> None:
    members = [replace(m, build=normalised, epochs=2) for m in sweep((0.4,))[:3]]

    results = [
        finished(run(plan(members, TASKS, kind=kind, compiler=True), members, TASKS))
        for kind in ("stacked", "compiled")
    ]

    assert all(closeness(results[0][m.name], results[1][m.name]) < 1e-9 for m in members)


def normalised(g: torch.Generator) -> nn.Module:
    head, dropout, tail = mlp((6, 4), g), nn.Dropout(0.4), mlp((4, 3), g)
    return nn.Sequential(head, nn.BatchNorm1d(4), nn.ReLU(), dropout, tail).double()


def test_dropout_scales_what_it_keeps() -> None:
    """With p = 1/2 a unit is doubled or dropped, so that only the step differs from p = 0."""
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 1, bias=False))
    x = torch.ones(4000, 4)
    one = Member(
        "one",
        lambda g: _ones(net),
        Streams(1, 2, 3),
        Optimizer("sgd", 1.0),
        "ones",
        1,
    )
    tasks = {"ones": Task(x, torch.zeros(4000), loss=_output)}

    weights = finished(run(plan([one], tasks), [one], tasks))["one"].weights["1.weight"]

    assert weights == pytest.approx(torch.zeros(1, 4), abs=0.06)


def _ones(net: nn.Sequential) -> nn.Sequential:
    nn.init.ones_(net[1].weight)
    return net


def _output(output: Tensor, _: Tensor) -> Tensor:
    return output.flatten(1).mean(1)


def test_a_plan_does_not_depend_on_workers_and_keeps_pairs_together() -> None:
    members = sweep()

    one, two = plan(members, TASKS, workers=1), plan(members, TASKS, workers=2)

    assert one.chunks == two.chunks
    assert sorted(i for chunk in one.chunks for i in chunk.members) == list(range(len(members)))


def test_a_plan_cuts_large_groups_into_equal_chunks() -> None:
    members = [
        Member(str(i), partial(mlp, (6, 1, 3)), Streams(i, 0, 0), OPTIMIZERS[0], "one", 1)
        for i in range(2 * CHUNK_MODELS + 1)
    ]

    chosen = plan(members, TASKS)

    sizes = [len(chunk.members) for chunk in chosen.chunks]
    assert max(sizes) <= CHUNK_MODELS
    assert max(sizes) - min(sizes) <= 1
    assert f"{len(members)} models" in chosen.describe()


def test_different_nets_budgets_and_batches_are_different_groups() -> None:
    base = sweep((0.0,))[0]
    members = [
        base,
        replace(base, name="wide", build=partial(mlp, (6, 8, 5, 3), dropout=0.0)),
        replace(base, name="long", epochs=9),
        replace(base, name="full", batch_size=None),
        replace(base, name="tanh", build=partial(mlp, (6, 7, 5, 3), "tanh", dropout=0.0)),
    ]

    assert len(plan(members[:-1], TASKS).groups) == 4


def convolutional(g: torch.Generator) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(99, (), generator=g)))
        return nn.Sequential(
            nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3)
        )


def kinds(members: Sequence[Member], **settings: object) -> set[str]:
    return {chunk.kind for chunk in plan(members, TASKS, **settings).chunks}


def test_the_choice_of_plan_follows_shapes_counts_device_and_compiler() -> None:
    short, long = sweep((0.0,)), sweep((0.0,), epochs=10**6)
    conv = [replace(m, build=convolutional) for m in short]

    assert kinds(short, compiler=True) == {"stacked"}
    assert kinds(long, compiler=True) == {"compiled"}
    assert kinds(long, compiler=False) == {"stacked"}
    assert kinds(conv) == {"sequential"}
    assert kinds(conv, device="cuda") == {"stacked"}
    assert kinds(short, kind="sequential") == {"sequential"}
    assert kinds(short, kind="compiled", compiler=False) == {"stacked"}


def test_expected_seconds_grow_with_the_work_and_fall_with_workers() -> None:
    short, long = sweep((0.0,)), sweep((0.0,), epochs=8)

    assert plan(long, TASKS).seconds == pytest.approx(2 * plan(short, TASKS).seconds)
    assert plan(long, TASKS, workers=2).seconds == pytest.approx(plan(short, TASKS).seconds)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "adam/0.0/1"}, "two members are called 'adam/0.0/1'"),
        ({"task": "three"}, "there is no task 'three'"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(change: dict[str, str], message: str) -> None:
    members = sweep()
    members[0] = replace(members[0], **change)

    with pytest.raises(SweepError, match=message):
        plan(members, TASKS)


def test_optimizers_refuse_numbers_that_they_do_not_take() -> None:
    with pytest.raises(SweepError, match="takes no momentum"):
        Optimizer("adam", 0.1, momentum=0.9)
    with pytest.raises(SweepError, match="use sgd"):
        Optimizer("lion", 0.1)


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
