"""Polynomials fitted by least squares, many at once, in a Legendre basis (well conditioned).

Shapes: ... any leading axes (repeats, folds), N samples, P coefficients (degree + 1).
"""

import torch
from torch import Tensor


def fit(x_N: Tensor, y_N: Tensor, degree: int, extent: float) -> Tensor:
    """Return the least-squares coefficients (..., P) of float64 points (..., N) in +-extent."""
    design_NP = _basis(x_N, degree, extent)
    solution_P1: Tensor = torch.linalg.lstsq(design_NP, y_N[..., None]).solution
    return solution_P1[..., 0]


def predict(coefficients_P: Tensor, x_N: Tensor, extent: float) -> Tensor:
    """Return the values (..., N) of polynomials with coefficients (..., P)."""
    design_NP = _basis(x_N, coefficients_P.shape[-1] - 1, extent)
    return (design_NP @ coefficients_P[..., None])[..., 0]


def _basis(x_N: Tensor, degree: int, extent: float) -> Tensor:
    """Return the Legendre polynomials of x / extent by their recurrence (DLMF 18.9.1)."""
    x_N = x_N / extent
    columns = [torch.ones_like(x_N), x_N]
    for n in range(1, degree):
        columns.append(((2 * n + 1) * x_N * columns[-1] - n * columns[-2]) / (n + 1))
    return torch.stack(columns[: degree + 1], dim=-1)
