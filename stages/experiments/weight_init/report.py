"""Does it matter which numbers the weights of a net start from? Figures and wording."""

from collections.abc import Iterator, Mapping, Sequence

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
        "Units of a layer that start equal have equal gradients, so they stay equal for good."
    ),
    "constant_init_cannot_learn": (
        "On digits, even the best constant start is at least fifty points worse than a random one."
    ),
    "constants_learn_something_when_easy": (
        "On three clusters in the plane the best constant start is at least ten points better than "
        "guessing: copies of one unit can still draw parallel borders."
    ),
    "one_zero_layer_still_learns": (
        "With the weights of one layer at zero, a net loses at most three points."
    ),
    "std_has_a_plateau": (
        "There are eight neighbouring standard deviations, a range of thirty to one, of which the "
        "middle ones and the outer ones are alike within one point."
    ),
    "init_matters_little_when_easy": (
        "On clusters in the plane, the best and the worst of five schemes are alike within two "
        "points."
    ),
    "init_matters_with_size": (
        "With three hidden layers, the best special scheme gains at least three points more over "
        "the default when there are many digits than when there are few."
    ),
    "init_matters_with_depth": (
        "On all digits, the best special scheme gains at least three points more over the default "
        "with eight hidden layers than with three."
    ),
    "kaiming_lowers_train_loss": (
        "After equally many steps, Kaiming's weights have brought the train loss at least a fifth "
        "lower than Xavier's."
    ),
    "default_shrinks_gradients": (
        "In an untrained net with eight hidden layers the gradient shrinks on its way to the first "
        "layer at least ten times more with the default than with Kaiming's weights."
    ),
}
CORRECTED = [
    "The notebooks trained each start once, or ten times on one split; here each is repeated from "
    "ten seeds, and starts of a repeat share their random draws and batches.",
    "They compared schemes on one small table only; here are two depths and three numbers of "
    "digits, in equally many steps.",
    "They had one learning rate. Here each scheme has its own best rate where schemes are compared "
    "on digits, chosen on dev; every start is also trained at the notebooks' rate.",
    "Their layer called 1 is the second weight matrix, and the histogram beside it shows another; "
    "here the second matrix is set to zero and drawn.",
    "Their accuracy axis began at 80 %, which hides how bad large deviations are.",
    "The rate falls tenfold near the end, so the last epoch counts; they averaged the last three.",
]
DATA = (
    "Clusters are drawn anew for each repeat. The repeats on digits range over seeds, and over "
    "which digits are used where these are few; the 1000 test rows are the same in all. Digits are "
    "averaged down to 14 x 14 pixels."
)
RUN = (
    "Five schemes, 25 standard deviations, five constants and one layer of zeros are trained by "
    "Adam on three clusters (2-8-8-3) and on digits with three and with eight hidden layers of 32 "
    "units. On digits the schemes are also trained at four rates and on 500, 2000 and all rows. "
    "The notebooks store no results of their own."
)
SCHEMES = {
    "default": "default",
    "xavier_normal": "Xavier, normal",
    "xavier_uniform": "Xavier, uniform",
    "kaiming_normal": "Kaiming, normal",
    "kaiming_uniform": "Kaiming, uniform",
}


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield deviations, schemes, gains, constants, histograms and gradients."""
    yield by_deviation(results, settings)
    yield schemes(results, settings)
    yield gains(results)
    yield constants(results, settings)
    yield histograms(results)
    yield gradients(results)


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set a notebook's number beside ours."""
    ours = results.arm(f"{_digits(results)[0]}, default", "accuracy")["mean"]
    return [
        Compared(
            "test accuracy from the default start, Adam at 0.01, ten epochs",
            "about 95 %",
            f"{100 * ours:.1f} %",
            "Theirs learns from 18 000 digits of 28 x 28 pixels in 5620 steps, ours from 3500 of "
            "14 x 14 in 700, with half the units in the first layer. Theirs is a rerun of another "
            "folder's notebook; those of this folder store no results.",
        )
    ]


