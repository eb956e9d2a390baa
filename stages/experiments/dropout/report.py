"""What does dropout cost and gain? Figures and wording."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.dropout.params import Reference, Report

TITLE = "Dropout"
FOLDER = "Folder 9"
QUESTION = (
    "Does switching off units while training make them independent and keep a net from "
    "overfitting, and why did it not help in the course's notebooks?"
)
LECTURE = [
    ("Dropout switches off some nodes of a net, usually about 50 % of them.", "notes L720-725"),
    ("It makes nodes independent and keeps the net from overfitting.", "notes L723"),
    ("Another reason for it is that fewer parameters are left to compute.", "notes L724"),
    (
        "In training, what is kept is multiplied by 1/(1 - rate); in evaluation mode nothing is "
        "switched off.",
        "course",
    ),
    ("On a small problem dropout does not help, and much of it ruins the net.", "course"),
]
STATEMENTS = {
    "inverted_scaling": (
        "In training dropout makes of 1 either 0 or 1/(1 - rate), so that one linear layer's mean "
        "over all masks is its output without dropout; `nn.Dropout` is off in evaluation mode, "
        "`functional.dropout` drops unless told not to."
    ),
    "parameters_stay": "A net with dropout has exactly as many parameters as without.",
    "reduces_parameters": (
        "A net trained with dropout needs at least a tenth fewer parameters for a prediction."
    ),
    "does_not_help_small_problem": (
        "On doughnuts the best dropout rate above 0 changes test accuracy by under three points."
    ),
    "too_much_kills": (
        "On doughnuts a dropout rate of 0.9 costs at least ten points of test accuracy."
    ),
    "narrows_gap_without_loss": (
        "Where a net overfits, on few digits, dropout of half the units makes the gap between "
        "train and test accuracy smaller and costs at most one point of test accuracy."
    ),
    "narrows_gap_in_loss": (
        "Where a net overfits, on few digits, dropout of half the units makes the gap between the "
        "losses on test and train smaller by at least .06 nats, about a tenth."
    ),
    "units_become_independent": (
        "On few digits, dropout of half the units makes hidden units more independent: their mean "
        "|correlation| falls by at least .025."
    ),
    "training_with_dropout_on_looks_worse": (
        "On iris at rate 0.5, where the notebook's train accuracy is far below test, switching "
        "dropout off makes the same nets at least ten points better on their train rows."
    ),
    "collapse_is_switching_off": (
        "On doughnuts at rate 0.5, switching dropout off makes the nets that SGD trained at least "
        "ten points worse on their train rows."
    ),
    "adam_avoids_the_collapse": (
        "On doughnuts at dropout rate 0.5, nets trained by Adam are at least ten points better on "
        "test than nets trained by SGD in as many steps."
    ),
}
CORRECTED = [
    "The notebooks took train accuracy while dropout was on and test accuracy while it was off, "
    "and called the difference overfitting. Here both are taken with dropout off; the notebooks' "
    "way is shown beside.",
    "They trained each rate once, on one split with 80 or 30 test rows; here every rate is "
    "repeated from ten seeds, doughnuts with new points for each, and tested on 20 000 fresh ones.",
    "They averaged the accuracy of the last epochs, which still jumps. Here the learning rate on "
    "doughnuts falls tenfold for the last quarter of the epochs, and the last epoch counts.",
    "On doughnuts the learning rate is ten times theirs and the epochs are a tenth, but with "
    "the fall their product is a little over three quarters of theirs.",
    "They had no problem with real overfitting; the few digits are added. We smooth nothing.",
    "Below, SE is the standard error of one run like theirs, √(SD² + p (1 − p) / n), with p and SD "
    "those of our test accuracy and n their test rows.",
]
DATA = (
    "Each repeat has 320 train and 80 dev doughnuts of its own and learns from other digits; the "
    "20 000 test doughnuts are one sample for all. Iris is one set: 90 train and 30 dev rows, both "
    "trained on here, and 30 test rows, too few for a claim about what dropout may gain there. "
    "Doughnuts are rings of radius 10 and 15, with normal noise of deviation 3 along x and 1 along "
    "y on the inner one, 1 and 3 on the outer."
)
RUN = (
    "The course's nets, 2-128-128-1 on doughnuts and 4-12-12-3 on iris, are trained by SGD at ten "
    "dropout rates, the first also by Adam at two. A 784-128-128-10 net (118 282 parameters) "
    "learns from 300 digits by Adam at six dropout rates. All have ReLUs and are trained by "
    "cross-entropy, on doughnuts that of one sigmoid. Train accuracy is that on all rows that a "
    "net was trained on: 320 doughnuts, 120 irises or 300 digits. Arms of a repeat share initial "
    "weights and batches. The table's numbers are those after the last epoch, with dropout off "
    "unless it says on; its flowers are iris, its doughnuts without Adam those of SGD, and its "
    "gaps take train rows too."
)
HEADLINE = {
    "doughnuts_without": "doughnuts, fresh points: SGD, no dropout (trivial: 0.5)",
    "doughnuts_at_half": "doughnuts, fresh points: SGD, dropout rate 0.5",
    "digits_without": "few digits, test: no dropout (trivial: 0.1)",
    "digits_at_half": "few digits, test: dropout rate 0.5 (trivial: 0.1)",
}
PROBLEMS = {"doughnuts": "doughnuts", "flowers": "iris", "digits": "digits"}
TEST, TRAIN, DROPPED = "test", "train", "train, dropout on"
ON = "accuracy, dropout on"
STYLES = draw.styles([TEST, TRAIN, DROPPED])
RATE = "dropout rate"
Look = draw.Style | None


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield accuracies, gaps, the collapse, the digits and the hidden units."""
    yield accuracy_by_rate(results, settings)
    yield gap_by_rate(results, settings)
    yield collapse(results)
    yield digits(results, settings)
    yield units(results)


