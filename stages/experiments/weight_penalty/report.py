"""What do penalties on weights do? Figures and wording."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.weight_penalty.params import Report

TITLE = "L1, L2 and weight decay"
FOLDER = "Folder 9"
QUESTION = (
    "What do L1 and L2 penalties do to the weights of a small net and to its accuracy, and is "
    "Adam's L2 the weight decay of AdamW?"
)
LECTURE = [
    ("Of regularization the notes have only the heading of a folder.", "notes L215"),
    (
        "L2 costs a little accuracy on iris and gains nothing: a small net does not need it.",
        "course",
    ),
    ("L1 shows no trend on iris.", "course"),
    ("Adam is given an L2 penalty by its `weight_decay`.", "course"),
]
STATEMENTS = {
    "penalty_shrinks_weights": (
        "In a net 4-64-64-3 on three generated classes, L2 of factor 0.1 and L1 of 0.01 each make "
        "the weights at least a tenth shorter than without a penalty."
    ),
    "l1_makes_weights_sparse": (
        "In a net 4-64-64-3 on three generated classes, L1 of factor 0.01 brings at least a tenth "
        "more of the weights within 0.001 of zero than an L2 that shortens them as much."
    ),
    "notebook_l1_changes_nothing": (
        "The notebook's largest L1, 1.1 × 10⁻⁶ for each weight, is next to none: in its net "
        "4-64-64-3 it changes the length of the weights by less than a hundredth."
    ),
    "no_gain_on_small_problem": (
        "On a small problem, three generated classes with 120 rows, the best L2 and the best L1 "
        "each change the test accuracy of a net 4-64-64-3 by less than three points."
    ),
    "adamw_takes_rate_times_decay": (
        "In one step the decay of AdamW takes rate x decay x weight off each weight, whatever the "
        "gradient; Adam's L2 does not."
    ),
    "adamw_decay_is_independent_of_rate": (
        "On three clusters, AdamW's decay of 0.1 shortens the weights of a net 2-8-8-3 alike at "
        "learning rates of 0.0003 and 0.01 in as many steps, within a tenth of their length."
    ),
    "adam_l2_is_another_penalty": (
        "On three clusters, at rate 0.001 and factor 0.1, Adam's L2 shortens the weights of a net "
        "2-8-8-3 by at least a tenth of their length more than AdamW's decay."
    ),
}
CORRECTED = [
    "The notebook divided the L1 penalty by the number of weights, 4544, so that its factors of up "
    "to 0.005 left 1.1 × 10⁻⁶ for a weight; here a penalty is not divided, and the notebook's "
    "largest is an arm of its own.",
    "Its L2 acted on biases as well, its L1 did not; here both act on weights alone.",
    "Its batches of 64 left out 56 of the 120 rows in every epoch; here each step sees all rows, "
    "at four times the learning rate (0.02 for 0.005) for a quarter of the epochs (250 for 1000).",
    "Its factors lay on a linear grid up to 0.1; here they lie on a grid of powers, up to where "
    "learning ends.",
    "It trained each factor once, averaged epochs 500 to 949 of that run, and smoothed curves so "
    "that their ends dropped; here ten repeats are shown as they are, after the last step.",
    "The loss it drew for L1 contained the penalty, that for L2 did not; here no loss does.",
    "Its Adam adds L2 to the gradient, which Adam then divides by the gradient's own size; here "
    "AdamW stands beside it.",
]
CHANGED = [
    "The claim of no gain first took the mean of L2 and L1, in which a gain and a loss could "
    "cancel; it now takes the one that changes accuracy more.",
]
DATA = (
    "Iris is one set of 90 train and 30 dev rows, both trained on here, and 30 test rows: its "
    "repeats range over initial weights, and it carries no claim, so that the little that L2 costs "
    "there gets no verdict. The generated classes, three Gaussians in four dimensions, and the "
    "clusters are drawn anew for each repeat's training, and so are 500 dev rows of the classes; "
    "all repeats share one sample of 20 000 fresh test rows, of the clusters 19 998, for three "
    "equal parts."
)
RUN = (
    "The course's net, 4-64-64-3, is trained by SGD, in 250 steps on all rows, on iris and on "
    "generated classes of its shape, without a penalty and with six factors of L2 and of L1. Its "
    "net for three clusters, 2-8-8-3, is trained by Adam with L2 and by AdamW at four rates and "
    "five decays, and without (@0, one arm for both), in 50 epochs of 26 batches, the last one "
    "smaller. The penalties are half the factor of L2 times the sum of the squared weights, and "
    "the factor of L1 times the sum of their sizes; here and in all that is said of weights, "
    "biases are left out. The length of the weights is that of all as one vector, the relative "
    "length that against the same repeat's net without a penalty (whose own is 1 by definition), "
    "shrinkage 1 minus it. The loss is cross-entropy, in nats. In an arm's name the factor "
    "follows @."
)
HEADLINE = {
    "accuracy_without": "generated classes, fresh rows: no penalty (trivial: 0.33)",
    "accuracy_with_best_l2": "generated classes, fresh rows: L2 at its factor of best dev accuracy",
    "accuracy_with_best_l1": "generated classes, fresh rows: L1 at its factor of best dev accuracy",
}
PENALTIES = {"l2": "L2", "l1": "L1"}
STYLES = draw.styles(["test", "train"])


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield accuracies, the notebook's axes, weights, their histogram and the decays."""
    yield accuracy_by_factor(results, settings)
    yield iris_by_l2(results, settings)
    yield weights_by_factor(results)
    yield histogram(results)
    yield decays(results)


