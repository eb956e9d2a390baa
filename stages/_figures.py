"""Figures: one style, the helpers that experiments share, and saving as SVG and PNG.

In: numbers. Out: `<name>.svg`, which follows the reader's light or dark scheme, and `<name>.png`,
always light; both have the same bytes in every run and process. Nothing here touches pyplot.
"""

import io
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from stages import _svg
from stages._files import atomic, write_text
from stages._labels import direct_labels as direct_labels
from stages._theme import COLOURS, light

WIDTH = 5.8
MANY_POINTS = 16
MANY_CELLS = 120
INK, MUTED, GRID = light("ink"), light("muted"), light("rule")

RC: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.xmargin": 0.03,
    "figure.dpi": 100,
    "figure.facecolor": "none",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "image.cmap": "cividis",
    "legend.fontsize": 10,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "path.simplify": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "lectures",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": 9.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": MUTED,
    "ytick.labelsize": 9.5,
}


@dataclass(frozen=True)
class Figure:
    """A figure of a page.

    Attributes:
        name: the stem of its files, lower case.
        figure: the matplotlib figure.
        caption: what it shows, and what its bands are.
        alt: what a reader who cannot see it should know.
    """

    name: str
    figure: Canvas
    caption: str
    alt: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_]+", self.name):
            raise ValueError(f"figure {self.name!r}: a name is made of a-z, 0-9 and _")


@dataclass(frozen=True)
class Style:
    """How one arm is drawn everywhere: told apart by colour, by dashes and by marker."""

    colour: str
    line: Any = "-"
    marker: str = "o"


STYLES = (
    Style(light("c1"), "-", "o"),
    Style(light("c2"), (0, (5, 1.6)), "s"),
    Style(light("c3"), (0, (1.2, 1.4)), "^"),
    Style(light("c4"), (0, (6, 1.6, 1.2, 1.6)), "D"),
    Style(light("c5"), (0, (9, 2)), "v"),
    Style(light("c6"), (0, (3, 1.2, 1, 1.2, 1, 1.2)), "P"),
)
PLAIN = Style(light("plain"), (0, (2, 2)), "x")


def style() -> AbstractContextManager[None]:
    """Return the context in which every figure is drawn and saved."""
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **RC})


def styles(names: Iterable[str]) -> dict[str, Style]:
    """Give each name its style, in order; a seventh starts again."""
    return {name: STYLES[i % len(STYLES)] for i, name in enumerate(names)}


def canvas(height: float = 3.6) -> tuple[Canvas, Axes]:
    """Return a figure of the page's width, `height` inches high, with one set of axes."""
    figure = Canvas(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def panels(
    columns: int,
    rows: int = 1,
    height: float = 2.8,
    sharex: bool = False,
    sharey: bool = False,
    ratios: Sequence[float] | None = None,
) -> tuple[Canvas, list[Axes]]:
    """Return a figure with a grid of axes, row by row.

    `height` is that of a row, the mean where rows differ by `ratios`.
    """
    figure = Canvas(figsize=(WIDTH, height * rows), layout="constrained")
    axes = figure.subplots(
        rows, columns, squeeze=False, sharex=sharex, sharey=sharey, height_ratios=ratios
    )
    return figure, list(axes.flat)


def band(
    ax: Axes, x: Any, mean: Any, low: Any, high: Any, label: str = "", style: Style = STYLES[0]
) -> None:
    """Draw a line with its error band."""
    ax.fill_between(x, low, high, color=style.colour, alpha=0.16, linewidth=0)
    line(ax, x, mean, label, style)


def line(ax: Axes, x: Any, y: Any, label: str = "", style: Style = STYLES[0]) -> None:
    """Draw a line; where there are few points, each is marked."""
    ax.plot(
        x,
        y,
        color=style.colour,
        linestyle=style.line,
        marker=style.marker if len(x) <= MANY_POINTS else "",
        markeredgewidth=1.4 if style.marker == "x" else 0,
        label=label or "_",
    )


def dots(
    ax: Axes, names: Sequence[str], mean: Any, low: Any, high: Any, style: Style = STYLES[0]
) -> None:
    """Draw one row per name: a dot and its interval, the first name on top."""
    rows = np.arange(len(names))
    ax.hlines(rows, low, high, color=style.colour, linewidth=2.2, alpha=0.55)
    ax.plot(mean, rows, color=style.colour, linestyle="", marker=style.marker, markersize=7)
    ax.set_yticks(rows, list(names))
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0, labelcolor=INK)
    ax.grid(visible=False, axis="y")


