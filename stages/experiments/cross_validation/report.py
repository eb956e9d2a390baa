"""What do held-out data tell? Figures and wording."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stages import _figures as draw
from stages._results import Results
from stages.experiments.cross_validation.params import Report

TITLE = "Cross-validation and overfitting"
FOLDER = "Folder 8"
QUESTION = (
    "What do held-out data tell about a model's size and its limits, and what goes wrong when the "
    "test rows have been trained on?"
)
LECTURE = [
    (
        "The number of parameters of a model is found by cross-validation where looking at a "
        "plot is no longer possible.",
        "notes L198-200",
    ),
    ("Overfitting weakens generalisation, yet serves the data it happened on.", "notes L202"),
    ("A model holds inside its bounds: prices of one city say little of another's.", "notes L204"),
    ("A net for the three species of iris cannot have sigmoid outputs.", "notes L164"),
    ("The share of rows used for training hardly matters.", "course"),
]
STATEMENTS = {
    "cv_finds_the_size": (
        "For a noisy cubic of 60 points, the degree that cross-validation chooses is typically at "
        "most a tenth worse than the best one."
    ),
    "overfit_helps_train_hurts_test": (
        "On 120 rows, a fifth of them with wrong labels, training a wide net past its best epoch "
        "makes it at least three points better on these rows and three points worse on new "
        "ones with true labels."
    ),
    "holds_inside_its_bounds": (
        "On scikit-learn's digits, nets trained on as many of MNIST's are at least five points "
        "worse than nets trained on scikit-learn's."
    ),
    "train_fraction_matters": (
        "Training on 95 % of 150 generated flowers instead of 20 % gains at least three points on "
        "a common test set."
    ),
    "resplitting_is_optimistic": (
        "For a wide net and 150 rows, a fifth of them with wrong labels, a test share that is "
        "drawn anew in every epoch promises at least five points more than fresh rows keep."
    ),
    "cv_interval_covers": (
        "For a cubic fitted to 60 points, the 95 % interval over ten folds holds its true error in "
        "at least 90 % of repeats."
    ),
    "three_sigmoids_against_softmax": (
        "On generated flowers, a net with one sigmoid per class is at least three points worse "
        "than with a softmax, as it must be if sigmoids could not be used."
    ),
}
CORRECTED = [
    "The notebook drew a new random split in every epoch, so that its test rows had been trained "
    "on; here each repeat has one split, and the notebook's way is an arm of its own.",
    "Its splits were not stratified and its test set of 30 flowers moves in steps of 3.3 points; "
    "here the claims on flowers are tested on generated ones with 20 000 fresh rows, iris is shown "
    "beside.",
    "It compared training shares on test sets of different rows; here all shares meet one.",
]
CHANGED = [
    "The claim on the chosen degree was first declared on the mean. A few repeats choose a degree "
    "so large that the fit explodes at the ends, and the mean says only that, so the claim is now "
    "on the median, and the note tells of the others.",
    "The digits of the two collections were first compared with different margins around them; "
    "now both fill their 8 x 8 pixels.",
    "To save time the wide net is trained for 300 epochs, not 500 (its dev accuracy stands still "
    "from 100 on), its best epoch is sought among every second, and flowers have four shares, not "
    "six.",
]
DATA = (
    "Iris is one fixed set of 30 test flowers; shares are of its 120 others, train and dev "
    "together, in an order of each repeat's own. Dev rows of flowers are what a share leaves of "
    "150, of iris of 120 (95 % are 142 and 114 rows). Of both collections of digits 800 rows are "
    "trained on; dev rows are of the same one. The 20 000 fresh rows or points of each kind are "
    "the same for all repeats. The wide net's numbers are of the last epoch unless the best is "
    "named; train accuracy and loss of `new splits` are on all 150 rows, “reported” accuracy in "
    "both arms that on the 30 rows that `one split` holds back, “fresh” that on fresh rows with as "
    "many wrong labels. The repeats of the digits range over seeds, not over collections: one pair "
    "of them is one observation of what leaving the bounds costs."
)
RUN = (
    "Polynomials of degree 1 to 12 are fitted to 60 points of x^3 - 1.5 x, x uniform on [-2, 2], "
    "with noise of deviation .5, 400 times. The course's iris net (4-64-64-3) is trained on "
    "shares of iris and of generated flowers, and with sigmoids on 80 % of either; a wide net on "
    "120 rows of which a fifth have a wrong label; a small one, on 8 x 8 pixels, on 800 rows of "
    "MNIST (home) or of scikit-learn's digits (away). Generated flowers, and the rows of the wide "
    "net, are three Gaussian classes of deviation 1 in 4 and 20 dimensions, all centres 3 and 4 "
    "apart. The loss is cross-entropy, in nats."
)


HEADLINE = {
    "chosen_degree_is_3": "share of 400 repeats in which cross-validation chooses the true degree",
    "overfit_fall_on_test": "accuracy on fresh rows with true labels that the wide net loses past "
    "its best epoch",
    "foreign_net_accuracy": "scikit-learn's digits, test: nets trained on MNIST (trivial: 0.1)",
    "iris_accuracy": "iris, test: trained on 80 % of the rows (trivial: 0.33)",
}


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield the degrees, the overfitted net, the leak, the bounds and the shares."""
    yield degrees(results)
    yield overfitting(results, settings)
    yield leak(results)
    yield bounds(results)
    yield shares(results, settings)


