"""Does it matter which numbers the weights of a net start from? Figures and wording."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.weight_init.params import Report

TITLE = "Initial weights"
FOLDER = "Folder 15"
QUESTION = "Does it matter which numbers the weights of a net start from, and for which problems?"
LECTURE = [
    (
        "A weight matrix has the number of outputs first and of inputs second: a net 3-5-8-4 has "
        "(5, 3), (8, 5), (4, 8).",
        "notes L247-250",
    ),
    (
        "Initial weights must be random and different; from identical ones no deep-learning model "
        "can work properly.",
        "notes L253",
    ),
    (
        "Special initial weights help little in fairly simple problems; in large problems with "
        "very much data they are worth it.",
        "notes L254",
    ),
    ("A net with a single layer of zeros still learns.", "course"),
    ("Over a range of small and middle standard deviations it makes no difference.", "course"),
    ("Kaiming's weights reach a lower train loss than Xavier's.", "course"),
]
STATEMENTS = {
    "weight_shapes_are_out_in": (
        "The weights of a net 3-5-8-4 have the shapes (5, 3), (8, 5) and (4, 8)."
    ),
    "deviations_match_the_formulas": (
        "Torch's default, Xavier's and Kaiming's weights have the standard deviations that the "
        "formulas promise, whether they are normal or uniform."
    ),
    "equal_units_stay_equal": (
        "Units of a layer that start equal are still equal after twenty steps of gradient descent, "
        "for each of five constants."
    ),
    "constant_init_cannot_learn": (
        "On digits with three hidden layers, even the best of five constant starts is at least "
        "fifty points worse than torch's default."
    ),
    "constants_learn_something_when_easy": (
        "On three clusters in the plane the best of five constant starts is at least ten points "
        "better than guessing."
    ),
    "one_zero_layer_still_learns": (
        "On digits with three hidden layers, a net whose second layer's weights start at zero "
        "loses at most three points."
    ),
    "std_has_a_plateau": (
        "On digits with three hidden layers, the best and the worst of the eight neighbouring "
        "standard deviations that are best together on dev, of which the largest is 29 times the "
        "smallest, are alike within one point."
    ),
    "init_matters_little_when_easy": (
        "On clusters in the plane, the best and the worst of five schemes are alike within two "
        "points."
    ),
    "init_matters_with_size": (
        "With three hidden layers, after 280 steps, the best special scheme gains at least three "
        "points more over the default on 3500 digits than on 500."
    ),
    "init_matters_with_depth": (
        "On 3500 digits, after 280 steps, the best special scheme gains at least three points more "
        "over the default with eight hidden layers than with three."
    ),
    "kaiming_lowers_train_loss": (
        "On digits with three hidden layers, 700 steps of Adam at rate 0.01 bring the train loss "
        "at least a fifth lower from Kaiming's uniform weights than from Xavier's normal ones."
    ),
    "default_shrinks_gradients": (
        "In an untrained net with eight hidden layers the gradient shrinks on its way to the first "
        "layer at least ten times more with the default than with Kaiming's normal weights."
    ),
}
CORRECTED = [
    "The notebooks trained each start once, or ten times on one split; here from ten seeds, and "
    "starts of a repeat share their random draws and batches.",
    "They compared schemes on one small table, at one rate; here are two depths and two numbers of "
    "digits, and the schemes are trained at several rates too, the best chosen on dev.",
    "Their layer called 1 is the second weight matrix, and the histogram beside it shows another; "
    "here the second is set to zero and drawn. Their accuracy axis began at 80 %.",
    "The rate falls tenfold near the end, so the last epoch counts; they averaged the last three.",
]
CHANGED = [
    "The plateau was first its four middle deviations minus its four outer ones, from which a "
    "trend cancels; now the best on dev stands against the worst, with the same margin.",
    "Schemes on 2000 digits, which no statement used, and their figure are gone.",
]
DATA = (
    "Train and dev points of the clusters are drawn anew for each repeat; their 19 998 test points "
    "(6666 of each) and the 1000 test digits are the same for all repeats. The repeats on digits "
    "range over seeds and, with 500 rows, over which digits are used. Digits are averaged down to "
    "14 x 14 pixels."
)
RUN = (
    "Five schemes, 25 standard deviations, five constants and one layer of zeros are trained by "
    "Adam at rate 0.01 on three clusters of deviation 1 (2-8-8-3, 600 steps) and, for 700 steps, "
    "on all digits with three or eight hidden layers of 32 units. Schemes are also trained for 280 "
    "steps at four rates, on 500 and on all digits, to be compared each at its own best rate; a "
    "gain is the best special scheme's over the default. Best on dev is always by accuracy, mean "
    "over repeats. All rates fall tenfold after three quarters of the passes through the rows, 8 "
    "of 10 in the 700 steps."
)
HEADLINE = {
    "default_accuracy": "digits, test: default, 3 hidden layers, 700 steps",
    "best_constant_accuracy": "digits, test: constant best on dev, 3 hidden layers, 700 steps",
    "default_deepest_accuracy": "digits, test: default, 8 hidden layers, 700 steps",
    "kaiming_deepest_accuracy": "digits, test: Kaiming, uniform, 8 hidden layers, 700 steps",
    "trivial_accuracy": "digits, test: trivial predictor",
}
SCHEMES = {
    "default": "default",
    "xavier_normal": "Xavier, normal",
    "xavier_uniform": "Xavier, uniform",
    "kaiming_normal": "Kaiming, normal",
    "kaiming_uniform": "Kaiming, uniform",
}


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield deviations, schemes, constants, histograms and gradients."""
    yield by_deviation(results, settings)
    yield schemes(results, settings)
    yield constants(results, settings)
    yield histograms(results)
    yield gradients(results)


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set a notebook's number beside ours."""
    ours = results.arm(f"{_places(results)[0]}, default", "accuracy")["mean"]
    return [
        Compared(
            "test accuracy from the default start, Adam at 0.01, ten epochs",
            "about 95 %",
            f"{100 * ours:.1f} %",
            "There 18 000 digits of 28 x 28 pixels and 5620 steps (10 x 562 batches of 32), here "
            "3500 of 14 x 14, 700 steps and half the units in the first layer. Theirs is printed "
            "in folder 13, on time: this folder stores no results.",
        )
    ]


