"""Does a classifier gain by an autoencoder's encoder? Figures and wording."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.transfer_autoencoder.params import Report

TITLE = "Transfer from an autoencoder"
FOLDER = "Folder 21"
QUESTION = (
    "Does a classifier of images gain by starting from the encoder of a trained autoencoder, and "
    "does that make up for a bad design?"
)
LECTURE = [
    (
        "An autoencoder finds the important features of images: what it puts out resembles what "
        "it is given, without some of the noise.",
        "notes L928-929",
    ),
    (
        "So one can build the convolutional layers as an autoencoder first, see that the encoder "
        "works, and then put a fully connected net in the decoder's place.",
        "notes L935",
    ),
    (
        "The autoencoder's weights can be given to the new model, as those of a pretrained one.",
        "notes L936",
    ),
    (
        "If the convolutional layers and the fully connected net are badly designed, the weights "
        "of an autoencoder are of no great help.",
        "notes L937",
    ),
    (
        "With all labels of Fashion-MNIST, a net from scratch reaches 91.0 %, a pretrained one "
        "89.9 %.",
        "course",
    ),
    ("With 2000 colour pictures the given weights are of little use.", "course"),
]
STATEMENTS = {
    "pretraining_helps_with_few_labels": (
        "With 100 labels of Fashion-MNIST in all, starting from the encoder of a trained "
        "autoencoder gains at least two points."
    ),
    "not_with_many": (
        "With 6000 labels of Fashion-MNIST and equally many steps of the classifier, starting from "
        "the trained encoder or from scratch is alike within two points."
    ),
    "bad_design_is_not_rescued": (
        "With a bottleneck of one unit and 6000 labels, pretraining makes up for less than a "
        "quarter of what the net lacks to the good design."
    ),
    "nor_without_activations": (
        "A quarter of what a net without activations lacks to the good design, minus what "
        "pretraining gives it, with 6000 labels."
    ),
    "untrained_copy_gives_nothing": (
        "Starting from the encoder of an autoencoder that was never trained changes nothing, "
        "within two points, on average over 100, 1000 and all labels."
    ),
    "copy_is_the_trained_encoder": (
        "Behind the encoder that a pretrained classifier starts from, the autoencoder's decoder "
        "reaches the squared error of the trained autoencoder."
    ),
}
CORRECTED = [
    "In the notebook on colour pictures the weights came from a net that was never trained, and "
    "the check of the copy compared with that same net. Its conclusion, which the notes repeat, "
    "rests on it. Here that copy is an arm of its own, and the check uses the trained decoder.",
    "The notebooks compared one run with one run; here every arm is repeated from ten seeds, with "
    "the same labelled images and batches for all arms of a repeat, and the same initial weights "
    "of the head for those of a design.",
    "They had one number of labels each: 2000, or all 60 000, where there is least to gain.",
    "They flipped test images at random, so that scores changed with each reading.",
    "Their last layers had a leaky ReLU, which hampers outputs below zero; ours are linear.",
    "One drew its maps with stride 1, no padding and no bias, unlike its net; we draw the kernels.",
]
CHANGED = [
    "Nets for 1000 labels first got four passes, as many steps as those for 100, so that ten times "
    "the labels hardly helped, on test as on dev; now they get eight. To save time those for all "
    "labels get two passes, once three, and the other designs no longer learn from 10 and 1000 "
    "labels; a gate on the claim about one unit went, its interval being near zero since.",
]
DATA = (
    "Fashion-MNIST with 14 x 14 pixels. The autoencoders see all 6000 train images, without their "
    "labels. Repeats range over seeds and over which images are labelled, not over test images. "
    "Squared errors, the losses of autoencoders, are means over pixels from 0 to 1; losses of "
    "classifiers are cross-entropies in nats. Explained variance is 1 - squared error / variance "
    "of the test pixels around their mean image."
)
RUN = (
    "The course's encoder of two convolutions (3 x 3, stride 2), 16 and 32 channels wide, is "
    "trained as an autoencoder, for 240 steps, and then with two fully connected layers as a "
    "classifier, in which all layers learn, for 50, 80, 160 and 240 steps with 10, 100, 1000 and "
    "all labels. Beside this good design stand one with a single unit between encoder and what "
    "follows, and one without activations. A code of 512 numbers (32 x 4 x 4) for 196 pixels "
    "compresses nothing, nor does the notebook's, 1568 (32 x 7 x 7) for 784. The one without "
    "activations is, with so few steps, no worse than the good design: there is nothing to make "
    "up for and no verdict."
)
HEADLINE = {
    "scratch_few_accuracy": "good design, test: from scratch, 100 labels",
    "scratch_all_accuracy": "good design, test: from scratch, 6000 labels",
    "pretrained_all_accuracy": "good design, test: pretrained, 6000 labels",
    "explained_variance": "good design's autoencoder: variance of test images explained",
    "trivial_accuracy": "test: accuracy of the trivial predictor",
}
DESIGNS = ("good design", "one unit", "no activation")
STARTS = ("from scratch", "pretrained", "untrained copy")
PIXELS, FRAME = 84, 4  # of a small picture; a multiple of 3 and of 14 and 28
KERNELS = {
    "initial": "before training",
    "autoencoder": "in the autoencoder",
    "fine-tuned": "then in the classifier",
    "scratch": "classifier from scratch",
}


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield accuracy by labels and by step, the bad designs, reconstructions and kernels."""
    yield by_labels(results, settings)
    yield by_step(results, settings)
    yield bad_designs(results, settings)
    yield reconstructions(results)
    yield kernels(results)


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set the notebooks' numbers beside ours."""

    def accuracy(start: str, number: str) -> str:
        mean = results.arm(f"good design, {start}, {number} labels", "accuracy")["mean"]
        return f"{100 * mean:.1f} %"

    error = results.arm("good design, autoencoder", "squared error")["mean"]
    coder = results.curve("good design, autoencoder", "loss")["step"].max()
    steps = results.curve("good design, from scratch, all labels", "accuracy")["step"].max()
    return [
        Compared(
            "test accuracy with all labels, from scratch and pretrained",
            "91.0 % and 89.9 %",
            f"{accuracy('from scratch', 'all')} and {accuracy('pretrained', 'all')}",
            f"Fewer and smaller images, {steps} steps instead of 18 750 (10 passes over 60 000 "
            "images in batches of 32); theirs are single runs.",
        ),
        Compared(
            "test accuracy from scratch and with the untrained copy",
            "41.6 % and 43.3 % (CIFAR-10, 2000 labels)",
            f"{accuracy('from scratch', '1000')} and {accuracy('untrained copy', '1000')} "
            "(1000 labels)",
            "Other images; theirs are single runs, with a standard error of 1.1 points on 2000 "
            "test images.",
        ),
        Compared(
            "squared error of the autoencoder, pixels from 0 to 1",
            ".0036 (.0144 for pixels from -1 to 1)",
            f"{error:.4f}",
            f"Theirs is on dev, ours on test; {coder} steps instead of as many as above, and "
            "smaller images.",
        ),
    ]


