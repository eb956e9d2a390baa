"""What an experiment's evaluation leaves, and its summaries: arms, curves, metrics.

Shapes: S seeds (repeats), R test rows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from stages import _claims, _stats
from stages._claims import Effect
from stages._trained import TRIALS

LEVEL = 0.95
SHARES = ("accuracy", "share", "success")  # metrics between 0 and 1, as are their limits
DIFFERENCE = " minus "  # of two shares: between -1 and 1


@dataclass(frozen=True)
class Evaluated:
    """The outcome of an experiment's evaluation.

    Attributes:
        effects: claim id -> what was measured for it.
        headline: at most five numbers that sum the experiment up.
        rows: (arm, metric) -> outcome per seed and test row, (S, R); their interval then
            ranges over both.
        trials: test numbers that have no rows (columns as in `Trained.trials`).
        arrays: what the figures need besides.
    """

    effects: Mapping[str, Effect]
    headline: Mapping[str, float]
    rows: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)
    trials: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=TRIALS))
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.headline) > 5:
            raise ValueError(f"a headline has at most five numbers, not {len(self.headline)}")


def join(*parts: Evaluated) -> Evaluated:
    """Return the parts of one experiment as a whole."""
    trials = [part.trials for part in parts if not part.trials.empty]
    return Evaluated(
        effects={name: effect for part in parts for name, effect in part.effects.items()},
        headline={name: value for part in parts for name, value in part.headline.items()},
        rows={arm: table for part in parts for arm, table in part.rows.items()},
        trials=pd.concat(trials) if trials else parts[0].trials,
        arrays={name: array for part in parts for name, array in part.arrays.items()},
    )


def test_trials(evaluated: Evaluated) -> pd.DataFrame:
    """Return one test number per arm, seed and metric: the mean over rows where there are rows."""
    tables = [
        pd.DataFrame(
            {
                "arm": arm,
                "seed": range(len(table_SR)),
                "metric": metric,
                "split": "test",
                "value": np.mean(table_SR, axis=1, dtype=np.float64),
            }
        )
        for (arm, metric), table_SR in evaluated.rows.items()
    ]
    tables += [] if evaluated.trials.empty else [evaluated.trials]
    keys = ["arm", "metric", "split", "seed"]
    return pd.concat(tables).sort_values(keys, ignore_index=True) if tables else evaluated.trials


def arms(trials: pd.DataFrame, rows: Mapping[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    """Return mean, sd, 95 % interval, n and rows per arm, metric and split.

    n counts finite repeats; rows counts the test rows that the interval ranges over as well, 0
    where it ranges over repeats alone.
    """
    answers = _yes_or_no(trials)
    summaries = []
    for (arm, metric, split), group in trials.groupby(["arm", "metric", "split"], sort=True):
        values_S = group["value"].to_numpy(dtype=np.float64)
        finite_S = values_S[np.isfinite(values_S)]
        table = rows.get((arm, metric)) if split == "test" else None
        if finite_S.size < values_S.size:
            table = None
        low, high = _limits(metric, finite_S, table, (metric, split) in answers)
        mean = finite_S.mean() if finite_S.size else np.nan
        sd = finite_S.std(ddof=1) if finite_S.size > 1 else np.nan
        R = 0 if table is None else table.shape[1]
        summaries.append((arm, metric, split, mean, sd, low, high, finite_S.size, R))
    columns = ["arm", "metric", "split", "mean", "sd", "low", "high", "n", "rows"]
    return pd.DataFrame(summaries, columns=columns)


def _yes_or_no(trials: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the metrics and splits with one answer, 0 or 1, in each repeat of every arm."""
    finite = trials[np.isfinite(trials["value"].astype(np.float64))]
    answers = finite["value"].isin((0, 1)).groupby([finite["metric"], finite["split"]]).all()
    return {key for key, yes in answers.items() if yes and "accuracy" not in key[0]}


def _limits(
    metric: str, finite_S: np.ndarray, table_SR: np.ndarray | None, yes_or_no: bool
) -> tuple[float, float]:
    """Return the limits of a mean; those of yes-or-no outcomes are exact, of shares within 0..1."""
    if finite_S.size < 2:
        return np.nan, np.nan
    if table_SR is not None:
        interval = _stats.crossed_interval(table_SR, LEVEL)
    elif yes_or_no:
        interval = _stats.proportion_interval(int(finite_S.sum()), finite_S.size, LEVEL)
    else:
        interval = _stats.mean_interval(finite_S, LEVEL)
    if _is_share(metric):
        return max(interval.low, 0.0), min(interval.high, 1.0)
    return interval.low, interval.high


def _is_share(metric: str) -> bool:
    return any(word in metric for word in SHARES) and DIFFERENCE not in metric


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """Return mean and 95 % t interval over repeats per arm, metric, split and epoch.

    The limits of shares stay within 0..1. The loss of batches is left out where that of all train
    rows is told.
    """
    keys = ["arm", "metric", "split", "epoch", "step"]
    told = table.query("metric == 'loss' and split == 'train'")["arm"]
    table = table[(table["split"] != "batches") | ~table["arm"].isin(told)]
    finite = table[np.isfinite(table["value"].astype(np.float64))]
    found = finite.groupby(keys, sort=True)["value"].agg(["mean", "std", "size"]).reset_index()
    t = _stats.t_quantile((1 + LEVEL) / 2, found["size"] - 1)
    half = t * found["std"] / np.sqrt(found["size"])
    found = found.assign(low=found["mean"] - half, high=found["mean"] + half, n=found["size"])
    share = found["metric"].map(_is_share).astype(bool)
    found.loc[share, ["low", "high"]] = found.loc[share, ["low", "high"]].clip(0, 1)
    return found[[*keys, "mean", "low", "high", "n"]]


def metrics(
    data: Mapping[str, Any],
    profile: str,
    params_hash: str,
    headline: Mapping[str, float],
    claims: Iterable[dict[str, Any]],
) -> dict[str, Any]:
    """Return the content of reports/metrics/<experiment>.json."""
    rounded = {name: float(f"{value:.6g}") for name, value in headline.items()}
    return {
        "data": data,
        "profile": profile,
        "params_hash": params_hash,
        "headline": rounded,
        "claims": {claim["id"]: _claims.brief(claim) for claim in claims},
    }
