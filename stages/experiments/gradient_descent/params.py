"""The `gradient_descent` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Points = list[list[float]]


class Data(Block):
    """No dataset: the landscapes are formulas."""


class Shown(Block):
    """Where the paths of the figures start, by landscape."""

    parabola: Points
    """Starts on the parabola, x of each."""
    cosine: Points
    """Starts on the cosine, x of each."""
    sine: Points
    """Starts on the sine, x of each."""
    surface: Points
    """Starts on the surface, (x, y) of each."""


class Sweep(Block):
    """The course's grid of learning rates and numbers of steps, on the sine from one start."""

    start: float
    """Where on the sine all descents of the grid start."""
    rates: PositiveInt
    """How many learning rates, evenly spaced."""
    smallest_rate: PositiveFloat
    """The first learning rate."""
    largest_rate: PositiveFloat
    """The last learning rate."""
    counts: PositiveInt
    """How many numbers of steps, evenly spaced and rounded."""
    fewest_steps: PositiveInt
    """The first number of steps."""
    most_steps: PositiveInt
    """The last number of steps."""


class Starts(Block):
    """Random starts, and a regular grid of them for the share of each minimum."""

    repeats: PositiveInt
    """Repeats, each with `restarts` random starts; the landscapes share the random numbers."""
    restarts: Annotated[int, Field(ge=2)]
    """Random starts of one repeat on each landscape."""
    grid: PositiveInt
    """Starts of the regular grid, the middles of as many equal cells (on the surface squares)."""


class Schedules(Block):
    """Ways to spend the same mean rate on the parabola, with noise on the slope and without."""

    repeats: PositiveInt
    """Random starts, each with noise and a shuffled order of rates of its own."""
    steps: PositiveInt
    """Steps of each descent."""
    first_rate: PositiveFloat
    """In step i of T the falling rate is this x (1 - i / T), so that the last is 0."""
    rate_per_slope: PositiveFloat
    """The rate by slope is this x the size of the (noisy) slope."""
    noise: PositiveFloat
    """Standard deviation of the normal noise that is added to each slope."""


class Hessians(Block):
    """Random symmetric matrices; the first d rows and columns of one stand for d dimensions."""

    repeats: PositiveInt
    """How many random matrices."""
    dimensions: Annotated[int, Field(ge=3)]
    """Rows and columns of each: the most dimensions."""


class Train(Block):
    """Descend by hand, from many starts and at many rates."""

    rate: PositiveFloat
    """Learning rate where no other is said."""
    steps: PositiveInt
    """Steps of a descent where no other number is said."""
    parabola_steps: PositiveInt
    """Steps of the shown descents on the parabola."""
    shown: Shown
    sweep: Sweep
    starts: Starts
    schedules: Schedules
    hessians: Hessians


class Local(Block):
    """Descents that start beside each minimum."""

    offset: PositiveFloat
    """Distance from the minimum at the start, along the direction of the largest curvature."""
    steps: PositiveInt
    """Steps of each of the descents."""
    multiples: list[PositiveFloat]
    """Learning rates, in 1 / curvature."""


class Trade(Block):
    """Rates at which rate and steps are exchanged, beside the leftmost minimum of each curve."""

    slow: PositiveFloat
    """Small rates go from a hundredth of this up to this, in 1 / curvature."""
    fast: Annotated[list[PositiveFloat], Field(min_length=2, max_length=2)]
    """Large rates go from the first to the second, in 1 / curvature."""
    rates: PositiveInt
    """How many small rates and how many large ones, evenly spaced."""
    distance: PositiveFloat
    """Distance from the minimum at the start."""
    least_distance: PositiveFloat
    """Ends nearer to the minimum are left out: they are rounding."""
    least_r2: PositiveFloat
    """At large rates an R2 of at least this is an error of 1."""


class Flat(Block):
    """Places far from every minimum, and what counts as flat, as near and as not moved."""

    slope: PositiveFloat
    """A place is flat if each partial derivative is smaller in size than this."""
    radius: PositiveFloat
    """Distance of the surface's flat places from (0, 0)."""
    angles: PositiveInt
    """How many flat places on the surface, all around."""
    far: list[float]
    """Flat places on the sine, x of each."""
    near: PositiveFloat
    """No minimum lies within this distance, and lower ground within it along each axis."""
    moved: PositiveFloat
    """Descent has not left a place if it ends nearer to it than this."""


class Evaluate(Block):
    """How the claims are tested."""

    points: PositiveInt
    """Random points on each landscape at which the slopes by hand are checked."""
    difference: PositiveFloat
    """Step to both sides of a point for the differences of values."""
    local: Local
    trade: Trade
    flat: Flat
    restart_counts: list[PositiveInt]
    """Numbers k of random starts, of whose ends the lowest counts."""
    found_within: PositiveFloat
    """An end is the lowest minimum if its value is at most this above it."""
    least_start_distance: PositiveFloat
    """Orders are compared for starts farther from the minimum; rounding decides nearer ones."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    surface_limit: PositiveFloat
    """Where the colours of the surface end, above and below 0."""
