"""What does the size of a batch change? Figures, wording, verdicts about time. S: repeats."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stages import _figures as draw
from stages import _numbers, _timed
from stages._claims import Effect, median
from stages._results import Compared, Results
from stages.experiments.batch_size.params import Report

TITLE = "Batch size"
FOLDER = "Folders 9, 10 and 12"
QUESTION = "Do small batches learn more by epoch, step or second, and does a batch of one overfit?"
LECTURE = [
    ("Feeding a net batch by batch, by the `DataLoader`, strikingly helps it.", "notes L229"),
    (
        "To optimise the loss of single rows costs much computation and may overfit; so one uses "
        "the cost, the mean loss, batch by batch.",
        "notes L109",
    ),
    ("Small batches learn faster by epoch, and slowly by the clock.", "course"),
]
STATEMENTS = {
    "small_batches_learn_more_per_epoch": (
        "After equal epochs a batch size of 8 is at least three points better than one of 512."
    ),
    "lead_comes_from_steps": (
        "Small batches lead by their number of steps: after equal steps a batch size of 512 is at "
        "most three points worse than one of 8."
    ),
    "full_batch_generalises_alike": (
        "At equal loss on train, the full batch and single rows do equally well on test, within "
        "three points."
    ),
    "not_per_second": "Batches of 8 take more seconds than batches of 512 to an accuracy of 85 %.",
    "batching_raises_throughput": (
        "Batches of 32 train on at least five times as many rows per second as single rows."
    ),
    "memory_beats_loader": (
        "The `DataLoader` takes at least a fifth longer per epoch than batches cut from tensors "
        "in memory."
    ),
}
CORRECTED = [
    "The notebooks gave all sizes one learning rate and equal epochs, so that the smallest batch "
    "took hundreds of times as many steps as the largest; here each size has its own best rate on "
    "dev, and equal epochs, equal steps and equal time are told apart.",
    "They left out the rows that did not fill a batch, at size 64 nearly half of the 120 flowers; "
    "here every size divides the number of rows.",
    "They trained each size once and read the best size off the test set, where 30 flowers or 160 "
    "wines cannot tell the sizes apart.",
    "They timed one run each by the processor's time, which adds up over threads; here sizes take "
    "turns on the clock, and ratios are compared.",
    "The full batch was first stopped at a watched point, with a loss more than a tenth below that "
    "of single rows, which left its claim undecided; it now stops between points, at equal loss.",
]
RUN = (
    "A net of 196, 32 and 10 units is trained by SGD on MNIST's first 1024 digits, 14 × 14 pixels: "
    "every batch size at six rates for five epochs, then each at its best rate for 1024 steps. "
    "Times are those of the plain loop of one net."
)
HEADLINE = {
    "small_batch_accuracy": "digits, test: batches of 8, equal epochs, best rate",
    "large_batch_accuracy": "digits, test: batches of 512, equal epochs, best rate",
    "large_batch_accuracy_at_equal_steps": "digits, test: batches of 512, equal steps",
}
SHOWN = (1, 8, 32, 512)


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield learning by epoch, by size, by rate and by second, and the speed of the loop."""
    yield by_size(results, settings)
    yield by_epoch(results, settings)
    yield by_rate(results, settings)
    yield by_second(results, settings)
    yield speed(results)


def timed(results: Results, settings: Report) -> list[dict[str, Any]]:
    """Return the verdicts about time."""
    per_step, feeding = seconds_per_step(results), _timed.seconds(results, "feeding")
    block = results.records["evaluate"]["params"]["evaluate"]
    batched = _train(results)["timing"]["batch_size"]
    effects = {
        "not_per_second": _race(results, block["small"], block["large"], block["level"]),
        "batching_raises_throughput": Effect(
            median(batched * per_step[1] / per_step[batched]),
            "ratio of rows per second (median)",
            f"the plain loop with batches of {batched} against single rows",
            "notes L229",
        ),
        "memory_beats_loader": Effect(
            median(feeding["loader"] / feeding["memory"]),
            "ratio of seconds per epoch (median)",
            f"the plain loop with batches of {batched} from `DataLoader` against tensors in memory",
            "ours",
        ),
    }
    return _timed.claims(results, effects)


