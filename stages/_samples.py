"""A picture of a dataset's samples: tensors -> one PNG, some rows of every class."""

from pathlib import Path

import numpy as np

from stages import _files

COLUMNS = 10
CELL = 64  # pixels of a small image's cell, at least


def write(path: Path, x: np.ndarray, y_N: np.ndarray) -> None:
    """Write the picture.

    Images stand in one row per class; features are shown as one line of grey cells per sample,
    the classes one below the other, each feature from its smallest to its largest value.
    """
    from PIL import Image

    chosen = [np.flatnonzero(y_N == label)[:COLUMNS] for label in np.unique(y_N)]
    if len(chosen) == len(y_N):
        chosen = np.split(np.arange(len(y_N)), range(COLUMNS, len(y_N), COLUMNS))
    shades = _grid(x, chosen) if x.ndim > 2 else _lines(x[np.concatenate(chosen)])
    with _files.atomic(path) as temporary:
        Image.fromarray(shades).save(temporary, format="png")


def _grid(x: np.ndarray, chosen: list[np.ndarray]) -> np.ndarray:
    """Return the images side by side, (rows H, columns W[, 3]) uint8; missing ones are black."""
    images = x[:, None] if x.ndim == 3 else x
    _, channels, height, width = images.shape
    zoom = max(1, CELL // width)
    sheet = np.zeros((len(chosen), COLUMNS, channels, height, width), dtype=np.float64)
    for row, rows in enumerate(chosen):
        sheet[row, : len(rows)] = images[rows]
    sheet *= 255 / max(1, 255 if images.max() > 16 else images.max())
    flat = sheet.transpose(0, 3, 1, 4, 2).reshape(len(chosen) * height, COLUMNS * width, channels)
    return flat.repeat(zoom, 0).repeat(zoom, 1).squeeze().astype(np.uint8)


def _lines(x_NF: np.ndarray) -> np.ndarray:
    """Return (N zoom, F zoom) uint8, every feature stretched to the whole range."""
    low, high = x_NF.min(0), x_NF.max(0)
    shades: np.ndarray = 255 * (x_NF - low) / np.where(high > low, high - low, 1)
    zoom = max(1, 640 // x_NF.shape[1])
    lines: np.ndarray = shades.astype(np.uint8).repeat(4, 0).repeat(zoom, 1)
    return lines
