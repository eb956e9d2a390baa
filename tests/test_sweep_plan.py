"""How the engine draws masks, cuts a sweep up and refuses what makes no sense."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from stages.models.mlp import mlp
from stages.sweep import Member, Optimizer, Streams, SweepError, Task, plan, run
from stages.sweep._cost import CHUNK_MODELS
from stages.sweep._draws import keep_mask, mask_keys
from tests.small_sweeps import OPTIMIZERS, TASKS, closeness, finished, sweep
from tests.small_sweeps import one_thread as one_thread


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
