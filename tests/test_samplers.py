"""Samplers: the course's formulas, the same numbers for the same seed, and their known limits."""

from inspect import signature

import numpy as np
import pytest

from stages.samplers import (
    cubic,
    doughnuts,
    gaussian_classes,
    gaussian_images,
    lagged_parity,
    lines,
    qwerties,
    sines,
    spiral,
)

TWO = [[1, 1], [5, 1]]
DRAWS = {
    "qwerties": lambda rng: qwerties.draw(rng, TWO, 100),
    "three qwerties": lambda rng: qwerties.draw(rng, [*TWO, [4, 3]], 30),
    "gaussian classes": lambda rng: gaussian_classes.draw(rng, 200, [0.9, 0.1], 5, 3.0),
    "doughnuts": doughnuts.draw,
    "spiral": lambda rng: spiral.draw(rng, 50),
    "lines": lambda rng: lines.draw(rng, 50, 2.0, 0.5),
    "cubic": lambda rng: cubic.draw(rng, 50),
    "gaussian images": lambda rng: gaussian_images.draw(rng, 10, 28),
    "sines": lambda rng: sines.draw(rng, 5, 40),
    "lagged parity": lambda rng: lagged_parity.draw(rng, 5, 40, 3),
}


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", DRAWS)
def test_the_seed_decides_and_inputs_are_float32(name):
    (x, y), (again, _), (other, _) = (DRAWS[name](rng(seed)) for seed in (1, 1, 2))

    assert x.dtype == np.float32
    assert len(x) == len(y)
    assert np.array_equal(x, again)
    assert not np.array_equal(x, other)


def test_qwerties_lie_around_their_centres():
    x_NF, y_N = qwerties.draw(rng(), TWO, 20_000)

    for label, centre in enumerate(TWO):
        assert x_NF[y_N == label].mean(0) == pytest.approx(centre, abs=0.03)
        assert x_NF[y_N == label].std(0) == pytest.approx([1, 1], abs=0.03)


@pytest.mark.parametrize(("centres", "limit"), [(TWO, 0.977), ([[1, 3], [1, -2]], 0.994)])
def test_no_rule_beats_the_bayes_limit_of_qwerties(centres, limit):
    x_NF, y_N = qwerties.draw(rng(), centres, 50_000)
    distance_NC = ((x_NF[:, None] - np.array(centres)[None]) ** 2).sum(2)

    accuracy = (distance_NC.argmin(1) == y_N).mean()

    assert qwerties.bayes_accuracy(centres) == pytest.approx(limit, abs=5e-4)
    assert accuracy == pytest.approx(qwerties.bayes_accuracy(centres), abs=2e-3)


def test_doughnuts_have_the_course_s_radii_noise_and_angles():
    assert [p.default for p in signature(doughnuts.draw).parameters.values()][1:] == [
        200,
        (10.0, 15.0),
        ((3.0, 1.0), (1.0, 3.0)),
    ]
    exact, y_N = doughnuts.draw(rng(), 200, noise=((0, 0), (0, 0)))

    radius_N = np.hypot(*exact.T)
    assert radius_N == pytest.approx(np.where(y_N == 0, 10, 15), rel=1e-6)
    assert exact[[0, 199]] == pytest.approx(np.array([[10, 0], [10, 0]]), abs=1e-4)


def test_doughnuts_noise_is_wide_along_the_right_axis():
    noisy, y_N = doughnuts.draw(rng(), 5000)
    exact, _ = doughnuts.draw(rng(), 5000, noise=((0, 0), (0, 0)))

    assert (noisy - exact)[y_N == 0].std(0) == pytest.approx([3, 1], rel=0.05)
    assert (noisy - exact)[y_N == 1].std(0) == pytest.approx([1, 3], rel=0.05)


def test_gaussian_classes_have_the_shares_and_the_distance():
    x_NF, y_N = gaussian_classes.draw(rng(), 100_000, [0.98, 0.02], 4, 3.0)

    assert np.bincount(y_N).tolist() == [98_000, 2_000]
    gap = x_NF[y_N == 0].mean(0) - x_NF[y_N == 1].mean(0)
    assert np.linalg.norm(gap) == pytest.approx(3.0, abs=0.1)


