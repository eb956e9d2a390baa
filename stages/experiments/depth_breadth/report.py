"""What do more units per layer give, and what do more layers? Figures and wording."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from stages import _figures as draw
from stages._results import Compared, Results
from stages.experiments.depth_breadth.params import Report

TITLE = "Depth and breadth"
FOLDER = "Folder 7"
QUESTION = (
    "Does a net learn sooner or better with more units per layer or with more layers, and does the "
    "number of its parameters tell?"
)
LECTURE = [
    ("Nets with equally many nodes can have different numbers of parameters.", "notes L181"),
    (
        "More units per layer change little in the speed of learning or in accuracy; with fewer "
        "layers a high accuracy is reached sooner.",
        "notes L189",
    ),
    ("Shallow nets learn faster; deeper nets can solve harder problems.", "notes L193"),
    ("How well a net does has not necessarily to do with its number of parameters.", "notes L194"),
    ("Deep nets need more training.", "course"),
]
STATEMENTS = {
    "same_nodes_different_parameters": (
        "Two nets of seven nodes have 27 and 21 parameters, and the count of every net of the grid "
        "follows the course's formula."
    ),
    "width_changes_little": (
        "After the course's 500 steps, the wider half of the nets is as accurate as the narrower "
        "half, within ten points."
    ),
    "width_changes_speed_little": (
        "The wider half of the nets needs as many steps to 90 % as the narrower half, within a "
        "quarter."
    ),
    "shallow_learns_sooner": (
        "Nets with one block save at least a quarter of the steps to 90 % that nets with more "
        "blocks need."
    ),
    "deep_needs_more_steps": (
        "More steps gain at least ten points more for the deepest nets than for the shallowest."
    ),
    "depth_solves_harder_problems": (
        "With equally many parameters, three hidden layers are at least two points better than one "
        "on a spiral of two turns."
    ),
    "depth_changes_little_on_digits": (
        "With equally many parameters, three hidden layers are as good as one on digits, within "
        "three points."
    ),
    "parameters_do_not_predict_accuracy": (
        "Even after long training, the number of parameters is correlated with accuracy by less "
        "than .3."
    ),
    "shape_predicts_accuracy": (
        "Width and depth together explain at least three tenths more of the variance in accuracy "
        "than the number of parameters."
    ),
}
CORRECTED = [
    "The notebook's net never built its deeper layers: an attribute for the depth held the number "
    "of units, so that nearly every cell of the grid failed. The numbers compared below are those "
    "of a corrected copy.",
    "It trained each net once; here each is trained from ten seeds. It measured accuracy on the "
    "rows trained on; here test rows are held out, and training rows only tell the speed.",
    "It counts as layers the blocks after the first hidden layer: five blocks are six hidden "
    "layers.",
    "It had one budget of 500 steps, so that a net that is slow and a net that is poor looked the "
    "same; here the budget of 2000 steps stands beside it.",
    "Its one correlation mixed failed and finished nets, which cluster at 33, 67 and 98 %; here "
    "the correlation is of ranks, after long training, and is compared with what depth and width "
    "explain.",
]
DATA = (
    "The repeats on iris and on the digits range over seeds, not over data: their test rows are "
    "fixed, 30 and 1000. Doughnuts and spirals are drawn anew in each repeat and tested on 20 000 "
    "fresh points."
)
RUN = (
    "Iris nets 4-n, one to five blocks n-n, n-3, are trained by SGD in full batches, 500 and 2000 "
    "steps. Nets of one, two and three hidden layers with equally many parameters are trained "
    "by Adam at four rates on doughnuts, on a spiral and on digits."
)
NOTEBOOK = {1: {4: 0.647, 7: 0.933, 13: 0.975}, 2: {25: 0.975}, 3: {34: 0.975}, 4: {67: 0.965}}
PROBLEMS = {"doughnuts": 1 / 2, "spiral": 1 / 2, "digits": 0.1}


def figures(results: Results, settings: Report) -> Iterator[draw.Figure]:
    """Yield accuracy by width, on train and on test, steps to a level, parameters, equal size."""
    yield by_width(results, settings)
    yield budgets(results, settings)
    yield steps_to_level(results)
    yield by_parameters(results, settings)
    yield equal_size(results, settings)


def compared(results: Results, settings: Report) -> list[Compared]:
    """Set the notebook's numbers beside ours."""
    nets = grid(results, "train")
    short = nets[nets["steps"] == nets["steps"].min()]
    deepest = short[short["blocks"] == short["blocks"].max()]["mean"]
    r_S = results.arrays["notebook_r_S"]
    return [
        *(
            cell
            for blocks, cells in NOTEBOOK.items()
            for width, value in cells.items()
            if (cell := _cell(short, blocks, width, value))
        ),
        Compared(
            "the same, 5 blocks, nearly every width",
            "33 to 67 %",
            f"{100 * deepest.min():.0f} to {100 * deepest.max():.0f} %",
            "The notebook's are single runs, ours are means over repeats by width.",
        ),
        _bistable(results),
        Compared(
            "Pearson's r of the number of parameters and that accuracy, all nets",
            ".03 and .06, two runs",
            f"{r_S.mean():.2f}, by repeat {r_S.min():.2f} to {r_S.max():.2f}",
            f"Our widths are {nets['width'].min()} to {nets['width'].max()}, the notebook's 4 to "
            "100: an r depends on which nets are taken.",
        ),
    ]


