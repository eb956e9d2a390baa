"""The statistics of claims against published, hand-made and enumerated cases."""

import itertools

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from stages._stats import (
    Interval,
    bonferroni,
    crossed_interval,
    discordant_interval,
    identity_holds,
    mcnemar_p,
    mean_interval,
    median_interval,
    powerful,
    proportion_interval,
    verdict,
    worst_error,
)

seeded = settings(derandomize=True, deadline=None, database=None, max_examples=50)

effects = st.floats(-1e3, 1e3, allow_subnormal=False)
samples = st.lists(effects, min_size=2, max_size=30)
tables = st.tuples(st.integers(2, 6), st.integers(2, 6)).flatmap(
    lambda shape: st.lists(
        st.lists(effects, min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)
pairs = st.tuples(st.integers(0, 20), st.integers(0, 4), st.integers(0, 20)).map(
    lambda counts: [(1, 0)] * counts[0] + [(0, 1)] * counts[1] + [(1, 1)] * (counts[2] + 1)
)


def limits(interval):
    return interval.effect, interval.low, interval.high


def test_mean_interval_gives_students_own_example():
    """Student (1908): extra hours of sleep, ten patients; limits as R's t.test prints them."""
    hours = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]

    interval = mean_interval(hours)

    assert limits(interval) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-7)
    assert (interval.n, interval.df) == (10, 9)


def test_mean_interval_is_scipys_t_interval():
    values = np.random.default_rng(0).normal(size=17)

    expected = scipy.stats.t.interval(0.99, 16, values.mean(), scipy.stats.sem(values))

    assert limits(mean_interval(values, 0.99))[1:] == pytest.approx(expected)


def test_constant_values_give_an_interval_without_width():
    constant = mean_interval([0.25] * 10)
    table = crossed_interval(np.full((10, 4), 0.25))

    assert limits(constant) == limits(table) == (0.25, 0.25, 0.25)


def test_crossed_interval_matches_a_table_worked_by_hand():
    """MS_seed = 6, MS_row = 8, MS_e = 2: variance 12/6, degrees of freedom 12^2 / (36+32+2)."""
    interval = crossed_interval([[1, 2, 6], [3, 6, 6]])

    half = scipy.stats.t.ppf(0.975, 144 / 70) * np.sqrt(2)
    assert limits(interval) == pytest.approx((4, 4 - half, 4 + half))
    assert (interval.n, interval.df) == (2, pytest.approx(144 / 70))


