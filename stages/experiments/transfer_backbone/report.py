"""Is a net that others trained a start for a new problem? Figures and wording.

Shapes: C classes, K neighbours.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.transfer_backbone.params import Report

TITLE = "Transfer from a net trained on ImageNet"
FOLDER = "Folder 21"
QUESTION = (
    "Is a net that others trained on a million photos, frozen and given a new last layer, a better "
    "start than training on a few labelled photos alone, and does it matter how it is shown them?"
)
LECTURE = [
    (
        "A net that others have trained on much data is used for a new problem, with changes to "
        "its output.",
        "notes L737-738",
    ),
    ("The layers of VGG's configurations stand in a table.", "notes L820"),
    ("Freeze the net, replace its last layer and fine-tune only that.", "notes L880-886"),
    (
        "Photos had better be normalised by the numbers that the net's authors give.",
        "notes L896",
    ),
    ("With small changes to the last layer any of torchvision's nets will do.", "notes L922-923"),
]
STATEMENTS = {
    "pretrained_beats_scratch_with_few_labels": (
        "With five labelled crops per photograph, a new last layer on the frozen MobileNetV2 of "
        "ImageNet, shown 96 x 96 pixels, is at least ten points better than a small net trained on "
        "these crops alone at 32 x 32 pixels."
    ),
    "frozen_random_features_are_worse": (
        "MobileNetV2 frozen with random weights is at least ten points worse than with ImageNet's, "
        "each with a new last layer trained on five crops per photograph."
    ),
    "last_layer_is_enough": (
        "After a new last layer of MobileNetV2 is trained on five crops per photograph of 64 x 64 "
        "pixels, six more passes (12 steps) of all layers at rate .0001 change test accuracy by "
        "less than five points."
    ),
    "imagenet_statistics_are_best": (
        "For a frozen MobileNetV2, crops normalised by ImageNet's statistics are at least three "
        "points better than by the better of their own and none, five labels per class."
    ),
    "vgg_table": (
        "The notes' table of VGG gives the numbers of parameters of torchvision's nets (A, B, D, "
        "E) and of the paper (all six)."
    ),
    "thirteen_families_take_a_new_head": (
        "A net of each of the thirteen families of torchvision that the notes list takes a new "
        "last layer, which is then all that learns."
    ),
}
CORRECTED = [
    "The notebooks froze the parameters of ResNet-18 but trained in training mode, so that its "
    "batch norm used and took over the new photos' statistics. Here a frozen net is in evaluation "
    "mode throughout, and not a bit of it changes.",
    "They had no control. Here initial weights, pixels and a small net stand beside theirs.",
    "They ran once and looked at the test photos after each epoch. Here there are ten repeats, and "
    "choices are made on dev, with the exception told below.",
    "They took features as they are. Over 60 training crops of 96 pixels those of a random net in "
    "evaluation mode had a standard deviation of about 1e-9 (its mean over features is 0.6e-9 to "
    "1.1e-9 in three nets, drawn apart from this run), to which any head would be blind, so all "
    "features are standardised by those of the labelled crops first.",
]
CHANGED = [
    "Tuning all layers was first declared at the rate of the last layer, .001. With another seed "
    "the net forgot what it knew: we saw it on that seed's test crops first and then on dev, where "
    "a tenth was chosen of four rates (the other two are not on record). That tuning changes so "
    "little rests on this choice.",
    "This page was declared with 60 labels per class and with longer training. Before any test "
    "crop was seen that was cut to what the time allows and every class had, when crops that "
    "repeat one of dev were left out; of today's crops none does.",
    "The claim on random weights also said that the architecture does not help; but random, frozen "
    "layers at 96 pixels came out above plain pixels at 32.",
]
DATA = (
    "Each class is one photograph and its photos are crops of it, which overlap: 60 train, 20 dev "
    "and 40 test crops, in different parts; the trivial predictor always names the same one. The "
    "repeats range over which crops have labels, over initial layers and over the order of rows, "
    "and the intervals over test crops as well, as if these were independent: since they overlap, "
    "the intervals, those of the verdicts too, are too narrow. They do not range over photographs: "
    "with ten others the numbers would be others."
)
RUN = (
    "A new last layer is trained by SGD (rate .001, momentum .9, by the notes, line 919) on "
    "standardised features of a frozen MobileNetV2 with torchvision's weights for ImageNet (1.28 "
    "million photos), on 1 to 50 labelled crops per class, or on the 32 x 32 pixels themselves, "
    "for 300 steps rounded to whole passes. The net from scratch has four strided convolutions "
    "with batch norm and is trained by Adam, in 150 steps rounded alike, on smaller pictures, "
    "which cost less. Tuning goes on by SGD from the trained last layer, with batch norm's "
    "statistics as they are. The loss is cross-entropy, in nats. In this run tuned and random nets "
    "are not watched on dev, tuned and small ones not on train; the numbers of models and steps "
    "below, and the time of training alone, are those of heads and small nets."
)
HEADLINE = {
    "frozen_few_labels": "crops of 96 pixels, test: pretrained and frozen, 5 labels per class",
    "frozen_most_labels": "crops of 96 pixels, test: pretrained and frozen, 50 labels per class",
    "random_few_labels": "crops of 96 pixels, test: random and frozen, 5 labels per class",
    "scratch_few_labels": "crops of 32 pixels, test: small net from scratch, 5 labels per class",
    "trivial_accuracy": "crops, test: trivial predictor",
}
VIEWS = {
    "imagenet": "ImageNet's statistics",
    "own": "the crops' own statistics",
    "none": "not normalised",
    "grey": "grey",
}


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield accuracy by labels, what the net is shown, the confusions, and nearest neighbours."""
    yield by_labels(results, settings)
    yield shown(results, settings)
    yield confusion(results)
    yield nearest(results)


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set the notebooks' numbers beside ours."""
    rows = arms(results)
    ours = rows[rows["name"] == main(results)].iloc[-1]
    text = f"{100 * ours['mean']:.1f} % ({100 * ours['low']:.1f} to {100 * ours['high']:.1f} %)"
    return [
        Compared(
            f"test accuracy of a new last layer on {network} after ten epochs, 500 labels per "
            "class of STL-10",
            f"{accuracy} in a published rerun (Vozikis, GitHub)",
            f"{text}, MobileNetV2, {ours['labels']} labels per class",
            reason,
        )
        for network, accuracy, reason in (
            (
                "ResNet-18",
                "78.9 %",
                "Other photos, another net, batch norm in training mode there.",
            ),
            ("VGG-16", "91.6 %", "Other photos and another net."),
        )
    ]


