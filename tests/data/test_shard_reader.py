"""Rows of shards by any way of reading are what `np.load` finds in the files."""

import errno
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from ichreport.data.shards import shard_reader
from ichreport.data.shards.shard_reader import ShardReader

COUNTS = (5, 40, 17)
SHAPE = (24, 24)
CURE = "Make it anew."


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for number, count in enumerate(COUNTS):
        pixels = random.integers(-1024, 3072, (count, *SHAPE), dtype=np.int16)
        np.save(tmp_path / f"{number}.npy", pixels)
    return tmp_path


@pytest.fixture(
    params=["memory", "disk", "no map", "many files", "no question", "no answer", "no advice"]
)
def way(request, folder, monkeypatch):
    """How the system reads: every way has to give the same."""
    if request.param == "disk":
        forget(folder)
    elif request.param == "no map":
        monkeypatch.setattr(shard_reader.mmap, "mmap", refuse)
    elif request.param == "many files":
        monkeypatch.setattr(shard_reader, "_MAPPED_BELOW", 0)
    elif request.param == "no question":
        monkeypatch.setattr(shard_reader, "_IF_IN_MEMORY", 0)
    elif request.param == "no answer":
        refuse_flags(monkeypatch)
    elif request.param == "no advice":
        monkeypatch.setattr(shard_reader, "_IF_IN_MEMORY", 0)
        monkeypatch.setattr(shard_reader, "_ADVISE", None)


def forget(folder):
    """Have the page cache drop the files, where the file system lies on a disk."""
    if not hasattr(os, "posix_fadvise"):
        pytest.skip("this system does not drop files from memory")
    for path in folder.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def refuse(*_, **__):
    raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))


def refuse_flags(monkeypatch):
    """A file system that does not know RWF_NOWAIT, as some of networks."""
    preadv = os.preadv

    def strict(descriptor, buffers, position, flags=0):
        if flags:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return preadv(descriptor, buffers, position)

    monkeypatch.setattr(os, "preadv", strict)


def reader_of(folder: Path, shape=SHAPE, dtype=np.int16) -> ShardReader:
    return ShardReader(lambda number: folder / f"{number}.npy", shape, dtype, CURE)


def expected(folder, shards, rows):
    held = {number: np.load(folder / f"{number}.npy") for number in set(shards.tolist())}
    return np.array([held[s][r] for s, r in zip(shards.tolist(), rows.tolist(), strict=True)])


def draw(seed, count):
    random = np.random.default_rng(seed)
    shards = random.integers(0, len(COUNTS), count)
    return shards, random.integers(0, np.array(COUNTS)[shards])


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("count", [1, 7, 200])
def test_random_rows_are_those_of_the_files(folder, count):
    shards, rows = draw(count, count)  # of 62 rows: 200 repeat many
    read = reader_of(folder).read(shards, rows)
    assert read.dtype == np.int16
    np.testing.assert_array_equal(read, expected(folder, shards, rows))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("shards", "rows"),
    [
        ([1, 1, 1, 1], [4, 5, 6, 7]),
        ([1, 1, 1], [6, 5, 4]),
        ([1, 1, 1, 1, 1, 1], [3, 4, 5, 4, 5, 6]),
        ([0, 1, 2, 0], [4, 0, 0, 4]),  # the last row of a file beside the first of the next
        ([2, 2, 2], [16, 16, 16]),
        ([1] * 40, list(range(40))),
    ],
)
def test_neighbours_and_repeated_rows_are_those_of_the_files(folder, shards, rows):
    shards, rows = np.array(shards), np.array(rows)
    read = reader_of(folder).read(shards, rows)
    np.testing.assert_array_equal(read, expected(folder, shards, rows))


def test_no_rows_are_an_empty_array(folder):
    nothing = np.array([], dtype=np.int64)
    assert reader_of(folder).read(nothing, nothing).shape == (0, *SHAPE)