def accuracy_by_rate(results: Results, settings: Report) -> draw.Figure:
    """Draw train and test accuracy by dropout rate, the notebooks' beside."""
    figure, axes = draw.panels(2, height=3.4, sharey=True)
    for number, (ax, problem, reference) in enumerate(_notebooks(axes, settings)):
        _band(ax, results, problem, "accuracy", "test", TEST)
        _band(ax, results, problem, "accuracy", "train", TRAIN)
        _band(ax, results, problem, ON, "train", DROPPED)
        rates = _rates(results, problem)
        _marks(ax, rates, [value / 100 for value in reference.test], TEST)
        _marks(ax, rates, [value / 100 for value in reference.train], DROPPED)
        draw.level(ax, float(results.arrays["trivial"][number]), side="left")
        ax.set_ylim(settings.accuracy_from, 1.03)
        ax.set_title(PROBLEMS[problem])
        ax.set_xlabel(RATE)
    draw.percent_axis(axes[0], "accuracy")
    draw.legend(axes[0], columns=2)
    return draw.Figure(
        "accuracy_by_rate",
        figure,
        "Accuracy by dropout rate on the course's two problems. Bands: 95 % intervals over "
        "repeats, for test also over rows; dropout on: mean of 20 passes; hollow: the "
        "notebooks' single runs, whose train accuracy was taken with dropout on; dashed: always "
        "the most frequent class.",
        "Two panels: on doughnuts test accuracy falls from rate 0.2 on and is guessing from 0.5, "
        "on iris it falls slowly; with dropout on, train accuracy falls from the start.",
    )