def by_deviation(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy by the standard deviation of the initial weights."""
    figure, ax = draw.canvas(height=4.0)
    for place, style in draw.styles(["qwerties", *_digits(results)]).items():
        table = _numbered(results, f"{place}, deviation ")
        draw.band(ax, table.index, table["mean"], table["low"], table["high"], _name(place), style)
    draw.level(ax, 1 / 3, "trivial predictor, clusters", side="left")
    trivial = results.metrics["headline"]["trivial_accuracy"]
    draw.level(ax, trivial, "trivial predictor, digits", side="left")
    draw.rate_axis(ax, "standard deviation of all initial weights and biases")
    draw.percent_axis(ax, "test accuracy")
    ax.set_ylim(settings.accuracy_from, 1)
    draw.legend(ax, columns=3)
    return draw.Figure(
        "by_deviation",
        figure,
        "Test accuracy by the standard deviation of the initial weights, at one learning rate. "
        "Bands: 95 % intervals over seeds and test rows.",
        "Line chart: wide plateaus on clusters and with three hidden layers, a narrow peak near "
        "0.2 with eight; all fall at large deviations.",
    )


def schemes(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy by scheme: on clusters, and on all digits at both depths."""
    places = ["qwerties", *(f"{place}, all rows" for place in _digits(results))]
    return draw.Figure(
        "schemes",
        _dots(results, settings, places, SCHEMES),
        "Test accuracy by scheme; on all digits each scheme at its best rate on dev. Bars: 95 % "
        "intervals over seeds and test rows; dashed: the trivial predictor.",
        "Three dot plots: the default is behind with eight hidden layers only.",
    )


def gains(results: Results) -> draw.Figure:
    """Draw what the best special scheme gains over the default by the number of digits."""
    figure, ax = draw.canvas()
    for place, style in draw.styles(_digits(results)).items():
        table = _by_rows(results, place)
        draw.band(ax, table.index, table["mean"], table["low"], table["high"], _name(place), style)
    draw.level(ax, 0, "")
    ax.set_xlabel("digits to learn from")
    draw.percent_axis(ax, "test accuracy above the default")
    draw.legend(ax, columns=2)
    return draw.Figure(
        "gains",
        figure,
        "What the special scheme that is best on dev gains over the default, each at its own best "
        "rate, in equally many steps. Bands: 95 % intervals over seeds and test rows.",
        "Line chart: a large gain with eight hidden layers, little with three.",
    )


def constants(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy of the default, one layer of zeros, and constants."""
    found = results.arms["arm"].str.extract(r"^qwerties, (constant .+|zero .+)", expand=False)
    others = sorted(found.dropna().unique(), key=lambda n: (n[0] != "z", float(n.split()[-1])))
    names = {name: "second layer zero" if name[0] == "z" else name for name in others}
    places = ["qwerties", *_digits(results)]
    return draw.Figure(
        "constants",
        _dots(results, settings, places, {"default": "default", **names}),
        "Test accuracy from the default start, from the same with the second layer's weights at "
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
        ax.set_title(SCHEMES.get(start, start), fontweight="normal", fontsize=9.5)
        ax.set_yticks([])
        ax.locator_params(axis="x", nbins=2)
    for ax in axes[-3:]:
        ax.set_xlabel("weight")
    axes[0].set_ylabel("density")
    draw.legend(axes[0], columns=2)
    return draw.Figure(
        "histograms",
        figure,
        "Weights of the second layer before and after training on digits with three hidden layers, "
        "over all repeats. Heights are not to scale between panels.",
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
        "Norm of the loss's gradient with regard to each layer's weights, before training, with "
        "eight hidden layers. Lines: geometric means over seeds, bands: two standard deviations.",
        "Line chart: with the default the gradient falls by about two powers of ten on its way to "
        "the input; with Xavier's weights a little, with Kaiming's not at all.",
    )


def _dots(
    results: Results, settings: Report, places: Sequence[str], names: Mapping[str, str]
) -> Canvas:
    figure, axes = draw.panels(len(places), height=3.0, sharey=True)
    for ax, place in zip(axes, places, strict=True):
        rows = pd.DataFrame([results.arm(f"{place}, {name}", "accuracy") for name in names])
        draw.dots(ax, list(names.values()), rows["mean"], rows["low"], rows["high"])
        digits = results.metrics["headline"]["trivial_accuracy"]
        draw.level(ax, 1 / 3 if place == "qwerties" else digits, label="", axis="x")
        ax.set_title(_name(place.split(",")[0]).replace(" hidden", ""), fontsize=9.5)
        draw.percent_axis(ax, "test accuracy", axis="x")
        ax.set_xlim(settings.accuracy_from, 1.02)
    return figure


def _digits(results: Results) -> list[str]:
    """Return "digits x<depth>" for every depth, the shallowest first."""
    depths = results.arms["arm"].str.extract(r"^digits x(\d+),", expand=False).dropna()
    return [f"digits x{depth}" for depth in sorted(depths.astype(int).unique())]


def _name(place: str) -> str:
    return "clusters" if place == "qwerties" else f"digits, {place.split(' x')[1]} hidden layers"


def _numbered(results: Results, prefix: str) -> pd.DataFrame:
    """Return the test accuracy of arms that a number follows, by that number."""
    kept = results.arms.query("metric == 'accuracy' and split == 'test'")
    kept = kept[kept["arm"].str.match(rf"{prefix}[\d.e+-]+$")]
    return kept.set_index(kept["arm"].str.removeprefix(prefix).astype(float)).sort_index()


def _by_rows(results: Results, place: str) -> pd.DataFrame:
    """Return the gain of one depth by the number of digits."""
    gains = results.arms.query("metric == 'gain'")
    kept = gains[gains["arm"].str.startswith(f"{place}, ")]
    everything = str(results.metrics["data"]["digits"]["train"])
    rows = kept["arm"].str.split().str[-2].replace("all", everything)
    return kept.set_index(rows.astype(int)).sort_index()
