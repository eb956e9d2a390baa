"""From effects to verdicts: what an experiment's evaluate.py returns, and what becomes of it.

In: the claims of params.yaml (`ClaimSettings`) and one `Effect` per claim. Out: the items of
claims.json, in the settings' order. Shapes: S seeds (repeats), R test rows, N cases.
An experiment says what is compared and how it was measured:

    Effect(paired(adam_SR - sgd_SR), metric="test accuracy", arms="Adam - SGD", source="notes L221")
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator

from stages import _stats
from stages._entry import UserError
from stages._params import Block, did_you_mean
from stages._stats import Direction, Interval

REPEATS = 10  # fewer give no verdict
BRIEF = ("kind", "source", "verdict", "effect", "low", "high", "n")
NOTHING = Interval(math.nan, -math.inf, math.inf, 0, None)

K = TypeVar("K")


class ClaimError(UserError):
    """A claim that cannot be tested as params.yaml declares it."""


class ClaimSettings(Block):
    """How one statement is tested.

    An identity takes a tolerance; a claim a direction, a margin and the reason for the margin.
    A reported statement needs none, and may keep them: a profile demotes by the kind alone.
    """

    kind: Literal["identity", "claim", "reported"]
    direction: Direction | None = None
    margin: float | None = None
    tolerance: float | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _complete(self) -> "ClaimSettings":
        claim, identity = self.kind == "claim", self.kind == "identity"
        if claim and (self.direction is None or self.margin is None or not self.reason.strip()):
            raise ValueError("a claim needs a direction, a margin and the reason for the margin")
        if claim and self.direction == "within" and (self.margin or 0.0) <= 0:
            raise ValueError(f"`within` needs a margin above 0, not {self.margin}")
        if claim and self.tolerance is not None:
            raise ValueError("a claim has a margin; a tolerance belongs to an identity")
        if identity and (self.tolerance is None or self.tolerance < 0):
            raise ValueError("an identity needs a tolerance of at least 0")
        if identity and (self.direction is not None or self.margin is not None):
            raise ValueError("an identity has a tolerance; direction and margin belong to a claim")
        return self


@dataclass(frozen=True)
class Measured:
    """What repeats gave: how many were run, how many count, and their interval by level.

    Built by `paired`, `median`, `rate`, `rates` or, for the cases of an identity, `errors`.
    `method`: of the interval, over `rows` test rows as well; None: a worst error, without limits.
    """

    ran: int
    used: int
    interval: Callable[[float], Interval]
    method: str | None = "t"
    rows: int = 0


@dataclass(frozen=True)
class Effect:
    """What was measured for one claim.

    Attributes:
        measured: by `paired`, `median`, `rate`, `rates` or `errors`; None if it could not be.
        metric: what the numbers are, with their unit.
        arms: what is compared, in the order of the subtraction.
        source: "notes L...", "course" or "ours"; "against notes L..." or "against course" for a
            statement of ours that contradicts theirs.
        undecided: why there can be no verdict (an edge of a grid, a missing device), else None.
        note: anything else that the reader of the verdict must know.
    """

    measured: Measured | None
    metric: str
    arms: str
    source: str
    undecided: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if self.measured is None and not self.undecided:
            raise ValueError("an effect that was not measured must say why in `undecided`")


def paired(effects: ArrayLike, where: ArrayLike | None = None) -> Measured:
    """Measure a mean: one effect per repeat, shape (S,), or repeats x test rows, (S, R).

    `where` (S,) keeps the repeats in which the comparison exists; the number dropped is told.
    """
    return _sample(effects, where, _mean, "t")


def median(effects_S: ArrayLike, where: ArrayLike | None = None) -> Measured:
    """Measure a median of one effect per repeat; `where` as in `paired`."""
    return _sample(effects_S, where, _stats.median_interval, "order statistics")


def rate(successes_S: ArrayLike, where: ArrayLike | None = None) -> Measured:
    """Measure a success rate over repeats (True or 1 is a success); `where` as in `paired`."""
    return _sample(successes_S, where, _rate, "Clopper–Pearson")


def rates(a_S: ArrayLike, b_S: ArrayLike) -> Measured:
    """Measure the difference of two success rates, a - b, paired by repeat."""
    n = len(np.asarray(a_S))
    return Measured(n, n, partial(_stats.discordant_interval, a_S, b_S), "discordant pairs")


def errors(errors_N: ArrayLike) -> Measured:
    """Measure an identity: the errors of N cases (a bool counts True as an error of 1)."""
    n = np.size(errors_N)
    return Measured(n, n, lambda level: _worst(errors_N), method=None)


@dataclass(frozen=True)
class Best(Generic[K]):
    """The arm chosen on dev; `edge` says so if it ends its grid (hand it to `undecided`)."""

    arm: K
    edge: str | None


def best_on_dev(
    dev: Mapping[K, ArrayLike], grid: Sequence[K] | None = None, largest: bool = True
) -> Best[K]:
    """Choose the arm with the best mean over seeds of a dev metric.

    Args:
        dev: arm -> metric per seed, (S,); an arm with a value that is not finite comes last.
        grid: the arms in order, if they lie on one. Equal means prefer its inside.
        largest: whether large values are good.
    """
    arms = list(dev if grid is None else grid)
    ends = [] if grid is None else [arms[0], arms[-1]]
    score = {arm: _score(dev[arm], largest) for arm in arms}
    best = max(arms, key=lambda arm: (score[arm], arm not in ends))
    if best not in ends:
        return Best(best, None)
    return Best(best, f"the best value, {best}, is at the edge of its grid, {ends[0]} to {ends[1]}")


def decide(
    settings: Mapping[str, ClaimSettings],
    effects: Mapping[str, Effect],
    level: float = 0.95,
    beside: Iterable[ClaimSettings] = (),
) -> list[dict[str, Any]]:
    """Return the items of claims.json, in the settings' order.

    All intervals of an experiment's claims, those `beside` counted in, hold together with `level`
    (Bonferroni); a reported number gets its own. An identity's effect is its worst error, its
    margin the tolerance, its n the number of cases. What is not finite becomes None.

    Raises:
        ClaimError: settings and effects do not fit, too few repeats, or no interval in them.
    """
    _check_names(settings, effects)
    claims = sum(block.kind == "claim" for block in (*settings.values(), *beside))
    adjusted = _stats.bonferroni(level, max(claims, 1))
    return [
        _item(name, block, effects[name], adjusted if block.kind == "claim" else level)
        for name, block in settings.items()
    ]


def brief(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an item that goes into the metrics file."""
    return {key: item[key] for key in BRIEF}


