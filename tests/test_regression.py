"""Regression with one unit: what its scores mean, and that the linear net finds least squares."""

import numpy as np
import pytest
import torch

from stages._params import Block
from stages._training import Trainer
from stages.experiments.regression import evaluate as scoring
from stages.experiments.regression.evaluate import Scores, correlation, least_squares, predict
from stages.experiments.regression.params import Slopes, Train
from stages.experiments.regression.train import arm_name, points, runs, slopes
from stages.models.mlp import mlp

SMALL = Train(
    repeats=3, slopes=Slopes(first=-2.0, last=2.0, count=3), rows=50, noise=0.5, rate=0.05,
    epochs=600, watch_every=600,
)  # fmt: skip


class Cuts(Block):
    """The part of the settings that decides what fails."""

    fails_from: float = 1.0
    fails_below: float = 0.5


def net_states(activation: str = "relu") -> tuple[torch.nn.Sequential, dict[str, np.ndarray]]:
    net = mlp((1, 1, 1), torch.Generator().manual_seed(3), activation)
    return net, {name: value.numpy()[None] for name, value in net.state_dict().items()}


def states(weight: float, bias: float, outer: float, offset: float) -> dict[str, np.ndarray]:
    values = {"1.weight": weight, "1.bias": bias, "3.weight": outer, "3.bias": offset}
    shapes = {"weight": (1, 1, 1), "bias": (1, 1)}
    return {k: np.full(shapes[k[2:]], v, np.float32) for k, v in values.items()}


def scores(explained: np.ndarray, dead: np.ndarray) -> Scores:
    return Scores(explained, explained, explained, np.ones_like(explained), dead)


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    monkeypatch.setenv("LECTURES_PROGRESS", "off")
    monkeypatch.setenv("LECTURES_DEVICE", "cpu")
    monkeypatch.setenv("LECTURES_WORKERS", "1")
    return Trainer("test", 1, tmp_path)(runs(SMALL, 1))


def test_the_linear_net_finds_the_line_of_least_squares(fitted):
    for slope in slopes(SMALL.slopes):
        data = [points(SMALL, 1, repeat, slope) for repeat in range(SMALL.repeats)]
        x_SN, y_SN = np.stack([x[:, 0] for x, _ in data]), np.stack([y for _, y in data])
        slope_S1, offset_S1 = least_squares(x_SN, y_SN)
        found_SN = predict(fitted.states(arm_name("linear", slope)), "linear", x_SN)

        assert found_SN == pytest.approx(slope_S1 * x_SN + offset_S1, abs=0.02)


def test_nets_of_a_repeat_start_alike_and_differ_only_by_slope_and_activation():
    first, second, *_ = runs(SMALL, 1)
    flat, steep = points(SMALL, 1, 0, 0.0), points(SMALL, 1, 0, 2.0)

    assert first.task is second.task
    assert first.repeat == second.repeat
    assert np.array_equal(flat[0], steep[0])
    assert steep[1] - flat[1] == pytest.approx(2 * flat[0][:, 0], abs=1e-5)


@pytest.mark.parametrize(("net", "activation"), [("relu", "relu"), ("linear", "identity")])
def test_a_prediction_is_what_the_module_says(net, activation):
    module, own = net_states(activation)
    x_SN = np.linspace(-3, 3, 20, dtype=np.float32)[None]
    with torch.no_grad():
        expected = module(torch.from_numpy(x_SN.T))[:, 0].numpy()

    assert predict(own, net, x_SN)[0] == pytest.approx(expected, abs=1e-6)
    assert np.ptp(expected) > 0


def test_least_squares_is_that_of_numpy():
    rng = np.random.default_rng(0)
    x_N = rng.standard_normal(40)
    y_N = 1.5 * x_N - 1 + rng.standard_normal(40)

    found = [float(part[0, 0]) for part in least_squares(x_N[None], y_N[None])]

    assert found == pytest.approx(np.polyfit(x_N, y_N, 1))


def test_a_unit_that_is_off_at_every_row_is_dead_and_one_that_is_on_somewhere_is_not(monkeypatch):
    rows = (np.array([[-1.0, 0.0, 1.0]]), np.array([[-1.0, 0.0, 1.0]]),
            np.linspace(-3, 3, 50), np.linspace(-3, 3, 50))  # fmt: skip

    class Stored:
        """Weights of one arm."""

        def __init__(self, bias: float) -> None:
            self.bias = bias

        def states(self, arm: str) -> dict[str, np.ndarray]:
            return states(1.0, self.bias, 1.0, 0.0)

    off, on = (scoring._score(Stored(bias), "relu", 1.0, rows) for bias in (-1.5, -0.5))

    assert (off.dead[0], on.dead[0]) == (True, False)
    assert np.isnan(off.correlation[0])
    assert on.straight[0] < 0.99
    assert on.error[0] > 0


def test_correlation_of_a_constant_is_no_number():
    x_SN = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]])

    found = correlation(x_SN, np.array([[3.0, 2.0, 1.0]] * 2))

    assert found[0] == pytest.approx(-1)
    assert np.isnan(found[1])


def test_failures_are_counted_at_steep_slopes_only():
    grid = np.array([-2.0, 0.2, 2.0])
    explained = np.array([[0.9, 0.1], [0.0, 0.0], [0.9, 0.9]])
    relu = scores(explained, np.zeros_like(explained, dtype=bool))

    failed = scoring._failures(Cuts(), SMALL, relu, grid)

    assert failed[0].tolist() == [0, 1]
    assert np.isnan(failed[1]).all()
    assert failed[2].tolist() == [0, 0]


def test_the_share_of_failures_with_a_dead_unit_leaves_repeats_without_failures_out():
    failed = np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    dead = np.array([[True, False, True], [False, False, False]])

    measured = scoring._dead(scores(failed, dead), failed).measured

    assert measured is not None
    assert (measured.ran, measured.used) == (3, 2)
    assert measured.interval(0.95).effect == pytest.approx(0.75)


def test_an_arm_s_name_tells_its_slope():
    assert [arm_name("relu", s) for s in (-0.4, 0.0, 2.0)] == [
        "relu, slope -0.4",
        "relu, slope 0",
        "relu, slope +2",
    ]
