"""Splitting rows: stratified by class, seeded, without duplicates across the splits."""

import hashlib
from collections.abc import Mapping

import numpy as np

from stages._entry import UserError
from stages.datasets._raw import Part, Size, Split

POOLS = {
    "test": (Part.ANY, Part.TEST),
    "dev": (Part.ANY, Part.FIT, Part.DEV),
    "train": (Part.ANY, Part.FIT, Part.TRAIN),
}


class SplitError(UserError):
    """More rows are wanted than there are."""


def split(
    y_N: np.ndarray, part_N: np.ndarray | None, sizes: Split, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return the row numbers of train, dev and test, each in random order.

    Every class keeps its share of the pool in each split, to within one row.

    Args:
        y_N: class numbers.
        part_N: where each row may go; None for anywhere.
        sizes: how many rows each split gets.
        rng: orders the rows.

    Raises:
        SplitError: a pool has fewer rows than are wanted of it.
    """
    parts = np.full(len(y_N), Part.ANY) if part_N is None else part_N
    order = rng.permutation(len(y_N))
    free = np.ones(len(y_N), dtype=bool)
    rows = {}
    for name, pool in POOLS.items():
        allowed = np.isin(parts, pool)
        candidates = order[(allowed & free)[order]]
        wanted = _count(name, getattr(sizes, name), int(allowed.sum()), len(candidates))
        rows[name] = _stratified(candidates, y_N, wanted)
        free[rows[name]] = False
    return {name: rows[name] for name in ("train", "dev", "test")}


def without_duplicates(
    x: np.ndarray, rows: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Remove rows whose content a later split (train < dev < test) holds too.

    Returns:
        The rows kept, and how many were removed from train and from dev.
    """
    later: set[bytes] = set()
    kept, removed = {}, {}
    for name in ("test", "dev", "train"):
        contents = [
            hashlib.blake2b(x[row].tobytes(), digest_size=16).digest() for row in rows[name]
        ]
        new = np.array([content not in later for content in contents], dtype=bool)
        kept[name] = rows[name][new]
        removed[name] = int((~new).sum())
        later.update(contents)
    return {name: kept[name] for name in rows}, {name: removed[name] for name in ("train", "dev")}


def _count(name: str, size: Size, pool: int, free: int) -> int:
    wanted = free if size is None else size if isinstance(size, int) else round(size * pool)
    if wanted > free:
        raise SplitError(f"split.{name}: {wanted} rows are wanted, but only {free} are left")
    return wanted


def _stratified(candidates: np.ndarray, y_N: np.ndarray, wanted: int) -> np.ndarray:
    """Return the first rows of each class, as many as is its share, in the candidates' order."""
    classes, inverse, available = np.unique(
        y_N[candidates], return_inverse=True, return_counts=True
    )
    quota = _largest_remainder(available, wanted)
    chosen = np.zeros(len(candidates), dtype=bool)
    for number in range(len(classes)):
        chosen[np.flatnonzero(inverse == number)[: quota[number]]] = True
    return candidates[chosen]


def _largest_remainder(available: np.ndarray, wanted: int) -> np.ndarray:
    """Divide `wanted` rows over classes in proportion to what is available of each."""
    exact = available * (wanted / max(1, available.sum()))
    quota: np.ndarray = np.floor(exact + 1e-9).astype(int)
    most = np.argsort(quota - exact, kind="stable")[: wanted - quota.sum()]
    quota[most] += 1
    return quota