def degrees(results: Results) -> draw.Figure:
    """Draw squared error by degree, by cross-validation and on fresh points."""
    figure, ax = draw.canvas()
    for name, style in draw.styles(["cross-validation", "fresh points"]).items():
        low, middle, high = results.arrays[name]
        draw.band(ax, range(1, len(middle) + 1), middle, low, high, name, style)
    shares = np.bincount(results.arrays["chosen_degree"], minlength=len(middle) + 1)[1:]
    for degree, share in enumerate(shares / shares.sum(), start=1):
        ax.annotate(
            f"{100 * share:.1f}" if share >= 0.005 else "",
            (degree, 1.03),
            xycoords=("data", "axes fraction"),
            ha="center",
            color=draw.MUTED,
            fontsize=8,
        )
    ax.set_xticks(range(1, len(middle) + 1))
    ax.set_xlabel("degree of the polynomial; above, % of repeats that chose it")
    draw.log_axis(ax, "squared error")
    draw.direct_labels(ax)
    return draw.Figure(
        "degrees",
        figure,
        "Squared error by degree: median over repeats, band from quartile to quartile (in the "
        "table cross-validation is dev, fresh points are test). The truth has degree 3. Degrees "
        "chosen in fewer than .5 % of repeats have no number.",
        "Line chart: both errors fall steeply until degree 3 and rise slowly after it.",
    )


def overfitting(results: Results, settings: Report) -> draw.Figure:
    """Draw the wide net's accuracy on the rows it is trained on and on dev, both noisy."""
    figure, ax = draw.canvas()
    names = {"train": "rows trained on", "dev": "dev rows"}
    for split, style in draw.styles(names).items():
        curve = results.curve("one split", "accuracy", split)
        draw.band(
            ax, curve["step"], curve["mean"], curve["low"], curve["high"], names[split], style
        )
    draw.level(ax, 1 / 3)
    ax.set_xlabel("steps (full batches)")
    draw.percent_axis(ax, "accuracy, a fifth of labels wrong")
    ax.set_ylim(settings.accuracy_from, 1.01)
    draw.direct_labels(ax)
    return draw.Figure(
        "overfitting",
        figure,
        "The wide net of `one split`: accuracy on the 120 rows trained on and on 500 dev rows, "
        "both with noisy labels. Bands: 95 % intervals over repeats.",
        "Line chart: on train the accuracy rises to 100 %, on dev it peaks early, then falls.",
    )


def leak(results: Results) -> draw.Figure:
    """Draw what each way of splitting promises beside what fresh rows keep."""
    figure, ax = draw.canvas(height=2.6)
    ways = {"new splits": "a new split every epoch", "one split": "one split"}
    rows = [
        (f"{ways[arm]}, {what}", results.arm(arm, f"{metric} accuracy"))
        for arm in ways
        for metric, what in (("reported", "its test rows"), ("fresh", "fresh rows"))
    ]
    _dots(ax, rows)
    draw.level(ax, 1 / 3, axis="x")
    draw.percent_axis(ax, "accuracy, a fifth of labels wrong", axis="x")
    return draw.Figure(
        "leak",
        figure,
        "What the test rows of each way promise, and what fresh rows with as many wrong labels "
        "keep. Bars: 95 % intervals.",
        "Dot plot: with a new split every epoch the promise is 100 %, fresh rows keep far less; "
        "with one split both agree.",
    )


def bounds(results: Results) -> draw.Figure:
    """Draw the accuracy of nets at home and abroad."""
    figure, ax = draw.canvas(height=2.6)
    names = {"home": "MNIST", "away": "scikit-learn's digits"}
    rows = [
        (
            f"{names[there]} → {names[here]}",
            results.arm(f"trained {there}, tested {here}", "accuracy"),
        )
        for here in names
        for there in names
    ]
    _dots(ax, rows)
    draw.level(ax, 0.1, axis="x")
    ax.set_xlim(0, 1)
    draw.percent_axis(ax, "test accuracy", axis="x")
    return draw.Figure(
        "bounds",
        figure,
        "Nets trained on one collection of digits and tested on another (trained on → tested on). "
        "Bars: 95 % intervals over seeds and test rows.",
        "Dot plot: nets lose about half of their accuracy on the collection they do not know.",
    )


def shares(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy by the share of rows trained on."""
    figure, ax = draw.canvas()
    names = {"generated": "generated, 20 000 test rows", "iris": "iris, 30 test rows"}
    for source, style in draw.styles(names).items():
        table = results.arms[results.arms["arm"].str.fullmatch(rf"{source}, \d+% of rows")]
        table = table.query("metric == 'accuracy' and split == 'test'")
        share = table["arm"].str.extract(r"(\d+)%", expand=False).astype(float) / 100
        draw.band(ax, share, table["mean"], table["low"], table["high"], names[source], style)
    draw.level(ax, 1 / 3)
    draw.percent_axis(ax, "share of rows trained on", axis="x")
    ax.set_xticks(sorted(share))
    draw.percent_axis(ax, "test accuracy")
    ax.set_ylim(settings.accuracy_from, 1.01)
    draw.direct_labels(ax)
    return draw.Figure(
        "shares",
        figure,
        "Test accuracy by training share. Bands: 95 % intervals over repeats and test rows.",
        "Line chart: on generated data accuracy rises slowly with the share; on iris the band is "
        "too wide to tell.",
    )


def _dots(ax: Axes, rows: list[tuple[str, pd.Series]]) -> None:
    names = [name for name, _ in rows]
    mean, low, high = ([row[column] for _, row in rows] for column in ("mean", "low", "high"))
    draw.dots(ax, names, mean, low, high)