def test_gaussian_classes_refuse_shares_that_do_not_add_up():
    with pytest.raises(ValueError, match="add up"):
        gaussian_classes.draw(rng(), 100, [0.5, 0.4], 4, 3.0)


def test_spiral_arms_are_rotations_of_each_other():
    x_NF, y_N = spiral.draw(rng(), 2000, classes=2, noise=0.0)

    assert np.hypot(*x_NF.T).max() <= 1 + 1e-6
    assert np.bincount(y_N).tolist() == [2000, 2000]
    turned = -x_NF[y_N == 1]
    nearest = ((turned[:200, None] - x_NF[y_N == 0][None]) ** 2).sum(2).min(1)
    assert nearest.max() < 1e-3


def test_lines_and_cubics_have_their_truth_and_noise():
    x_NF, y_N = lines.draw(rng(), 50_000, slope=2.0, noise=0.5)
    assert np.std(y_N - 2 * x_NF[:, 0]) == pytest.approx(0.5, rel=0.02)

    x_NF, y_N = cubic.draw(rng(), 50_000, coefficients=(1, 0, 0, 2), noise=0.1)
    residual = y_N - cubic.truth(x_NF[:, 0], (1, 0, 0, 2))
    assert np.std(residual) == pytest.approx(0.1, rel=0.02)
    assert cubic.truth(np.array([2.0]), (1, 0, 0, 2)) == pytest.approx([17])


def test_gaussian_images_follow_the_course_s_formula():
    x_NHW, y_N = gaussian_images.draw(rng(), 2, centre_deviation=0.0, noise=0.0)

    axis = np.linspace(-4, 4, 91)
    square = axis[:, None] ** 2 + axis[None, :] ** 2
    for image, label in zip(x_NHW, y_N, strict=True):
        width = (1.8, 2.4)[label]
        assert image == pytest.approx(np.exp(-square / (2 * width**2)), abs=1e-6)


def test_bars_overwrite_noise_in_one_direction_and_the_course_s_range():
    images = gaussian_images.draw_barred(rng(), 300)

    assert np.all(images.barred[images.bar] == 1)
    assert np.array_equal(images.barred[~images.bar], images.noisy[~images.bar])
    assert np.std(images.noisy - images.clean) == pytest.approx(0.2, rel=0.01)
    horizontal = 0
    for bar in images.bar:
        rows, columns = np.flatnonzero(bar.any(1)), np.flatnonzero(bar.any(0))
        across, along = sorted((rows, columns), key=len)
        assert len(along) == 91
        assert 2 <= len(across) <= 5
        assert 2 <= across[0] <= 27
        horizontal += len(rows) < len(columns)
    assert 100 < horizontal < 200


def test_small_barred_images_scale_the_bars():
    images = gaussian_images.draw_barred(rng(), 50, size=28)

    assert images.bar.shape == (50, 28, 28)
    assert all(bar.any() and not bar.all() for bar in images.bar)


def test_the_answer_of_sines_is_the_next_value():
    x_NL, y_NL = sines.draw(rng(), 3, 50)

    assert np.array_equal(x_NL[:, 1:], y_NL[:, :-1])
    assert np.abs(sines.draw(rng(), 50, 200, noise=0.0)[0]).max() <= 1


def test_lagged_parity_needs_the_whole_lag():
    x_NL, y_NL = lagged_parity.draw(rng(), 4000, 12, lag=5)
    bits = x_NL > 0

    assert np.all(y_NL[:, :5] == lagged_parity.UNKNOWN)
    assert np.array_equal(y_NL[:, 5:], (bits[:, 5:] != bits[:, :-5]).astype(int))
    for place in range(8, 12):  # every bit inside a shorter window says nothing
        agreement = (bits[:, place] == y_NL[:, 11].astype(bool)).mean()
        assert agreement == pytest.approx(0.5, abs=0.03)


def test_lagged_parity_refuses_a_lag_beyond_the_series():
    with pytest.raises(ValueError, match="lag 12"):
        lagged_parity.draw(rng(), 2, 12, lag=12)
