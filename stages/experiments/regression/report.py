"""Can a net with one unit draw a straight line? Figures and wording."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.regression.params import Report

TITLE = "Regression with one unit"
FOLDER = "Folder 7"
QUESTION = (
    "Can a net of one hidden unit fit a straight line, and what is it that goes wrong when it "
    "does not?"
)
LECTURE = [
    (
        "In linear regression with a net, the activation function is not linear, so that the "
        "predictions may not form a complete line and may bend at some points.",
        "notes L126",
    ),
    (
        "The loss of the fit grows with the size of the slope, and so does the correlation of "
        "predictions and data.",
        "course",
    ),
]
STATEMENTS = {
    "relu_kinks_the_line": (
        "On points around a line, at least a quarter of the nets whose hidden ReLU is on at some "
        "training row predict a kinked line: on fresh points the best straight one explains less "
        "than 99 % of it."
    ),
    "dead_units_explain_failures": (
        "At slopes of at least 1 in size, most nets of one hidden ReLU that explain less than half "
        "of what the true line explains have a dead unit, off at every training row."
    ),
    "linear_net_matches_ols": (
        "On points around a line, a net of one hidden unit without a ReLU predicts new points as "
        "well as ordinary least squares."
    ),
    "loss_grows_with_slope": (
        "The loss of a net of one hidden ReLU at slopes of 2 in size is above that at slope 0 by "
        "more than twice the noise's variance, though the noise is the same."
    ),
}
CORRECTED = [
    "The notebook measured loss and correlation on the training rows; here the claims are tested "
    "on 20 000 fresh points.",
    "It averaged losses that are not comparable: a failed fit costs about the square of the "
    "slope. Here R2 stands beside the loss.",
    "It counted the undefined correlation of a dead net as 0 and averaged it with the others, as "
    "does figure 1; beside it stand the share of dead nets and the R2 of the live ones.",
    "It had nothing to compare with; here least squares and the same net without the ReLU get the "
    "same rows.",
]
RUN = (
    "A net of one input, one hidden unit and one output is trained on 50 points of y = slope x + "
    "noise (x and noise normal, of deviations 1 and .5) by 500 full-batch steps of gradient "
    "descent at rate .05, with a ReLU and without, at 21 slopes from -2 to 2. The loss is the mean "
    "squared error. All slopes of a repeat share x, noise and initial weights and biases, uniform "
    "between -1 and 1. Correlation is that of predictions and y on the training rows, 0 for a dead "
    "net; R2 is 1 - mean squared error / variance of y on the fresh points, which the table calls "
    "test. A net is dead if its hidden unit is off at every training row; else it is live, and "
    "kinked if the best line explains less than 99 % of the variance of its predictions for the "
    "fresh points. It has failed if its R2 is less than half of slope²/(slope² + .25), what the "
    "true line explains, counted at slopes of at least 1 in size, where that is four fifths or "
    "more. The 20 000 fresh points, x and noise, are one sample for all nets and slopes; the "
    "intervals range over repeats alone."
)
HEADLINE = {
    "dead_share": "with the ReLU: dead nets, share of all at 21 slopes",
    "failed_share": "with the ReLU: failed nets, share of all at slopes of 1 to 2 in size (fresh "
    "points)",
    "kinked_share_of_live": "with the ReLU: kinked nets, share of all live ones pooled (fresh "
    "points)",
    "linear_r2_at_steepest": "without the ReLU: mean R2 at slopes of 2 in size (fresh points)",
    "least_squares_r2_at_steepest": "least squares: mean R2 at slopes of 2 in size (fresh points)",
}
NAMES = {"relu": "with the ReLU", "linear": "without it", "least squares": "least squares"}
NOTEBOOK = {  # slope: mean loss, mean correlation of 50 nets, as the course's file stores them
    -2.0: (1.271, 0.716),
    -1.6: (0.856, 0.704),
    -1.2: (0.761, 0.590),
    -0.8: (0.419, 0.619),
    -0.4: (0.283, 0.471),
    -0.2: (0.261, 0.274),
    0.0: (0.245, 0.100),
    0.2: (0.260, 0.269),
    0.4: (0.283, 0.457),
    0.8: (0.298, 0.772),
    1.2: (0.591, 0.679),
    1.6: (0.781, 0.723),
    2.0: (1.714, 0.640),
}
NOISE = 0.25  # the variance of the course's noise
COMPARED = (-2.0, -1.6, -1.2, -0.8, 0.0, 0.8, 1.2, 1.6, 2.0)  # of small ones no dead net is seen


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set the notebook's mean loss and correlation beside ours, at nine of its slopes."""
    ours = {name: _by_slope(results, "relu", name, "train") for name in ("loss", "correlation")}
    dead = _by_slope(results, "relu", "dead", "train")
    return [
        Compared(
            f"mean loss, mean correlation of 50 nets at slope {slope:+.2g} (training rows)"
            if slope
            else "the same at slope 0",
            f"{NOTEBOOK[slope][0]:.3f}, {NOTEBOOK[slope][1]:.3f}",
            ", ".join(_text(table, slope) for table in ours.values()),
            _reason(slope, _at(dead, slope)["mean"], _outside(ours, slope)),
        )
        for slope in COMPARED
    ]