def by_labels(results: Results, settings: Report) -> draw.Figure:
    """Draw the good design's test accuracy by number of labels, a line per start."""
    figure, ax = draw.canvas(height=4.0)
    _lines(ax, results, "good design", STARTS)
    draw.level(ax, results.metrics["headline"]["trivial_accuracy"])
    _axes(ax, results, settings)
    draw.percent_axis(ax, "test accuracy")
    draw.legend(ax, columns=3)
    return draw.Figure(
        "by_labels",
        figure,
        "Test accuracy of the good design by number of labelled images. Bands: 95 % intervals over "
        "repeats and test images.",
        "Line chart: accuracy rises with the labels; the three starts lie close together, the "
        "pretrained nets a little above the others with many labels.",
    )


def bad_designs(results: Results, settings: Report) -> draw.Figure:
    """Draw the test accuracy of either bad design by number of labels, beside the good one."""
    figure, axes = draw.panels(2, height=3.2, sharey=True)
    for ax, name in zip(axes, DESIGNS[1:], strict=True):
        _lines(ax, results, name, STARTS[:2])
        _line(ax, results, "good design, from scratch", "good design, from scratch", draw.STYLES[3])
        draw.level(ax, results.metrics["headline"]["trivial_accuracy"], label="")
        ax.set_title("one unit in the middle" if name == "one unit" else name)
        _axes(ax, results, settings)
    draw.percent_axis(axes[0], "test accuracy")
    draw.legend(axes[0], columns=3)
    return draw.Figure(
        "bad_designs",
        figure,
        "Test accuracy of the two other designs by number of labelled images. Bands: 95 % "
        "intervals over repeats and test images; dashed: the trivial predictor.",
        "Two line charts: with one unit both starts stay far below the good design; without "
        "activations both are near it.",
    )


