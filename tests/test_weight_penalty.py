"""Facts of the experiment on weight penalties and its own functions, on nets of a few units."""

import numpy as np
import pytest
import torch

from stages import _params
from stages.experiments.weight_penalty import evaluate, train
from stages.experiments.weight_penalty.params import Step, Train
from stages.models.mlp import mlp
from stages.sweep import Optimizer

SEED = 7


@pytest.fixture(scope="module")
def settings() -> Train:
    block: Train = _params.load().experiments["weight_penalty"].train
    return block


def iris() -> train.Rows:
    generator = torch.Generator().manual_seed(SEED)
    return torch.randn(12, 4, generator=generator), torch.arange(12) % 3


def test_the_nets_have_the_sizes_of_the_course(settings: Train):
    nets = {
        4675: train.flower_sizes(settings.flowers),
        123: train.cluster_sizes(settings.clusters),
    }
    for count, sizes in nets.items():
        net = mlp(sizes, torch.Generator())
        assert sum(p.numel() for p in net.parameters()) == count


def test_the_weakest_l1_is_what_the_notebook_left_of_its_largest(settings: Train):
    weights = 4 * 64 + 64 * 64 + 64 * 3

    assert min(settings.flowers.l1) == pytest.approx(0.005 / weights, rel=0.01)


def test_a_penalty_acts_on_weights_alone_and_all_else_is_equal(settings: Train):
    rules = train.penalties(settings.flowers)

    assert len(rules) == 1 + len(settings.flowers.l2) + len(settings.flowers.l1)
    assert rules["l2", 0.1] == Optimizer(
        "sgd", settings.flowers.rate, weight_decay=0.1, penalise="weights"
    )
    assert rules["l1", 0.01] == Optimizer("sgd", settings.flowers.rate, l1=0.01, penalise="weights")
    assert (rules["none", 0.0].weight_decay, rules["none", 0.0].l1) == (0.0, 0.0)


def test_adam_and_adamw_share_the_arm_without_decay(settings: Train):
    rates, decays = len(settings.clusters.rates), len(settings.clusters.decays)
    rules = train.decays(settings.clusters)

    assert len(rules) == rates * (1 + 2 * decays)
    assert train.decay_name("adam", 0.01, 0.0) == train.decay_name("adamw", 0.01, 0.0)


def test_the_arms_of_a_repeat_share_their_rows_and_repeats_do_not(settings: Train):
    few = settings.model_copy(update={"repeats": 2})
    runs = [r for r in train.flower_runs(few, iris(), SEED) if r.arm.startswith("generated")]
    tasks = {run.repeat: run.task for run in runs}

    assert all(run.task is tasks[run.repeat] for run in runs)
    assert not torch.equal(tasks[0].x, tasks[1].x)
    assert len(tasks[0].x) == settings.flowers.rows
    assert len(tasks[0].watch["dev"][0]) == settings.flowers.dev_rows


def test_clusters_are_as_large_as_each_other(settings: Train):
    _, y_N = train.cluster_rows(settings.clusters, SEED, 0, settings.clusters.rows)

    assert np.bincount(y_N.numpy()).tolist() == [270, 270, 270]


def test_length_and_share_near_zero_leave_out_the_biases():
    states = {
        "1.weight": np.array([[[3.0, 0.0]], [[0.0, 1e-4]]]),
        "1.bias": np.array([[100.0], [100.0]]),
        "3.weight": np.array([[[4.0]], [[2.0]]]),
    }
    weights_SP = train.weights_of(states)

    np.testing.assert_allclose(evaluate.length(weights_SP), [5.0, 2.0], rtol=1e-6)
    np.testing.assert_allclose(evaluate.near_zero(weights_SP, 1e-3), [1 / 3, 2 / 3])


def test_the_histogram_counts_every_weight_inside_its_bins():
    share_B = evaluate.histogram(np.array([[0.0, 0.01], [-0.3, 9.0]]))

    assert share_B.sum() == pytest.approx(0.75)


def test_adamw_takes_rate_times_decay_off_a_weight_and_adam_does_not():
    step = Step(nets=1, rate=0.01, decay=0.5, gradients=[1.0])
    weight = torch.tensor([2.0, -1.0], dtype=torch.float64)
    gradient = torch.tensor([1000.0, -0.001], dtype=torch.float64)
    adamw, adam = (
        evaluate.taken(evaluate.RULES[name], weight, gradient, step) for name in ("adamw", "adam")
    )

    torch.testing.assert_close(adamw, 0.005 * weight)
    assert not torch.allclose(adam, 0.005 * weight, rtol=0.1)


def test_the_check_of_a_step_needs_adam_to_differ(monkeypatch: pytest.MonkeyPatch):
    step = Step(nets=2, rate=0.01, decay=0.5, gradients=[0.001, 1.0])
    holds = evaluate.single_step(step, SEED).measured
    monkeypatch.setitem(evaluate.RULES, "adam", torch.optim.AdamW)
    fails = evaluate.single_step(step, SEED).measured

    assert holds is not None and fails is not None
    assert holds.interval(0.95).effect < 1e-9
    assert fails.interval(0.95).effect == 1


def test_the_expected_time_grows_with_the_repeats(settings: Train):
    more = settings.model_copy(update={"repeats": 2 * settings.repeats})

    assert train.expected_seconds(more, {}) == 2 * train.expected_seconds(settings, {})