def _reason(slope: float, dead: float, outside: bool) -> str:
    """Say how many nets are dead: each costs the square of the slope, by which the loss tells."""
    if not slope:
        return "Other starts and rows. At slope 0 a dead net loses nothing."
    theirs = (NOTEBOOK[slope][0] - NOISE) / slope**2
    counts = (
        f"Dead nets: about {theirs:.1%} of the notebook's, by (loss - .25) / slope²; {dead:.0%} of "
        "ours, counted."
    )
    return counts + outside * (
        " Both means are farther from ours than √2 times half our interval, where 95 % of two such "
        "means are nearer; unexplained."
    )


def _outside(ours: dict[str, pd.DataFrame], slope: float) -> bool:
    """Say whether both of the notebook's means differ by more than two such do in 95 %."""
    rows = [_at(table, slope) for table in ours.values()]
    pairs = zip(NOTEBOOK[slope], rows, strict=True)
    apart = 2**0.5 / 2
    return all(abs(row["mean"] - v) > apart * (row["high"] - row["low"]) for v, row in pairs)


def _at(table: pd.DataFrame, slope: float) -> pd.Series:
    return table[np.isclose(table["slope"], slope)].iloc[0]


def _text(table: pd.DataFrame, slope: float) -> str:
    row = _at(table, slope)
    return f"{row['mean']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield the notebook's figure, three nets, what becomes of all nets, and R2."""
    yield loss_and_correlation(results)
    yield examples(results)
    yield fates(results)
    yield explained(results, settings)


def loss_and_correlation(results: Results) -> draw.Figure:
    """Draw mean loss and mean correlation on the training rows, as the notebook did."""
    figure, axes = draw.panels(2, height=3.3)
    styles = draw.styles(NAMES)
    for ax, metric, column in zip(axes, ("loss", "correlation"), (0, 1), strict=True):
        for net in ("relu", "linear"):
            table = _by_slope(results, net, metric, "train")
            _band(ax, table, NAMES[net], styles[net])
        ax.plot(
            list(NOTEBOOK),
            [pair[column] for pair in NOTEBOOK.values()],
            linestyle="",
            marker="x",
            markeredgewidth=1.6,
            color=draw.INK,
            label="the course's run",
        )
        ax.set_xlabel("slope")
    axes[0].set_ylabel("mean loss on the training rows")
    axes[1].set_ylabel("mean correlation")
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylim(0, 1)
    draw.level(axes[0], NOISE, label="")
    axes[0].annotate("noise", (0.0, NOISE), (0, -4), textcoords="offset points", ha="center",
                     va="top", color=draw.MUTED, fontsize=9)  # fmt: skip
    draw.legend(axes[0], columns=3)
    return draw.Figure(
        "loss_and_correlation",
        figure,
        "The notebook's figure: loss and correlation on the training rows. Bands: 95 % intervals "
        "over repeats; crosses: the numbers stored in the course's file, at 13 of its 21 slopes "
        "(nine are compared below); level: the noise's variance. That the course's correlation "
        "grows as well is seen here alone; no claim tests it.",
        "Two line charts: with the ReLU the loss rises with the size of the slope and the "
        "correlation stays below that of the net without it, whose loss is flat.",
    )