def _item(name: str, block: ClaimSettings, effect: Effect, level: float) -> dict[str, Any]:
    _check_kind(name, block, effect)
    try:
        interval = effect.measured.interval(level) if effect.measured else NOTHING
    except ValueError as error:
        raise ClaimError(f"claim {name}: {error}") from None
    doubt = _doubt(block, effect)
    method = effect.measured.method if effect.measured else None
    bounded = block.kind != "identity" and not (effect.measured and not method)
    return {
        "id": name,
        "kind": block.kind,
        "source": effect.source,
        "direction": block.direction,
        "margin": block.tolerance if block.kind == "identity" else block.margin,
        "reason": block.reason,
        "metric": effect.metric,
        "arms": effect.arms,
        "effect": _number(interval.effect),
        "low": _number(interval.low) if bounded else None,
        "high": _number(interval.high) if bounded else None,
        "level": level if bounded else None,
        "method": method,
        "n": interval.n,
        "rows": effect.measured.rows if effect.measured else 0,
        "power_at": _number(_stats.powerful(interval, block.direction, block.margin)),
        "verdict": _verdict(block, interval, doubt),
        "note": "; ".join(text for text in (doubt, effect.note) if text) or None,
    }


def _doubt(block: ClaimSettings, effect: Effect) -> str | None:
    """Return why there can be no verdict whatever the interval says, or None."""
    measured = effect.measured
    if effect.undecided or measured is None:
        return effect.undecided
    if block.kind != "claim" or measured.used >= REPEATS:
        return None
    return f"only {measured.used} of {measured.ran} repeats count; a verdict needs {REPEATS}"


def _verdict(block: ClaimSettings, interval: Interval, doubt: str | None) -> str:
    if block.kind == "reported":
        return "reported"
    if doubt:
        return "undecided"
    if block.kind == "claim":
        return _stats.verdict(interval, cast(Direction, block.direction), cast(float, block.margin))
    holds = _stats.identity_holds(interval.effect, cast(float, block.tolerance))
    return "holds" if holds else "fails"


def _check_names(settings: Mapping[str, ClaimSettings], effects: Mapping[str, Effect]) -> None:
    for name in settings:
        if name not in effects:
            hint = did_you_mean(name, effects)
            raise ClaimError(f"claim {name}: evaluate.py measures no effect for it{hint}")
    for name in effects:
        if name not in settings:
            hint = did_you_mean(name, settings)
            raise ClaimError(f"effect {name}: params.yaml has no claim of that name{hint}")


def _check_kind(name: str, block: ClaimSettings, effect: Effect) -> None:
    measured = effect.measured
    if measured is None or block.kind == "reported":
        return
    if (measured.method is None) != (block.kind == "identity"):
        needs = "errors(...)" if block.kind == "identity" else "repeats, not errors(...)"
        raise ClaimError(f"claim {name}: kind `{block.kind}` is measured by {needs}")
    if block.kind == "claim" and measured.ran < REPEATS:
        raise ClaimError(
            f"claim {name}: n = {measured.ran} repeats give no verdict; "
            f"declare it `reported` or run >= {REPEATS} repeats"
        )


def _sample(
    values: ArrayLike,
    where: ArrayLike | None,
    interval: Callable[[Any, float], Interval],
    method: str,
) -> Measured:
    x = np.asarray(values, dtype=np.float64)
    kept = x if where is None else x[np.asarray(where, dtype=bool)]
    if not len(kept):
        return Measured(len(x), 0, lambda level: NOTHING, method)
    rows = x.shape[1] if x.ndim > 1 else 0
    return Measured(len(x), len(kept), partial(interval, kept), method, rows)


def _mean(effects: NDArray[np.float64], level: float) -> Interval:
    """Take the interval over repeats, or over repeats and rows; one repeat sets no limits."""
    if len(effects) == 1:
        return Interval(float(effects.mean()), -math.inf, math.inf, 1, None)
    over = _stats.mean_interval if effects.ndim == 1 else _stats.crossed_interval
    return over(effects, level)


def _rate(successes_S: NDArray[np.float64], level: float) -> Interval:
    successes = int(_stats.outcomes(successes_S).sum())
    return _stats.proportion_interval(successes, len(successes_S), level)


def _worst(errors_N: ArrayLike) -> Interval:
    worst = _stats.worst_error(errors_N)
    return Interval(worst, worst, worst, np.size(errors_N), None)


def _score(dev_S: ArrayLike, largest: bool) -> float:
    mean = float(np.mean(np.asarray(dev_S, dtype=np.float64)))
    return (mean if largest else -mean) if math.isfinite(mean) else -math.inf


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