@pytest.mark.usefixtures("way")
def test_rows_of_few_bytes_are_read_a_thousand_at_a_time(tmp_path):
    """More buffers than a single read takes (IOV_MAX)."""
    numbers = np.arange(12_000, dtype=np.float32).reshape(6_000, 2)
    np.save(tmp_path / "0.npy", numbers)
    rows = np.r_[np.arange(5_999, -1, -1), 17]
    read = reader_of(tmp_path, (2,), np.float32).read(np.zeros_like(rows), rows)
    np.testing.assert_array_equal(read, numbers[rows])


def test_rows_that_touch_are_read_at_once_and_repeated_ones_once(folder, monkeypatch):
    monkeypatch.setattr(shard_reader, "_IF_IN_MEMORY", 0)
    reads, preadv = [], os.preadv
    monkeypatch.setattr(
        os, "preadv", lambda *call: reads.append((call[2], len(call[1]))) or preadv(*call)
    )
    reader_of(folder).read(np.array([1, 2, 1, 1, 1, 1, 2]), np.array([9, 0, 3, 4, 9, 5, 4]))
    size = 24 * 24 * 2
    assert reads == [(128 + row * size, rows) for row, rows in ((3, 3), (9, 1), (0, 1), (4, 1))]


def test_a_disk_hears_of_all_rows_before_it_is_waited_for(folder, monkeypatch):
    calls, preadv, advise = [], os.preadv, os.posix_fadvise
    monkeypatch.setattr(shard_reader, "_IF_IN_MEMORY", 0)
    monkeypatch.setattr(
        shard_reader, "_ADVISE", lambda *call: calls.append(call[3]) or advise(*call)
    )
    monkeypatch.setattr(os, "preadv", lambda *call: calls.append("read") or preadv(*call))
    reader_of(folder).read(np.array([1, 1, 1]), np.array([9, 3, 20]))
    will_need = os.POSIX_FADV_WILLNEED
    assert calls == [os.POSIX_FADV_RANDOM, *[will_need] * 3, *["read"] * 3]


@pytest.mark.parametrize("most", [1, 100, 1153])
def test_a_system_that_gives_less_than_asked_for_is_asked_again(folder, monkeypatch, most):
    preadv = os.preadv

    def short(descriptor, buffers, position):
        left, taken = most, []
        for buffer in buffers:
            taken.append(memoryview(buffer)[:left])
            left -= len(taken[-1])
        return preadv(descriptor, [buffer for buffer in taken if len(buffer)], position)

    monkeypatch.setattr(shard_reader, "_IF_IN_MEMORY", 0)
    monkeypatch.setattr(os, "preadv", short)
    shards, rows = np.array([1, 1, 1, 0]), np.array([4, 5, 6, 2])
    read = reader_of(folder).read(shards, rows)
    np.testing.assert_array_equal(read, expected(folder, shards, rows))


BAD_FILES = {
    "empty": lambda path, _: path.write_bytes(b""),
    "cut within its header": lambda path, _: os.truncate(path, 100),
    "cut": lambda path, _: os.truncate(path, path.stat().st_size - 1),
    "longer": lambda path, _: path.write_bytes(path.read_bytes() + b"1"),
    "no array": lambda path, _: path.write_bytes(b"P" * path.stat().st_size),
    "fewer columns": lambda path, pixels: np.save(path, pixels[..., :12]),
    "another shape": lambda path, pixels: np.save(path, pixels.reshape(-1, 12, 48)),
    "another type": lambda path, pixels: np.save(path, pixels.astype(np.int32)),
    "column by column": lambda path, pixels: np.save(path, np.asfortranarray(pixels)),
    "one number": lambda path, _: np.save(path, np.int16(1)),
    "no numbers": lambda path, _: np.save(path, np.array(["why"] * 40)),
    "gone": lambda path, _: path.unlink(),
}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_is_no_such_shard_is_named_with_the_cure(folder, kind):
    path = folder / "1.npy"
    BAD_FILES[kind](path, np.load(path))
    reader = reader_of(folder)
    with pytest.raises(ValueError, match=rf"{path} cannot be read: .*\. {CURE}"):
        reader.read(np.array([0, 1]), np.array([0, 0]))
    zero = np.array([0])
    np.testing.assert_array_equal(reader.read(zero, zero), expected(folder, zero, zero))


