"""The header of a `.npy` file, read without Python's parser.

NumPy reads it by `ast.literal_eval`. Before Python 3.11.8 that fails now and then where two threads
parse at once (CPython's gh-106905); shards are opened and checked in threads, while TensorFlow
parses the functions that it traces.
"""

import re
from typing import Any, Final, NamedTuple

import numpy as np

HEADER_BYTES: Final = 128
"""Bytes before the array in a `.npy` file, as NumPy and the store write it."""

_PLAIN: Final = re.compile(
    rb"\x93NUMPY\x01\x00v\x00"
    rb"{'descr': '([<>|][biufc]\d+)', 'fortran_order': (True|False), "
    rb"'shape': \((\d[\d, ]*)\), } *\n"
)
"""What NumPy writes for rows of numbers in version 1.0 (NEP 1); `v` is the length, 118."""


class NpyHeader(NamedTuple):
    """What a header says of the array: its shape, its type, and whether it lies by columns."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    in_columns: bool


def read_npy_header(start: bytes) -> NpyHeader:
    """Read a header as NumPy writes it.

    Args:
        start: The first `HEADER_BYTES` of the file.

    Raises:
        ValueError: If it is none of rows of numbers, or of another version than 1.0.
    """
    found = _PLAIN.fullmatch(start)
    if found is None:
        raise ValueError("it does not start as a .npy file of rows of numbers in version 1.0")
    kind, in_columns, shape = (part.decode() for part in found.groups())
    sides = tuple(int(side) for side in shape.split(",") if side.strip())
    return NpyHeader(sides, np.dtype(kind), in_columns == "True")