def accuracy_by_factor(results: Results, settings: Report) -> draw.Figure:
    """Draw accuracy on generated classes by the factor of either penalty."""
    figure, axes = draw.panels(2, height=3.2, sharey=True)
    for ax, (penalty, name) in zip(axes, PENALTIES.items(), strict=True):
        for split, style in STYLES.items():
            _band(ax, _table(results, f"generated, {penalty}@", "accuracy", split), split, style)
        none = results.arm("generated, none@0", "accuracy")["mean"]
        ax.axhline(none, color=draw.INK, linestyle=(0, (1, 2)), lw=1, label="no penalty, test")
        draw.level(ax, 1 / 3, side="left")
        draw.rate_axis(ax, f"factor of {name}")
        ax.set_ylim(settings.accuracy_from, 1.01)
    draw.percent_axis(axes[0], "accuracy")
    draw.legend(axes[0], columns=3)
    return draw.Figure(
        "accuracy_by_factor",
        figure,
        "Generated classes: accuracy by the factor of the penalty. Bands: 95 % intervals over "
        "repeats, for test also over rows.",
        "Two panels: accuracy does not change over orders of magnitude, then falls at the largest "
        "factors of L2 and of L1.",
    )


def iris_by_l2(results: Results, settings: Report) -> draw.Figure:
    """Draw accuracy on iris by L2 on the notebook's axis, with its runs at both ends."""
    figure, ax = draw.canvas(height=4.4)
    lowest = 1.0
    for split, style in STYLES.items():
        found = [_table(results, f"iris, {p}@", "accuracy", split) for p in ("none", "l2")]
        table = pd.concat(found)
        table = table[table["factor"] <= _largest(results)]
        _band(ax, table, f"iris, {split}", style)
        lowest = min(lowest, table["low"].min())
    ends = [0, _largest(results)]
    for run in settings.l2:
        for split, values in (("test", run.test), ("train", run.train)):
            style = STYLES[split]
            label = f"notebook, {split}" if run is settings.l2[0] else "_"
            ax.plot(
                ends,
                [value / 100 for value in values],
                color=style.colour,
                marker=style.marker,
                linestyle=(0, (1, 3)),
                linewidth=0.9,
                markerfacecolor="none",
                markersize=7,
                label=label,
            )
    ax.set_xlabel("factor of L2")
    ax.set_ylim(lowest - 0.02, 1.01)
    draw.percent_axis(ax, "accuracy")
    draw.legend(ax, columns=2)
    return draw.Figure(
        "iris_by_l2",
        figure,
        "Iris on the notebook's axis. Bands: 95 % intervals over repeats, for test also over its "
        "30 rows; hollow: two runs of the notebook, at the ends of its grid. Our largest factor "
        "lies beyond it, the trivial predictor, 33 %, below the axis.",
        "Line chart: train accuracy stays, test accuracy falls by a few points towards 0.1, as in "
        "the notebook's runs.",
    )


def weights_by_factor(results: Results) -> draw.Figure:
    """Draw the length of the weights and the share near zero by the factor."""
    figure, axes = draw.panels(2, height=3.2)
    metrics = ("relative length of the weights", "share of weights near zero")
    for ax, metric in zip(axes, metrics, strict=True):
        for penalty, style in draw.styles(PENALTIES).items():
            table = _table(results, f"generated, {penalty}@", metric, "train")
            _band(ax, table, PENALTIES[penalty], style)
        draw.rate_axis(ax, "factor")
        draw.percent_axis(ax, metric)
        ax.set_ylim(0, 1.02)
    draw.legend(axes[0], columns=2)
    return draw.Figure(
        "weights_by_factor",
        figure,
        "Generated classes: length of the weights against that without a penalty, and the share of "
        "them within 0.001 of zero. Bands: 95 % intervals over repeats.",
        "Two panels: both penalties shorten the weights; L1 brings nine in ten to zero, L2 hardly "
        "any.",
    )


