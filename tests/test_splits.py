"""Splits: stratified, seeded, disjoint, without duplicates, and official test rows stay apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages._splits import SplitError, split, without_duplicates
from stages.datasets._raw import Part, Split

NAMES = ("train", "dev", "test")


def rng(seed=0):
    return np.random.default_rng(seed)


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
    st.floats(0.1, 0.5),
    st.floats(0.1, 0.4),
    st.integers(0, 9),
)
def test_classes_keep_their_share_to_within_a_row(counts, dev, test, seed):
    y_N = rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))

    rows = split(y_N, None, Split(dev=dev, test=test), rng(seed))

    assert np.array_equal(np.sort(np.concatenate(list(rows.values()))), np.arange(len(y_N)))
    share_C = np.array(counts) / len(y_N)
    got_C = np.bincount(y_N[rows["test"]], minlength=len(counts))
    assert np.all(np.abs(got_C - share_C * len(rows["test"])) < 1 + 1e-9)


def test_whole_numbers_are_rows_and_fractions_shares():
    rows = split(np.repeat([0, 1, 2], 50), None, Split(train=0.6, dev=12, test=0.2), rng())

    assert [len(rows[name]) for name in NAMES] == [90, 12, 30]


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    y_N = np.repeat([0, 1], 50)
    first, again, other = (
        split(y_N, None, Split(dev=0.2, test=0.2), rng(s))["test"] for s in (1, 1, 2)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rows_come_in_random_order():
    rows = split(np.repeat([0, 1], 50), None, Split(dev=0.2, test=0.2), rng())["train"]

    assert 0 < np.count_nonzero(np.diff(np.repeat([0, 1], 50)[rows])) > 5


def test_official_test_rows_stay_test_rows():
    part_N = np.repeat([Part.FIT, Part.TEST], [60, 40])
    rows = split(np.arange(100) % 2, part_N, Split(dev=0.5), rng())

    assert [len(rows[name]) for name in NAMES] == [30, 30, 40]
    assert rows["test"].min() == 60
    assert max(rows["train"].max(), rows["dev"].max()) < 60


def test_too_many_rows_are_refused():
    with pytest.raises(SplitError, match=r"split\.train: 90 rows are wanted, but only 80"):
        split(np.arange(100) % 2, None, Split(train=90, dev=10, test=10), rng())


def test_a_row_that_a_later_split_holds_too_is_removed_and_counted():
    x = np.array([[0], [1], [2], [2], [1], [1]], dtype=np.float32)
    rows = {"train": np.array([0, 1, 2]), "dev": np.array([3, 4]), "test": np.array([5])}

    kept, removed = without_duplicates(x, rows)

    assert {name: list(kept[name]) for name in NAMES} == {"train": [0], "dev": [3], "test": [5]}
    assert removed == {"train": 2, "dev": 1}
