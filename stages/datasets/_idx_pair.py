"""MNIST's four idx files: images and labels, to fit and official test."""

from pathlib import Path

import numpy as np

from stages import _idx
from stages.datasets._raw import Part

FIT = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def read(
    raw: Path, fit: tuple[str, str] = FIT, test: tuple[str, str] = TEST
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (images (N, H, W) uint8, labels (N,), parts (N,)), the rows to fit first.

    Raises:
        IdxError: a file is not in idx format, or the labels do not match the images.
    """
    pairs = [(_idx.read(raw / images), _idx.read(raw / labels)) for images, labels in (fit, test)]
    for (x, y), names in zip(pairs, (fit, test), strict=True):
        if x.ndim != 3 or x.dtype != np.uint8 or y.shape != x.shape[:1]:
            raise _idx.IdxError(f"{raw}: {names[1]} does not label the images of {names[0]}")
    part_N = np.repeat([Part.FIT, Part.TEST], [len(y) for _, y in pairs])
    x_NHW, y_N = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    return x_NHW, y_N.astype(np.int64), part_N
