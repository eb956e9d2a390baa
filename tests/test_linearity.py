"""Linear and non-linear nets: pairs, limits, and the one layer that a linear stack is."""

import numpy as np
import pandas as pd
import pytest
import torch

from stages._params import Block
from stages._training import Trainer, hits
from stages.experiments.linearity import evaluate as scoring
from stages.experiments.linearity import train as training
from stages.experiments.linearity.params import Clusters, Rings, Train
from stages.models.mlp import mlp
from stages.samplers import qwerties

CENTRES = [[1.0, 3.0], [1.0, -2.0]]
SMALL = Train(
    repeats=2,
    clusters=Clusters(
        centres=CENTRES, per_class=100, hidden=[16, 1], first_rate=0.05, last_rate=0.1, rates=3,
        epochs=200, watch_every=200,
    ),
    rings=Rings(per_class=200, hidden=[16, 16], rate=0.01, epochs=300, watch_every=300),
)  # fmt: skip
ROWS = 20_000


class Cut(Block):
    """The part of the settings that decides which net learns."""

    success: float = 0.75


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("PROGRESS", "off"), ("DEVICE", "cpu"), ("WORKERS", "1")):
            patch.setenv(f"LECTURES_{name}", value)
        fit = Trainer("test", 1, tmp_path_factory.mktemp("scratch"))
        return training.train(SMALL, {}, 1, fit)


def test_no_net_exceeds_the_bayes_limit_of_the_clusters(fitted):
    fresh = training.cluster_rows(SMALL.clusters, 1, 99, ROWS // 2)
    best = 0.0
    for net, activation in training.NETS.items():
        module = mlp((2, 16, 1, 1), torch.Generator(), activation)
        for rate in training.rates(SMALL.clusters):
            right_SR = hits(module, fitted.states(training.arm_name(net, rate)), *fresh)
            best = max(best, right_SR.mean(1).max())
    limit = qwerties.bayes_accuracy(CENTRES)
    margin = 3 * np.sqrt(limit * (1 - limit) / ROWS)

    assert 0.98 < best < limit + margin
    assert scoring.by_distance(CENTRES, fresh) == pytest.approx(limit, abs=margin)


def test_a_linear_net_is_at_chance_on_rings_and_the_same_net_with_relus_is_not(fitted):
    fresh = training.ring_rows(SMALL.rings, 1, 99, ROWS // 2)
    accuracy = {
        net: hits(
            mlp((2, 16, 16, 1), torch.Generator(), activation),
            fitted.states(training.ring_name(net)),
            *fresh,
        ).mean()
        for net, activation in training.NETS.items()
    }

    assert accuracy["linear"] == pytest.approx(0.5, abs=0.08)
    assert accuracy["relu"] > 0.75


def test_both_kinds_of_net_have_the_same_start_and_every_rate_has_its_own():
    runs = list(training.cluster_runs(SMALL, 1))
    pairs = list(zip(runs[::2], runs[1::2], strict=True))

    assert all(a.repeat == b.repeat and a.task is b.task for a, b in pairs)
    assert all(a.optimizer == b.optimizer for a, b in pairs)
    assert [a.repeat for a, _ in pairs] == [0, 1, 2, 3, 4, 5]
    assert len({id(run.task) for run in runs}) == SMALL.repeats
    relu, linear = (run.build(torch.Generator().manual_seed(0)) for run in pairs[0])
    assert torch.equal(relu[1].weight, linear[1].weight)


def test_trained_linear_nets_are_one_layer_and_nets_with_relus_are_not(fitted):
    x_RF = torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    linear = fitted.states(training.ring_name("linear"))

    assert scoring.difference(linear, [16, 16], x_RF).max() < 1e-9
    module = mlp((2, 16, 16, 1), torch.Generator().manual_seed(0)).double()
    stacked = {name: value[None] for name, value in module.state_dict().items()}
    weight_S1F, bias_S1 = scoring.one_layer(stacked)
    with torch.no_grad():
        assert (module(x_RF)[:, 0] - weight_S1F[0, 0] @ x_RF.T - bias_S1[0]).abs().max() > 1e-3


def test_only_rates_where_both_nets_learn_compare_accuracies():
    tested = {
        "relu": np.array([[0.98, 0.50, 0.50], [0.99, 0.97, 0.50]]),
        "linear": np.array([[0.99, 0.99, 0.99], [0.99, 0.99, 0.99]]),
    }

    effects = scoring._removal(Cut(), [0.1, 0.2], tested)
    accuracy = effects["removing_relu_raises_accuracy"].measured
    rate = effects["removing_relu_raises_success_rate"].measured

    assert accuracy is not None
    assert rate is not None
    assert (accuracy.ran, accuracy.used) == (3, 2)
    assert accuracy.interval(0.95).effect == pytest.approx((0.005 + 0.02) / 2)
    assert rate.interval(0.95).effect == pytest.approx((0 + 0.5 + 1) / 3)


def test_the_limit_is_compared_with_each_repeat_s_luckiest_net():
    tested = {"relu": np.array([[0.9, 0.5], [0.8, 0.6]]), "linear": np.array([[0.7, 0.4]] * 2)}

    measured = scoring._limit(tested, 0.95, 0.994).measured

    assert measured is not None
    assert measured.interval(0.95).effect == pytest.approx((0.05 + 0.35) / 2)


def test_fewer_than_ten_nets_that_learned_have_no_mean_of_their_own():
    first = [0.9] * 9 + [0.5]
    tested = {"relu": np.array([first, [0.9] * 10])}

    train = SMALL.model_copy(update={"clusters": SMALL.clusters.model_copy(update={"rates": 2})})
    table = pd.concat(scoring._tables(Cut(), train, tested))

    assert table[table["metric"] == "accuracy if learned"]["arm"].nunique() == 1
    assert table[table["metric"] == "has learned"]["value"].sum() == 19
