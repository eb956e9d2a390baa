"""The course's functions to descend, their slopes written out by hand, and their geometry.

Facts of part A, section 2. A point is (..., F): every function takes any leading axes.
Shapes: S minima, N points of a grid, F coordinates.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Function = Callable[[Tensor], Tensor]
POINTS = {1: 2001, 2: 201**2}  # of a grid by F, as in the course's figures
ZOOMS = 4  # of a grid around an extremum: values cannot tell places closer than 1e-8
SIDE = 1e-3  # how far beside an extremum its slope is looked at
NEWTON = 6  # steps from a grid point beside a minimum: each doubles the digits


@dataclass(frozen=True)
class Landscape:
    """A function of F coordinates.

    Attributes:
        value: points (..., F) -> (...).
        slope: points (..., F) -> its partial derivatives (..., F), by hand.
        axes: F.
        extent: the course draws it on [-extent, extent] along each axis.
        start: and starts within [-start, start].
    """

    value: Function
    slope: Function
    axes: int
    extent: float
    start: float


def grid(extent: float, axes: int, points: int) -> Tensor:
    """Return the midpoints of about `points` equal cells of [-extent, extent]^F, (N, F)."""
    cells = round(points ** (1 / axes))
    middle = (torch.arange(cells, dtype=torch.float64) + 0.5) * (2 * extent / cells) - extent
    return torch.cartesian_prod(*[middle] * axes).reshape(-1, axes)


def bottoms(land: Landscape, sign: int = 1) -> Tensor:
    """Return the points (S, F) of a grid where sign x value is lower than all around.

    The grid is a fifth wider than the course's figures; its border is left out.
    """
    x_NF = grid(1.2 * land.extent, land.axes, POINTS[land.axes])
    side = round(len(x_NF) ** (1 / land.axes))
    heights = -sign * land.value(x_NF).reshape(1, *[side] * land.axes)
    pool = functional.max_pool1d if land.axes == 1 else functional.max_pool2d
    inside = functional.pad(torch.ones_like(heights), [-1, -1] * land.axes)
    inside = functional.pad(inside, [1, 1] * land.axes).bool()
    highest = pool(heights, 3, stride=1, padding=1) == heights
    return x_NF[(highest & inside).flatten()]


def extrema(land: Landscape, sign: int) -> Tensor:
    """Return where sign x value is lowest around, (S, F), from values alone, by finer grids."""
    x_SF, reach = bottoms(land, sign), 2.4 * land.extent / POINTS[land.axes] ** (1 / land.axes)
    for _ in range(ZOOMS):
        near_SGF = x_SF[:, None] + grid(reach, land.axes, 21**land.axes)
        best_S = (sign * land.value(near_SGF)).argmin(1)
        x_SF, reach = near_SGF[torch.arange(len(x_SF)), best_S], reach / 10
    return x_SF


def sign_faults(land: Landscape) -> list[bool]:
    """Return what is wrong with a line's signs of slope: beside each extremum, and their number.

    Before a minimum the slope is negative and after it positive, at a maximum the other way.
    """
    change_N = torch.sign(land.slope(grid(1.2 * land.extent, 1, 2000))).flatten().diff()
    faults: list[bool] = []
    for sign in (1, -1):
        x_SF = extrema(land, sign)
        before_SF, after_SF = (sign * land.slope(x_SF + side) for side in (-SIDE, SIDE))
        faults += (~((before_SF < 0) & (after_SF > 0))).flatten().tolist()
        faults.append(int((sign * change_N > 0).sum()) != len(x_SF))
    return faults


def minima(land: Landscape) -> Tensor:
    """Return all minima (S, F), by Newton's method from the grid."""
    return torch.stack([_newton(land, x_F) for x_F in bottoms(land)])


def curvature(land: Landscape, x_F: Tensor) -> tuple[float, Tensor]:
    """Return the largest curvature at a point, from autograd, and its direction (F,)."""
    values_F, vectors_FF = torch.linalg.eigh(hessian(land, x_F))
    return float(values_F[-1]), vectors_FF[:, -1]


def autograd_slope(land: Landscape, x_NF: Tensor) -> Tensor:
    """Return the partial derivatives (N, F) that autograd makes of the values."""
    x_NF = x_NF.clone().requires_grad_()
    return torch.autograd.grad(land.value(x_NF).sum(), x_NF)[0]


