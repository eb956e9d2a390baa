"""The idx reader: official bytes parse, any other bytes raise the one documented error."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages._idx import TYPES, IdxError, parse, read


def idx(array: np.ndarray, code: int) -> bytes:
    """Write an array in idx format."""
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(TYPES[code]).tobytes()


@given(
    st.sampled_from(sorted(TYPES)),
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
)
def test_every_type_and_shape_is_read_back(code, shape):
    array = (np.arange(np.prod(shape)) % 100).reshape(shape)

    found = parse(idx(array, code))

    assert found.dtype == np.dtype(TYPES[code]).newbyteorder("=")
    assert np.array_equal(found, array)


@given(st.binary(max_size=64))
def test_any_bytes_parse_or_raise_the_one_error(content):
    try:
        assert isinstance(parse(content), np.ndarray)
    except IdxError:
        pass


@given(st.binary(max_size=40), st.sampled_from(sorted(TYPES)), st.integers(0, 255))
def test_any_bytes_behind_a_true_beginning_parse_or_raise_the_one_error(rest, code, dimensions):
    try:
        assert isinstance(parse(bytes([0, 0, code, dimensions]) + rest), np.ndarray)
    except IdxError:
        pass


def test_more_dimensions_than_an_array_has_are_the_one_error():
    with pytest.raises(IdxError, match="no shape"):
        parse(bytes([0, 0, 8, 70]) + struct.pack(">70I", *[1] * 70) + b"x")


def test_huge_dimensions_of_an_empty_array_are_the_one_error():
    with pytest.raises(IdxError):
        parse(bytes([0, 0, 14, 5]) + struct.pack(">5I", 0, *[2**32 - 1] * 4))


def test_a_file_cut_short_is_named(tmp_path):
    path = tmp_path / "labels-idx1-ubyte"
    path.write_bytes(idx(np.arange(10), 8)[:-1])

    with pytest.raises(IdxError, match=r"labels-idx1-ubyte.*9 bytes"):
        read(path)
