"""The speed page: the benchmark's JSON in; two figures, the table behind them and HTML out.

Everything said of the numbers is computed from them. What was not measured (a workload that was not
chosen, a peer that is not installed, the machine) does not stand on the page.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes

from stages import _figures, _numbers, _pages
from stages._figures import Figure

RESULTS = Path("reports/speed.json")
LOOP, LIMIT = "the lecture's loop", "(limit: the batched products alone)"
BY_NUMBER = "n"
MS, TIMES = "ms", "times the loop's speed"
ROW, FRAME = 0.25, 0.5  # inches: a contestant, and what stands round a panel

Work = Mapping[str, Any]


def page(found: Mapping[str, Any]) -> str:
    """Return the speed page of what `benchmarks.sweep` wrote."""
    works = [work for key, work in found["workloads"].items() if key != BY_NUMBER]
    numbers = found["workloads"].get(BY_NUMBER)
    with _figures.style():
        figures = [_drawn(figure) for figure in _all_figures(works, numbers)]
    return (
        _pages.environment()
        .get_template("speed.html")
        .render(
            machine=_machine(found),
            all_cores=found.get("machine", {}).get("cores") == found["workers"],
            workers=found["workers"],
            figures=figures,
            works=[{"title": work["title"], "rows": _rows(work)} for work in works],
            numbers=_number_rows(numbers) if numbers else [],
        )
    )


def _drawn(figure: Figure) -> dict[str, Any]:
    return {"svg": Markup(_figures.element(figure)), "caption": figure.caption}


def _machine(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return on what and when it was measured, as far as that is known."""
    machine = found.get("machine", {})
    named = (("processor", "cpu"), ("cores", "cores"), ("measured", "date"))
    rows = [(name, str(machine[key])) for name, key in named if key in machine]
    peak = f"{_numbers.plain(found['peak_gflops'])} GFLOP/s"
    return [*rows, ("fastest matrix product", peak), ("torch", found["torch"])]


def _rows(work: Work) -> list[dict[str, str]]:
    """Return a workload's contestants as the table shows them."""
    return [
        {
            "contestant": LIMIT.strip("()") if row["contestant"] == LIMIT else row["contestant"],
            "ms": _three(row[MS]),
            "times": _three(row[TIMES]),
            "share": _numbers.percent(row["share of peak"]),
            "spread": _numbers.percent(row["spread"]),
        }
        for row in work["rows"]
    ]


def _number_rows(numbers: Work) -> list[tuple[str, str]]:
    return [(_numbers.count(row["models"]), _three(row[MS])) for row in numbers["rows"]]


def _three(value: float) -> str:
    """Write a number with three significant digits, never as a power of ten."""
    return _numbers.fixed(value, _numbers.decimals(None, None, value))


def _all_figures(works: Sequence[Work], numbers: Work | None) -> list[Figure]:
    figures = [_speeds(works)] if works else []
    return figures + ([_by_number(numbers, _alone(works, numbers))] if numbers else [])


def _speeds(works: Sequence[Work]) -> Figure:
    """Draw how many times as fast as the loop each contestant is, a panel per workload."""
    sizes = [len(_field(work)) for work in works]
    height = ROW * sum(sizes) / len(works) + FRAME
    canvas, axes = _figures.panels(1, len(works), height, sharex=True, ratios=sizes)
    for ax, work in zip(axes, works, strict=True):
        _panel(ax, work)
    _figures.log_axis(axes[-1], "times the speed of the lecture's loop", axis="x")
    times = [row[TIMES] for work in works for row in work["rows"]]
    axes[-1].set_xlim(min(times) / 1.3, max(times) * 1.3)
    caption = (
        "How many times as fast as the lecture's loop each contestant trains, on a logarithmic "
        "scale; circles are the engine, squares the others."
    )
    if any(_limit(work) for work in works):
        caption += (
            " The dashed line is a limit: the matrix products of a step, all models at once, and "
            "nothing else."
        )
    return Figure("speeds", canvas, caption, " ".join(_told(work) for work in works))