def _cell(short: pd.DataFrame, blocks: int, width: int, value: float) -> Compared | None:
    """Compare one cell of the notebook's grid with the nearest of ours, if it is near."""
    same = short[short["blocks"] == blocks]
    ours = same.loc[(same["width"] - width).abs().idxmin()]
    if abs(ours["width"] - width) > width / 4:
        return None
    low, high = 100 * ours["low"], 100 * ours["high"]
    return Compared(
        f"accuracy on the training rows after {ours['steps']} steps, {_blocks(blocks)} of {width}",
        f"{100 * value:.1f} %",
        f"{100 * ours['mean']:.1f} % ({low:.1f} to {high:.1f} %), {ours['width']} units",
        "One run against the mean of all seeds, some of which are slow to start; 150 rows against "
        "90.",
    )


def _blocks(number: int) -> str:
    return f"{number} block{'s' if number > 1 else ''}"


def _bistable(results: Results) -> Compared:
    """Compare the narrow deep net that one of the notebook's two long runs could not train."""
    nets = grid(results, "test").query("blocks == 4")
    long = nets[nets["steps"] == nets["steps"].max()]
    ours = long.loc[(long["width"] - 12).abs().idxmin()]
    low, high = 100 * results.trials.query("arm == @ours.arm")["value"].agg(["min", "max"])
    return Compared(
        "4 blocks of 12 units (723 parameters), 2500 steps",
        "98.7 and 34.7 %, two runs",
        f"{low:.0f} to {high:.0f} % on test, {ours['width']} units, {ours['steps']} steps",
        "How far a narrow deep net has got by then is a matter of its seed.",
    )


def grid(results: Results, split: str) -> pd.DataFrame:
    """Return the iris arms' accuracy on a split, with columns width, blocks and steps."""
    arms = results.arms.query("metric == 'accuracy' and split == @split")
    parts = arms["arm"].str.extract(
        r"iris, width (?P<width>\d+), blocks (?P<blocks>\d+), (?P<steps>\d+)"
    )
    return arms.join(parts.dropna().astype(int), how="inner").sort_values(["blocks", "width"])


def by_width(results: Results, settings: Report) -> draw.Figure:
    """Draw train accuracy by width after the short budget, on the notebook's axes."""
    figure, ax = draw.canvas(height=4.2)
    nets = grid(results, "train")
    lines(ax, nets[nets["steps"] == nets["steps"].min()])
    for cells, style in zip(NOTEBOOK.values(), draw.STYLES, strict=False):
        hollow: dict[str, Any] = {
            "marker": style.marker,
            "markersize": 9,
            "markerfacecolor": "none",
        }
        ax.plot(list(cells), list(cells.values()), color=style.colour, linestyle="", **hollow)
    _accuracy(ax, "accuracy on the training rows", settings)
    ax.set_xlim(0, 104)
    draw.legend(ax, columns=3)
    return draw.Figure(
        "by_width",
        figure,
        "Accuracy on the iris rows trained on after the short budget, by units per layer. Filled: "
        "ours, bands: 95 % intervals over seeds; hollow: single runs of the corrected notebook.",
        "Line chart: with one block accuracy is high from ten units on; with more blocks it rises "
        "later, with five it stays low.",
    )


