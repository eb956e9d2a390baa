"""What does the learning rate do to a net of one hidden unit? Figures and wording."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.learning_rate.params import Report

TITLE = "Learning rate, luck and simple methods"
FOLDER = "Folder 7"
QUESTION = (
    "How much does the learning rate change a small net's accuracy, what can one run per rate "
    "show, and is a net needed at all for two round clusters?"
)
LECTURE = [
    (
        "The best result does not necessarily come from deep learning; methods such as nearest "
        "neighbours or k-means may do better.",
        "notes L130",
    ),
    (
        "Another learning rate can give a very different result, but because weights start at "
        "random, one run may not show it: the code must be run many times until the best result is "
        "found.",
        "notes L131",
    ),
    ("As the rate changes, accuracy goes from 50 to about 99 per cent.", "notes L132"),
    (
        "Complex methods make models inefficient; simple problems need simple ones.",
        "notes L133-134",
    ),
    ("BCELoss needs a sigmoid before it; with BCEWithLogitsLoss it must go.", "notes L142-143"),
]
STATEMENTS = {
    "rate_matters_on_average": (
        "On average a net at the largest of the course's rates is at least ten points better than "
        "one at the smallest."
    ),
    "single_runs_mislead": (
        "Most single runs are more than ten points away from the average of their own rate."
    ),
    "bce_equals_bce_with_logits": (
        "BCELoss after a sigmoid and BCEWithLogitsLoss without one train the same net."
    ),
    "simple_methods_suffice": (
        "Nearest neighbours, k-means and logistic regression lose at most a point to a net at its "
        "best rate, even to one that is not stuck."
    ),
    "simple_methods_win": (
        "On average over all starts the three methods are at least three points better than the "
        "net at its best rate."
    ),
    "wider_nets_get_stuck_less": (
        "Each doubling of the hidden units raises the share of nets that learn by at least three "
        "points."
    ),
    "best_of_repeats_is_optimistic": (
        "Whoever keeps the best of 16 starts by its dev accuracy is promised at least half a point "
        "more than new points keep."
    ),
}
CORRECTED = [
    "The notebook measured accuracy on the training rows, the same 200 in all runs; here each "
    "repeat draws its own, and accuracy is that on 20 000 fresh points.",
    "It averaged outcomes of two kinds, nets that learned and nets that did not; here the share "
    "that learned stands beside the accuracy of those.",
    "Its single runs had 1000 steps and its means 500; here the same nets give both.",
    "Its linear grid of rates hardly touches those below .01; a logarithmic one stands beside it.",
    "It put nets that are stuck down to the rate; equal starts are stuck at nearly every rate.",
    "The notes' 99 % is above what any rule can reach on new points (97.7 %): it is luck of the "
    "200 training rows.",
]
RUN = (
    "A net of two inputs, one hidden unit with a ReLU and one output is trained on 200 points of "
    "two round clusters by 1000 full-batch steps of gradient descent, at 40 rates on a logarithmic "
    "grid and at the course's 40, 50 times each; nets of 1 to 16 units at two rates; and 16 "
    "starts per repeat at rate .01."
)
# Mean accuracy of 50 nets after 500 steps by rate, as the course's file stores it.
RATES = (0.001, 0.0035, 0.0112, 0.0213, 0.034, 0.0543, 0.0797, 0.1)
MEANS = dict(zip(RATES, (0.554, 0.614, 0.716, 0.694, 0.823, 0.860, 0.841, 0.819), strict=True))
SHORT = 500
COMPARED = (0.001, 0.0112, 0.0543, 0.1)


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set the notebook's mean accuracies and its share of good runs beside ours."""
    share = (results.arrays["linear/train"] > 0.7).mean(0)
    means = _short(results)
    closest = [(rate, means.iloc[(means["rate"] - rate).abs().argmin()]) for rate in COMPARED]
    rows = [
        Compared(
            "share of the 40 rates whose single run is above 70 % (1000 steps, training rows)",
            ".70; two reruns by others .68 and .65",
            f"{share.mean():.2f}, over repeats from {share.min():.2f} to {share.max():.2f}",
            "In the notebook each rate has its own start. Here a repeat's start is the same at "
            "all rates, so that nearly all are stuck or nearly none; this leaves the mean alone.",
        )
    ]
    return rows + [
        Compared(
            f"mean accuracy of 50 nets at rate {rate:g} (500 steps, training rows)",
            f"{MEANS[rate]:.3f}",
            f"{row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})",
            "Other starts, and here also other rows in each repeat.",
        )
        for rate, row in closest
    ]


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield single runs, the notebook's means, the wide grid, widths, restarts and methods."""
    yield means_by_rate(results, settings)
    yield single_runs(results, settings)
    yield wide_grid(results, settings)
    yield widths(results)
    yield restarts(results, settings)
    yield methods(results)


