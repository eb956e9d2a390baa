"""The `gradient_descent` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Points = list[list[float]]


class Data(Block):
    """No dataset: the landscapes are formulas."""


class Shown(Block):
    """Where the paths of the figures start, a list of points by landscape."""

    parabola: Points
    cosine: Points
    sine: Points
    surface: Points


class Sweep(Block):
    """The course's grid of learning rates and numbers of steps, on the sine from one start."""

    start: float
    rates: PositiveInt
    smallest_rate: PositiveFloat
    largest_rate: PositiveFloat
    counts: PositiveInt
    fewest_steps: PositiveInt
    most_steps: PositiveInt


class Starts(Block):
    """Random starts, and a regular grid of them for the share of each minimum."""

    repeats: PositiveInt
    restarts: Annotated[int, Field(ge=2)]
    grid: PositiveInt


class Schedules(Block):
    """Ways to spend the same mean rate on the parabola, with noise on the slope and without."""

    repeats: PositiveInt
    steps: PositiveInt
    first_rate: PositiveFloat
    rate_per_slope: PositiveFloat
    noise: PositiveFloat


class Hessians(Block):
    """Random symmetric matrices; the leading blocks of one stand for fewer dimensions."""

    repeats: PositiveInt
    dimensions: Annotated[int, Field(ge=3)]


class Train(Block):
    """Descend by hand, from many starts and at many rates."""

    rate: PositiveFloat
    steps: PositiveInt
    parabola_steps: PositiveInt
    shown: Shown
    sweep: Sweep
    starts: Starts
    schedules: Schedules
    hessians: Hessians


class Local(Block):
    """Descents that start beside a minimum, at rates given as multiples of 1 / curvature."""

    offset: PositiveFloat
    steps: PositiveInt
    multiples: list[PositiveFloat]


class Trade(Block):
    """Rates, as multiples of 1 / curvature, at which rate and steps are exchanged."""

    slow: PositiveFloat
    fast: Annotated[list[PositiveFloat], Field(min_length=2, max_length=2)]
    rates: PositiveInt
    distance: PositiveFloat
    least_distance: PositiveFloat
    least_r2: PositiveFloat


class Flat(Block):
    """Places far from every minimum, and what counts as flat, as near and as not moved."""

    slope: PositiveFloat
    radius: PositiveFloat
    angles: PositiveInt
    far: list[float]
    near: PositiveFloat
    moved: PositiveFloat


class Evaluate(Block):
    """How the claims are tested."""

    points: PositiveInt
    difference: PositiveFloat
    local: Local
    trade: Trade
    flat: Flat
    restart_counts: list[PositiveInt]
    found_within: PositiveFloat
    least_start_distance: PositiveFloat
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    surface_limit: PositiveFloat
