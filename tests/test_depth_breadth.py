"""Depth and breadth: counts, nets of equal size, steps to a level, shares of a statistic."""

import numpy as np
import pytest
import torch

from stages import _params, _stats
from stages._inputs import Split
from stages._training import Trainer
from stages.experiments.depth_breadth import evaluate, report
from stages.experiments.depth_breadth import train as nets
from stages.models.mlp import mlp

BLOCK = _params.load().experiments["depth_breadth"]
META = {"scaling": {"kind": "divide", "by": 1.0}}


@pytest.mark.parametrize(
    ("sizes", "parameters"),
    [([2, 4, 3], 27), ([2, 2, 2, 3], 21), (nets.grid_sizes(12, 4), 723)],
)
def test_nets_have_the_courses_numbers_of_parameters(sizes, parameters):
    built = sum(p.numel() for p in mlp(sizes, torch.Generator()).parameters())

    assert nets.count(sizes) == built == parameters


def test_the_claim_on_counts_fails_when_a_count_is_wrong(monkeypatch):
    assert evaluate.parameter_counts(BLOCK.train.grid).measured.interval(0.95).effect == 0

    monkeypatch.setattr(evaluate, "COUNTED", [([2, 4, 3], 21)])
    assert evaluate.parameter_counts(BLOCK.train.grid).measured.interval(0.95).effect == 6


@pytest.mark.parametrize("ends", [nets.PLANE, nets.DIGITS])
def test_nets_of_different_depth_have_equally_many_parameters(ends):
    train = BLOCK.train
    setup = train.points_shapes if ends == nets.PLANE else train.digits_shapes
    sizes = [nets.equal_sizes(ends, depth, setup.parameters) for depth in setup.depths]
    numbers = [nets.count(found) for found in sizes]

    assert [len(found) - 2 for found in sizes] == setup.depths
    assert max(numbers) / min(numbers) < 1.02


def test_points_are_of_size_one_and_a_repeat_draws_the_same_again():
    for problem in nets.PROBLEMS:
        x_NF, y_N = nets.draw(BLOCK.train.points, problem, np.random.default_rng(3), 200)
        again_NF, _ = nets.draw(BLOCK.train.points, problem, np.random.default_rng(3), 200)

        assert torch.equal(x_NF, again_NF)
        assert y_N.bincount().tolist() == [200, 200]
        assert 0.3 < x_NF.std() < 1.5


def test_a_level_is_reached_at_its_first_step_and_never_counts_as_the_last():
    accuracy_SWLE = np.array([[[[0.2, 0.9, 0.8, 0.95], [0.2, 0.3, 0.4, 0.5]]]])

    steps_SWL = evaluate.steps_to(np.array([10, 20, 30, 40]), accuracy_SWLE, 0.9)

    assert steps_SWL.tolist() == [[[20, 40]]]


def test_correlation_is_numpys_and_zero_for_a_constant():
    rng = np.random.default_rng(0)
    x_C, y_SC = rng.normal(size=12), rng.normal(size=(3, 12))
    y_SC[2] = 0.5

    found_S = evaluate.correlation(x_C, y_SC)

    assert found_S[:2] == pytest.approx([np.corrcoef(x_C, y_C)[0, 1] for y_C in y_SC[:2]])
    assert found_S[2] == 0


def test_what_one_predictor_explains_is_its_squared_correlation_and_two_explain_no_less():
    rng = np.random.default_rng(1)
    x_CK, y_SC = rng.normal(size=(15, 2)), rng.normal(size=(4, 15))

    one_S = evaluate.explained(x_CK[:, :1], y_SC)

    assert one_S == pytest.approx(evaluate.correlation(x_CK[:, 0], y_SC) ** 2)
    assert (evaluate.explained(x_CK, y_SC) >= one_S - 1e-12).all()
    assert evaluate.explained(x_CK, x_CK.sum(1)[None]) == pytest.approx(1)


def test_shares_of_a_mean_are_the_rows_and_shares_of_any_statistic_average_to_it():
    right_SCR = (np.random.default_rng(2).random((3, 5, 40)) < 0.7).astype(float)

    mean_SR = _stats.influence(lambda accuracy_SC: accuracy_SC.mean(1), right_SCR)
    spread_SR = _stats.influence(lambda accuracy_SC: accuracy_SC.std(1), right_SCR)

    assert mean_SR == pytest.approx(right_SCR.mean(1))
    assert spread_SR.mean(1) == pytest.approx(right_SCR.mean(-1).std(1))


def test_the_interval_of_a_statistic_is_as_wide_as_its_spread_over_test_sets():
    rng = np.random.default_rng(4)

    def draw() -> np.ndarray:
        easy_R = rng.random(60)
        return (rng.random((12, 4, 60)) < easy_R * np.array([0.4, 0.7, 0.9, 1.0])[:, None]) * 1.0

    def gap(accuracy_SC: np.ndarray) -> np.ndarray:
        return np.log(accuracy_SC[:, 3] / accuracy_SC[:, 0])

    found = [_stats.crossed_interval(_stats.influence(gap, draw())) for _ in range(100)]
    effects = np.array([interval.effect for interval in found])
    half = np.mean([interval.high - interval.effect for interval in found])

    assert half == pytest.approx(2 * effects.std(), rel=0.35)


def test_every_claim_has_its_sentence_and_every_sentence_its_claim():
    assert set(report.STATEMENTS) == set(BLOCK.evaluate.claims)


def test_an_arm_says_after_how_many_steps_it_was_kept(tmp_path):
    grid = {"widths": [2], "blocks": [1], "short_steps": 2, "long_steps": 4, "watch_every": 2}
    shapes = {"depths": [1], "rates": [0.1], "epochs": 1}
    settings = BLOCK.train.model_copy(
        update={
            "repeats": 1,
            "grid": BLOCK.train.grid.model_copy(update=grid),
            "points_shapes": BLOCK.train.points_shapes.model_copy(update=shapes),
            "digits_shapes": BLOCK.train.digits_shapes.model_copy(update=shapes),
        }
    )
    rng = np.random.default_rng(0)
    inputs = {
        role: {
            name: Split(rng.normal(size=(9, features)).astype(np.float32), np.arange(9) % 3, META)
            for name in ("train", "dev")
        }
        for role, features in (("flowers", 4), ("digits", 784))
    }
    fit = Trainer("test", 1, tmp_path)

    trained = nets.train(settings, inputs, 1, fit)

    assert set(fit.arms) == set(trained.arms())
    assert {name: about["epochs"] for name, about in fit.arms.items() if "iris" in name} == {
        "iris, width 2, blocks 1, 4 steps": 4,
        "iris, width 2, blocks 1, 4 steps (epoch 2)": 2,
    }


def test_the_courses_steps_must_be_watched():
    grid = BLOCK.train.grid.model_dump()

    with pytest.raises(ValueError, match="multiple of watch_every"):
        type(BLOCK.train.grid).model_validate({**grid, "short_steps": 30, "watch_every": 20})
