"""CIFAR-10's binary files: records of one label byte and a 3 x 32 x 32 image."""

from pathlib import Path

import numpy as np

from stages._entry import UserError
from stages.datasets._raw import Part, Raw, Scaling, Split

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
FIT = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = "test_batch.bin"
RECORD = 1 + 3 * 32 * 32


class CifarError(UserError):
    """A file is not of CIFAR-10's binary format."""


def load(raw: Path, split: Split) -> Raw:
    """Read the five training batches and the test batch (CifarError if a file is broken)."""
    batches = [_records(raw / name) for name in (*FIT, TEST)]
    part_N = np.repeat([Part.FIT] * len(FIT) + [Part.TEST], [len(records) for records in batches])
    records = np.concatenate(batches)
    x_NCHW = records[:, 1:].reshape(-1, 3, 32, 32)
    y_N = records[:, 0].astype(np.int64)
    return Raw(x_NCHW, y_N, CLASSES, Scaling("divide", 255), part_N, split)


def _records(path: Path) -> np.ndarray:
    content = np.fromfile(path, dtype=np.uint8)
    records = content[: len(content) // RECORD * RECORD].reshape(-1, RECORD)
    if len(content) % RECORD or not len(records) or records[:, 0].max() >= len(CLASSES):
        raise CifarError(f"{path}: its {len(content)} bytes are no labelled images; fetch it again")
    return records