def examples(results: Results) -> draw.Figure:
    """Draw the training rows and the predictions of a straight, a kinked and a dead net."""
    kinds = [kind for kind in ("straight", "kinked", "dead") if f"example/{kind}" in results.arrays]
    figure, axes = draw.panels(len(kinds), sharey=True, height=2.6)
    for ax, kind in zip(axes, kinds, strict=True):
        x_N, y_N, predicted_N = results.arrays[f"example/{kind}"]
        order_N = np.argsort(x_N)
        ax.plot(x_N, y_N, linestyle="", marker="o", markersize=3, color=draw.MUTED, label="data")
        draw.line(ax, x_N[order_N], predicted_N[order_N], "prediction")
        ax.set_title("nearly straight" if kind == "straight" else kind)
        ax.set_xlabel("x")
    axes[0].set_ylabel("y")
    draw.legend(axes[0], columns=2)
    return draw.Figure(
        "examples",
        figure,
        "The first net of each kind at the steepest positive slope, with its training rows. What "
        "counts as nearly straight (99 % or more explained by the best line) may have a kink near "
        "its end.",
        "Three scatter plots: one prediction is nearly a line through the data, one has a kink and "
        "is flatter on one side, one is flat.",
    )


def fates(results: Results) -> draw.Figure:
    """Draw the share of nets that are dead, kinked and straight, by slope."""
    figure, ax = draw.canvas()
    for fate, style in draw.styles(["dead", "straight", "kinked"]).items():
        name = "nearly straight" if fate == "straight" else fate
        split = "train" if fate == "dead" else "test"
        _band(ax, _by_slope(results, "relu", fate, split), name, style)
    ax.set_xlabel("slope")
    draw.percent_axis(ax, "share of nets")
    ax.set_ylim(0, 1)
    draw.direct_labels(ax)
    return draw.Figure(
        "fates",
        figure,
        "What becomes of the nets with the ReLU: dead (off at every training row), kinked (the "
        "best line explains less than 99 % of the variance of the predictions for fresh points) or "
        "nearly straight. Bands: 95 % intervals over repeats. All slopes share their starts, so "
        "that the higher share of dead nets at positive slopes is one draw of chance, not many.",
        "Line chart: the kinked are most near slope 0 and fewer at steep slopes, where more are "
        "straight; about a quarter are dead at negative slopes, and more at positive ones.",
    )


def explained(results: Results, settings: Report) -> draw.Figure:
    """Draw R2 on fresh points by slope, with the limit that the noise sets."""
    figure, ax = draw.canvas(height=4.0)
    lines = {
        "least squares": ("least squares", "R2"),
        "net without ReLU": ("linear", "R2"),
        "with ReLU, live": ("relu", "R2 if live"),
        "with ReLU, all": ("relu", "R2"),
    }
    for name, style in draw.styles(lines).items():
        _band(ax, _by_slope(results, *lines[name], "test"), name, style)
    draw.level(ax, 0.0, "trivial: the mean")
    ax.set_xlabel("slope")
    ax.set_ylabel("R2 on fresh points")
    ax.set_ylim(settings.r2_from, 1)
    draw.direct_labels(ax)
    return draw.Figure(
        "explained",
        figure,
        "R2 on fresh points; to predict their mean gives 0. Bands: 95 % intervals over repeats.",
        "Line chart: least squares and the net without the ReLU coincide and rise with the size of "
        "the slope; the net with the ReLU stays below.",
    )


def _by_slope(results: Results, net: str, metric: str, split: str) -> pd.DataFrame:
    """Return the rows of a net's arms in order of their slopes."""
    rows = results.arms.query("metric == @metric and split == @split")
    rows = rows[rows["arm"].str.startswith(f"{net}, ")]
    return rows.assign(slope=rows["arm"].map(_slope)).sort_values("slope")


def _slope(arm: str) -> float:
    return float(arm.rpartition(" ")[2])


def _band(ax: Axes, table: pd.DataFrame, label: str, style: Any) -> None:
    draw.band(ax, table["slope"], table["mean"], table["low"], table["high"], label, style)
