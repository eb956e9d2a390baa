"""From repeats to intervals and verdicts: the statistics of every claim, as pure functions.

In: one effect per repeat, a table of repeats x test rows, or successes. Out: an `Interval` and
what it says about a margin. Shapes: S seeds (repeats), R test rows, N cases.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy  # loads its parts on first use: scipy.special a third of a second, scipy.stats one
from numpy.typing import ArrayLike, NDArray

Direction = Literal["greater", "within"]
Verdict = Literal["supported", "contradicted", "undecided"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence limits.

    Attributes:
        effect: the estimate, in the metric's unit.
        low: the lower limit; -inf if the data set no limit.
        high: the upper limit; inf if the data set no limit.
        n: the number of repeats.
        df: degrees of freedom of the t distribution behind it; None if there is none.
        se: the effect's standard error; NaN where there is no t distribution.
    """

    effect: float
    low: float
    high: float
    n: int
    df: float | None
    se: float = math.nan


def mean_interval(values_S: ArrayLike, level: float = 0.95) -> Interval:
    """Return the t interval of the mean over repeats, mean +- t(S - 1) s / sqrt(S).

    Constant values give an interval without width.

    Raises:
        ValueError: fewer than 2 repeats, a value that is not finite, or a level outside (0, 1).
    """
    x_S = _finite(values_S, 1, "one effect per repeat")
    if len(x_S) < 2:
        raise ValueError(f"an interval over repeats needs at least 2, got {len(x_S)}")
    return _t_interval(x_S.mean(), x_S.var(ddof=1) / len(x_S), len(x_S) - 1, len(x_S), level)


def crossed_interval(table_SR: ArrayLike, level: float = 0.95) -> Interval:
    """Return the interval of the grand mean when both seeds and test rows are samples.

    Model: x_sr = mu + seed_s + row_r + e_sr, all random (two-way, crossed, one value per cell).
    The mean squares, each in the scale of one cell, have the expectations

        MS_seed = R sum_s (x_s. - x..)^2 / (S-1),                            E = v_e + R v_seed
        MS_row  = S sum_r (x_.r - x..)^2 / (R-1),                            E = v_e + S v_row
        MS_e    = sum_sr (x_sr - x_s. - x_.r + x..)^2 / ((S-1)(R-1)),        E = v_e

    so the variance of the grand mean, v_seed/S + v_row/R + v_e/(SR), is estimated without bias
    by (MS_seed + MS_row - MS_e) / (SR): Cornfield & Tukey (1956), Annals of Mathematical
    Statistics 27, 907-949. (With the variances of the seed means and of the row means in the
    place of their mean squares, it reads var_seed/S + var_row/R - MS_e/(SR).)

    A negative estimate of v_seed or v_row is set to zero, which can only widen the interval (its
    simulated coverage at 10 x 500 and level .95 is .95, up to .98 if neither variance exists).
    Degrees of freedom: Satterthwaite (1946), Biometrics Bulletin 2, 110-114, with V for the sum
    of the estimates, V^2 / sum_k MS_k^2 / df_k. As V is at least every MS_k, they are at least
    (S-1)(R-1) / (S+R-1), little less than the smaller of S-1 and R-1.

    Raises:
        ValueError: fewer than 2 seeds or rows, a value that is not finite, or a level outside
            (0, 1).
    """
    x_SR = _finite(table_SR, 2, "repeats x test rows")
    S, R = x_SR.shape
    if min(S, R) < 2:
        raise ValueError(f"a crossed table needs at least 2 repeats and 2 rows, got {S} x {R}")
    squares, df = _mean_squares(x_SR), np.array([S - 1, R - 1, (S - 1) * (R - 1)])
    residual = squares[2]
    total = residual + np.maximum(squares[:2] - residual, 0).sum()
    satterthwaite = 1 / ((squares / total) ** 2 / df).sum() if total > 0 else S - 1
    return _t_interval(x_SR.mean(), total / (S * R), satterthwaite, S, level)


def median_interval(values_S: ArrayLike, level: float = 0.95) -> Interval:
    """Return the median with its exact, distribution-free interval between order statistics.

    Conover (1999), Practical Nonparametric Statistics, 3rd ed., p. 143, as SciPy computes it.
    With too few repeats for the level there is no limit: -inf or inf.

    Raises:
        ValueError: no repeats, a value that is not finite, or a level outside (0, 1).
    """
    x_S = _finite(values_S, 1, "one effect per repeat")
    if not len(x_S):
        raise ValueError("a median needs at least 1 repeat, got 0")
    limits = scipy.stats.quantile_test(x_S, p=0.5).confidence_interval(_checked(level))
    low = -np.inf if np.isnan(limits.low) else limits.low
    high = np.inf if np.isnan(limits.high) else limits.high
    return Interval(float(np.median(x_S)), float(low), float(high), len(x_S), None)


