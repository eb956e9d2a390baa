"""What are softmax, entropy, the losses and backpropagation? Figures and wording."""

import math
from collections.abc import Iterator

import numpy as np

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.losses.params import Report

TITLE = "Softmax, entropy and losses"
FOLDER = "Folders 5 and 7"
QUESTION = "Do the formulas and numbers of the lectures agree with each other and with libraries?"
LECTURE = [
    (
        "A dummy variable says whether something is there; one-hot encoding joins several, for "
        "example whether a person passed in mathematics, history and science.",
        "notes L23-26",
    ),
    (
        "Softmax makes probabilities that sum to one; the largest number gets the largest one.",
        "notes L27-33, 172",
    ),
    (
        "The entropy of a coin that falls to either side alike is one; of p = .25 it is about .56.",
        "notes L38-46",
    ),
    ("Seen with probability .25, a cat has the cross-entropy -ln(.25).", "notes L52-54"),
    (
        "ReLU is zero below zero; sigmoid gives 0 to .5 below and .5 to 1 above, the hyperbolic "
        "tangent -1 to 0 and 0 to 1.",
        "notes L88-91",
    ),
    ("The loss of a number is half its squared error.", "notes L95-97"),
    ("The cost is the mean of the losses.", "notes L103-105"),
    ("Every node works on its own; only its inputs decide its output.", "notes L111-115"),
    (
        "Weights change against the slope of the loss by each of them, which depends on the loss "
        "and on the activation.",
        "notes L119-122",
    ),
    ("BCELoss goes with a sigmoid; with BCELogitsLoss it is left out.", "notes L142-143"),
    ("The bias is one in every layer.", "notes L160"),
    ("A net for three clusters ends on a softmax and is trained with CrossEntropyLoss.", "course"),
    ("Losses of one's own: L1, L2 with the mean output, minus the correlation.", "notes L608-673"),
]
STATEMENTS = {
    "softmax_sums_to_one": "The outputs of a softmax sum to one.",
    "softmax_keeps_order": "A softmax keeps the order of its inputs.",
    "entropy_in_nats_and_bits": (
        "The entropy of p = .25 is .562 nats or .811 bits; a fair coin's is one bit."
    ),
    "cross_entropy_of_the_cat": (
        "A cat that is seen with probability .25 has the cross-entropy 1.386 nats."
    ),
    "bce_with_logits_is_bce_of_sigmoid": (
        "In double precision BCEWithLogitsLoss is, up to rounding, the BCELoss of a sigmoid."
    ),
    "double_softmax_has_a_floor": (
        "For C classes, cross-entropy after two softmaxes cannot fall below ln(1 + (C - 1) / e), "
        ".551 for three."
    ),
    "custom_losses_match_formulas": (
        "The notes' programs of three losses (L1, L2 plus the size of the mean output, and "
        "correlation) do what the formulas say, if the formula of the correlation gets a minus."
    ),
    "activation_ranges": (
        "ReLU, sigmoid and hyperbolic tangent stay in the ranges that the notes give."
    ),
    "half_mse_halves_the_gradient": "A factor 1/2 before the squared error halves its gradient.",
    "cost_is_the_mean_loss": (
        "The cost is the mean of the rows' losses, and its gradient the mean of theirs."
    ),
    "hand_backprop_is_autograd": "Backpropagation by hand gives the gradient of autograd.",
    "unit_order_does_not_matter": "The order of its hidden units changes nothing in a net.",
    "bias_is_the_weight_of_a_constant": (
        "A bias is the weight of an input that is always one; it is learned and does not stay one."
    ),
    "one_hot_is_dummies": (
        "A one-hot code is one dummy per class and its rows sum to one; the notes' three exams are "
        "no one-hot code, since any number of them may be passed."
    ),
}
CORRECTED = [
    "The notes mix units: one for a fair coin is in bits, .56 for p = .25 in nats.",
    "They call cross-entropy a conditional probability and write it H(p); it is an expected cost "
    "of two distributions, H(p, q).",
    "Their squared error has a factor 1/2 that torch's does not have, and the loss with logits is "
    "called BCEWithLogitsLoss.",
    "They say that the bias is one; its input is, and its weight is learned.",
    "Their formula of the correlation loss (L616) has no sign, their program has a minus. Minus "
    "is right: more correlation shall be less loss.",
    "A notebook put a softmax before CrossEntropyLoss, which has one inside. Its loss could never "
    "fall below .551.",
    "Another gave lists where tensors are needed and exchanged target and prediction.",
]
RUN = (
    "Random numbers and rows go through formulas written out by hand and through torch, SciPy, "
    "pandas or scikit-learn. The course's net for three clusters (2-4-3, ReLU) descends by hand "
    "with one softmax and with two, in ten repeats with starts and rows of their own, which both "
    "share; the clusters have deviation 1 around (1, 1), (5, 1) and (3, -2). The table has each "
    "arm's own loss, and its accuracy, after the last step."
)
HEADLINE = {
    "double_softmax_floor": "least loss after two softmaxes, three classes, nats (formula)",
    "entropy_in_nats": "entropy of p = .25 in nats (formula)",
    "entropy_in_bits": "entropy of p = .25 in bits (formula)",
    "cross_entropy_of_the_cat": "cross-entropy of a cat seen with probability .25, nats (formula)",
}


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield two softmaxes, entropy and losses, activations, and one softmax."""
    yield two_softmaxes(results, settings)
    yield losses(results)
    yield entropy(results)
    yield activations(results)
    yield softmax(results)


def two_softmaxes(results: Results, settings: Report) -> draw.Figure:
    """Draw the loss while training with one softmax and with two, and the floor of two."""
    figure, ax = draw.canvas()
    for name, style in draw.styles(["one softmax", "two softmaxes"]).items():
        curve = results.curve(name, "loss", "train")
        draw.band(ax, curve["step"], curve["mean"], curve["low"], curve["high"], name, style)
    draw.level(ax, results.metrics["headline"]["double_softmax_floor"], "floor of two softmaxes")
    draw.level(ax, math.log(3), "trivial predictor, ln 3")
    ax.set_xlabel("steps (full batches)")
    ax.set_ylabel("cross-entropy, nats")
    ax.set_ylim(0, settings.loss_to)
    draw.direct_labels(ax)
    return draw.Figure(
        "two_softmaxes",
        figure,
        "The course's net for three clusters (2-4-3), trained with either loss: each curve is its "
        f"own loss on the {results.arrays['training rows']:d} training rows. "
        "Bands: 95 % intervals over repeats.",
        "Line chart: with one softmax the loss falls far, with two it stays above .551.",
    )


def losses(results: Results) -> draw.Figure:
    """Draw losses of a number and of a share by the prediction."""
    figure, axes = draw.panels(2, height=3.2)
    kinds = ["squared error", "half squared error", "absolute error"]
    for name, style in draw.styles(kinds).items():
        x_N, y_N = results.arrays["predictions/x"], results.arrays[f"predictions/{name}"]
        draw.line(axes[0], x_N, y_N, name, style)
    for name, style in zip(("target 0", "target 1"), draw.STYLES[3:], strict=False):
        x_N, y_N = results.arrays["shares/x"], results.arrays[f"shares/{name}"]
        draw.line(axes[1], x_N, y_N, name, style)
    axes[0].set(xlabel="prediction", ylabel="loss")
    axes[1].set(xlabel="predicted probability of 1", ylabel="loss, nats")
    axes[0].legend(loc="upper right", fontsize=9)
    axes[1].legend(loc="upper center", fontsize=9)
    return draw.Figure(
        "losses",
        figure,
        "Losses by prediction: of a number (target .5) and of a probability (target 0 or 1; drawn "
        "from .001 to .999, beyond which it rises without bound).",
        "Two line charts: parabolas and a wedge with their lowest point at .5; curves that rise "
        "without bound towards the wrong answer.",
    )


def entropy(results: Results) -> draw.Figure:
    """Draw entropy by probability in both units."""
    figure, ax = draw.canvas(height=3.2)
    headline = results.metrics["headline"]
    for unit, style in draw.styles(["bits", "nats"]).items():
        draw.line(ax, results.arrays["shares/x"], results.arrays[f"shares/{unit}"], unit, style)
        at = headline[f"entropy_in_{unit}"]
        ax.plot(0.25, at, style.marker, color=style.colour, markersize=7)
        ax.annotate(f"{at:.3f} {unit}", (0.25, at), (8, -12), textcoords="offset points")
    ax.set(xlabel="p", ylabel="entropy (above in bits, below in nats)")
    return draw.Figure(
        "entropy",
        figure,
        "The entropy of a choice between two, in bits and in nats; marked: p = .25.",
        "Two arches with their tops at p = .5, one bit and .693 nats high.",
    )


def activations(results: Results) -> draw.Figure:
    """Draw the three activations."""
    figure, ax = draw.canvas(height=3.2)
    for name, style in draw.styles(["relu", "sigmoid", "tanh"]).items():
        x_N, y_N = results.arrays["activations/x"], results.arrays[f"activations/{name}"]
        draw.line(ax, x_N, y_N, name, style)
    ax.set(xlabel="input", ylabel="output", ylim=(-1.2, 3.2))
    draw.direct_labels(ax)
    return draw.Figure(
        "activations",
        figure,
        "The three activations that the notes name.",
        "Line chart: ReLU bends at 0; sigmoid rises from 0 to 1, tanh from -1 to 1.",
    )


def softmax(results: Results) -> draw.Figure:
    """Draw probabilities by numbers."""
    figure, ax = draw.canvas(height=3.0)
    z_K, p_K = results.arrays["softmax/x"], results.arrays["softmax/probability"]
    ax.plot(z_K, p_K, "o", color=draw.STYLES[0].colour)
    ax.set_xticks(np.arange(z_K.min(), z_K.max() + 1, 2))
    ax.set_xlabel("whole number")
    draw.decade_axis(ax, "probability")
    return draw.Figure(
        "softmax",
        figure,
        f"What a softmax makes of {len(z_K)} whole numbers, drawn at random from -5 to 14, "
        f"{len(np.unique(z_K))} of them different: each one more multiplies the probability by e, "
        "a straight line on this axis.",
        "Scatter plot: points on a rising straight line.",
    )


def compared(results: Results, settings: Report) -> list[Compared]:
    """Return the notebook's results beside ours."""
    headline = results.metrics["headline"]
    same, ends = "None: a formula.", "with two softmaxes (training rows, last step)"
    two = {m: results.arm("two softmaxes", m, "train")["mean"] for m in ("loss", "accuracy")}
    steps = (
        "Folder 7: one start, 300 rows of its own, 10 000 steps at rate .01, 2.5 times our rate x "
        "steps; ours is a mean of ten."
    )
    cat, floor = headline["cross_entropy_of_the_cat"], headline["double_softmax_floor"]
    return [
        Compared(
            "entropy of p = .25, nats", "0.562335", f"{headline['entropy_in_nats']:.6f}", same
        ),
        Compared("the cat's cross-entropy, nats", "1.38629", f"{cat:.5f}", same),
        Compared("floor of two softmaxes", "–", f"{floor:.3f}", "It is in no notebook."),
        Compared(f"loss {ends}", "0.633", f"{two['loss']:.3f}", steps),
        Compared(f"accuracy {ends}", "93.3 %", f"{100 * two['accuracy']:.1f} %", steps),
    ]