def histogram(results: Results) -> draw.Figure:
    """Draw how the trained weights are spread, without a penalty and with either."""
    figure, ax = draw.canvas()
    bins = results.arrays["bins"]
    middle = (bins[1:] + bins[:-1]) / 2
    names = {name: name.split(", ")[1] for name in sorted(results.arrays) if "histogram" in name}
    order = sorted(names, key=lambda name: ("none" not in name, "l1" in name))
    for name, style in draw.styles(order).items():
        penalty, factor = names[name].split("@")
        label = f"{PENALTIES[penalty]} {factor}" if penalty in PENALTIES else "no penalty"
        draw.line(ax, middle, results.arrays[name], label, style)
    draw.percent_axis(ax, "share of weights in a bin")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("weight")
    draw.legend(ax, columns=3)
    return draw.Figure(
        "histogram",
        figure,
        "Generated classes: the weights of all repeats in bins of 0.02.",
        "Line chart: without a penalty small weights are spread evenly, under L2 they draw nearer "
        "to zero, under L1 many stand in a peak at zero.",
    )


def decays(results: Results) -> draw.Figure:
    """Draw by how much decay shortens the weights at every rate, by Adam and by AdamW."""
    figure, axes = draw.panels(2, height=3.2, sharey=True)
    names = {"adam": "Adam with L2", "adamw": "AdamW"}
    for ax, (optimizer, name) in zip(axes, names.items(), strict=True):
        table = _table(results, f"clusters, {optimizer} at ", "shrinkage", "train")
        rate = table["arm"].str.extract(r" at (.+)@", expand=False).astype(float)
        table = table.assign(rate=rate).sort_values("rate")
        for decay, style in draw.styles(sorted(table["factor"].unique())).items():
            one = table[table["factor"] == decay]
            label = f"decay {decay:g}" if decay == table["factor"].min() else f"{decay:g}"
            draw.band(ax, one["rate"], one["mean"], one["low"], one["high"], label, style)
        draw.rate_axis(ax)
        ax.set_title(name)
        ax.set_ylim(0, 1.02)
    draw.percent_axis(axes[0], "weights shortened by")
    draw.legend(axes[0], columns=5)
    return draw.Figure(
        "decays",
        figure,
        "Clusters: by how much each decay (above) shortens the weights, against no decay at the "
        "same rate. Bands: 95 % intervals over repeats.",
        "Two panels: AdamW shortens the weights little at small rates and decays, and more as "
        "either grows; Adam's L2 shortens them far more, at every rate.",
    )


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set the notebook's accuracies on iris beside ours."""
    reason = (
        "two published reruns (marzzelo and Susukkekki, GitHub) on 30 test rows, epochs 500 to 949 "
        "averaged; its L2 acts on biases too"
    )
    ends = enumerate((("none", 0.0), ("l2", _largest(results))))
    rows = [
        Compared(
            f"iris, L2 {factor:g}: train / test",
            ", ".join(f"{run.train[end]:g} / {run.test[end]:g} %" for run in settings.l2),
            _percent(results, penalty, factor),
            reason,
        )
        for end, (penalty, factor) in ends
    ]
    weakest = _table(results, "iris, l1@", "accuracy", "test")["factor"].min()
    (a, b), (c, d) = settings.l1.train, settings.l1.test
    last = Compared(
        "iris, L1 up to 0.005 / 4544: train / test",
        f"{a:g} to {b:g} / {c:g} to {d:g} %",
        _percent(results, "l1", weakest),
        "one published rerun (Susukkekki, GitHub), over ten factors; its penalty is next to none, "
        "so that its spread is chance; its level is that of 30 rows",
    )
    return [*rows, last]


def _percent(results: Results, penalty: str, factor: float) -> str:
    arm = f"iris, {penalty}@{factor:g}"
    on, off = (results.arm(arm, "accuracy", split)["mean"] for split in ("train", "test"))
    return f"{100 * on:.2f} / {100 * off:.2f} %"


def _largest(results: Results) -> float:
    """Return the factor of L2 that the claims use: the notebook's largest."""
    names = [name for name in results.arrays if "histogram" in name and "l2@" in name]
    return float(names[0].split("@")[1])


def _table(results: Results, prefix: str, metric: str, split: str) -> pd.DataFrame:
    arms = results.arms[results.arms["arm"].str.startswith(prefix)]
    found = arms[(arms["metric"] == metric) & (arms["split"] == split)]
    factor = found["arm"].str.split("@").str[1].astype(float)
    return found.assign(factor=factor).sort_values("factor")


def _band(ax: Axes, table: pd.DataFrame, label: str, style: draw.Style) -> None:
    draw.band(ax, table["factor"], table["mean"], table["low"], table["high"], label, style)