def hessian(land: Landscape, x_F: Tensor) -> Tensor:
    """Return the second derivatives (F, F) that autograd makes of the value at one point."""
    x_F = x_F.clone().requires_grad_()
    (slope_F,) = torch.autograd.grad(land.value(x_F), x_F, create_graph=True)
    return torch.stack([torch.autograd.grad(one, x_F, retain_graph=True)[0] for one in slope_F])


def difference_slope(land: Landscape, x_NF: Tensor, step: float) -> Tensor:
    """Return the central differences (N, F) of values at a step to both sides of each axis."""
    steps = step * torch.eye(land.axes, dtype=x_NF.dtype)
    rise = [land.value(x_NF + step_F) - land.value(x_NF - step_F) for step_F in steps]
    return torch.stack(rise, -1) / (2 * step)


def lower_ground(land: Landscape, x_NF: Tensor, near: float) -> Tensor:
    """Return whether a place within `near` along each axis is lower than the point itself, (N,)."""
    around_GF = grid(near, land.axes, 9**land.axes)
    return land.value(x_NF[:, None] + around_GF).amin(-1) < land.value(x_NF)


def _newton(land: Landscape, x_F: Tensor) -> Tensor:
    for _ in range(NEWTON):
        x_F = x_F - torch.linalg.solve(hessian(land, x_F), land.slope(x_F))
    return x_F


def parabola(x: Tensor) -> Tensor:
    """Return 3 x^2 - 3 x + 4."""
    return (3 * x**2 - 3 * x + 4).sum(-1)


def parabola_slope(x: Tensor) -> Tensor:
    """Return its derivative."""
    return 6 * x - 3


def cosine(x: Tensor) -> Tensor:
    """Return cos(2 pi x) + x^2."""
    return (torch.cos(2 * math.pi * x) + x**2).sum(-1)


def cosine_slope(x: Tensor) -> Tensor:
    """Return its derivative."""
    return -2 * math.pi * torch.sin(2 * math.pi * x) + 2 * x


def sine(x: Tensor) -> Tensor:
    """Return sin(x) exp(-.05 x^2)."""
    return (torch.sin(x) * torch.exp(-0.05 * x**2)).sum(-1)


def sine_slope(x: Tensor) -> Tensor:
    """Return its derivative."""
    return (torch.cos(x) - 0.1 * x * torch.sin(x)) * torch.exp(-0.05 * x**2)


def surface(x: Tensor) -> Tensor:
    """Return the course's variant of the function that is known as peaks."""
    x, y = x.unbind(-1)
    one, two, three = _bumps(x, y)
    return 3 * (1 - x) ** 2 * one - 10 * (x / 5 - x**3 - y**5) * two - three / 3


def surface_slope(x: Tensor) -> Tensor:
    """Return its two partial derivatives."""
    x, y = x.unbind(-1)
    one, two, three = _bumps(x, y)
    inner = x / 5 - x**3 - y**5
    along_x = -6 * (1 - x) * (1 + x * (1 - x)) * one
    along_x = along_x - 10 * (0.2 - 3 * x**2 - 2 * x * inner) * two + 2 / 3 * (x + 1) * three
    along_y = -6 * (y + 1) * (1 - x) ** 2 * one
    along_y = along_y + 10 * (5 * y**4 + 2 * y * inner) * two + 2 / 3 * y * three
    return torch.stack([along_x, along_y], -1)


def _bumps(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    one = torch.exp(-(x**2) - (y + 1) ** 2)
    return one, torch.exp(-(x**2) - y**2), torch.exp(-((x + 1) ** 2) - y**2)


LANDSCAPES = {
    "parabola": Landscape(parabola, parabola_slope, 1, 2.0, 2.0),
    "cosine": Landscape(cosine, cosine_slope, 1, 2.0, 2.0),
    "sine": Landscape(sine, sine_slope, 1, 2 * math.pi, 2 * math.pi),
    "surface": Landscape(surface, surface_slope, 2, 3.0, 2.0),
}
LINES = ("parabola", "cosine", "sine")  # of one coordinate
HILLY = ("cosine", "sine", "surface")  # with several minima
