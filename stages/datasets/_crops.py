"""Crops of ten photographs, one class each; train, dev and test crops share no pixel.

Train crops lie in the left 55 % of a photograph, test crops in the upper, dev crops in the lower
part of the rest.
"""

from pathlib import Path

import numpy as np

from stages.datasets import _generated
from stages.datasets._raw import Part, Raw, Scaling, Split

CROP = 96
LEFT = 0.55
UPPER = 0.6
NAMES = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "motorcycle": "motorcycle_left.png",
    "rocket": "rocket.jpg",
    "retina": "retina.jpg",
    "ihc": "ihc.png",
    "hubble": "hubble_deep_field.jpg",
    "china": "china.jpg",
    "flower": "flower.jpg",
}


def load(raw: Path, split: Split, rng: np.random.Generator, size: int = CROP) -> Raw:
    """Cut the crops; `size` divides 96, and smaller crops are averages.

    The extra tensor `box` holds each crop's top, left, bottom and right in its photograph.
    """
    photographs = [read(raw / name) for name in NAMES.values()]
    images: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    boxes: list[np.ndarray] = []
    for part, rows in _generated.plan(split, len(NAMES)):
        for number, photograph in enumerate(photographs):
            box_N4 = _boxes(rng, part, photograph.shape, rows)
            images.extend(_cut(photograph, box, size) for box in box_N4)
            labels.append(np.full(rows, number))
            boxes.append(box_N4)
    return Raw(
        np.stack(images),
        np.concatenate(labels),
        tuple(NAMES),
        Scaling("divide", 255),
        _generated.parts(split, len(NAMES)),
        split,
        {"box": np.concatenate(boxes)},
    )


def read(path: Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _boxes(rng: np.random.Generator, part: Part, shape: tuple[int, ...], rows: int) -> np.ndarray:
    """Draw where crops lie, (N, 4): top, left, bottom, right."""
    height, width = shape[:2]
    middle, lower = round(LEFT * width), round(UPPER * height)
    top, left, bottom, right = {
        Part.TRAIN: (0, 0, height, middle),
        Part.DEV: (lower, middle, height, width),
        Part.TEST: (0, middle, lower, width),
    }[part]
    top_N = rng.integers(top, bottom - CROP, rows, endpoint=True)
    left_N = rng.integers(left, right - CROP, rows, endpoint=True)
    return np.stack([top_N, left_N, top_N + CROP, left_N + CROP], axis=1)


def _cut(photograph: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Return one crop, (3, size, size) uint8."""
    top, left, bottom, right = box
    crop_CHW = photograph[top:bottom, left:right].transpose(2, 0, 1)
    step = CROP // size
    mean: np.ndarray = crop_CHW.reshape(3, size, step, size, step).mean((2, 4))
    return mean.round().astype(np.uint8)
