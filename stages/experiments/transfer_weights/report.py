"""Do weights of one problem help with another? Figures and wording."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.transfer_weights.params import Report

TITLE = "Transfer of weights between small nets"
FOLDER = "Folder 21"
QUESTION = (
    "Do weights that learned digits help to learn clothes, do weights that learned Gaussian images "
    "not, and is it enough to train the last layer anew?"
)
LECTURE = [
    (
        "A model of another problem may well not suit a new one: Gaussian images do not suit "
        "clothes (Fashion-MNIST), digits (MNIST) do.",
        "notes L739-751",
    ),
    (
        "The parameters are to be copied in a loop; `deepcopy` alone does not copy many of them "
        "correctly.",
        "notes L753-758",
    ),
    (
        "With another number of classes the last layer is replaced; all other layers can be "
        "frozen, and the new model need not be trained as a whole.",
        "notes L760-815",
    ),
]
STATEMENTS = {
    "deepcopy_is_exact": (
        "`copy.deepcopy` of a net copies every parameter and every buffer, and the copy gives the "
        "same outputs."
    ),
    "parameter_loop_leaves_buffers_behind": (
        "A loop over `named_parameters`, as in the notes, copies every parameter but none of the "
        "running statistics of batch norm; `load_state_dict` copies both."
    ),
    "zero_shot_is_chance": (
        "Used on clothes as it is, a net for digits is right as often as guessing, on average over "
        "ten ways to number the classes (as any net must be)."
    ),
    "digits_help_fashion_early": (
        "After 32 steps on clothes with 300 labels per class, nets that start from digits are at "
        "least three points better than nets from scratch."
    ),
    "gaussians_do_not": (
        "After 32 steps on clothes with 300 labels per class, nets that start from Gaussian images "
        "are neither better nor worse than nets from scratch, within three points."
    ),
    "last_layer_suffices": (
        "From letters to digits, with 300 labels per class and 96 steps, training the last layer "
        "alone costs at most two points of accuracy against all layers."
    ),
    "last_layer_suffices_for_clothes": (
        "From digits to clothes, with 300 labels per class and 96 steps, training the last layer "
        "alone costs at most two points of accuracy against all layers."
    ),
    "advantage_fades_with_data": (
        "After 96 steps, starting from letters gains at least three points more for digits with 10 "
        "labels per class than with 300."
    ),
}
CORRECTED = [
    "The notebooks trained no net from scratch beside the transferred one, so that they could not "
    "show a gain; here each arm has one, from the same seeds, on the same rows, in as many steps.",
    "The notebook for letters built its optimizer before it replaced the last layer, so that the "
    "new layer was never trained; here a net is complete before its optimizer is.",
    "Its loop left the statistics of batch norm behind; here the state dict is copied.",
    "It froze the convolutions and batch norm only, in training mode, so that the statistics of "
    "batch norm moved; here all but the last layer is frozen, and stays in evaluation mode.",
    "The notebook for clothes gave digits from 0 to 1 and clothes from -1 to 1; here all images "
    "have pixels from 0 to 1, the Gaussian ones too.",
    "It read the untrained transfer off one numbering of the classes; the verdict here takes the "
    "mean over ten, the tables that one.",
]
CHANGED = ["To save time, nets with 100 labels per class, which no statement used, are gone."]
DATA = (
    "Nets for digits and letters see the whole train split. A Gaussian image is a blob with noise; "
    "its class is which of two widths it has. These images are drawn anew for each repeat, but for "
    "the 1000 test images, one sample for all. A repeat draws which rows keep their labels, "
    "initial weights and batches; all starts share them. Dev tables are of 300 rows. Test rows are "
    "as many of each class, so that the trivial predictor, which always names the same one, is "
    "right for 1 in 10 clothes or digits, 1 in 26 letters, 1 in 2 Gaussian images."
)
RUN = (
    "The course's net for digits (images of 28 x 28; convolutions of 10 and 20 kernels, 5 x 5, "
    "padded by 1, each with max-pooling, then 50 units; 30 840 parameters with ten classes) learns "
    "digits or Gaussian images, then clothes; its net for letters (likewise with 6 and 6 kernels, "
    "3 x 3, and batch norm; 16 490 with 26 letters, 15 674 with ten digits) learns letters, then "
    "digits. The last layer never moves along: it starts anew, with the weights it has in the net "
    "from scratch. The sources take one pass of whole batches of 16. Nets that learn a target take "
    '96 steps of Adam in batches of 32, whatever they have of labels ("@300": 300 per class); few '
    'rows come again and again. The arms called "early" are runs of their own that take 32. All '
    "layers learn at rate 0.003 (0.001 was worse); the last layer alone, on top of a frozen body, "
    "at 0.01 (0.003 and 0.1 were worse, 0.03 alike): on dev, with another seed. The loss is "
    "cross-entropy, in nats."
)
HEADLINE = {
    "clothes_from_scratch": "clothes, test, 300 labels per class: from scratch",
    "clothes_from_digits": "clothes, test, 300 labels per class: all layers, from digits",
    "digits_from_scratch": "digits, test, 300 labels per class: from scratch",
    "digits_from_letters": "digits, test, 300 labels per class: all layers, from letters",
    "trivial_accuracy": "clothes, test: trivial predictor",
}
SCRATCH, ALL, LAST, GAUSSIANS = "from scratch", "all layers", "last layer only", "Gaussian images"
STYLES = draw.styles([SCRATCH, ALL, LAST, GAUSSIANS])
PANELS = {"clothes": ("digits", "digits → clothes"), "digits": ("letters", "letters → digits")}
MOMENTS = ((0, "before"), (1, "after"))
CHANGE = "change of the first layer's kernels / their length"
CLOTHES = "T-shirt trouser pullover dress coat sandal shirt sneaker bag boot".split()


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield accuracy by labels, the first steps, curves, kernels and the untrained transfer."""
    yield accuracy_by_labels(results, settings)
    yield first_steps(results)
    yield accuracy_by_step(results, settings)
    yield kernels(results)
    yield zero_shot(results)


