"""Where does gradient descent end? Figures and wording."""

import math
from collections.abc import Iterator

import numpy as np

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.gradient_descent.params import Report

TITLE = "Gradient descent"
FOLDER = "Folder 5"
QUESTION = "Where does gradient descent end, how near a minimum, and what do rate and start decide?"
LECTURE = [
    ("At a minimum the slope is zero, negative before and positive after.", "notes L56"),
    ("The slope may be zero elsewhere, where the function is constant.", "notes L58"),
    ("Descent may end not on the minimum but near it; the learning rate decides.", "notes L69"),
    (
        "Local minima can hide the global one. With many variables they are practically "
        "impossible: where one variable is at a minimum another is at a maximum.",
        "notes L70-72",
    ),
    ("Train several times, from other random starts, to be sure of the minimum.", "notes L73-74"),
    ("The gradient is the list of the derivatives by each variable.", "notes L76"),
    ("Rate and number of steps together lead to the minimum.", "notes L78"),
    ("The rate may be fixed, or change with time or with the slope.", "notes L79"),
    ("Where the slope is very steep a step may jump over the minimum.", "notes L83"),
]
STATEMENTS = {
    "slope_changes_sign": (
        "At minima, and only there, the slope goes from minus to plus, at maxima the other way."
    ),
    "gradient_is_the_partials": "The gradient is the list of the partial derivatives.",
    "ends_near_not_on": (
        "Each step multiplies a small distance to the minimum by 1 - rate x curvature, so that at "
        "rates below 2 / curvature, 1 / curvature apart, descent ends near it and not on it."
    ),
    "rate_times_steps": (
        "How near descent comes depends at small rates on rate x steps alone, at large ones not."
    ),
    "diverges_beyond_two_over_curvature": (
        "Descent leaves a minimum if the rate is above 2 / curvature, and approaches it if below."
    ),
    "flat_is_not_minimum": (
        "Where the slope is below 1e-6, descent hardly moves in 1000 steps, minimum or not."
    ),
    "start_decides_minimum": (
        "Where there are several minima, at least a quarter of pairs of random starts part ways."
    ),
    "restarts_find_global": (
        "The best of k random starts finds the lowest minimum as often as 1 - (1 - p)^k says, "
        "within five points on average over three landscapes and k of 1 to 8."
    ),
    "schedule_order_is_irrelevant_without_noise": (
        "On a parabola without noise, the order of rates below 1 / curvature does not matter, and "
        "falling, rising and shuffled rates end nearer than their mean used all the time."
    ),
    "decay_beats_reversed_with_noise": (
        "On a noisy parabola the same rates end at least e^0.2 times as far away if they rise as "
        "if they fall."
    ),
    "minima_rarer_in_high_dimension": (
        "Of the random symmetric matrices (Hessians) with positive eigenvalues alone, at least "
        "half lose that with one row and column more, up to 5 dimensions."
    ),
}
CORRECTED = [
    "The notebook drew its image of rates and steps without turning the matrix, so that its axes "
    "are exchanged, and with colours that end at -1.45 and -1.2; here a colour is the distance to "
    "the minimum.",
    "It compared schedules from different starts and with different mean rates (.01 and .049); "
    "here all start together, and all but the one by slope have the same mean.",
    "Its falling rate is zero in the last step. We keep that: all orders share these rates.",
    "The notes call an update near zero a vanished gradient (L68). At a minimum it is near zero as "
    "well; what tells the two apart is lower ground close by.",
    "The notes infer that deep nets have practically no local minima. Tested is the argument, on "
    "random Hessians; a net's are not random.",
]
RUN = (
    "Steps are taken by hand, without an optimizer: on the course's three curves and its surface, "
    "from shown starts, random ones and regular ones, over its grid of rates and numbers of "
    "steps, and by five schedules with noise (of deviation 1 on every slope) and without. Random "
    "starts are uniform on [-2, 2], on the sine on [-2π, 2π], a repeat's from the same random "
    "numbers on all landscapes, so that what they find may rise and fall together; an end counts "
    "for the minimum it is nearest to, and as the lowest if its value is within .001 of it. 20 "
    "000 random Hessians A + Aᵀ, with A of standard normal numbers, stand for dimensions."
)
DATA = (
    "What the table calls test are ends of descents: by a schedule after 50 steps, from one random "
    "start in each repeat, and from k random starts after 1000, or without descent the starts."
)
HEADLINE = {
    "parabola_distance_at_the_end": "parabola from 1.006: distance to the minimum after 100 steps",
    "best_of_restarts_on_the_surface": "surface: how often the best of 8 starts is the lowest",
    "noisy_distance_reversed_to_decay": "noisy parabola: distance by rising / by falling rates, "
    "geometric mean of 400 ratios",
    "share_of_minima_in_5_dimensions": "random Hessians in 5 dimensions: share of minima among "
    "20 000 (theory: 0.00014)",
}
CURVES = {"parabola": "3x² − 3x + 4", "cosine": "cos(2πx) + x²", "sine": "sin(x) exp(−x²/20)"}
ORDERS = {"decay": "falling", "reversed": "rising", "shuffled": "shuffled", "fixed": "their mean"}
SCHEDULES = {**ORDERS, "by slope": "by slope"}
DISTANCE = "distance to the minimum"
FOUND = "found the lowest minimum"
# All eigenvalues of a random symmetric Gaussian matrix are positive, in 1 to 5 dimensions; two and
# four million draws agree with the last two.
THEORY = (
    1 / 2,
    (2 - math.sqrt(2)) / 4,
    (math.pi - 2 * math.sqrt(2)) / (4 * math.pi),
    (1 / 2 - math.sqrt(2) / 8 - 1 / math.pi) / 2,
    (1 / 4 - (2 / 3 + math.sqrt(2) / 12) / math.pi) / 2,
)


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield the surface, the curves, rates and steps, starts, schedules and dimensions."""
    yield surface(results, settings)
    yield curves(results)
    yield rate_and_steps(results)
    yield starts(results)
    yield schedules(results)
    yield minima(results)


def surface(results: Results, settings: Report) -> draw.Figure:
    """Draw the surface from above with three paths."""
    figure, ax = draw.canvas(height=4.4)
    side = math.isqrt(len(results.arrays["surface/value"]))
    image_YX = results.arrays["surface/value"].reshape(side, side).T
    edge, limit = abs(results.arrays["surface/x"]).max(), settings.surface_limit
    shown = ax.imshow(
        image_YX, origin="lower", extent=(-edge, edge, -edge, edge), vmin=-limit, vmax=limit
    )
    figure.colorbar(shown, ax=ax, label=f"z, cut at ±{limit:g}", extend="both", pad=0.02)
    for path_TF in results.arrays["shown surface/path"]:
        ax.plot(*path_TF.T, color="#ffffff", linewidth=2.4)
        ax.plot(*path_TF.T, color="#000000", linewidth=1.1)
        ax.plot(*path_TF[0], "s", color="#ffffff", markeredgecolor="#000000")
        ax.plot(*path_TF[-1], "o", color="#000000", markeredgecolor="#ffffff")
    ax.grid(visible=False)
    ax.set(xlabel="x", ylabel="y")
    return draw.Figure(
        "surface",
        figure,
        "Three descents (square to dot) on the course's surface, each into another minimum; z is "
        "3 (1 − x)² exp(−x² − (y + 1)²) − 10 (x/5 − x³ − y⁵) exp(−x² − y²) − exp(−(x + 1)² − y²) / "
        "3.",
        "Map of a surface with two hills and three hollows; three paths lead into the hollows.",
    )


def curves(results: Results) -> draw.Figure:
    """Draw the three curves, with each shown start and end."""
    figure, axes = draw.panels(3, height=2.7)
    for ax, (name, formula) in zip(axes, CURVES.items(), strict=True):
        x_N, y_N = results.arrays[f"{name}/x"][:, 0], results.arrays[f"{name}/value"]
        draw.line(ax, x_N, y_N)
        path_ST = results.arrays[f"shown {name}/path"][..., 0]
        for column, mark in ((0, "s"), (-1, "o")):
            at_S = path_ST[:, column]
            filling = "full" if column else "none"
            height_S = np.interp(at_S, x_N, y_N)
            ax.plot(at_S, height_S, mark, color=draw.STYLES[1].colour, fillstyle=filling)
        ax.set_title(formula, fontweight="normal", fontsize=9.5)
        ax.set_xlabel("x")
    axes[0].set_ylabel("f(x)")
    return draw.Figure(
        "curves",
        figure,
        "Starts (squares) and ends (dots) of 100 steps on the left, else 1000, at rate .01. The "
        "curves have 1, 6 and 3 minima in this range, the surface has 3. The "
        "start on the middle curve's top never moves, one at .0001 beside it does; the sine's "
        "outermost is still on its way.",
        "Three line charts with marked points: most ends lie in hollows, one stays on a top.",
    )


def rate_and_steps(results: Results) -> draw.Figure:
    """Draw the distance to the minimum by rate and number of steps, with lines of equal product."""
    figure, ax = draw.canvas(height=3.8)
    rate_S, count_N = results.arrays["sweep/rates"], results.arrays["sweep/counts"]
    to = results.arrays["sweep/ends"][-1, -1]
    distance_NS = np.abs(results.arrays["sweep/ends"].T - to)
    shown = ax.pcolormesh(
        rate_S, count_N, np.log10(np.maximum(distance_NS, 1e-6)), rasterized=True, cmap="cividis"
    )
    label = "log₁₀ of the distance to the minimum, cut at -6".replace("-", "−")
    figure.colorbar(shown, ax=ax, label=label, extend="min", pad=0.02)
    for product in (2, 5, 15):
        ax.plot(rate_S[1:], product / rate_S[1:], color="#ffffff", linewidth=2.6)
        ax.plot(rate_S[1:], product / rate_S[1:], color="#000000", linewidth=1.1)
        box = {"facecolor": "#ffffff", "edgecolor": "none", "pad": 1.5}
        ax.text(0.085, product / 0.085, str(product), ha="center", va="center", bbox=box)
    ax.set_ylim(count_N[0], count_N[-1])
    ax.set(xlabel="learning rate", ylabel="steps")
    ax.grid(visible=False)
    return draw.Figure(
        "rate_and_steps",
        figure,
        "Where descent stands on the sine, from 0, by rate and steps; along the lines rate x "
        "steps is 2, 5 and 15.",
        "Image: the distance falls towards the upper right, and is equal along the lines.",
    )


def starts(results: Results) -> draw.Figure:
    """Draw the end by start on the sine, and how often the best of k finds the lowest minimum."""
    figure, axes = draw.panels(2, height=3.2)
    start_S, end_S = results.arrays["sine/start"], results.arrays["sine/end"]
    axes[0].plot(start_S, end_S, ".", color=draw.STYLES[0].colour, markersize=2.5)
    axes[0].set(xlabel="start on the sine", ylabel="end after 1000 steps")
    ks = results.arrays["restart counts"].tolist()
    for name, style in draw.styles(["cosine", "sine", "surface"]).items():
        table = [results.arm(f"{name}, best of {k}", FOUND) for k in ks]
        mean, low, high = ([row[column] for row in table] for column in ("mean", "low", "high"))
        axes[1].vlines(ks, low, high, color=style.colour)
        axes[1].plot(ks, mean, style.marker, color=style.colour)
        axes[1].plot(
            ks, results.arrays[f"{name} formula"], color=style.colour, ls=style.line, label=name
        )
    idle = [results.arm(f"surface, best of {k}, no descent", FOUND) for k in ks]
    draw.line(axes[1], ks, [row["mean"] for row in idle], "surface, no descent", draw.PLAIN)
    axes[1].set_xscale("log", base=2)
    axes[1].set_xticks(ks, [str(k) for k in ks])
    axes[1].set_xlabel("random starts k")
    draw.percent_axis(axes[1], FOUND)
    axes[1].set_ylim(0, 1.02)
    draw.legend(axes[1], columns=2)
    shares = ", ".join(
        f"{1 - (1 - results.arrays[f'{name} formula'][0]) ** (1 / ks[0]):.4f} ({name})"
        for name in ("cosine", "sine", "surface")
    )
    return draw.Figure(
        "starts",
        figure,
        f"Left: on the sine the start decides the end ({len(start_S)} regular starts). Right: how "
        "often the lowest of k ends is the lowest minimum; marks are measured, with 95 % "
        f"intervals, lines 1 - (1 - p)^k. As many regular starts give p: {shares}.",
        "Left: ends jump between minima. Right: success rises with k along the formula.",
    )


def schedules(results: Results) -> draw.Figure:
    """Draw the rates by step, and the mean distance without noise and with it."""
    figure, axes = draw.panels(3, height=3.0)
    decay_T = results.arrays["decay/rates"]
    rates = {"decay": decay_T, "reversed": decay_T[::-1], "fixed": decay_T * 0 + decay_T.mean()}
    steps = np.arange(1, len(decay_T) + 1)
    for name, style in draw.styles(SCHEDULES).items():
        if name in rates:
            draw.line(axes[0], steps, rates[name], "", style)
        for ax, suffix in ((axes[1], ""), (axes[2], ", noise")):
            curve = results.curve(f"{name}{suffix}", DISTANCE, "train")
            limits = curve["low"].clip(lower=1e-12), curve["high"]
            draw.band(ax, curve["step"], curve["mean"], *limits, SCHEDULES[name], style)
    axes[0].set(xlabel="step", ylabel="learning rate")
    for ax, title in ((axes[1], "without noise"), (axes[2], "noisy slopes")):
        draw.decade_axis(ax, "")
        ax.set_title(title, fontweight="normal", fontsize=9.5)
        ax.set_xlabel("step")
    axes[1].set_ylim(1e-9, 3)
    axes[1].set_ylabel("distance to the minimum")
    draw.legend(axes[1], columns=3)
    return draw.Figure(
        "schedules",
        figure,
        "Schedules on the parabola: mean distance to the minimum over random starts, with 95 % "
        "intervals. Left: rates; the falling are .1 (1 - i / 50) in step i, .049 on average, the "
        "shuffled the same in random order, those by slope a hundredth of it. The table calls the "
        "falling decay, the rising reversed, their mean fixed.",
        "Three panels: without noise all orders end together, with it falling rates end nearest.",
    )


def minima(results: Results) -> draw.Figure:
    """Draw the share of minima by dimension, beside what theory says."""
    figure, ax = draw.canvas(height=3.2)
    share_D, low_D, high_D = results.arrays["minima"].T
    dimensions = np.arange(1, len(share_D) + 1)
    draw.band(ax, dimensions, share_D, low_D, high_D, "measured")
    red = draw.STYLES[1].colour
    ax.plot(dimensions, THEORY[: len(dimensions)], "x", color=red, ms=11, mew=1.6, label="theory")
    draw.legend(ax, columns=2)
    draw.decade_axis(ax, "share of minima")
    ax.set_xticks(dimensions)
    ax.set_xlabel("dimensions")
    lost = ", ".join(f"{loss:.2f}" for loss in 1 - share_D[1:] / share_D[:-1])
    return draw.Figure(
        "minima",
        figure,
        "Share of random symmetric Gaussian Hessians whose eigenvalues are all positive; one "
        f"dimension more takes {lost} of it, as counted. Band: exact 95 % intervals; crosses: "
        "theory, 1/2, (2 − √2)/4, (π − 2√2)/4π, (1/2 − √2/8 − 1/π)/2 and (1/4 − (2/3 + "
        "√2/12)/π)/2.",
        "Line chart: the share falls from one half to one in ten thousand.",
    )


def compared(results: Results, settings: Report) -> list[Compared]:
    """Return the notebook's results beside ours."""
    arrays, same = results.arrays, "None: no chance is involved."
    first, second = (
        f"({x:.4f}, {y:.4f})" for x, y in arrays["shown surface/path"][:2, -1].tolist()
    )
    twice, four_times = (f"{arrays['sweep/ends'][i, -1]:.3f}" for i in (2, 4))
    slope, decay, fixed = (f"{_last(results, name):.2g}" for name in ("by slope", "decay", "fixed"))
    halved = "Ours has half the steps at twice the rate: the product counts."
    other = "Other starts; ours are random, this is their mean."
    slower = "Its rate was .01; ours is the mean of the falling rates, .049."
    parabola = f"{arrays['shown parabola/path'][0, -1, 0]:.5f}"
    rows = [
        ("parabola from 1.006, end", "0.50104", parabola, same),
        ("surface from (-.5605, -1.3588), end", "(0.2283, -1.6255)", first, same),
        ("surface from (-.5486, .5435), end", "(-1.3474, 0.2045)", second, same),
        ("sine from -4.18 to 1.33, ends", "-1.429", _range(results, -4.18, 1.33, 3),
         "Ours are the regular starts there; the outermost still travel after 1000 steps."),
        ("sine from -5 to -4.39, ends", "-6.67 to -6.06", _range(results, -5, -4.39, 2),
         "Ours are the regular starts there; all still travel to the minimum at -7.23."),
        ("sine from 0, 1000 steps at .00204, end", "-1.223", twice, halved),
        ("sine from 0, 1000 steps at .00408, end", "-1.403", four_times, halved),
        ("parabola, rate by slope, distance", "0.049", slope, other),
        ("parabola, falling rates, distance", "below 0.001", decay,
         f"{other} The notebook gives a bound."),
        ("parabola, fixed rate, distance", "0.064", fixed, slower),
    ]  # fmt: skip
    return [Compared(*row) for row in rows]


def _range(results: Results, low: float, high: float, places: int) -> str:
    start_S, end_S = (results.arrays[f"sine/{part}"][:, 0] for part in ("start", "end"))
    ends = end_S[(start_S >= low) & (start_S <= high)]
    return f"{ends.min():.{places}f} to {ends.max():.{places}f}"


def _last(results: Results, name: str) -> float:
    return float(results.curve(name, DISTANCE, "train")["mean"].iloc[-1])