def _race(results: Results, small: int, large: int, level: float) -> Effect:
    """Compare the seconds to a level; each repeat of a net has its own repeats of the clock."""
    per_step = seconds_per_step(results)
    steps = dict(zip(results.arrays["sizes"], results.arrays["steps_to_level"], strict=True))
    small_S, large_S = (
        steps[size] * _clocks(per_step[size], steps[size]) for size in (small, large)
    )
    ratio_S = small_S / large_S
    return Effect(
        median(ratio_S, where=np.isfinite(ratio_S)),
        "ratio of seconds (median)",
        f"batches of {small} against batches of {large}, each at its best rate: time of training "
        f"until {level:.0%} of the dev rows are right",
        "course",
        note=f"steps taken (medians): {np.nanmedian(steps[small]):.0f} against "
        f"{np.nanmedian(steps[large]):.0f}",
    )


def _clocks(seconds: np.ndarray, steps_S: np.ndarray) -> np.ndarray:
    """Return the medians (S,) of as many equal parts of the clock's repeats."""
    return np.array([np.median(part) for part in np.array_split(seconds, len(steps_S))])


def seconds_per_step(results: Results) -> dict[int, np.ndarray]:
    """Return batch size -> seconds of a step of the plain loop, by repeat of the clock."""
    steps = _train(results)["timing"]["steps"]
    taken = _timed.seconds(results, "steps")
    return {int(arm.removeprefix("batch ")): taken_S / steps for arm, taken_S in taken.items()}


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set the notebooks' numbers beside ours."""
    sizes = _sizes(results)
    per_step = seconds_per_step(results)
    epoch = {size: np.median(per_step[size]) * sizes[-1] / size for size in sizes}
    small, large = (results.arm(f"batch {size} at 0.063", "accuracy")["mean"] for size in (8, 512))
    steps = [results.arm(f"batch {size}, equal steps", "accuracy")["mean"] for size in sizes[1:-1]]
    return [
        Compared(
            "Iris, train accuracy after 500 epochs at rate .001: batches of 2 to 16 / 64",
            "97 % / 60–70 %",
            f"{small:.0%} / {large:.0%} on test, batches of 8 / 512 at rate .063",
            "Both compare sizes at one rate and equal epochs: the large batch has few steps.",
        ),
        Compared(
            "Wine, test accuracy after 1000 epochs: batches of 2 / 8 / 32 / 128 / 512",
            "76 / 75 / 79 / 72 / 72 %",
            " / ".join(f"{100 * mean:.0f}" for mean in steps) + " % after equal steps",
            "The notebook's differences are chance: one run, 160 test rows (error 3.5 points).",
        ),
        Compared(
            "Time of an epoch, batches of 2 against 512",
            "1340 s / 75 s for 1000 epochs: 18 times",
            f"{_numbers.plain(epoch[2] / epoch[512])} times",
            "The notebook pays the `DataLoader` for every row, whatever the size of a batch.",
        ),
    ]


