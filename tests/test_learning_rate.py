"""Rates, restarts and simple methods: what is compared, and the limit that nothing exceeds."""

import numpy as np
import pytest
import torch

from stages._training import Trainer, hits
from stages.experiments.learning_rate import evaluate as scoring
from stages.experiments.learning_rate import train as training
from stages.experiments.learning_rate.params import (
    Evaluate,
    Grid,
    Points,
    Restarts,
    Train,
    TwoLosses,
    Widths,
)
from stages.models.mlp import mlp
from stages.samplers import qwerties

CENTRES = [[1.0, 1.0], [5.0, 1.0]]
GRID = Grid(first=0.01, last=1.0, count=3)
SMALL = Train(
    repeats=3, points=Points(centres=CENTRES, per_class=100, dev_per_class=50), epochs=100,
    watch_every=50, log_rates=GRID, linear_rates=GRID, widths=Widths(units=[1, 4], rates=[0.1]),
    restarts=Restarts(rate=0.5, count=4),
)  # fmt: skip
ROWS = 20_000
LIMIT = qwerties.bayes_accuracy(CENTRES) + 3 * np.sqrt(0.977 * 0.023 / ROWS)
CHECK = TwoLosses(nets=2, steps=20, rate=0.1)
SETTINGS = Evaluate(
    fresh_rows=ROWS, success=0.74, off_by=0.1, neighbours=15, two_losses=CHECK, claims={}
)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("PROGRESS", "off"), ("DEVICE", "cpu"), ("WORKERS", "1")):
            patch.setenv(f"LECTURES_{name}", value)
        fit = Trainer("test", 1, tmp_path_factory.mktemp("scratch"))
        return training.train(SMALL, {}, 1, fit)


@pytest.fixture(scope="module")
def fresh():
    return qwerties.draw(np.random.default_rng(5), CENTRES, ROWS // 2)


def test_no_net_and_no_simple_method_exceeds_the_bayes_limit(fitted, fresh):
    nets = [scoring._hits(fitted, arm, units, fresh) for arm, units, _ in training.arms(SMALL)]
    simple = scoring.methods_hits(SETTINGS, SMALL, 1, fresh)

    best = max(right_SR.mean(1).max() for right_SR in [*nets, *simple.values()])
    assert 0.97 < best < LIMIT
    assert all(right_SR.mean() > 0.96 for right_SR in simple.values())


def test_the_dev_accuracies_of_restarts_are_those_of_their_weights(fitted):
    K, S = SMALL.restarts.count, SMALL.repeats
    dev_KS = fitted.weights[training.DEV_OF_RESTARTS].reshape(K, S)
    states = fitted.states(training.RESTARTS)

    for repeat in range(S):
        _, dev = training.rows_of(SMALL.points, 1, repeat)
        right_MR = hits(mlp((2, 1, 1), torch.Generator()), states, *dev)
        assert right_MR.mean(1).reshape(K, S)[:, repeat] == pytest.approx(dev_KS[:, repeat])
    assert len(np.unique(dev_KS)) > 1


def test_restarts_are_no_arm_of_the_tables(fitted):
    assert training.RESTARTS not in set(fitted.trials["arm"]) | set(fitted.curves["arm"])
    assert fitted.states(training.RESTARTS)["1.bias"].shape == (12, 1)


def test_runs_of_a_repeat_share_rows_and_restarts_differ_in_their_start():
    runs = list(training.runs(SMALL, 1))
    of_first = [run for run in runs if run.task is runs[0].task]

    assert len(of_first) == len(runs) / SMALL.repeats
    starts = [run.repeat for run in of_first if run.arm == training.RESTARTS]
    assert starts == [0, 3, 6, 9]
    assert {run.repeat for run in of_first if run.arm != training.RESTARTS} == {0}


def test_a_run_is_compared_with_the_mean_of_the_others():
    off_LS = scoring.off_by(np.array([[0.5, 0.5, 0.95], [0.9, 0.9, 0.9]]))

    assert off_LS[0] == pytest.approx([0.225, 0.225, 0.45])
    assert off_LS[1] == pytest.approx([0, 0, 0])


def test_the_best_rule_is_the_nearest_centre(fresh):
    assert scoring.nearest_centre(CENTRES, fresh) == pytest.approx(0.97725, abs=0.003)
    assert scoring.nearest_centre(CENTRES[::-1], fresh) < 0.03


def test_fewer_than_ten_nets_that_learned_have_no_mean_of_their_own():
    learned, stuck = [1, 1, 1, 1], [1, 0, 1, 0]
    right = {"few": np.array([learned] * 9 + [stuck]), "enough": np.array([learned] * 10 + [stuck])}

    found = scoring._outcomes(SETTINGS, right)

    assert set(found.rows) == {("enough", scoring.OF_LEARNED)}
    assert found.rows["enough", scoring.OF_LEARNED].shape == (10, 4)
    assert found.trials["value"].sum() == 19


def test_a_trend_is_the_gain_per_doubling():
    success_WS = np.array([[0.2, 1.0], [0.5, 1.0], [0.8, 1.0]])

    assert scoring.trend(np.log2([1, 2, 4]), success_WS) == pytest.approx([0.3, 0.0])


def test_the_best_start_is_chosen_on_dev_alone():
    dev_KS, test_KS = np.array([[0.9, 0.7], [0.8, 0.9]]), np.array([[0.6, 0.9], [0.95, 0.8]])

    dev_S, test_S = scoring.best_of(dev_KS, test_KS)

    assert dev_S.tolist() == [0.9, 0.9]
    assert test_S.tolist() == [0.6, 0.8]


def test_clusters_are_named_by_their_majority_whatever_their_numbers():
    x_NF, y_N = qwerties.draw(np.random.default_rng(0), CENTRES, 50)

    for own in ((x_NF, y_N), (x_NF[::-1], 1 - y_N[::-1])):
        for state in range(3):
            assert (scoring._clusters(own, state)(own[0]) == own[1]).mean() > 0.9


def test_both_ways_to_write_the_loss_take_the_same_path():
    measured = scoring.two_losses(CHECK, SMALL, 1).measured

    assert measured is not None
    assert measured.interval(0.95).effect < 1e-9
    losses, path = scoring._path(CHECK, "logits", training.rows_of(SMALL.points, 1, 0)[0], 1, 0)
    assert losses[-1] < losses[0]
    assert path.norm() > 0
