"""Natural pictures, square and in colour, for convolution and for style.

Nothing is learned about them as samples, so that every split's file holds all of them.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from stages._params import ParamsError, did_you_mean
from stages._settings import DatasetParams
from stages.datasets._raw import Fixed, Scaling


class Params(DatasetParams):
    """The pictures' names, without suffix, and their height and width."""

    variant: Literal["scikit"]
    names: list[str]
    size: Annotated[int, Field(ge=16)]


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Fixed:
    """Read the pictures' central squares."""
    paths = [_find(raw, name) for name in settings.names]
    x_NCHW = np.stack([_square(path, settings.size) for path in paths])
    y_N = np.arange(len(paths), dtype=np.int64)
    tensors = {"x": x_NCHW, "y": y_N, "rows": y_N}
    return Fixed(tensors, tuple(settings.names), Scaling("divide", 255))


def _find(raw: Path, name: str) -> Path:
    known = {path.stem: path for path in sorted(raw.iterdir()) if path.suffix in (".png", ".jpg")}
    if name not in known:
        raise ParamsError(f"datasets.pictures.names: {name!r}{did_you_mean(name, known)}")
    return known[name]


def _square(path: Path, size: int) -> np.ndarray:
    """Return the central square, (3, size, size) uint8, each pixel the mean of what it covers."""
    from PIL import Image

    with Image.open(path) as image:
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
        small = image.convert("RGB").resize((size, size), Image.Resampling.BOX, box)
    return np.asarray(small).transpose(2, 0, 1)
