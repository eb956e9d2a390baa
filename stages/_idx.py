"""The idx format of MNIST and its relatives: a file -> an array.

Layout: two zero bytes, a type code, the number of dimensions, each dimension as a big-endian
32-bit number, then the values, big-endian.
"""

import math
import struct
from pathlib import Path

import numpy as np

from stages._entry import UserError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class IdxError(UserError):
    """The file is not in idx format, or is cut short or too long."""


def read(path: Path) -> np.ndarray:
    """Read an idx file (IdxError if it is none)."""
    return parse(path.read_bytes(), path.name)


def parse(content: bytes, name: str = "idx data") -> np.ndarray:
    """Read idx data from memory (IdxError if it is none)."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES or not content[3]:
        raise IdxError(f"{name}: not in idx format; remove the folder and fetch it again")
    dtype, start = np.dtype(TYPES[content[2]]), 4 + 4 * content[3]
    if len(content) < start:
        raise IdxError(f"{name}: cut short inside its header; fetch it again")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if len(content) - start != math.prod(shape) * dtype.itemsize:
        raise IdxError(f"{name}: {len(content) - start} bytes do not fill {shape}; fetch it again")
    try:
        values = np.frombuffer(content, dtype, offset=start).reshape(shape)
    except ValueError as error:
        raise IdxError(f"{name}: {shape} is no shape of an array ({error})") from None
    return values.astype(dtype.newbyteorder("="))
