"""The tables of an experiment's page: results and records in, rows of text out."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from stages import _numbers
from stages._forest import Scale, scale, strip
from stages._results import Results

TIMING = {
    "train_seconds": "training alone",
    "models": "models trained",
    "model_steps": "steps of all models",
    "samples_per_second": "samples per second",
    "ms_per_model_step": "ms per model and step",
    "peak_memory_mb": "peak memory, MB",
    "device_peak_memory_mb": "peak memory of the device, MB",
}
SPLITS = ("test", "dev", "train")
STRIP = 120


def arm_tables(arms: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table per split and metric, the test split first, with a scale for its strips."""
    order = {split: i for i, split in enumerate(SPLITS)}
    groups = sorted(
        arms.groupby(["metric", "split"], sort=False),
        key=lambda group: (order.get(group[0][1], len(order)), group[0][0]),
    )
    return [
        {"metric": metric, "split": split, "rows": _arm_rows(rows)}
        for (metric, split), rows in groups
    ]


def _arm_rows(rows: pd.DataFrame) -> list[dict[str, Any]]:
    to_x = scale([*rows["mean"], *rows["low"], *rows["high"]], STRIP, 5)
    records = sorted(rows.to_dict("records"), key=lambda row: _natural(row["arm"]))
    places = _common([_numbers.decimals(r["low"], r["high"], r["mean"]) for r in records])
    return [
        {
            "arm": row["arm"],
            "mean": _numbers.fixed(row["mean"], digits),
            "sd": _numbers.fixed(row["sd"], digits),
            "interval": _numbers.between(row["low"], row["high"], digits),
            "n": _numbers.observations(int(row["n"]), int(row["rows"])),
            "strip": "" if _numbers.missing(row["mean"]) else _strip(row, to_x),
        }
        for row, digits in zip(records, places, strict=True)
    ]


def _natural(arm: str) -> list[str | float]:
    """Sort numbers in names by size: texts and numbers alternate."""
    parts: list[str | float] = [*re.split(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", arm)]
    parts[1::2] = [float(part) for part in parts[1::2]]
    return parts


def _common(places: list[int | None]) -> list[int | None]:
    """Give a column's numbers one number of decimals, where they need about the same."""
    known = sorted(n for n in places if n is not None)
    middle = known[len(known) // 2] if known else 3
    return [middle if n is not None and abs(n - middle) <= 1 else n for n in places]


def _strip(row: Mapping[str, Any], to_x: Scale) -> Markup:
    return strip(row["mean"], row["low"], row["high"], to_x)


def data_rows(results: Results) -> list[dict[str, Any]]:
    """Return what each role of the data really was, and where its bytes came from."""
    rows = []
    for role, facts in sorted(results.metrics["data"].items()):
        details = results.records.get(f"fetch/{facts['name']}", {}).get("details", {})
        files = details.get("files", {})
        served = sorted({file["source"] for file in files.values()})
        rows.append(
            {
                **dict.fromkeys(("variant", *SPLITS)),
                **facts,
                "role": role,
                "served": ", ".join(served) or "generated from the seed",
                "licence": details.get("licence") or _numbers.MISSING,
            }
        )
    return rows


def headline_rows(results: Results, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the numbers that sum the experiment up, under the story's labels or their own."""
    headline = results.metrics["headline"]
    return [(labels.get(n, n.replace("_", " ")), _numbers.plain(x, 4)) for n, x in headline.items()]


def run_rows(results: Results) -> list[tuple[str, str]]:
    """Return what was run and what it cost."""
    train, evaluate = results.records["train"], results.records["evaluate"]
    rows = [("arms listed below", _numbers.count(results.arms["arm"].nunique()))]
    if repeats := _repeats(results):
        rows.append(("repeats", repeats))
    for key in ("models", "model_steps"):
        if train["timing"].get(key):
            rows.append((TIMING[key], _numbers.count(int(train["timing"][key]))))
    cost = _numbers.duration(train["seconds"] + evaluate["seconds"])
    parts = [_numbers.duration(record["seconds"]) for record in (train, evaluate)]
    rows.append(("cost", f"{cost} ({parts[0]} to train, {parts[1]} to evaluate)"))
    return [*rows, ("profile", str(results.metrics["profile"]))]


def _repeats(results: Results) -> str:
    """Say how many repeats the arms have; a number that is not finite does not count."""
    counts = results.trials.groupby(["arm", "metric", "split"])["seed"].nunique()
    declared = results.records["train"]["params"]["train"].get("repeats", 0)
    most = max(counts, default=declared)
    return ("up to " if counts.nunique() > 1 else "") + _numbers.count(most) if most else ""


def machine_rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a stage ran on."""
    device, versions = record["device"], record["versions"]
    rows = [("device", f"{device['type']}: {device['name']}")]
    rows += [(key, str(device[key])) for key in ("threads", "workers") if key in device]
    if "deterministic" in device:
        rows.append(("deterministic algorithms", "on" if device["deterministic"] else "not forced"))
    packages = ("torch", "numpy", "python")
    return rows + [(name, versions[name]) for name in packages if name in versions]


def origin_rows(results: Results) -> list[tuple[str, str]]:
    """Return what ties the page to a commit and to its parameters."""
    record = results.records["train"]
    rows = [
        ("parameters", results.metrics["params_hash"]),
        ("commit", (record["git_commit"] or _numbers.MISSING)[:10]),
        ("trained", record["started"][:10]),
    ]
    name = record["dvc_experiment"]
    return [*rows, ("DVC experiment", name)] if name else rows


def timing_rows(results: Results) -> list[dict[str, Any]]:
    """Return the measured times of training and evaluation, row by row."""
    records = [results.records[stage] for stage in ("train", "evaluate")]
    keys = list(dict.fromkeys(key for record in records for key in record["timing"]))
    rows = [{"what": "whole stage", "values": [_numbers.duration(r["seconds"]) for r in records]}]
    for key in sorted(keys, key=_timing_order):
        if not any(record["timing"].get(key) for record in records):
            continue  # nothing was trained
        values = [_timing(key, record["timing"].get(key)) for record in records]
        rows.append({"what": TIMING.get(key, key.replace("_", " ")), "values": values})
    return rows


def _timing_order(key: str) -> int:
    return [*TIMING, key].index(key)


def _timing(key: str, value: float | None) -> str:
    return _numbers.duration(value) if key.endswith("_seconds") else _numbers.plain(value)