def test_crossed_variance_is_that_of_seed_means_plus_row_means_less_the_residual():
    """The other scaling of the same formula: var_seed/S + var_row/R - MS_e/(SR)."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(10, 1)) + rng.normal(size=(1, 50)) + rng.normal(size=(10, 50))
    seed, row = x.mean(axis=1), x.mean(axis=0)
    residual = ((x - seed[:, None] - row + x.mean()) ** 2).sum() / (9 * 49)

    interval = crossed_interval(x)

    variance = seed.var(ddof=1) / 10 + row.var(ddof=1) / 50 - residual / 500
    half = scipy.stats.t.ppf(0.975, interval.df) * np.sqrt(variance)
    assert interval.high - interval.effect == pytest.approx(half)


@pytest.mark.parametrize(
    ("table", "df"),
    [
        ([[0, 2], [2, 0]], 1),  # mean squares 0, 0, 4: variance 4/4
        ([[0, 2, 4], [2, 0, 4]], 1.8),  # 0, 6, 2: variance (2 + 0 + 4)/6, df 6^2 / (6^2/2 + 2^2/2)
    ],
)
def test_a_negative_variance_component_counts_as_zero(table, df):
    interval = crossed_interval(table)

    assert interval.df == pytest.approx(df)
    assert interval.high - interval.effect == pytest.approx(scipy.stats.t.ppf(0.975, df))


def test_median_interval_lies_between_order_statistics():
    """Of 10 repeats the 2nd and the 9th; no two of them bound a median at 99.9 %."""
    values = np.arange(10, 0, -1)

    assert limits(median_interval(values)) == (5.5, 2, 9)
    assert limits(median_interval(values, 0.999)) == (5.5, -np.inf, np.inf)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (682, 925, 0.7076683, 0.7654066),  # Conover (1971), p. 97, as R's binom.test prints it
        (0, 10, 0.0, 1 - 0.025 ** (1 / 10)),  # closed forms at the ends
        (10, 10, 0.025 ** (1 / 10), 1.0),
    ],
)
def test_proportion_interval_matches_published_limits(successes, n, low, high):
    assert limits(proportion_interval(successes, n)) == pytest.approx(
        (successes / n, low, high), abs=1e-7
    )


def test_mcnemar_gives_the_textbook_p_value():
    """Agresti (1990), p. 350: approval at two surveys, 150 and 86 of 1600 changed their minds."""
    first = np.repeat([1, 1, 0, 0], [794, 150, 86, 570])
    second = np.repeat([1, 0, 1, 0], [794, 150, 86, 570])

    assert mcnemar_p(first, second) == pytest.approx(3.716e-5, rel=1e-3)
    assert discordant_interval(first, second).effect == pytest.approx((150 - 86) / 1600)


def test_mcnemar_without_discordant_pairs_is_sure_of_nothing():
    agree = [True] * 10

    interval = discordant_interval(agree, agree)

    assert mcnemar_p(agree, agree) == 1
    assert limits(interval) == pytest.approx((0, -0.3084971, 0.3084971))


def test_six_of_ten_pairs_for_one_arm_are_just_significant():
    a, b = [1] * 6 + [0] * 4, [0] * 10

    assert mcnemar_p(a, b) == 2 / 2**6
    assert discordant_interval(a, b).low > 0


@pytest.mark.parametrize("n", [10, 20])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_discordant_interval_covers_wherever_the_truth_lies(n, level):
    """Exact, by enumeration over all outcomes and a grid of true rates of the two arms."""
    a_rate, b_rate = (g.ravel() for g in np.meshgrid(*[np.linspace(0, 1, 41)] * 2))
    inside = a_rate + b_rate <= 1
    a_rate, b_rate = a_rate[inside], b_rate[inside]
    neither = np.clip(1 - a_rate - b_rate, 0, 1)
    covered = np.zeros_like(a_rate)
    for k, m in itertools.product(range(n + 1), repeat=2):
        if k + m > n:
            continue
        interval = discordant_interval(
            [1] * k + [0] * (n - k), [0] * k + [1] * m + [0] * (n - k - m), level
        )
        ways = scipy.special.comb(n, k) * scipy.special.comb(n - k, m)
        share = ways * a_rate**k * b_rate**m * neither ** (n - k - m)
        truth = a_rate - b_rate
        covered += share * (interval.low <= truth + 1e-12) * (truth - 1e-12 <= interval.high)

    assert covered.min() >= level


def test_bonferroni_shares_the_error_among_the_claims():
    assert bonferroni(0.95, 5) == pytest.approx(0.99)
    assert bonferroni(0.95, 1) == 0.95


@pytest.mark.parametrize(
    ("low", "high", "direction", "margin", "expected"),
    [
        (0.03, 0.05, "greater", 0.02, "supported"),
        (0.00, 0.01, "greater", 0.02, "contradicted"),
        (0.01, 0.03, "greater", 0.02, "undecided"),
        (0.02, 0.03, "greater", 0.02, "undecided"),  # touching decides nothing
        (0.01, 0.02, "greater", 0.02, "undecided"),
        (-0.01, 0.01, "greater", -0.02, "supported"),  # not lower by 2 points
        (-0.01, 0.01, "within", 0.02, "supported"),
        (0.03, 0.05, "within", 0.02, "contradicted"),
        (-0.05, -0.03, "within", 0.02, "contradicted"),
        (0.01, 0.03, "within", 0.02, "undecided"),
        (-0.05, 0.05, "within", 0.02, "undecided"),
        (-0.02, 0.01, "within", 0.02, "undecided"),
        (-0.01, 0.02, "within", 0.02, "undecided"),
        (0.02, 0.05, "within", 0.02, "undecided"),
        (-0.05, -0.02, "within", 0.02, "undecided"),
        (-np.inf, np.inf, "within", 0.02, "undecided"),
    ],
)
def test_verdict_reads_the_interval(low, high, direction, margin, expected):
    assert verdict(Interval((low + high) / 2, low, high, 10, 9), direction, margin) == expected


def test_an_identity_holds_up_to_its_tolerance():
    assert worst_error([1e-7, -2e-7]) == 2e-7
    assert identity_holds([1e-7, -2e-7], 2e-7)
    assert not identity_holds([1e-7, -2e-7], 1e-7)
    assert not identity_holds([0.0, np.nan], 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([1.0]), "at least 2, got 1"),
        (lambda: mean_interval([1.0, np.nan, np.inf]), "2 of 3 values are not finite"),
        (lambda: mean_interval([[1.0, 2.0]]), r"1 axes.*shape \(1, 2\)"),
        (lambda: mean_interval([1.0, 2.0], 95), "between 0 and 1, got 95"),
        (lambda: crossed_interval([[1.0, 2.0]]), "got 1 x 2"),
        (lambda: crossed_interval([[1.0], [2.0]]), "got 2 x 1"),
        (lambda: median_interval([]), "at least 1 repeat"),
        (lambda: proportion_interval(0, 0), "0 successes of 0 repeats"),
        (lambda: proportion_interval(5, 4), "5 successes of 4 repeats"),
        (lambda: discordant_interval([1, 0], [1]), "come in pairs, got 2 and 1"),
        (lambda: mcnemar_p([0.5], [1]), "must be 0 or 1"),
        (lambda: bonferroni(0.95, 0), "0 claims"),
        (lambda: worst_error([]), "at least 1 case"),
    ],
)
def test_what_gives_no_interval_is_refused_in_clear_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@seeded
@given(samples)
def test_an_interval_holds_its_effect_and_grows_with_the_level(values):
    for interval in (mean_interval, median_interval):
        narrow, wide = interval(values, 0.9), interval(values, 0.99)

        assert wide.low <= narrow.low <= narrow.effect <= narrow.high <= wide.high


@seeded
@given(tables)
def test_a_crossed_interval_holds_its_effect_and_grows_with_the_level(table):
    narrow, wide = crossed_interval(table, 0.9), crossed_interval(table, 0.99)

    assert wide.low <= narrow.low <= narrow.effect <= narrow.high <= wide.high


@seeded
@given(tables)
def test_satterthwaites_degrees_of_freedom_stay_within_their_bounds(table):
    S, R = np.shape(table)

    df = crossed_interval(table).df

    assert (S - 1) * (R - 1) / (S + R - 1) * (1 - 1e-9) <= df <= (S * R - 1) * (1 + 1e-9)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_zero_is_outside_the_discordant_interval_exactly_if_mcnemar_rejects(level):
    for k, m in itertools.product(range(16), range(4)):
        a, b = [1] * k + [0] * m + [1], [0] * k + [1] * m + [1]

        interval = discordant_interval(a, b, level)

        assert interval.low <= interval.effect <= interval.high
        assert (interval.low > 0 or interval.high < 0) == (mcnemar_p(a, b) < 1 - level)


@seeded
@given(samples)
def test_swapping_the_arms_flips_the_interval(values):
    x = np.array(values)

    there, back = mean_interval(x), mean_interval(-x)

    assert limits(back) == (-there.effect, -there.high, -there.low)
    assert verdict(there, "within", 1.0) == verdict(back, "within", 1.0)


@seeded
@given(pairs)
def test_swapping_the_arms_flips_the_discordant_interval(outcomes):
    a, b = zip(*outcomes, strict=True)

    there, back = discordant_interval(a, b), discordant_interval(b, a)

    assert limits(back) == pytest.approx((-there.effect, -there.high, -there.low))
    assert mcnemar_p(a, b) == pytest.approx(mcnemar_p(b, a))


def test_too_wide_an_interval_has_no_effect_with_power():
    wide = mean_interval([-1.0, 1.0, -0.5, 0.5])

    assert np.isnan(powerful(wide, "within", 0.02))
    assert np.isnan(powerful(wide, None, None))
    assert np.isnan(powerful(proportion_interval(3, 10), "greater", 0.1))