def level(
    ax: Axes,
    value: float,
    label: str = "trivial predictor",
    axis: Literal["x", "y"] = "y",
    side: Literal["left", "right"] = "right",
) -> None:
    """Draw a thin dashed line across the axes and name it, on the side where there is room."""
    across = ax.axhline if axis == "y" else ax.axvline
    across(value, color=PLAIN.colour, linestyle=PLAIN.line, linewidth=1.2, zorder=1)
    right = side == "right"
    if axis == "y":
        at, shift = (1.0 if right else 0.0, value), (-3 if right else 3, 3)
        frame, align = ax.get_yaxis_transform(), (side, "bottom")
    else:
        at, shift = (value, 1.0), (4 if right else -4, -2)
        frame, align = ax.get_xaxis_transform(), ("left" if right else "right", "top")
    text: dict[str, Any] = {"color": MUTED, "fontsize": 9, "ha": align[0], "va": align[1]}
    ax.annotate(label, at, shift, frame, "offset points", **text)


def rate_axis(ax: Axes, label: str = "learning rate") -> None:
    """Make x logarithmic, with whole powers of ten as ticks."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(base=10))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    ax.set_xlabel(label)


def log_axis(ax: Axes, label: str, axis: Literal["x", "y"] = "y") -> None:
    """Make an axis logarithmic, with 1, 2 and 5 of each decade as ticks."""
    ax.set(**{f"{axis}scale": "log"})
    target = ax.yaxis if axis == "y" else ax.xaxis
    target.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
    target.set_minor_locator(NullLocator())
    target.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    target.set_label_text(label)


def decade_axis(ax: Axes, label: str) -> None:
    """Make y logarithmic over many decades, with whole powers of ten as ticks."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(base=10))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    ax.set_ylabel(label)


def power_of_ten(value: float) -> str:
    """Write a power of ten without mathtext, so that the text can be selected."""
    exponent = str(round(float(np.log10(value)))) if value > 0 else "0"
    return "10" + exponent.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def percent_axis(ax: Axes, label: str, axis: Literal["x", "y"] = "y") -> None:
    """Show fractions in per cent."""
    target = ax.yaxis if axis == "y" else ax.xaxis
    target.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}\u202f%"))
    target.set_label_text(label)


def legend(ax: Axes, columns: int = 1) -> None:
    """Name the lines of one axes above the whole figure, where direct labels do not fit."""
    handles, labels = ax.get_legend_handles_labels()
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.legend(handles, labels, loc="outside upper left", ncols=columns)


def picture(ax: Axes, image: Any, title: str = "") -> None:
    """Show an image: (H, W) in grey or (H, W, 3), as uint8 or as numbers in 0..1."""
    top = 255 if np.asarray(image).dtype == np.uint8 else 1
    ax.imshow(image, cmap="gray", vmin=0, vmax=top, interpolation="none")
    ax.set_axis_off()
    ax.set_title(title, fontweight="normal", fontsize=9.5, loc="center")


def heatmap(ax: Axes, values: Any, rows: Sequence[str], columns: Sequence[str], label: str) -> None:
    """Show a matrix in colours of rising lightness, small ones with their numbers."""
    matrix = np.asarray(values, dtype=float)
    figure = ax.get_figure(root=True)
    image = ax.imshow(matrix, aspect="auto", interpolation="none")
    ax.set_xticks(range(len(columns)), list(columns))
    ax.set_yticks(range(len(rows)), list(rows))
    ax.grid(visible=False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if figure is not None:
        figure.colorbar(image, ax=ax, label=label, pad=0.02).outline.set_visible(False)
    if matrix.size <= MANY_CELLS:
        for (i, j), value in np.ndenumerate(matrix):
            ink = "#ffffff" if np.asarray(image.norm(value)) < 0.5 else "#000000"
            ax.text(j, i, f"{value:.3g}", ha="center", va="center", color=ink, fontsize=9)


def element(figure: Figure) -> str:
    """Return the SVG element for use inside a page."""
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.figure.savefig(buffer, format="svg", metadata=metadata)
    return _svg.element(buffer.getvalue(), figure.name, figure.alt)


def save(figure: Figure, folder: Path) -> str:
    """Write `<name>.svg` and `<name>.png`; return the SVG element."""
    drawn = element(figure)
    write_text(folder / f"{figure.name}.svg", _svg.standalone(drawn))
    with atomic(folder / f"{figure.name}.png") as temporary:
        paper: dict[str, Any] = {"facecolor": COLOURS["paper"][0], "metadata": {"Software": None}}
        figure.figure.savefig(temporary, format="png", dpi=160, **paper)
    return drawn