def gap_by_rate(results: Results, settings: Report) -> draw.Figure:
    """Draw train minus test accuracy by dropout rate, taken either way."""
    figure, axes = draw.panels(2, height=3.2, sharey=True)
    for ax, problem, reference in _notebooks(axes, settings):
        _band(ax, results, problem, "train minus test accuracy", "test", TRAIN)
        _band(ax, results, problem, "train with dropout on minus test accuracy", "test", DROPPED)
        pairs = zip(reference.train, reference.test, strict=True)
        gaps = [(train - test) / 100 for train, test in pairs]
        _marks(ax, _rates(results, problem), gaps, DROPPED)
        ax.axhline(0, color=draw.MUTED, linewidth=0.8, zorder=1)
        ax.set_title(PROBLEMS[problem])
        ax.set_xlabel(RATE)
    axes[0].yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}".replace("-", "−"))
    axes[0].set_ylabel("train minus test accuracy, points")
    draw.legend(axes[0], columns=3)
    return draw.Figure(
        "gap_by_rate",
        figure,
        "Train minus test accuracy, train taken with dropout off and on. Bands: 95 % intervals "
        "over repeats; hollow: the notebooks' single runs.",
        "Two panels: with dropout off in both, the gap is at most four points, and none on "
        "doughnuts from rate 0.5 on, where nets guess; with dropout on in train it is above 0 on "
        "doughnuts from rate 0.3 on, and below 0 on iris.",
    )


def collapse(results: Results) -> draw.Figure:
    """Draw the accuracy on the rows trained on that the same nets have in either mode."""
    figure, ax = draw.canvas(height=2.6)
    rows = {
        "SGD, no dropout": ("doughnuts@0", "accuracy"),
        "SGD, rate 0.5, on": ("doughnuts@0.5", ON),
        "SGD, rate 0.5, off": ("doughnuts@0.5", "accuracy"),
        "Adam, no dropout": ("doughnuts, Adam@0", "accuracy"),
        "Adam, rate 0.5, off": ("doughnuts, Adam@0.5", "accuracy"),
    }
    found = [results.arm(arm, metric, "train") for arm, metric in rows.values()]
    mean, low, high = ([row[column] for row in found] for column in ("mean", "low", "high"))
    draw.dots(ax, list(rows), mean, low, high)
    draw.level(ax, float(results.arrays["trivial"][0]), axis="x")
    ax.set_xlim(0.4, 1)
    draw.percent_axis(ax, "accuracy on the doughnuts trained on", axis="x")
    return draw.Figure(
        "collapse",
        figure,
        "Doughnuts: the rows trained on, with dropout on as while training, and off as in a "
        "prediction; of Adam off alone. Bars: 95 % intervals over repeats.",
        "Dot plot: trained by SGD at rate 0.5 the nets are right on most rows with dropout on and "
        "guess with it off; trained by Adam they are right with it off.",
    )


def digits(results: Results, settings: Report) -> draw.Figure:
    """Draw accuracy and loss by dropout rate where nets overfit."""
    figure, axes = draw.panels(2, height=3.2)
    for ax, metrics in zip(axes, (("accuracy",) * 2, ("cross-entropy", "loss")), strict=True):
        for split, metric in zip((TEST, TRAIN), metrics, strict=True):
            _band(ax, results, "digits", metric, split, split)
        ax.set_xlabel(RATE)
    draw.level(axes[0], float(results.arrays["trivial"][2]), side="left")
    axes[0].set_ylim(settings.accuracy_from, 1.03)
    draw.percent_axis(axes[0], "accuracy")
    axes[1].set_ylabel("cross-entropy, nats")
    axes[1].set_ylim(bottom=0)
    draw.legend(axes[0], columns=2)
    return draw.Figure(
        "digits",
        figure,
        "Few digits: accuracy and cross-entropy by dropout rate, dropout off. Bands: 95 % "
        "intervals over repeats, for test also over rows.",
        "Two panels: train and test accuracy hardly change up to rate 0.5 and fall after it; the "
        "test loss is lowest near rate 0.5.",
    )