def proportion_interval(successes: int, n: int, level: float = 0.95) -> Interval:
    """Return a success rate with its exact interval, Clopper & Pearson (1934), Biometrika 26.

    Raises:
        ValueError: no repeats, successes outside 0..n, or a level outside (0, 1).
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} successes of {n} repeats is not a rate")
    tail, failures = (1 - _checked(level)) / 2, n - successes
    beta = scipy.special.betaincinv
    low = float(beta(successes, failures + 1, tail)) if successes else 0.0
    high = float(beta(successes + 1, failures, 1 - tail)) if failures else 1.0
    return Interval(successes / n, low, high, n, None)


def discordant_interval(a_S: ArrayLike, b_S: ArrayLike, level: float = 0.95) -> Interval:
    """Return the difference of two paired success rates, a - b, with an interval.

    Only discordant pairs tell the arms apart. With d of them among S, of which a alone succeeds
    in k, the difference is (d/S)(2k/d - 1): the share of discordant pairs times how one-sided
    they are. The interval is the range of that product over the Clopper-Pearson intervals of
    d/S and k/d. The second is the conditional interval of the exact McNemar test (1947,
    Psychometrika 12, 153-157), so zero is outside exactly if `mcnemar_p` < 1 - level. The first
    is needed off zero: taking d/S as known, ten pairs that agree would prove that the arms never
    differ, and the limits would miss small true differences in up to 82 % of experiments (S = 10,
    level .95). Limits: the coverage of the product is no theorem; enumerated for S = 10 and 20
    it is at least the level, and well above it away from zero.

    Raises:
        ValueError: no pairs, unequal lengths, outcomes other than 0 and 1, or a level outside
            (0, 1).
    """
    a_alone, b_alone, n = _discordant(a_S, b_S)
    discordant = a_alone + b_alone
    share = proportion_interval(discordant, n, level)
    ahead = proportion_interval(a_alone, discordant, level) if discordant else None
    lowest, highest = (2 * ahead.low - 1, 2 * ahead.high - 1) if ahead else (-1.0, 1.0)
    low = lowest * (share.low if lowest > 0 else share.high)
    high = highest * (share.low if highest < 0 else share.high)
    return Interval((a_alone - b_alone) / n, low, high, n, None)


def mcnemar_p(a_S: ArrayLike, b_S: ArrayLike) -> float:
    """Return the p value of the exact two-sided McNemar test of equal success rates.

    Under equal rates each discordant pair is a fair coin; without any the p value is 1.

    Raises:
        ValueError: no pairs, unequal lengths, or outcomes other than 0 and 1.
    """
    a_alone, b_alone, _ = _discordant(a_S, b_S)
    discordant = a_alone + b_alone
    return float(scipy.stats.binomtest(a_alone, discordant).pvalue) if discordant else 1.0


def t_quantile(p: float, df: ArrayLike) -> Any:
    """Return the value below which Student's t lies with probability p, for each of `df`."""
    return scipy.special.stdtrit(df, p)


def outcomes(values_S: ArrayLike) -> NDArray[np.bool_]:
    """Return outcomes of repeats (1 or True: a success) as bools; ValueError for other values."""
    x_S = _finite(values_S, 1, "one outcome per repeat")
    if not np.isin(x_S, (0, 1)).all():
        raise ValueError("outcomes must be 0 or 1 (failure or success)")
    return x_S.astype(bool)


def bonferroni(level: float, claims: int) -> float:
    """Return the level of each interval so that all `claims` hold at once with `level`."""
    if claims < 1:
        raise ValueError(f"there is nothing to adjust for {claims} claims")
    return 1 - (1 - _checked(level)) / claims


def verdict(interval: Interval, direction: Direction, margin: float) -> Verdict:
    """Return what an interval says of a claim; touching the margin decides nothing.

    `greater`: supported if low > margin, contradicted if high < margin.
    `within`: supported if -margin < low and high < margin (two one-sided tests of equivalence),
    contradicted if low > margin or high < -margin.
    """
    low, high = interval.low, interval.high
    if direction == "greater":
        supported, contradicted = low > margin, high < margin
    else:
        supported = -margin < low and high < margin
        contradicted = low > margin or high < -margin
    return "supported" if supported else "contradicted" if contradicted else "undecided"


