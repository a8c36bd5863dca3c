"""Headers of `.npy` files are read as NumPy reads them, and without Python's parser."""

import io

import numpy as np
import pytest

from ichreport.data.shards.npy_header import HEADER_BYTES, read_npy_header
from ichreport.data.shards.shard_files import slice_digests
from ichreport.data.shards.shard_reader import ShardReader

ARRAYS = {
    "slices": np.zeros((40, 24, 24), np.int16),
    "masks": np.zeros((3, 5, 5), np.uint8),
    "features": np.zeros((1234, 1), np.float16),
    "a row of numbers": np.zeros(7, np.float32),
    "none": np.zeros((0, 4), bool),
    "the other byte order": np.zeros((2, 2), ">f8"),
    "by columns": np.asfortranarray(np.zeros((2, 3, 4), np.int64)),
}


def saved(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("name", ARRAYS)
def test_a_header_is_read_as_numpy_reads_it(name):
    start = saved(ARRAYS[name])[:HEADER_BYTES]
    stream = io.BytesIO(start)
    assert np.lib.format.read_magic(stream) == (1, 0)
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    assert stream.tell() == HEADER_BYTES
    assert read_npy_header(start) == (shape, dtype, in_columns)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        saved(ARRAYS["slices"])[: HEADER_BYTES - 1],
        saved(np.int16(1))[:HEADER_BYTES],
        saved(np.zeros(2, [("a", "<i4")]))[:HEADER_BYTES],
        saved(np.array(["why"]))[:HEADER_BYTES],
        saved(ARRAYS["slices"])[:HEADER_BYTES].replace(b"NUMPY\x01", b"NUMPY\x02"),
    ],
)
def test_what_is_no_header_of_rows_of_numbers_is_refused(start):
    with pytest.raises(ValueError, match=r"does not start as a \.npy file of rows of numbers"):
        read_npy_header(start)


def test_shards_are_read_and_hashed_while_pythons_parser_fails(tmp_path, monkeypatch):
    """As it does now and then where two threads parse at once, before Python 3.11.8."""

    def fails(*_, **__):
        raise SystemError("AST constructor recursion depth mismatch (before=48, after=29)")

    pixels = np.random.default_rng(0).integers(-1024, 3072, (5, 4, 4)).astype(np.int16)
    np.save(tmp_path / "0.npy", pixels)
    reader = ShardReader(lambda _: tmp_path / "0.npy", (4, 4), np.int16, "Make it anew.")
    with monkeypatch.context() as patch:
        patch.setattr("ast.parse", fails)
        read = reader.read(np.zeros(5, int), np.arange(5))
        start, digests = slice_digests(tmp_path / "0.npy")
    np.testing.assert_array_equal(read, pixels)
    assert start == saved(pixels)[:HEADER_BYTES]
    assert len(digests) == 5