def units(results: Results) -> draw.Figure:
    """Draw how much hidden units correlate by dropout rate."""
    figure, ax = draw.canvas()
    names = ["hidden layer 1", "hidden layer 2"]
    for name, style in draw.styles(names).items():
        _band(ax, results, "digits", f"mean |correlation|, {name}", "test", name, style)
    draw.level(ax, float(results.arrays["chance"]), "independent units")
    ax.set_xlabel(RATE)
    ax.set_ylabel("mean |correlation| of two units")
    ax.set_ylim(bottom=0)
    draw.direct_labels(ax)
    return draw.Figure(
        "units",
        figure,
        "Few digits: |correlation| of two units' ReLUs over the 1000 test rows, dropout off, mean "
        "over all pairs of a hidden layer; units that never change are left out. Bands: 95 % "
        "intervals over repeats; dashed: independent units, √(2 / 1000π) by chance.",
        "Line chart: correlations in the first hidden layer fall slowly with the rate, in the "
        "second they hardly change; all are far above those of independent units.",
    )


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set the notebooks' accuracies beside ours."""
    return [
        Compared(
            f"{PROBLEMS[problem]}, dropout rate {rate:g}: train with dropout on / test",
            f"{train:g} / {test:g} %",
            f"{_percent(results, problem, rate, ON, 'train')} / "
            f"{_percent(results, problem, rate, 'accuracy', 'test')} %",
            _why(results, problem, rate, test),
        )
        for problem, reference in (("doughnuts", settings.doughnuts), ("flowers", settings.flowers))
        for rate, train, test in zip(
            _rates(results, problem), reference.train, reference.test, strict=False
        )
    ]


def _why(results: Results, problem: str, rate: float, test: float) -> str:
    """Say what differs, and how far the notebook's test accuracy is from a run like ours."""
    rows, more = {"doughnuts": (80, ", at a rate that never falls"), "flowers": (30, "")}[problem]
    ours = results.arm(f"{problem}@{rate:g}", "accuracy")
    chance = (ours["sd"] ** 2 + ours["mean"] * (1 - ours["mean"]) / rows) ** 0.5
    away = abs(test / 100 - ours["mean"]) / chance
    return f"One run, {rows} test rows, last epochs averaged{more}; test is {away:.1f} SE away."


def _percent(results: Results, problem: str, rate: float, metric: str, split: str) -> str:
    return f"{100 * results.arm(f'{problem}@{rate:g}', metric, split)['mean']:.1f}"


def _notebooks(axes: Sequence[Axes], settings: Report) -> Iterator[tuple[Axes, str, Reference]]:
    yield axes[0], "doughnuts", settings.doughnuts
    yield axes[1], "flowers", settings.flowers


def _table(results: Results, problem: str, metric: str, split: str) -> pd.DataFrame:
    arms = results.arms[results.arms["arm"].str.startswith(f"{problem}@")]
    found = arms[(arms["metric"] == metric) & (arms["split"] == split)]
    rate = found["arm"].str.split("@").str[1].astype(float)
    return found.assign(rate=rate).sort_values("rate")


def _rates(results: Results, problem: str) -> list[float]:
    return [float(rate) for rate in _table(results, problem, "accuracy", "test")["rate"]]


def _band(
    ax: Axes, results: Results, problem: str, metric: str, split: str, label: str, look: Look = None
) -> None:
    table = _table(results, problem, metric, split)
    look = look or STYLES[label]
    draw.band(ax, table["rate"], table["mean"], table["low"], table["high"], label, look)


def _marks(ax: Axes, rates: Sequence[float], values: Sequence[float], label: str) -> None:
    """Draw a notebook's numbers, which are those of the first rates."""
    style = STYLES[label]
    hollow: dict[str, Any] = {"markerfacecolor": "none", "markeredgewidth": 1.4, "markersize": 7}
    look: dict[str, Any] = {"color": style.colour, "marker": style.marker, "linestyle": ""}
    ax.plot(rates[: len(values)], values, label=f"{label}, notebook", **hollow, **look)
