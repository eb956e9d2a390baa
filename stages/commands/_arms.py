"""Tables of arms as MLflow shows them: curves and statistics -> points (key, value, step).

In: bytes of reports/arms, reports/curves and trials.parquet. Out: points per arm and summaries.
A key is `<split>/<metric>`, and `<split>_stats/<metric>_<statistic>` for what stands beside it: the
UI makes a section of charts of each prefix.
"""

import io
import math
import re
from collections.abc import Hashable, Mapping
from typing import NamedTuple

import pandas as pd

STATISTICS = ("sd", "low", "high", "n")
COLOURS = (  # left to itself, the UI gives several arms the same one
    "#1f77b4 #d62728 #2ca02c #ff7f0e #9467bd #17becf #8c564b #e377c2 #7f7f7f #bcbd22".split()
)
NUMBERS = ("mean", *STATISTICS, "step", "epoch", "value")


class Point(NamedTuple):
    """One value of a metric; step counts batches."""

    key: str
    value: float
    step: int = 0


def read_csv(content: bytes) -> pd.DataFrame:
    """Read one of the project's csv tables; an arm called "none" stays a name."""
    missing: dict[Hashable, list[str]] = {column: ["", "nan"] for column in NUMBERS}
    return pd.read_csv(
        io.BytesIO(content), dtype={"arm": str}, keep_default_na=False, na_values=missing
    )


def read_parquet(content: bytes) -> pd.DataFrame:
    """Read one of the pipeline's own tables."""
    return pd.read_parquet(io.BytesIO(content), engine="pyarrow")


def key(*parts: str) -> str:
    """Join parts to a name that MLflow accepts: what it does not allow becomes `_`."""
    return "/".join(re.sub(r"[^\w.\- ]", "_", part).strip(". ") or "_" for part in parts)[:250]


def points(arms: pd.DataFrame, curves: pd.DataFrame | None) -> dict[str, list[Point]]:
    """Return what each arm's run shows, arms in the order of their table.

    Args:
        arms: columns arm, metric, split, mean, sd, low, high, n.
        curves: columns arm, metric, split, step, mean.
    """
    found: dict[str, list[Point]] = {str(arm): [] for arm in arms["arm"].unique()}
    if curves is not None:
        for (arm, split, metric), rows in curves.groupby(["arm", "split", "metric"], sort=False):
            name = key(str(split), str(metric))
            steps, means = rows["step"].tolist(), rows["mean"].tolist()
            curve = [
                Point(name, value, int(step)) for step, value in zip(steps, means, strict=True)
            ]
            found.setdefault(str(arm), []).extend(curve)
    drawn = {arm: {point.key for point in curve} for arm, curve in found.items()}
    for row in arms.to_dict("records"):
        arm = str(row["arm"])
        found[arm] += _statistics({str(k): v for k, v in row.items()}, drawn[arm])
    return found


def _statistics(row: dict[str, object], drawn: set[str]) -> list[Point]:
    """Return a row's mean under the plain key, unless a curve has it, and the spread apart."""
    split, metric = str(row["split"]), str(row["metric"])
    name, beside = key(split, metric), key(f"{split}_stats", metric)
    values = {f"{beside}_mean" if name in drawn else name: row["mean"]}
    values |= {f"{beside}_{part}": row[part] for part in STATISTICS if part in row}
    return [Point(k, v) for k, v in numbers(values).items()]


def numbers(values: dict[str, object]) -> dict[str, float]:
    """Keep the finite numbers of a mapping."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def summary(trials: pd.DataFrame) -> pd.DataFrame:
    """Return mean, sd and n over the seeds for each arm, metric and split of a trials table."""
    groups = trials.groupby(["arm", "metric", "split"], sort=False)["value"]
    return groups.agg(mean="mean", sd="std", n="count").reset_index()


def spread(table: pd.DataFrame) -> list[Point]:
    """Return the worst-to-best range over arms of each metric in a summary, and how many arms."""
    found = {"arms": float(table["arm"].nunique())}
    for (split, metric), rows in table.groupby(["split", "metric"], sort=False):
        name = key(f"{split}_arms", str(metric))
        for part in ("min", "median", "max"):
            found[f"{name}_{part}"] = float(rows["mean"].agg(part))
    return [Point(name, value) for name, value in numbers(dict(found)).items()]


def tags(arm: str, place: int) -> dict[str, str]:
    """Return what marks a run as an arm, and the colour it has in every chart."""
    return {"arm": arm, "mlflow.runColor": COLOURS[place % len(COLOURS)]}


def settings(arm: str, known: Mapping[str, object]) -> dict[str, object]:
    """Return an arm's name and settings, as params to sort, group and draw by.

    Args:
        arm: its name; `setting=value` pairs in it count too.
        known: the settings that it was trained with.
    """
    pairs = re.findall(r"([A-Za-z_]\w*)\s*=\s*([^,;\s]+)", arm)
    return {"arm": arm, **known} | dict(pairs)