def by_deviation(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy by the standard deviation of the initial weights."""
    figure, ax = draw.canvas(height=4.0)
    for place, style in draw.styles(["clusters", *_places(results)]).items():
        table = _numbered(results, f"{place}, deviation ")
        draw.band(ax, table.index, table["mean"], table["low"], table["high"], _name(place), style)
    draw.level(ax, 1 / 3, "trivial predictor, clusters", side="left")
    digits = results.metrics["headline"]["trivial_accuracy"]
    draw.level(ax, digits, "trivial predictor, digits", side="left")
    draw.rate_axis(ax, "standard deviation of all initial weights and biases")
    draw.percent_axis(ax, "test accuracy")
    ax.set_ylim(settings.accuracy_from, 1)
    draw.legend(ax, columns=3)
    return draw.Figure(
        "by_deviation",
        figure,
        "Test accuracy by the standard deviation of the initial weights, at rate "
        f"{_rate(results)} (digits: after {_steps(results)}). Bands: 95 % intervals over seeds and "
        "test rows.",
        "Line chart: wide plateaus on clusters and with three hidden layers, a narrow peak near "
        "0.2 with eight; all fall at large deviations.",
    )


def schemes(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy by scheme: on clusters, and on all digits at both depths."""
    names = {f"{name}, best rate": label for name, label in SCHEMES.items()}
    places = {"clusters": SCHEMES} | {place: names for place in _places(results, ", all rows")}
    steps = list(places)[1].split(", ")[2]
    figure, spreads = _dots(results, settings, places)
    return draw.Figure(
        "schemes",
        figure,
        f"Test accuracy by scheme: on clusters at rate {_rate(results)}, on all digits after only "
        f"{steps} at the best rate on dev. On the left the means lie within {spreads[0]:.2g} "
        f"points, in the middle {spreads[1]:.2g}. Bars: 95 % intervals over seeds and test rows; "
        "dashed: the trivial predictor.",
        "Three dot plots: the default is behind with eight hidden layers only.",
    )


def constants(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy of the default, one layer of zeros, and constants."""
    found = results.arms["arm"].str.extract(r"^clusters, (constant .+|zero .+)", expand=False)
    others = sorted(found.dropna().unique(), key=lambda n: (n[0] != "z", float(n.split()[-1])))
    names = {name: "second layer zero" if name[0] == "z" else name for name in others}
    names = {"default": "default", **names}
    places = {place: names for place in ("clusters", *_places(results))}
    return draw.Figure(
        "constants",
        _dots(results, settings, places)[0],
        f"Test accuracy (digits: after {_steps(results)}) at rate {_rate(results)} "
        "from the default start, from the same with the second layer's weights at "
        "zero, and from all parameters at one value. Bars: 95 % intervals over seeds and test "
        "rows; dashed: the trivial predictor.",
        "Three dot plots: a layer of zeros is about as good as the default; constants are far "
        "behind it on clusters and near the trivial predictor on digits.",
    )


def histograms(results: Results) -> draw.Figure:
    """Draw how the second layer's weights lie before and after training."""
    starts = [n[10:-6] for n in results.arrays if n.startswith("histogram ") and n[-5:] == "edges"]
    others = sorted(set(starts) - set(SCHEMES), key=lambda s: (s[0] == "c", float(s.split()[1])))
    order = [*(name for name in SCHEMES if name in starts), *others]
    figure, axes = draw.panels(3, rows=-(-len(order) // 3), height=2.1)
    words = draw.styles(["before", "after"])
    for ax, start in zip(axes, order, strict=False):
        edges_B = results.arrays[f"histogram {start}/edges"]
        for word, style in words.items():
            heights_B = results.arrays[f"histogram {start}/{word}"]
            ax.stairs(heights_B, edges_B, color=style.colour, linestyle=style.line, label=word)
        ax.set_title(
            SCHEMES.get(start) or f"{start[:9].strip()} {float(start[9:]):.3g}",
            fontweight="normal",
            fontsize=9.5,
        )
        ax.set_yticks([])
        ax.set_xticks([0, float(f"{0.7 * edges_B[-1]:.1g}")])
    for ax in axes[-3:]:
        ax.set_xlabel("weight")
    axes[0].set_ylabel("density")
    draw.legend(axes[0], columns=2)
    return draw.Figure(
        "histograms",
        figure,
        f"Weights of the second layer before and after {_steps(results)} on digits with three "
        "hidden layers, over all repeats. Heights are not to scale between panels.",
        "Six histograms: special schemes only broaden; a narrow start spreads out, a wide one "
        "hardly moves, a constant stays a few spikes.",
    )


def gradients(results: Results) -> draw.Figure:
    """Draw the gradient norm of every layer of the untrained deepest nets."""
    figure, ax = draw.canvas()
    for name, style in draw.styles(SCHEMES).items():
        power_SL = np.log10(results.arrays[f"untrained {name}/norms"])
        mean_L, half_L = power_SL.mean(0), 2 * power_SL.std(0, ddof=1)
        low_L, high_L = 10 ** (mean_L - half_L), 10 ** (mean_L + half_L)
        layers = range(1, len(mean_L) + 1)
        draw.band(ax, layers, 10**mean_L, low_L, high_L, SCHEMES[name], style)
    ax.set_xlabel("layer, from the input to the output")
    draw.decade_axis(ax, "norm of the gradient at step 0")
    draw.direct_labels(ax)
    return draw.Figure(
        "gradients",
        figure,
        "Norm of the loss's gradient with regard to each layer's weights, before training, on "
        f"{_trained(results)['gradient_rows']} train digits with eight hidden layers. Lines: "
        "geometric means over seeds, bands: two standard deviations to either side.",
        "Line chart: with the default the gradient falls by about two powers of ten on its way to "
        "the input; with Xavier's weights a little; with Kaiming's it grows a little.",
    )


def _dots(
    results: Results, settings: Report, places: Mapping[str, Mapping[str, str]]
) -> tuple[Canvas, list[float]]:
    """Return a panel per place, and by how many points its means differ."""
    figure, axes = draw.panels(len(places), height=3.0, sharey=True)
    spreads = []
    for ax, (place, names) in zip(axes, places.items(), strict=True):
        rows = pd.DataFrame([results.arm(f"{place}, {name}", "accuracy") for name in names])
        draw.dots(ax, list(names.values()), rows["mean"], rows["low"], rows["high"])
        trivial = 1 / 3 if place == "clusters" else results.metrics["headline"]["trivial_accuracy"]
        draw.level(ax, trivial, label="", axis="x")
        ax.set_title(_name(place).replace(" hidden", ""), fontsize=9.5)
        draw.percent_axis(ax, "test accuracy", axis="x")
        ax.set(xlim=(settings.accuracy_from, 1.02), xticks=[0, 0.5, 1])
        spreads.append(100 * float(np.ptp(rows["mean"])))
    return figure, spreads


def _places(results: Results, rows: str = "") -> list[str]:
    """Return "digits, <depth> hidden layers, <steps> steps", the shallowest first."""
    pattern = rf"^(digits, \d+ hidden layers, \d+ steps{rows}), default"
    found = results.arms["arm"].str.extract(pattern, expand=False).dropna().unique()
    return sorted(found, key=lambda place: int(place.split()[1]))


def _steps(results: Results) -> str:
    """Return how long every start is trained on digits, such as 700 steps."""
    return _places(results)[0].split(", ")[2]


def _name(place: str) -> str:
    return ", ".join(place.split(", ")[:2])


def _rate(results: Results) -> float:
    return float(_trained(results)["rate"])


def _trained(results: Results) -> Mapping[str, Any]:
    """Return the settings of training."""
    settings: Mapping[str, Any] = results.records["train"]["params"]["train"]
    return settings


def _numbered(results: Results, prefix: str) -> pd.DataFrame:
    """Return the test accuracy of arms that a number follows, by that number."""
    kept = results.arms.query("metric == 'accuracy' and split == 'test'")
    kept = kept[kept["arm"].str.match(rf"{prefix}[\d.e+-]+$")]
    return kept.set_index(kept["arm"].str.removeprefix(prefix).astype(float)).sort_index()