def arms(results: Results) -> pd.DataFrame:
    """Return the arms' test accuracy with columns name and labels, by labels."""
    test = results.arms.query("metric == 'accuracy' and split == 'test'")
    parts = test["arm"].str.extract(r"^(?P<name>.+)@(?P<labels>\d+)$")
    return test.assign(name=parts["name"], labels=parts["labels"].astype(int)).sort_values("labels")


def main(results: Results) -> str:
    """Return the frozen arm that has the most numbers of labels."""
    names = arms(results)["name"]
    return str(names[names.str.startswith("frozen")].value_counts().idxmax())


def curves(results: Results) -> dict[str, str]:
    """Return arm -> its name in the figure by labels."""
    names = arms(results)["name"]
    scratch = names[names.str.startswith("scratch")].value_counts().idxmax()
    return {
        main(results): "pretrained, frozen",
        str(scratch): "small net from scratch",
        "pixels": "pixels",
        "random": "random, frozen",
        "tuned": "all layers tuned",
        "afresh": "all layers afresh",
    }


def by_labels(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy against labels per class, a line per mode."""
    sizes = sides(results)
    figure, ax = draw.canvas(height=4.2)
    rows = arms(results)
    named = {arm: text for arm, text in curves(results).items() if arm in set(rows["name"])}
    for (arm, text), style in zip(named.items(), draw.STYLES, strict=False):
        line = rows[rows["name"] == arm]
        if len(line) > 1:
            draw.band(ax, line["labels"], line["mean"], line["low"], line["high"], text, style)
        else:
            _point(ax, line.iloc[0], text, style)
    draw.level(ax, results.metrics["headline"]["trivial_accuracy"])
    _accuracy(ax, settings)
    ax.set_xscale("log")
    ticks = sorted(rows["labels"].unique())
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("labelled crops per class")
    draw.legend(ax, columns=2)
    return draw.Figure(
        "by_labels",
        figure,
        "Test accuracy by labelled crops per class. Bands and bar: 95 % intervals over repeats and "
        f"test crops. Small net and pixels have {sizes['scratch']} pixels a side, the tuned "
        f"net {sizes['tuned']}, the others {sizes['main']}; the next figure has the frozen net at "
        "other sizes.",
        "Line chart: the pretrained, frozen net is above the net from scratch, the pixels and the "
        "random net at five labels and more.",
    )


def sides(results: Results) -> dict[str, int]:
    """Return how many pixels a side the nets are shown."""
    train = results.records["train"]["params"]["train"]
    view = {name: seen["size"] for name, seen in train["views"].items()}
    tuned = view[train["whole"]["view"]]
    small = {name: train[name]["size"] for name in ("scratch", "pixels")}
    return {"main": max(view.values()), "tuned": tuned, **small}


def _point(ax: Axes, row: pd.Series, text: str, style: draw.Style) -> None:
    error = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
    look: dict[str, Any] = {"marker": style.marker, "linestyle": "", "capsize": 3}
    ax.errorbar([row["labels"]], [row["mean"]], yerr=error, label=text, color=style.colour, **look)


def _accuracy(ax: Axes, settings: Report) -> None:
    draw.percent_axis(ax, "test accuracy")
    ax.set_ylim(settings.accuracy_from, 1)


def shown(results: Results, settings: Report) -> draw.Figure:
    """Draw the test accuracy with few labels by what the frozen net is shown."""
    rows, sizes = arms(results), sides(results)
    few = rows[rows["name"] == "tuned"]["labels"].min()
    rows = rows[(rows["labels"] == few) & rows["name"].str.match("frozen|tuned")]
    names = {
        **{f"frozen {view}": text for view, text in VIEWS.items()},
        **{arm: f"{arm[9:]} × {arm[9:]} pixels" for arm in rows["name"] if "px" in arm},
        "tuned": "all layers tuned",
    }
    rows = rows.set_index("name").loc[[name for name in names if name in set(rows["name"])]]
    figure, ax = draw.canvas(height=3.0)
    texts = [names[str(name)] for name in rows.index]
    draw.dots(ax, texts, rows["mean"], rows["low"], rows["high"])
    draw.level(ax, results.metrics["headline"]["trivial_accuracy"], axis="x")
    draw.percent_axis(ax, f"test accuracy, {few} labels per class", axis="x")
    ax.set_xlim(settings.accuracy_from, 1)
    return draw.Figure(
        "shown",
        figure,
        "Test accuracy of a new last layer by what the frozen net is shown: colour crops of "
        f"{sizes['main']} x {sizes['main']} pixels by ImageNet's statistics where nothing else is "
        f"said. Below, all layers tuned, at {sizes['tuned']} x {sizes['tuned']}. Bars: 95 % "
        "intervals over repeats and test crops.",
        "Dot chart: the two normalisations are close to each other, without one and with small "
        "photos accuracy is lower.",
    )


def classes(results: Results) -> list[str]:
    """Return the names of the classes."""
    return bytes(results.arrays["class_names"]).decode().split("\n")


def confusion(results: Results) -> draw.Figure:
    """Draw which class the best head gives the crops of each class."""
    dev = results.arms.query("metric == 'accuracy' and split == 'dev'").set_index("arm")["mean"]
    best = str(dev[[arm for arm in dev.index if not arm.startswith("scratch")]].idxmax())
    figure, ax = draw.canvas(height=4.6)
    names = classes(results)
    draw.heatmap(ax, results.arrays["confusion_CC"].round(2), names, names, "share of test crops")
    ax.tick_params(axis="x", rotation=60)
    ax.set_ylabel("class")
    ax.set_xlabel("class given")
    return draw.Figure(
        "confusion",
        figure,
        f"Classes that the head which is best on dev ({best.replace('@', ', ')} labels per class) "
        "gives to test crops; a row adds up to 1. Mean over repeats. Chelsea is a cat, ihc a "
        "stained tissue, hubble a field of galaxies.",
        "Matrix: seven classes lie on the diagonal almost whole; crops of china, mostly sky, are "
        "taken for rocket, and crops of astronaut are scattered.",
    )


def nearest(results: Results) -> draw.Figure:
    """Draw test photos with their nearest others by features and by pixels."""
    arrays, names = results.arrays, classes(results)
    chosen = range(0, len(names), 2)
    count = arrays["near_features"].shape[1]
    figure, axes = draw.panels(1 + 2 * count, len(chosen), height=0.72)
    for row, number in enumerate(chosen):
        near = [*arrays["near_features"][number], *arrays["near_pixels"][number]]
        own = axes[row * (1 + 2 * count) : (row + 1) * (1 + 2 * count)]
        for ax, photo in zip(own, [arrays["query_C3HW"][number], *near], strict=True):
            draw.picture(ax, photo.transpose(1, 2, 0))
    for column, title in ((0, "photo"), (1, "by features"), (1 + count, "by pixels")):
        axes[column].set_title(title, fontweight="normal", fontsize=9.5, loc="left")
    same = {name: 100 * arrays[f"same_{name}"].mean() for name in ("features", "pixels")}
    return draw.Figure(
        "nearest",
        figure,
        f"Test crops and the {count} other test crops nearest to them by features of the frozen "
        f"net ({sides(results)['main']} pixels a side, ImageNet's statistics) and by pixels "
        f"({sides(results)['pixels']} a side), in Euclidean distance of standardised numbers. Of "
        f"the {count} nearest of each of all test crops {same['features']:.0f} % are of its class "
        f"by features, {same['pixels']:.0f} % by pixels; they may overlap with it.",
        "Rows of photos: those near by features are nearly all of the same photograph, one in "
        "five of those near by pixels is of another with similar colours.",
    )
