"""Names of lines at their right ends, instead of a legend."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

# In points; the sample of a line and its name stand right of the axes.
LINE_HEIGHT, LEADER, SAMPLE, GAP = 13.5, 10, 36, 5


def direct_labels(ax: Axes) -> None:
    """Name each labelled line at its right end, the names pushed apart. Call it last."""
    named = [line for line in ax.get_lines() if not str(line.get_label()).startswith("_")]
    ends = [_end(ax, line) for line in named]
    width, height = _points(ax)
    heights = apart([y for _, y in ends], LINE_HEIGHT / height)
    for line, end, at in zip(named, ends, heights, strict=True):
        _name(ax, line, end, at, width)


def _name(ax: Axes, line: Line2D, end: tuple[float, float], at: float, width: float) -> None:
    """Lead from a line's end to a sample of it and its name, all in fractions of the axes."""
    start, stop = 1 + LEADER / width, 1 + SAMPLE / width
    place: dict[str, Any] = {"transform": ax.transAxes, "clip_on": False, "label": "_"}
    ax.plot([end[0] + 0.012, start], [end[1], at], color=line.get_color(), lw=0.7, **place)
    sample = Line2D([start, (start + stop) / 2, stop], [at] * 3)
    sample.update_from(line)
    sample.set(markevery=[1], **place)
    ax.add_artist(sample)
    name = str(line.get_label())
    ax.annotate(name, (stop, at), (GAP, 0), ax.transAxes, "offset points", va="center")


def _points(ax: Axes) -> tuple[float, float]:
    """Return the width and height of the axes in points, before the layout settles them."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches() * 72 * ax.get_position().size
    return float(width), float(height)


def _end(ax: Axes, line: Any) -> tuple[float, float]:
    """Return where a line ends, in fractions of the axes."""
    points = np.asarray(line.get_xydata())
    last = points[np.isfinite(points).all(axis=1)][-1]
    x, y = ax.transAxes.inverted().transform(ax.transData.transform(last))
    return float(x), float(y)


def apart(heights: Sequence[float], gap: float) -> list[float]:
    """Move heights as little as a sweep allows, so that all are `gap` apart and none below 0."""
    order = np.argsort(heights, kind="stable")
    spread = np.array(heights, dtype=float)[order]
    for _ in range(200):
        overlap = gap - np.diff(spread)
        if len(overlap) == 0 or overlap.max() <= 1e-9:
            break
        push = np.maximum(overlap, 0) / 2
        spread[1:] += push
        spread[:-1] -= push
        spread = np.maximum(spread, gap * np.arange(len(spread)))
    result = np.empty_like(spread)
    result[order] = spread
    return [float(height) for height in result]