def _field(work: Work) -> list[dict[str, Any]]:
    """Return the rows of those who train, without the limit."""
    return [row for row in work["rows"] if row["contestant"] != LIMIT]


def _limit(work: Work) -> float | None:
    """Return how many times the loop's speed the bare products have, where they were timed."""
    found = [float(row[TIMES]) for row in work["rows"] if row["contestant"] == LIMIT]
    return found[0] if found else None


def _panel(ax: Axes, work: Work) -> None:
    """Draw one workload: a mark per contestant, led to from the loop's speed, and its number."""
    field = _field(work)
    names, ones = [row["contestant"] for row in field], [1.0] * len(field)
    for style, own in zip(_figures.STYLES, (True, False), strict=False):
        times = [row[TIMES] if _is_engine(row) == own else math.nan for row in field]
        _figures.dots(ax, names, times, ones, times, style)
    ax.axvline(1, color=_figures.MUTED, linewidth=0.8, zorder=1)
    limit = _limit(work)
    if limit:
        _figures.level(ax, limit, "limit", axis="x")
    right = ax.get_yaxis_transform()
    for i, row in enumerate(field):
        place: dict[str, Any] = {"ha": "right", "va": "center_baseline", "fontsize": 9.5}
        ax.annotate(_three(row[TIMES]), (1, i), (34, 0), right, "offset points", **place)
    left = ("figure fraction", "axes fraction")
    bold: dict[str, Any] = {"xycoords": left, "textcoords": "offset points", "fontweight": "bold"}
    ax.annotate(work["title"], (0, 1), (4, 6), **bold)


def _is_engine(row: Mapping[str, Any]) -> bool:
    return bool(row["contestant"].startswith("engine"))


def _told(work: Work) -> str:
    """Say a panel in words."""
    told = [f"{row['contestant']} {_three(row[TIMES])}" for row in _field(work)]
    limit = _limit(work)
    told += [f"the limit {_three(limit)}"] if limit else []
    return f"{work['title']}, times the loop's speed: {'; '.join(told)}."


def _alone(works: Sequence[Work], numbers: Work) -> float | None:
    """Return the loop's milliseconds on the nets whose number varies, where both were timed."""
    same = [work for work in works if numbers["title"].endswith(work["title"])]
    loops = [row[MS] for work in same for row in work["rows"] if row["contestant"] == LOOP]
    return float(loops[0]) if loops else None


def _by_number(numbers: Work, loop_ms: float | None) -> Figure:
    """Draw milliseconds per model and step by the number of models."""
    models, ms = ([row[key] for row in numbers["rows"]] for key in ("models", MS))
    canvas, ax = _figures.canvas(3.4)
    _figures.line(ax, models, ms)
    _figures.log_axis(ax, "models trained together", axis="x")
    _figures.log_axis(ax, "ms per model and step")
    caption = (
        "What one step of one model costs when more models train together; both scales are "
        "logarithmic and each number of models is timed once."
    )
    if loop_ms:
        _figures.level(ax, loop_ms, LOOP)
        caption += " The dashed line is the lecture's loop on the same nets, one after the other."
    ends = f"{_three(ms[0])} ms with {models[0]} to {_three(ms[-1])} ms with {models[-1]} models"
    alt = f"{numbers['title']}. From {ends}. {_growth(ms)}"
    return Figure("by_number", canvas, f"{caption} {_growth(ms)}", alt)


def _growth(ms: Sequence[float]) -> str:
    """Say how much the cost per model ever grows from one number of models to the next."""
    most = max((after / before - 1 for before, after in pairwise(ms)), default=0.0)
    if most <= 0:
        return "No larger number of models costs more per model than a smaller one."
    return f"From one number to the next, the cost per model grows by {most:.0%} at most."