def means_by_rate(results: Results, settings: Report) -> draw.Figure:
    """Draw mean training accuracy after 500 steps by rate, as the notebook did."""
    figure, ax = draw.canvas()
    _band(ax, _short(results), "rate", "our 50 nets", draw.STYLES[0])
    ax.plot(
        list(MEANS), list(MEANS.values()), linestyle="", marker="x", markeredgewidth=1.6,
        color=draw.INK, label="the course's 50 nets",
    )  # fmt: skip
    _levels(ax, results, settings)
    ax.set_xlabel("learning rate")
    draw.percent_axis(ax, "mean accuracy on the training rows")
    draw.legend(ax, columns=2)
    return draw.Figure(
        "means_by_rate",
        figure,
        "The notebook's figure: mean accuracy on the training rows after 500 steps. Band: 95 % "
        "interval over repeats; crosses: eight of the 40 means stored in the course's file.",
        "Line chart: accuracy rises from little above 50 % to a plateau below the Bayes limit.",
    )


def single_runs(results: Results, settings: Report) -> draw.Figure:
    """Draw two sweeps with one run per rate and a start of its own in each."""
    figure, axes = draw.panels(2, sharey=True)
    accuracy_LS = results.arrays["linear/train"]
    rates = _short(results)["rate"].to_numpy()
    L, S = accuracy_LS.shape
    for number, ax in enumerate(axes):
        own_L = accuracy_LS[np.arange(L), (np.arange(L) + number * S // 2) % S]
        ax.plot(rates, own_L, linestyle="", marker="o", label="one run per rate", clip_on=False)
        draw.line(ax, rates, accuracy_LS.mean(1), f"mean of {S}", draw.STYLES[1])
        _levels(ax, results, settings, named=False)
        ax.set_xlabel("learning rate")
        ax.set_title(f"sweep {number + 1}")
    draw.percent_axis(axes[0], "accuracy on the training rows")
    draw.legend(axes[0], columns=2)
    return draw.Figure(
        "single_runs",
        figure,
        "Two sweeps as the notebook made one: 1000 steps, one run per rate, each with a start and "
        "rows of its own. Dashed: trivial predictor and Bayes limit.",
        "Two scatter plots: points lie near 50 % or near 97 %, without order in the rate, and "
        "hardly any near the mean between.",
    )


def wide_grid(results: Results, settings: Report) -> draw.Figure:
    """Draw accuracy, success and accuracy of the successful over five decades of rates."""
    figure, ax = draw.canvas(height=4.0)
    names = {"accuracy": "accuracy", "share not stuck": "success"}
    names["accuracy if not stuck"] = "accuracy if not stuck"
    for name, style in draw.styles(names).items():
        _band(ax, _grid(results, names[name]), "rate", name, style)
    _levels(ax, results, settings, named=False)
    draw.rate_axis(ax)
    draw.percent_axis(ax, "fresh points; share of nets")
    ax.set_ylim(0, 1.02)
    draw.direct_labels(ax)
    return draw.Figure(
        "wide_grid",
        figure,
        "Test accuracy by rate after 1000 steps, and what it is made of: how many nets are not "
        "stuck (above 74 %), and how good those are. Bands: 95 % intervals over repeats; dashed: "
        "trivial predictor and Bayes limit.",
        "Line chart: the share of nets that learn rises with the rate to a plateau and falls at "
        "the largest rates; the accuracy of those that learn approaches the Bayes limit.",
    )


def widths(results: Results) -> draw.Figure:
    """Draw the share of nets that are not stuck by width, a line per rate."""
    figure, ax = draw.canvas()
    table = results.arms.query("metric == 'success' and split == 'test'")
    table = table[table["arm"].str.contains(" unit")]
    parts = table["arm"].str.extract(r"(\d+) units?@(.+)").astype(float)
    table = table.assign(units=parts[0], rate=parts[1])
    for rate, style in draw.styles(sorted(table["rate"].unique())).items():
        own = table[table["rate"] == rate].sort_values("units")
        _band(ax, own, "units", f"rate {rate}", style)
    _doublings(ax, table["units"], "hidden units")
    draw.percent_axis(ax, "share of nets not stuck")
    ax.set_ylim(0, 1.03)
    draw.direct_labels(ax)
    return draw.Figure(
        "widths",
        figure,
        "Share of nets above 74 % on fresh points by the number of hidden units. Bands: 95 % "
        "intervals over repeats.",
        "Line chart: the share rises with the width and reaches nearly all nets.",
    )


def restarts(results: Results, settings: Report) -> draw.Figure:
    """Draw what the best of k starts promises on dev and keeps on fresh points."""
    figure, ax = draw.canvas()
    table = results.arms[results.arms["arm"].str.startswith("best of ")]
    table = table.assign(k=table["arm"].str.rpartition(" ")[2].astype(int)).sort_values("k")
    names = {"dev": "dev, chosen on", "test": "fresh points"}
    for split, style in draw.styles(names).items():
        _band(ax, table[table["split"] == split], "k", names[split], style)
    _levels(ax, results, settings)
    _doublings(ax, table["k"], "starts to choose from")
    draw.percent_axis(ax, "accuracy of the best start")
    draw.direct_labels(ax)
    return draw.Figure(
        "restarts",
        figure,
        "The best of so many starts on the same rows at rate .01, by its accuracy on 100 dev rows, "
        "and what it keeps. Bands: 95 % intervals over repeats.",
        "Line chart: both rise steeply to four starts; beyond, dev stays above fresh points.",
    )


def methods(results: Results) -> draw.Figure:
    """Draw the simple methods beside the net at its best rate and wider nets."""
    figure, ax = draw.canvas(height=2.8)
    best = _grid(results, "accuracy").iloc[int(results.arrays["best_on_dev"][0])]
    simple = ("nearest neighbours", "k-means", "logistic regression")
    rows = [
        *((name, results.arm(name, "accuracy")) for name in simple),
        ("net with 16 units", results.arm("16 units@1.00e-01", "accuracy")),
        ("net with 1 unit", best),
        ("net with 1 unit, not stuck", results.arm(best["arm"], "accuracy if not stuck")),
    ]
    mean, low, high = ([row[column] for _, row in rows] for column in ("mean", "low", "high"))
    draw.dots(ax, [name for name, _ in rows], mean, low, high)
    draw.level(ax, 0.5, axis="x")
    draw.level(ax, results.metrics["headline"]["bayes_limit"], "", axis="x")
    draw.percent_axis(ax, "test accuracy; dashed at the right: the Bayes limit", axis="x")
    return draw.Figure(
        "methods",
        figure,
        "Three simple methods, nets of 16 units at rate .1 and of one unit at their best rate on "
        "dev. Bars: 95 % intervals over repeats.",
        "Dot plot: the simple methods, the wide net and the nets that are not stuck lie together "
        "at the Bayes limit, the mean over all nets with one unit far below.",
    )


def _levels(ax: Axes, results: Results, settings: Report, named: bool = True) -> None:
    trivial, limit = ("trivial predictor", "Bayes limit") if named else ("", "")
    draw.level(ax, 0.5, trivial)
    draw.level(ax, results.metrics["headline"]["bayes_limit"], limit, side="left")
    ax.set_ylim(settings.accuracy_from, 1.02)


def _band(ax: Axes, table: pd.DataFrame, x: str, label: str, style: draw.Style) -> None:
    draw.band(ax, table[x], table["mean"], table["low"], table["high"], label, style)


def _doublings(ax: Axes, values: pd.Series, label: str) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(sorted(values.unique()))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_xlabel(label)


def _short(results: Results) -> pd.DataFrame:
    """Return training accuracy after 500 steps at the course's rates."""
    rows = results.curves.query("metric == 'accuracy' and split == 'train' and step == @SHORT")
    return _by_rate(rows, "linear")


def _grid(results: Results, metric: str) -> pd.DataFrame:
    """Return a test metric over the logarithmic grid."""
    return _by_rate(results.arms.query("metric == @metric and split == 'test'"), "log")


def _by_rate(table: pd.DataFrame, grid: str) -> pd.DataFrame:
    own = table[table["arm"].str.startswith(f"{grid}@")]
    rates = own["arm"].str.partition("@")[2].astype(float)
    return own.assign(rate=rates).sort_values("rate", ignore_index=True)