def powerful(
    interval: Interval, direction: Direction | None, margin: float | None, power: float = 0.8
) -> float:
    """Return the true effect at which `supported` has this power: from there up, or up to there.

    An estimate e is supported if e - t se > margin (`within`: |e| + t se < margin), whose chance is
    a noncentral t distribution's. So `greater` has the power from margin + nc se up and `within` up
    to margin - nc se, where nc is the noncentrality at which that chance is the power (the other
    tail, next to nothing, is left out) and se the estimated standard error.
    NaN: no t interval, nothing to decide, or not even no effect has the power.
    """
    if margin is None or direction is None:
        return math.nan
    t = (interval.high - interval.low) / 2 / interval.se if interval.se > 0 else math.nan
    beyond = float(scipy.special.nctdtrinc(interval.df or math.nan, 1 - power, t)) * interval.se
    if direction == "greater":
        return margin + beyond
    return margin - beyond if beyond <= margin else math.nan


def worst_error(errors: ArrayLike) -> float:
    """Return the largest absolute error; NaN if one is NaN, ValueError if there is none."""
    sizes = np.abs(np.asarray(errors, dtype=np.float64))
    if not sizes.size:
        raise ValueError("an identity needs at least 1 case, got 0")
    return float(sizes.max())


def identity_holds(errors: ArrayLike, tolerance: float) -> bool:
    """Return whether the worst absolute error is at most the tolerance (NaN never is)."""
    return worst_error(errors) <= tolerance


def influence(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]], table_SCR: ArrayLike
) -> NDArray[np.float64]:
    """Share a statistic out among seeds and test rows, (S, R), for `crossed_interval`.

    The statistic takes the mean over rows of C outcomes, (S, C), to one number per seed, (S,). A
    row's share is the jackknife's: how far the statistic moves without it, times R - 1. The mean
    over rows is the statistic itself, without the jackknife's correction of its bias (Efron &
    Tibshirani 1993, An Introduction to the Bootstrap, chapter 11).
    """
    x_SCR = _finite(table_SCR, 3, "seeds x outcomes x test rows")
    total_SC, R = x_SCR.sum(-1), x_SCR.shape[-1]
    left = [statistic((total_SC - x_SCR[..., r]) / (R - 1)) for r in range(R)]
    left_SR = np.stack(left, axis=1)
    moved_SR = left_SR - left_SR.mean(axis=1, keepdims=True)
    shares_SR: NDArray[np.float64] = statistic(total_SC / R)[:, None] - (R - 1) * moved_SR
    return shares_SR


def _t_interval(mean: float, variance: float, df: float, n: int, level: float) -> Interval:
    se = float(np.sqrt(variance))
    half = float(t_quantile((1 + _checked(level)) / 2, df)) * se
    return Interval(float(mean), float(mean) - half, float(mean) + half, n, float(df), se)


def _mean_squares(x_SR: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean squares of seeds, rows and residuals, in the scale of one cell."""
    S, R = x_SR.shape
    x_SR = x_SR - x_SR.mean()
    seed_S, row_R = x_SR.mean(axis=1), x_SR.mean(axis=0)
    seeds, rows = R * (seed_S**2).sum(), S * (row_R**2).sum()
    residual = max(np.vdot(x_SR, x_SR) - seeds - rows, 0.0)  # the sums of squares add up
    return np.array([seeds / (S - 1), rows / (R - 1), residual / ((S - 1) * (R - 1))])


def _discordant(a_S: ArrayLike, b_S: ArrayLike) -> tuple[int, int, int]:
    """Return how many pairs only a wins, how many only b wins, and how many pairs there are."""
    a, b = outcomes(a_S), outcomes(b_S)
    if len(a) != len(b):
        raise ValueError(f"outcomes must come in pairs, got {len(a)} and {len(b)}")
    return int((a & ~b).sum()), int((b & ~a).sum()), len(a)


def _finite(values: ArrayLike, ndim: int, what: str) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != ndim:
        raise ValueError(f"expected {what} ({ndim} axes), got shape {x.shape}")
    bad = int((~np.isfinite(x)).sum())
    if bad:
        raise ValueError(
            f"{bad} of {x.size} values are not finite; count such runs as failures instead"
        )
    return x


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, got {level}")
    return level
