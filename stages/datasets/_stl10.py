"""STL-10's binary files: column-major 3 x 96 x 96 images, labels 1..10."""

from pathlib import Path

import numpy as np

from stages._entry import UserError
from stages.datasets._raw import Part, Raw, Scaling, Split

CLASSES = (
    *("airplane", "bird", "car", "cat", "deer"),
    *("dog", "horse", "monkey", "ship", "truck"),
)
SHAPE = (3, 96, 96)
PARTS = {"train": Part.FIT, "test": Part.TEST}


class Stl10Error(UserError):
    """A file is not of STL-10's binary format."""


def load(raw: Path, split: Split) -> Raw:
    """Read train (to fit) and test (official test) rows (Stl10Error if a file is broken)."""
    pairs = [(_images(raw / f"{name}_X.bin"), _labels(raw / f"{name}_y.bin")) for name in PARTS]
    for x, y in pairs:
        if len(x) != len(y):
            raise Stl10Error(f"{raw}: {len(y)} labels for {len(x)} images; fetch it again")
    parts = [np.full(len(y), part) for (_, y), part in zip(pairs, PARTS.values(), strict=True)]
    x_NCHW, y_N = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    scaling = Scaling("divide", 255)
    return Raw(x_NCHW, y_N, CLASSES, scaling, np.concatenate(parts), split)


def _images(path: Path) -> np.ndarray:
    pixels = np.fromfile(path, dtype=np.uint8)
    if len(pixels) % np.prod(SHAPE):
        raise Stl10Error(f"{path}: its {len(pixels)} bytes are no 96 x 96 images; fetch it again")
    return pixels.reshape(-1, *SHAPE).swapaxes(2, 3)


def _labels(path: Path) -> np.ndarray:
    labels = np.fromfile(path, dtype=np.uint8)
    if not len(labels) or labels.min() < 1 or labels.max() > len(CLASSES):
        raise Stl10Error(f"{path}: its labels are not 1..{len(CLASSES)}; fetch it again")
    return labels.astype(np.int64) - 1