def by_size(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy against batch size, at equal epochs and at equal steps."""
    figure, ax = draw.canvas()
    train, sizes = _train(results), _sizes(results)
    arms = {
        f"{train['epochs']} epochs": [_best_arm(results, size) for size in sizes],
        f"{train['rows']} steps": [f"batch {size}, equal steps" for size in sizes],
    }
    for (name, names), style in zip(arms.items(), draw.STYLES, strict=False):
        _band(ax, sizes, results, names, name, style)
    _size_axis(ax, sizes)
    _finish(ax, results, settings, "test accuracy")
    return draw.Figure(
        "by_size",
        figure,
        "Test accuracy by batch size after equal epochs and after equal steps, each size at its "
        "best rate. Bands: 95 % intervals over seeds and test rows.",
        "Line chart: at equal epochs accuracy falls with the batch size, at equal steps not.",
    )


def by_epoch(results: Results, settings: Report) -> draw.Figure:
    """Draw dev accuracy against epochs, a line per batch size."""
    figure, ax = draw.canvas(height=4.0)
    sizes = _sizes(results)[-6:]
    for size, style in zip(sizes, draw.STYLES, strict=True):
        curve, name = results.curve(_best_arm(results, size), "accuracy"), f"batch size {size}"
        draw.band(ax, curve["epoch"], curve["mean"], curve["low"], curve["high"], name, style)
    ax.set(xticks=range(1, _train(results)["epochs"] + 1), xlabel="epochs")
    _finish(ax, results, settings, "dev accuracy")
    return draw.Figure(
        "by_epoch",
        figure,
        f"Dev accuracy by epoch for batch sizes {sizes[0]} to {sizes[-1]}, each at its best rate. "
        "Bands: 95 % intervals over seeds.",
        "Line chart: the smaller the batch, the sooner the accuracy rises by epoch.",
    )


def by_rate(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy after equal epochs against the rate, for some batch sizes."""
    figure, ax = draw.canvas()
    rates = _train(results)["rates"]
    for size, style in zip(SHOWN, draw.STYLES, strict=False):
        arms = [f"batch {size} at {rate:g}" for rate in rates]
        _band(ax, rates, results, arms, f"batch size {size}", style)
    draw.rate_axis(ax)
    _finish(ax, results, settings, "test accuracy")
    return draw.Figure(
        "by_rate",
        figure,
        "Test accuracy after equal epochs by rate. Bands: 95 % intervals over seeds and test rows.",
        "Line chart: each batch size has its own best rate, larger for larger batches.",
    )


def by_second(results: Results, settings: Report) -> draw.Figure:
    """Draw dev accuracy against seconds of training, a line per batch size."""
    figure, ax = draw.canvas(height=4.0)
    per_step = seconds_per_step(results)
    for size, style in zip(SHOWN, draw.STYLES, strict=False):
        curve = _longest(results, size)
        seconds, name = curve["step"] * float(np.median(per_step[size])), f"batch size {size}"
        draw.band(ax, seconds, curve["mean"], curve["low"], curve["high"], name, style)
    draw.rate_axis(ax, "seconds of training, one net")
    _finish(ax, results, settings, "dev accuracy")
    return draw.Figure(
        "by_second",
        figure,
        "Dev accuracy by seconds: steps times the median time of a step on this machine, each size "
        "at its best rate. Bands: 95 % intervals over seeds.",
        "Line chart over seconds, logarithmic: the large batch is first, single rows are last.",
    )


def speed(results: Results) -> draw.Figure:
    """Draw rows per second against batch size."""
    figure, ax = draw.canvas(height=3.2)
    per_step = seconds_per_step(results)
    sizes = sorted(per_step)
    low, middle, high = np.quantile([s / per_step[s] for s in sizes], (0.25, 0.5, 0.75), axis=1)
    draw.band(ax, sizes, middle, low, high)
    _size_axis(ax, sizes)
    draw.log_axis(ax, "rows per second")
    ax.yaxis.set_major_formatter(lambda value, _: _numbers.count(int(value)))
    return draw.Figure(
        "speed",
        figure,
        "Rows per second of the plain loop on this machine: median and quartiles.",
        "Line chart: rows per second rise almost in proportion to the batch size, then flatten.",
    )


def _train(results: Results) -> dict[str, Any]:
    block: dict[str, Any] = results.records["train"]["params"]["train"]
    return block


def _sizes(results: Results) -> list[int]:
    return [int(size) for size in results.arrays["sizes"]]


def _best_arm(results: Results, size: int) -> str:
    rates = dict(zip(_sizes(results), results.arrays["best_rates"], strict=True))
    return f"batch {size} at {rates[size]:g}"


def _longest(results: Results, size: int) -> pd.DataFrame:
    """Return the longer of a size's two curves at its best rate."""
    arms = (_best_arm(results, size), f"batch {size}, equal steps")
    return max((results.curve(arm, "accuracy") for arm in arms), key=lambda c: c["step"].max())


def _band(
    ax: Axes, x: Any, results: Results, arms: list[str], name: str, style: draw.Style
) -> None:
    rows = pd.DataFrame([results.arm(arm, "accuracy") for arm in arms])
    draw.band(ax, x, rows["mean"], rows["low"], rows["high"], name, style)


def _size_axis(ax: Axes, sizes: list[int]) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.set_xlabel("batch size")


def _finish(ax: Axes, results: Results, settings: Report, label: str) -> None:
    trivial, name = results.metrics["headline"]["trivial_accuracy"], "trivial predictor"
    draw.level(ax, trivial, label="")
    ax.text(0.01, trivial - 0.06, name, transform=ax.get_yaxis_transform(), color=draw.MUTED)
    draw.percent_axis(ax, label)
    ax.set_ylim(settings.accuracy_from, 1)
    draw.direct_labels(ax)