@pytest.mark.usefixtures("way")
def test_a_file_that_is_cut_while_it_is_open_is_named(folder):
    reader, path = reader_of(folder), folder / "1.npy"
    shards, rows = np.array([1, 1]), np.array([3, 30])
    reader.read(shards, rows)
    os.truncate(path, 128 + 10 * 24 * 24 * 2)
    with pytest.raises(ValueError, match=rf"{path} cannot be read: it ends at byte .*{CURE}"):
        reader.read(shards, rows)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("rows", [[40], [39, 40], [37, 38, 39, 40], [2**31]])
def test_a_row_that_a_file_does_not_have_is_named(folder, rows):
    with pytest.raises(ValueError, match=r"1\.npy cannot be read: it has 40 rows, and none of"):
        reader_of(folder).read(np.ones_like(rows), np.array(rows))


@pytest.mark.usefixtures("way")
def test_threads_share_a_reader_that_closes_files_while_others_read(folder, monkeypatch):
    monkeypatch.setattr(shard_reader, "_MOST_OPEN", 1)
    reader, wrong = reader_of(folder), []
    turns = [
        (100 * seed + turn, *draw(100 * seed + turn, 30)) for seed in range(6) for turn in range(40)
    ]
    held = {number: expected(folder, shards, rows) for number, shards, rows in turns}

    def read_often(seed):
        for number, shards, rows in turns[40 * seed : 40 * (seed + 1)]:
            if not np.array_equal(reader.read(shards, rows), held[number]):
                wrong.append(number)

    threads = [threading.Thread(target=read_often, args=[seed]) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.usefixtures("way")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_reads_with_its_parents_reader(folder):
    reader = reader_of(folder)
    shards, rows = draw(1, 30)
    reader.read(shards, rows)
    child = os.fork()
    if not child:
        status = 1
        try:
            same = np.array_equal(reader.read(shards, rows), expected(folder, shards, rows))
            status = 0 if same else 2
        finally:
            os._exit(status)
    np.testing.assert_array_equal(reader.read(shards, rows), expected(folder, shards, rows))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc, as Linux has it")
def test_only_so_many_files_are_open_and_none_afterwards(folder, monkeypatch):
    monkeypatch.setattr(shard_reader, "_MOST_OPEN", 2)

    def opened():
        files = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
        return {path.name for path in files if path.parent == folder}

    reader = reader_of(folder)
    reader.read(*draw(1, 30))
    assert opened() == {"1.npy", "2.npy"}
    del reader
    assert not opened()


def test_rows_nearly_together_are_announced_as_one_with_those_between(tmp_path, monkeypatch):
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", np.zeros((100, 4), np.int16))
    asked = []
    monkeypatch.setattr(
        shard_reader._OpenShard,
        "announce",
        lambda shard, row, count: asked.append((shard._path.name, row, count)),
    )
    reader = shard_reader.ShardReader(
        lambda number: tmp_path / f"{number}.npy", (4,), np.int16, "Mend it."
    )
    rows = np.array([9, 3, 3, 4, 20, 25, 31, 99, 0])
    shards = np.array([0, 0, 0, 0, 0, 0, 0, 0, 1])
    reader.announce(shards, rows)
    assert asked == [
        ("0.npy", 3, 7),
        ("0.npy", 20, 6),
        ("0.npy", 31, 1),
        ("0.npy", 99, 1),
        ("1.npy", 0, 1),
    ]
    reader.announce(shards[:0], rows[:0])
    assert len(asked) == 5