def accuracy_by_labels(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy against the number of labels, a panel per pair, a line per mode."""
    figure, axes = draw.panels(2, height=3.4, sharey=True)
    for ax, (target, (_, title)) in zip(axes, PANELS.items(), strict=True):
        for mode, stem in _stems(target).items():
            table, style = _by_labels(results, stem), STYLES[mode]
            limits = table["low"], table["high"]
            if not table.empty:
                draw.band(ax, table["labels"], table["mean"], *limits, mode, style)
            if len(table) == 1:
                ax.vlines(table["labels"], *limits, color=style.colour, alpha=0.55)
        draw.level(ax, float(results.arrays[f"trivial {target}"]))
        ax.set_xscale("log")
        ax.set_xticks(labels := _labels(results), [str(n) for n in labels])
        ax.minorticks_off()
        ax.set(xlabel="labels per class", ylim=(settings.accuracy_from, 1), title=title)
    draw.percent_axis(axes[0], "test accuracy")
    draw.legend(axes[0], columns=2)
    return draw.Figure(
        "accuracy_by_labels",
        figure,
        f"Test accuracy by the number of labels, all after {_steps(results)} steps; all layers and "
        "last layer: from the source in the title. Bands: 95 % intervals over repeats and test "
        "rows; nets from Gaussian images have the most labels only.",
        f"Two panels, accuracy by labels per class. {_in_words(results)}",
    )


def first_steps(results: Results) -> draw.Figure:
    """Draw test accuracy on clothes after the first steps and after all, by start."""
    figure, axes = draw.panels(2, height=2.4, sharey=True)
    most = _labels(results)[-1]
    stems = {name: stem for name, stem in _stems("clothes").items() if name != LAST}
    names = {SCRATCH: "scratch", ALL: "digits", GAUSSIANS: "Gaussian images"}
    for ax, early in zip(axes, (", early", ""), strict=True):
        found = [results.arm(f"{stem}@{most}{early}", "accuracy") for stem in stems.values()]
        mean, low, high = ([row[column] for row in found] for column in ("mean", "low", "high"))
        draw.dots(ax, [names[name] for name in stems], mean, low, high)
        draw.level(ax, float(results.arrays["trivial clothes"]), "trivial", axis="x")
        ax.set_xlim(0, 0.9)
        draw.percent_axis(ax, "test accuracy on clothes", axis="x")
        ax.set_title(f"after {_steps(results, early)} steps")
    return draw.Figure(
        "first_steps",
        figure,
        f"Clothes, {most} labels per class: test accuracy by where all layers start. Bars: 95 % "
        "intervals over repeats and test rows.",
        "Dot plots of accuracy after the first steps and after all: Gaussian images, scratch and "
        "digits rise in this order, far apart at first and close together at the end.",
    )


def accuracy_by_step(results: Results, settings: Report) -> draw.Figure:
    """Draw dev accuracy against steps with few labels, a panel per pair."""
    fewest = _labels(results)[0]
    figure, axes = draw.panels(2, height=3.2, sharex=True, sharey=True)
    for ax, (target, (_, title)) in zip(axes, PANELS.items(), strict=True):
        for mode in (SCRATCH, ALL, LAST):
            curve = results.curve(f"{_stems(target)[mode]}@{fewest}", "accuracy")
            limits = curve["low"], curve["high"]
            draw.band(ax, curve["step"], curve["mean"], *limits, mode, STYLES[mode])
        draw.level(ax, float(results.arrays[f"trivial {target}"]))
        ax.set(ylim=(settings.accuracy_from, 1), xlabel="steps (batches of 32)", title=title)
        ax.set_xticks(curve["step"])
    draw.percent_axis(axes[0], "dev accuracy")
    draw.legend(axes[0], columns=3)
    return draw.Figure(
        "accuracy_by_step",
        figure,
        f"Dev accuracy, {fewest} labels per class. Bands: 95 % intervals over repeats.",
        "Two panels: all three rise together at first; the last layer alone ends lowest.",
    )


def kernels(results: Results) -> draw.Figure:
    """Draw the first layer's kernels of one repeat before and after training on clothes."""
    most = _labels(results)[-1]
    starts = {"scratch": SCRATCH, "digits": ALL, "Gaussian images": GAUSSIANS}
    pairs = {s: results.arrays[f"kernels {_stems('clothes')[m]}@{most}"] for s, m in starts.items()}
    rows = [(f"{s}, {when}", pair[i]) for s, pair in pairs.items() for i, when in MOMENTS]
    largest = max(np.abs(kernels).max() for _, kernels in rows)
    figure, axes = draw.panels(len(rows[0][1]), len(rows), height=0.62)
    for number, (name, many) in enumerate(rows):
        line = axes[number * len(many) : (number + 1) * len(many)]
        for ax, kernel in zip(line, many, strict=True):
            draw.picture(ax, 0.5 + kernel / (2 * largest))
        _name_row(line[0], name)
    change = {
        s: results.arm(f"{_stems('clothes')[m]}@{most}", CHANGE, "train")["mean"]
        for s, m in starts.items()
    }
    told = ", ".join(f"{name} {value:.0%}" for name, value in change.items())
    return draw.Figure(
        "kernels",
        figure,
        f"The first layer's kernels before and after training on clothes, {most} labels per class, "
        "one repeat; white: above 0, black: below. Length of the change against that of the "
        f"kernels before, all of them one vector, mean over repeats: {told}.",
        f"Six rows of ten small kernels; each row after training resembles the one before: {told}.",
    )


def zero_shot(results: Results) -> draw.Figure:
    """Draw which digit a net for digits sees in which clothes."""
    figure, ax = draw.canvas(height=4.4)
    digits = [str(digit) for digit in range(10)]
    draw.heatmap(ax, np.round(results.arrays["zero shot"], 2), CLOTHES, digits, "share of a row")
    ax.set_xlabel("digit that the net sees")
    return draw.Figure(
        "zero_shot",
        figure,
        "Nets for digits on the test rows of clothes, without training: which digit they see. Mean "
        "over repeats; rows sum to 1.",
        "Heat map of clothes by digit: each class is called by a few digits, in no useful order.",
    )


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set the notebook's accuracies beside ours."""
    reasons = {
        "source: digits": "five epochs of 18 000 rows by SGD there, one of fewer rows by Adam here",
        "clothes by the net for digits as it is": "one run there, the mean of ten here",
        f"clothes from digits, all layers@{_labels(results)[-1]}": (
            f"1875 steps of SGD on inputs from -1 to 1 there, {_steps(results)} of Adam here"
        ),
    }
    notebook = {
        "net for digits on digits, test": settings.source,
        "the same net on clothes, untrained": settings.zero_shot,
        "the net from digits on clothes, test": settings.tuned,
    }
    return [
        Compared(
            what,
            f"{value:g} % in a published rerun (Vozikis, GitHub)",
            f"{100 * results.arm(arm, 'accuracy')['mean']:.1f} %",
            why,
        )
        for (what, value), (arm, why) in zip(notebook.items(), reasons.items(), strict=True)
    ]


def _name_row(ax: Axes, name: str) -> None:
    """Write a row's name on the left of its first picture."""
    ax.annotate(
        name, (0, 0.5), (-4, 0), "axes fraction", "offset points",
        ha="right", va="center", fontsize=9, color=draw.INK,
    )  # fmt: skip


def _stems(target: str) -> dict[str, str]:
    """Return mode -> the arms' name without the number of labels."""
    source = PANELS[target][0]
    return {
        SCRATCH: f"{target} from scratch",
        ALL: f"{target} from {source}, all layers",
        LAST: f"{target} from {source}, last layer",
        GAUSSIANS: f"{target} from Gaussian images, all layers",
    }


def _by_labels(results: Results, stem: str) -> pd.DataFrame:
    """Return the test accuracies of one mode, by the number of labels."""
    chosen = results.arms[results.arms["arm"].str.fullmatch(rf"{stem}@\d+")]
    chosen = chosen.query("metric == 'accuracy' and split == 'test'")
    labels = chosen["arm"].str.split("@").str[1].astype(int)
    return chosen.assign(labels=labels).sort_values("labels")


def _labels(results: Results) -> Sequence[int]:
    return [int(n) for n in _by_labels(results, _stems("clothes")[SCRATCH])["labels"]]


def _steps(results: Results, early: str = "") -> int:
    """Return how many steps the arms with most labels took."""
    arm = f"{_stems('clothes')[SCRATCH]}@{_labels(results)[-1]}{early}"
    return int(results.curve(arm, "accuracy")["step"].max())


def _in_words(results: Results) -> str:
    """Return the means with the fewest and the most labels, for who cannot see the figure."""
    parts = []
    for target, (_, title) in PANELS.items():
        for mode in (SCRATCH, ALL, LAST):
            mean = 100 * _by_labels(results, _stems(target)[mode])["mean"]
            parts.append(f"{title}, {mode}: {mean.iloc[0]:.0f} to {mean.iloc[-1]:.0f} %")
    return "; ".join(parts) + "."
