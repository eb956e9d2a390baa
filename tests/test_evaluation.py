"""What evaluation sums up: arms, curves, test numbers."""

import numpy as np
import pandas as pd
import pytest

from stages import _evaluation, _stats
from stages._evaluation import Evaluated
from stages._trained import CURVES, TRIALS, Trained, join, load, numbers, save


def test_an_arm_with_rows_has_an_interval_over_seeds_and_rows():
    right_SR = np.random.default_rng(0).integers(0, 2, (10, 50)).astype(float)
    evaluated = Evaluated({}, {}, rows={("net", "accuracy"): right_SR})
    trials = _evaluation.test_trials(evaluated)
    (row,) = _evaluation.arms(trials, evaluated.rows).to_dict("records")

    expected = _stats.crossed_interval(right_SR, 0.95)
    assert (row["mean"], row["low"], row["high"], row["n"], row["rows"]) == (
        pytest.approx(expected.effect), expected.low, expected.high, 10, 50,
    )  # fmt: skip


def test_an_arm_without_rows_has_a_t_interval_over_its_finite_repeats():
    trials = numbers("net", "loss", "dev", np.array([1.0, 2.0, 3.0, np.nan]))
    (row,) = _evaluation.arms(trials, {}).to_dict("records")

    expected = _stats.mean_interval([1.0, 2.0, 3.0], 0.95)
    assert (row["mean"], row["low"], row["high"], row["n"]) == (2.0, expected.low, expected.high, 3)
    assert row["rows"] == 0


def test_the_limits_of_a_share_stay_within_0_and_1():
    right_SR = np.ones((3, 4))
    right_SR[0, 0] = 0
    (row,) = _evaluation.arms(
        numbers("net", "accuracy", "test", right_SR.mean(1)), {("net", "accuracy"): right_SR}
    ).to_dict("records")

    assert row["high"] == 1.0


def test_the_limits_of_a_difference_of_shares_are_not_cut_at_0():
    lost_S = np.array([-0.03, -0.02, -0.04])
    trials = numbers("net", "train minus test accuracy", "test", lost_S)
    (row,) = _evaluation.arms(trials, {}).to_dict("records")

    assert row["low"] < row["mean"] < row["high"] < 0


@pytest.mark.parametrize("successes", [0, 7, 30])
def test_the_limits_of_yes_or_no_outcomes_are_exact(successes):
    outcome_S = np.arange(30) < successes
    trials = numbers("net", "has learned", "test", outcome_S.astype(float))
    (row,) = _evaluation.arms(trials, {}).to_dict("records")

    expected = _stats.proportion_interval(successes, 30, 0.95)
    assert (row["low"], row["high"]) == (expected.low, expected.high)


def test_a_perfect_accuracy_in_every_repeat_is_no_yes_or_no_outcome():
    (row,) = _evaluation.arms(numbers("net", "accuracy", "train", np.ones(3)), {}).to_dict(
        "records"
    )

    assert (row["low"], row["high"]) == (1.0, 1.0)


def test_a_number_that_is_1_by_definition_in_one_arm_is_no_yes_or_no_outcome():
    base = numbers("base", "relative length", "train", np.ones(3))
    other = numbers("other", "relative length", "train", np.array([0.7, 0.8, 0.9]))
    rows = _evaluation.arms(pd.concat([base, other]), {}).set_index("arm")

    assert (rows.loc["base", "low"], rows.loc["base", "high"]) == (1.0, 1.0)


def test_the_limits_of_an_accuracy_over_repeats_alone_stay_there_too():
    values = [1.0, 1.0, 1.0, 0.9]
    trials = pd.DataFrame({"arm": "a", "seed": range(4), "metric": "accuracy", "split": "dev",
                           "value": values})  # fmt: skip

    assert _evaluation.arms(trials, {})["high"].tolist() == [1.0]
    assert _evaluation.arms(trials.assign(metric="loss"), {})["high"].item() > 1


def test_a_single_repeat_has_no_interval():
    (row,) = _evaluation.arms(numbers("net", "loss", "dev", np.array([1.0])), {}).to_dict("records")

    assert np.isnan([row["sd"], row["low"], row["high"]]).all()


def test_a_curve_has_a_t_interval_at_each_epoch():
    table = pd.DataFrame(
        [("net", seed, epoch, 10 * epoch, "loss", "dev", float(seed + epoch))
         for seed in range(3) for epoch in (1, 2)], columns=CURVES,
    )  # fmt: skip
    curve = _evaluation.curves(table)

    expected = _stats.mean_interval([2.0, 3.0, 4.0], 0.95)
    last = curve.iloc[1]
    assert (last["step"], last["n"], last["mean"]) == (20, 3, 3.0)
    assert (last["low"], last["high"]) == (
        pytest.approx(expected.low), pytest.approx(expected.high),
    )  # fmt: skip


def test_an_experiment_without_curves_has_their_header_only():
    assert list(_evaluation.curves(Trained().curves).columns) == [
        "arm", "metric", "split", "epoch", "step", "mean", "low", "high", "n",
    ]  # fmt: skip


def test_a_headline_of_six_numbers_is_refused():
    with pytest.raises(ValueError, match="at most five"):
        Evaluated({}, dict.fromkeys("abcdef", 1.0))


def test_what_training_leaves_comes_back_with_rows_sorted(tmp_path):
    one = Trained(numbers("b", "loss", "dev", np.array([2.0, 1.0])), weights={"b/w": np.ones(2)})
    two = Trained(numbers("a", "loss", "dev", np.array([3.0])), weights={"a/w": np.zeros((1, 3))})
    save(tmp_path, join(one, two), {"settings": {"seed": 1}})
    back, about = load(tmp_path)

    assert about == {"settings": {"seed": 1}}
    assert back.trials[TRIALS].to_numpy().tolist() == [
        ["a", 0, "loss", "dev", 3.0], ["b", 0, "loss", "dev", 2.0], ["b", 1, "loss", "dev", 1.0],
    ]  # fmt: skip
    assert back.arms() == ["a", "b"]
    assert back.values("loss", "dev")["b"].tolist() == [2.0, 1.0]
    assert back.states("a")["w"].shape == (1, 3)
