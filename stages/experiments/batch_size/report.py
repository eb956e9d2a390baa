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
    ("Feeding a net by batches, by the `DataLoader`, strikingly raises efficiency.", "notes L229"),
    (
        "To optimise the loss of single rows costs much computation and may overfit; so one uses "
        "the cost, the mean loss, batch by batch.",
        "notes L109",
    ),
    ("Small batches learn faster by epoch, and slowly by the clock.", "course"),
]
STATEMENTS = {
    "small_batches_learn_more_per_epoch": "On 1024 digits, after five epochs at its best rate, a "
    "net 196-32-10 is at least three points better with batches of 8 than with batches of 512.",
    "lead_comes_from_steps": "Small batches lead by their number of steps: on 1024 digits, after "
    "1024 steps, each at its best rate after five epochs, batches of 512 are at most three points "
    "worse than batches of 8.",
    "full_batch_generalises_alike": "On 1024 digits single rows overfit no more than the full "
    "batch: at the train loss that they have after five epochs, both do equally well on test, "
    "within three points.",
    "not_per_second": "On 1024 digits, each at its best rate after five epochs, batches of 8 take "
    "more seconds than batches of 512 until a net 196-32-10 is right about 85 % of the dev rows.",
    "batching_raises_throughput": "The plain loop trains a net 196-32-10 on at least five times as "
    "many rows per second with batches of 32 as with single rows.",
    "memory_beats_loader": "With batches of 32 and a net 196-32-10 the `DataLoader` takes at least "
    "a fifth longer per epoch than batches cut from tensors in memory.",
}
CORRECTED = [
    "The notebooks gave all sizes one rate and equal epochs, so that the smallest batch took tens "
    "(iris) or hundreds (wine) of times as many steps as the largest; here each size has its own "
    "best rate on dev.",
    "They left out rows that did not fill a batch, at size 64 nearly half of 120; here none is.",
    "They trained each size once and read the best off 30 (iris) or 160 (wine) test rows, too few "
    "to tell.",
    "They timed one run each by the processor's time, which adds up over threads; here sizes take "
    "turns on the clock, and ratios are compared.",
]
CHANGED = [
    "The full batch was first stopped at a watched point, with a loss more than a tenth below that "
    "of single rows, which left its claim undecided; it now stops between points, at equal loss.",
]
RUN = (
    "A net of 196, 32 and 10 units is trained by SGD on the first 1024 of the train digits, 14 × "
    "14 pixels: batches of 1 to 512 and of all rows, at six rates, each about four times the last, "
    "for five epochs; then each size at its best rate, that of the greatest mean accuracy on dev, "
    "for 1024 steps, and the full batch until its mean loss on the 1024 rows is that of single "
    "rows after five epochs. Times are those of the plain loop of one net: by turns, 30 times, 24 "
    "steps at each size and an epoch with either feed. A claim about time takes the median of the "
    "ratios, of 30 turns or of ten repeats; its interval, between order statistics, holds at least "
    "its level."
)
HEADLINE = {
    "small_batch_accuracy": "digits, test: batches of 8, equal epochs, best rate",
    "large_batch_accuracy": "digits, test: batches of 512, equal epochs, best rate",
    "small_batch_accuracy_at_equal_steps": "digits, test: batches of 8, equal steps",
    "large_batch_accuracy_at_equal_steps": "digits, test: batches of 512, equal steps",
    "trivial_accuracy": "digits, test: trivial predictor, the share of the commonest class",
}
SHOWN = (1, 8, 32, 512)


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield learning by epoch, by size, by rate and by second, and the speed of the loop."""
    yield from (draw_one(results, settings) for draw_one in (by_size, by_epoch, by_rate, by_second))
    yield speed(results)


def timed(results: Results, settings: Report) -> list[dict[str, Any]]:
    """Return the verdicts about time."""
    per_step, feeding = seconds_per_step(results), _timed.seconds(results, "feeding")
    block = results.records["evaluate"]["params"]["evaluate"]
    batched = _train(results)["timing"]["batch_size"]
    epochs = _train(results)["timing"]["epochs"]
    epoch = {feed: _ms(taken_S / epochs) for feed, taken_S in feeding.items()}
    effects = {
        "not_per_second": _race(results, block["small"], block["large"], block["level"]),
        "batching_raises_throughput": Effect(
            median(batched * per_step[1] / per_step[batched]),
            "ratio of rows per second (median)",
            f"the plain loop with batches of {batched} against single rows",
            "notes L229",
            note="rows per second are one reading of the notes' efficiency",
        ),
        "memory_beats_loader": Effect(
            median(feeding["loader"] / feeding["memory"]),
            "ratio of seconds per epoch (median)",
            f"the plain loop with batches of {batched} from `DataLoader` against tensors in memory",
            "ours",
            note=f"medians: {epoch['loader']} and {epoch['memory']} per epoch",
        ),
    }
    return _timed.claims(results, effects)


def _race(results: Results, small: int, large: int, level: float) -> Effect:
    """Compare the seconds to a level; each repeat of a net has its own repeats of the clock."""
    per_step = seconds_per_step(results)
    steps = dict(zip(results.arrays["sizes"], results.arrays["steps_to_level"], strict=True))
    taken = {n: steps[n] * _clocks(per_step[n], steps[n]) for n in (small, large)}
    ratio_S = taken[small] / taken[large]
    step = {size: 1e3 * np.median(per_step[size]) for size in taken}
    runs = [results.curve(f"batch {n}, equal steps", "accuracy") for n in taken]
    watched = [f"{run['step'].iloc[0]:.0f}" for run in runs]
    pace = [f"{np.nanmedian(steps[n]):.0f} steps of {step[n]:.2f} ms" for n in taken]
    return Effect(
        median(ratio_S, where=np.isfinite(ratio_S)),
        "ratio of seconds (median)",
        f"batches of {small} against batches of {large}, each at its best rate: time of training "
        f"until {level:.0%} of the dev rows are right",
        "course",
        note=f"{np.isfinite(ratio_S).sum()} of {len(ratio_S)} repeats get there; the effect is "
        f"the median of their ratios, not the ratio of the medians, {' and '.join(pace)}. A "
        "ratio takes a repeat's steps in the runs of equal steps and the median of its own "
        f"{len(per_step[small]) / len(ratio_S):.2g} of the {len(per_step[small])} timings. Dev is "
        f"watched every {' and '.join(watched)} steps, and taken to rise evenly in between",
    )


def _ms(seconds_S: np.ndarray) -> str:
    """Write the median in milliseconds."""
    return f"{1e3 * np.median(seconds_S):.4g} ms"


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
    small, large = (
        results.arm(f"batch {size} at 0.063", "accuracy", "train")["mean"] for size in (8, 512)
    )
    epochs, steps = _arms(results, sizes[1:-1])
    return [
        Compared(
            "Iris, train accuracy after 500 epochs at rate .001: batches of 2 to 16 / 64",
            "97 % / 60–70 %",
            f"{small:.0%} / {large:.0%}: digits, 5 epochs, batches of 8 / 512 at rate .063",
            "Both compare sizes at one rate and equal epochs: the large batch has few steps.",
        ),
        Compared(
            "Wine, test accuracy after 1000 epochs: batches of 2 / 8 / 32 / 128 / 512",
            "76 / 75 / 79 / 72 / 72 %",
            f"digits: {_tests(results, epochs)} after equal epochs, {_tests(results, steps)} after "
            "equal steps",
            "The notebook's differences can be chance: one run, 160 test rows (standard error 3.5 "
            "points at 74 %).",
        ),
        Compared(
            "Time of an epoch, batches of 2 against 512",
            "1340 s / 75 s for 1000 epochs: 18 times",
            f"{_numbers.plain(epoch[2] / epoch[512])} times: {_pace(results, 2)} against "
            f"{_pace(results, 512)} (medians)",
            "The notebook pays the `DataLoader` for every row, whatever the size of a batch.",
        ),
    ]


def _tests(results: Results, arms: list[str]) -> str:
    return " / ".join(f"{100 * results.arm(a, 'accuracy')['mean']:.1f}" for a in arms) + " %"


def _pace(results: Results, size: int) -> str:
    """Write how many steps of which time make an epoch."""
    return f"{_sizes(results)[-1] // size} steps of {_ms(seconds_per_step(results)[size])}"


def by_size(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy against batch size, at equal epochs and at equal steps."""
    figure, ax = draw.canvas()
    train, sizes = _train(results), _sizes(results)
    best, equal = _arms(results, sizes)
    arms = {f"{train['epochs']} epochs": best, f"{train['rows']} steps": equal}
    for (name, names), style in zip(arms.items(), draw.STYLES, strict=False):
        _band(ax, sizes, results, names, name, style)
    _size_axis(ax, sizes)
    _finish(ax, results, settings, "test accuracy")
    return draw.Figure(
        "by_size",
        figure,
        "Test accuracy by batch size after equal epochs and after equal steps, each size at its "
        f"best rate ({', '.join(f'{rate:g}' for rate in results.arrays['best_rates'])} from size "
        f"{sizes[0]} to {sizes[-1]}). Bands: 95 % intervals over seeds and test rows.",
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
        f"Dev accuracy by epoch for batch sizes {sizes[0]} to {sizes[-1]}, each at its best rate; "
        "single rows are left out. Bands: 95 % intervals over seeds.",
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
    curves = {size: _longest(results, size) for size in SHOWN}
    for (size, curve), style in zip(curves.items(), draw.STYLES, strict=False):
        seconds, name = curve["step"] * float(np.median(per_step[size])), f"batch size {size}"
        draw.band(ax, seconds, curve["mean"], curve["low"], curve["high"], name, style)
    draw.rate_axis(ax, "seconds of training, one net")
    _finish(ax, results, settings, "dev accuracy", columns=2)
    runs = ", ".join(f"{c['step'].max()} of batch size {size}" for size, c in curves.items())
    return draw.Figure(
        "by_second",
        figure,
        "Dev accuracy by seconds: steps times the median time of a step, each size at its best "
        f"rate in the longer of its runs (steps: {runs}). Bands: 95 % intervals over seeds.",
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
        "Rows per second of the plain loop on this machine: median and quartiles of "
        f"{len(per_step[sizes[0]])} timings. Median times of a step from size {sizes[0]} to "
        f"{sizes[-1]}: {', '.join(_ms(per_step[size]).removesuffix(' ms') for size in sizes)} ms.",
        "Line chart: rows per second rise almost in proportion to the batch size, then flatten.",
    )


def _train(results: Results) -> dict[str, Any]:
    return dict(results.records["train"]["params"]["train"])


def _sizes(results: Results) -> list[int]:
    return [int(size) for size in results.arrays["sizes"]]


def _best_arm(results: Results, size: int) -> str:
    rates = dict(zip(_sizes(results), results.arrays["best_rates"], strict=True))
    return f"batch {size} at {rates[size]:g}"


def _arms(results: Results, sizes: list[int]) -> tuple[list[str], list[str]]:
    return [_best_arm(results, size) for size in sizes], [f"batch {n}, equal steps" for n in sizes]


def _longest(results: Results, size: int) -> pd.DataFrame:
    """Return the longer of a size's two curves at its best rate."""
    arms = (_best_arm(results, size), f"batch {size}, equal steps")
    return max((results.curve(arm, "accuracy") for arm in arms), key=lambda c: c["step"].max())


def _band(ax: Axes, x: Any, found: Results, arms: list[str], name: str, style: draw.Style) -> None:
    rows = pd.DataFrame([found.arm(arm, "accuracy") for arm in arms])
    draw.band(ax, x, rows["mean"], rows["low"], rows["high"], name, style)


def _size_axis(ax: Axes, sizes: list[int]) -> None:
    ax.set_xscale("log", base=2)
    ax.set(xticks=sizes, xticklabels=map(str, sizes), xlabel="batch size")


def _finish(ax: Axes, results: Results, settings: Report, label: str, columns: int = 0) -> None:
    trivial, name = results.metrics["headline"]["trivial_accuracy"], "trivial predictor"
    draw.level(ax, trivial, label="")
    ax.text(0.01, trivial - 0.06, name, transform=ax.get_yaxis_transform(), color=draw.MUTED)
    draw.percent_axis(ax, label)
    ax.set_ylim(settings.accuracy_from, 1)
    draw.legend(ax, columns) if columns else draw.direct_labels(ax)