def budgets(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy by width after the short and after the long budget."""
    nets = grid(results, "test")
    steps = sorted(nets["steps"].unique())
    figure, axes = draw.panels(len(steps), height=3.2, sharey=True)
    for ax, budget in zip(axes, steps, strict=True):
        lines(ax, nets[nets["steps"] == budget])
        _accuracy(ax, "", settings)
        ax.set_title(f"{budget} steps")
    draw.percent_axis(axes[0], "test accuracy")
    draw.legend(axes[0], columns=3)
    return draw.Figure(
        "budgets",
        figure,
        "Test accuracy on iris by units per layer. Bands: 95 % intervals over seeds and test rows.",
        "Two panels of lines: after 500 steps deep nets are far behind; after 2000 steps the wide "
        "ones have caught up, the narrow ones have not.",
    )


def lines(ax: Axes, nets: pd.DataFrame) -> None:
    """Draw accuracy by width, a line per number of blocks."""
    for (blocks, line), style in zip(nets.groupby("blocks"), draw.STYLES, strict=False):
        x, name = line["width"], _blocks(blocks)
        draw.band(ax, x, line["mean"], line["low"], line["high"], name, style)


def _accuracy(ax: Axes, label: str, settings: Report) -> None:
    draw.level(ax, 1 / 3)
    ax.set_xlabel("units per layer")
    draw.percent_axis(ax, label)
    ax.set_ylim(settings.accuracy_from, 1.02)


def steps_to_level(results: Results) -> draw.Figure:
    """Draw how many steps the nets need to learn their training rows."""
    nets = grid(results, "test")
    figure, ax = draw.canvas(height=2.8)
    blocks, widths = ([str(n) for n in sorted(set(nets[name]))] for name in ("blocks", "width"))
    hundreds_LW = results.arrays["steps_to_level_WL"].T / 100
    draw.heatmap(ax, hundreds_LW, blocks, widths, "hundreds of steps")
    ax.set_xlabel("units per layer")
    ax.set_ylabel("blocks")
    return draw.Figure(
        "steps_to_level",
        figure,
        "Steps until 90 % of the training rows are right, in hundreds, median over seeds. The "
        "largest number means: not within the long budget.",
        "Matrix: steps rise with the number of blocks and fall with the units per layer.",
    )


def by_parameters(results: Results, settings: Report) -> draw.Figure:
    """Draw test accuracy after the long budget against the number of parameters."""
    nets = grid(results, "test")
    width, blocks = nets["width"], nets["blocks"]
    nets = nets[nets["steps"] == nets["steps"].max()].assign(
        width=5 * width + blocks * (width**2 + width) + 3 * width + 3
    )
    figure, ax = draw.canvas()
    lines(ax, nets)
    _accuracy(ax, "test accuracy", settings)
    draw.rate_axis(ax, "parameters")
    draw.direct_labels(ax)
    return draw.Figure(
        "by_parameters",
        figure,
        "Test accuracy on iris after the long budget by number of parameters; a line joins nets of "
        "equal depth. Bands: 95 % intervals over seeds and test rows.",
        "Line chart: up to a thousand parameters nets with fewer blocks are better, beyond it all "
        "come close to 95 %.",
    )


def equal_size(results: Results, settings: Report) -> draw.Figure:
    """Draw the accuracy of nets with equally many parameters by depth, a panel per problem."""
    figure, axes = draw.panels(len(PROBLEMS), height=2.6)
    for ax, (problem, trivial) in zip(axes, PROBLEMS.items(), strict=True):
        arms = results.arms["arm"].str.extract(rf"^{problem}, (\d) hidden$", expand=False).dropna()
        nets = results.arms.loc[arms.index].assign(depth=arms.astype(int)).query("split == 'test'")
        draw.band(ax, nets["depth"], nets["mean"], nets["low"], nets["high"])
        draw.level(ax, trivial)
        ax.set_title(problem)
        ax.set_xticks(sorted(nets["depth"]))
        ax.set_xlabel("hidden layers")
        draw.percent_axis(ax, "")
        ax.set_ylim(settings.accuracy_from, 1.02)
    axes[0].set_ylabel("test accuracy")
    return draw.Figure(
        "equal_size",
        figure,
        "Test accuracy of nets with equally many parameters, each at its best rate on dev. Bands: "
        "95 % intervals over seeds and test rows.",
        "Three panels: depth changes nothing on the doughnuts, gains several points on the spiral "
        "and loses about one on the digits.",
    )
