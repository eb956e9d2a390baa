"""Letters: upper and lower case merged into 26 classes, 28 x 28.

`rendered` draws them with fonts, and no font of test or dev is in train; `emnist` is handwriting.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from stages import _idx
from stages._settings import DatasetParams
from stages.datasets import _generated, _glyphs, _idx_pair
from stages.datasets._raw import Part, Raw, Scaling, Split

CLASSES = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
EMNIST = tuple(
    (f"emnist-letters-{part}-images-idx3-ubyte", f"emnist-letters-{part}-labels-idx1-ubyte")
    for part in ("train", "test")
)


class Params(DatasetParams):
    """The split, and of `rendered` the fonts that only dev and only test have, and the noise."""

    variant: Literal["rendered", "emnist"]
    split: Split
    dev_fonts: list[str] = Field(default_factory=list)
    test_fonts: list[str] = Field(default_factory=list)
    noise: float = 0.0


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Raw:
    """Render the letters, or read EMNIST's."""
    if settings.variant == "emnist":
        return _emnist(raw, settings)
    groups = _fonts(raw, settings)
    images, labels, fonts = [], [], []
    for part, rows in _generated.plan(settings.split, len(CLASSES)):
        for number, letter in enumerate(CLASSES):
            chosen = rng.choice(groups[part], rows)
            images.append(_glyphs.draw(rng, raw, chosen, letter, settings.noise))
            labels.append(np.full(rows, number))
            fonts.append(chosen)
    names = sorted({font for group in groups.values() for font in group})
    return Raw(
        np.concatenate(images),
        np.concatenate(labels),
        CLASSES,
        Scaling("divide", 255),
        _generated.parts(settings.split, len(CLASSES)),
        settings.split,
        {"font": np.searchsorted(names, np.concatenate(fonts)).astype(np.int64)},
    )


def _fonts(raw: Path, settings: Params) -> dict[Part, list[str]]:
    """Return the fonts of each split (GeneratedError if one is unknown or in two splits)."""
    known = sorted(path.stem for path in raw.glob("*.ttf"))
    held = [*settings.dev_fonts, *settings.test_fonts]
    if not set(held) <= set(known) or len(set(held)) < len(held) or len(held) >= len(known):
        raise _generated.GeneratedError(
            f"dev_fonts and test_fonts must be different fonts of {', '.join(known)}"
        )
    train = [font for font in known if font not in held]
    return {Part.TRAIN: train, Part.DEV: settings.dev_fonts, Part.TEST: settings.test_fonts}


def _emnist(raw: Path, settings: Params) -> Raw:
    """Read EMNIST letters: images are stored transposed, labels are 1..26 (0 would be N/A)."""
    x_NHW, y_N, part = _idx_pair.read(raw, *EMNIST)
    if y_N.min() < 1 or y_N.max() > len(CLASSES):
        raise _idx.IdxError(f"{raw}: labels {y_N.min()}..{y_N.max()} are not letters 1..26")
    upright = np.ascontiguousarray(x_NHW.swapaxes(1, 2))
    return Raw(upright, y_N - 1, CLASSES, Scaling("divide", 255), part, settings.split)