def by_step(results: Results, settings: Report) -> draw.Figure:
    """Draw the good design's dev accuracy against steps, with few and with all labels."""
    numbers = _numbers(results)
    chosen = {"100": "100 labels", "all": f"all {numbers['all']} labels"}
    figure, axes = draw.panels(2, height=3.2, sharey=True)
    for ax, (number, title) in zip(axes, chosen.items(), strict=True):
        for start, style in draw.styles(STARTS).items():
            curve = results.curve(f"good design, {start}, {number} labels", "accuracy", "dev")
            x, mean, low, high = (curve[column] for column in ("step", "mean", "low", "high"))
            draw.band(ax, x, mean, low, high, start, style)
        draw.level(ax, results.metrics["headline"]["trivial_accuracy"], label="")
        ax.set_title(title)
        ax.set_xticks(list(x))
        ax.set_xlabel("steps")
        ax.set_ylim(settings.accuracy_from, 1)
    draw.percent_axis(axes[0], "dev accuracy")
    draw.legend(axes[0], columns=3)
    return draw.Figure(
        "by_step",
        figure,
        "Dev accuracy of the good design while training. Bands: 95 % intervals over repeats; "
        "dashed and without markers: the trivial predictor.",
        "Two line charts of three lines each: with 100 labels they lie close together, with all "
        "labels the pretrained nets are a little ahead.",
    )


def reconstructions(results: Results) -> draw.Figure:
    """Draw one test image per class and what each design's first autoencoder makes of it."""
    labels = {"image": "image", **{f"image, {name}": name for name in DESIGNS}}
    sheet = {label: np.clip(results.arrays[key], 0, 1) for key, label in labels.items()}
    shares = [
        f"{name} {results.arm(f'{name}, autoencoder', 'explained variance')['mean']:.0%}"
        for name in DESIGNS
    ]
    return draw.Figure(
        "reconstructions",
        _sheet(sheet),
        "Test images, one of each class, and what the autoencoders of the first repeat make of "
        f"them. Share of the pixels' variance explained, mean over repeats: {', '.join(shares)}.",
        "Rows of small pictures: the good design and the one without activations return blurred "
        "images, the single unit only something between a garment and a shoe.",
    )


def kernels(results: Results) -> draw.Figure:
    """Draw the kernels of the first layer before and after training."""
    found = {label: results.arrays[f"kernels, {name}"] for name, label in KERNELS.items()}
    largest = max(np.abs(kernels_K).max() for kernels_K in found.values())
    sheet = {label: 0.5 + kernels_K / (2 * largest) for label, kernels_K in found.items()}
    return draw.Figure(
        "kernels",
        _sheet(sheet),
        "The 16 kernels of the first layer in the first repeat, good design, all labels; grey is "
        "0, white and black are the largest weight of either sign. The second row starts from the "
        "first, the third from the second; the last starts from the first as well.",
        "Rows of small squares: from one to the next of the first three most kernels keep their "
        "pattern; the classifier from scratch has changed them more.",
    )


def _lines(ax: Axes, results: Results, design: str, starts: Sequence[str]) -> None:
    for start, style in draw.styles(starts).items():
        _line(ax, results, f"{design}, {start}", start, style)


def _line(ax: Axes, results: Results, net: str, label: str, style: draw.Style) -> None:
    names = {f"{net}, {name} labels": x for name, x in _numbers(results).items()}
    known = [name for name in names if name in set(results.arms["arm"])]
    arms = [results.arm(name, "accuracy") for name in known]
    mean, low, high = ([arm[column] for arm in arms] for column in ("mean", "low", "high"))
    draw.band(ax, [names[name] for name in known], mean, low, high, label, style)


def _axes(ax: Axes, results: Results, settings: Report) -> None:
    draw.rate_axis(ax, "labelled images")
    ticks = list(_numbers(results).values())
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.set_ylim(settings.accuracy_from, 1)


def _numbers(results: Results) -> dict[str, int]:
    """Return the numbers of labels by the names that arms have, from few to all."""
    found = results.arms["arm"].str.extract(r"^good design, from scratch, (\w+) labels$")[0]
    every = int(results.metrics["data"]["images"]["train"])
    numbers = {name: every if name == "all" else int(name) for name in found.dropna().unique()}
    return dict(sorted(numbers.items(), key=lambda item: item[1]))


def _sheet(rows: Mapping[str, np.ndarray]) -> Canvas:
    """Draw rows of small square pictures, (pictures, side, side), with a name before each row."""
    strips = [np.concatenate([_framed(picture) for picture in row], 1) for row in rows.values()]
    height, width = strips[0].shape
    figure, ax = draw.canvas(height=0.2 + 0.75 * draw.WIDTH * len(strips) * height / width)
    draw.picture(ax, np.concatenate(strips))
    for at, label in enumerate(rows):
        middle = (at + 0.5) * height
        ax.annotate(label, (0, middle), (-4, 0), "data", "offset points", ha="right", va="center")
    return figure


def _framed(picture: np.ndarray) -> np.ndarray:
    """Enlarge a picture and put a transparent frame around it."""
    larger = picture.repeat(PIXELS // len(picture), 0).repeat(PIXELS // len(picture), 1)
    return np.pad(larger, FRAME, constant_values=np.nan)
