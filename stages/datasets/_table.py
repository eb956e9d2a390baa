"""scikit-learn's csv tables: a header `rows,features,class,class,...`, the class number last."""

from pathlib import Path

import numpy as np


def read(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return (features (N, F) float32, class numbers (N,), class names)."""
    with path.open(encoding="utf-8") as file:
        header = file.readline().strip().split(",")
        table = np.loadtxt(file, delimiter=",", ndmin=2)
    return table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64), tuple(header[2:])
