"""Files that are whole or absent."""

import errno
import hashlib
import stat
import subprocess
import sys
import tempfile
import threading
import time
from zipfile import ZipFile

import h5py
import numpy as np
import pandas as pd
import pytest
from filelock import Timeout

from ichreport.files import (
    as_size,
    atomic_file,
    check_space,
    folder_lock,
    private_folder,
    read_json,
    remove_partials,
    sha256_of_file,
    sha256_of_json,
    write_json,
    write_text,
)


def test_a_written_file_replaces_the_old_one(tmp_path):
    path = tmp_path / "a" / "x.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert read_json(path) == {"a": 2}
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("mounting a small disk needs the rights of root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def zipped(path):
    with ZipFile(path, "w") as archive:
        archive.writestr("a", bytes(10**6))


def hierarchical(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.zeros(10**6))


WRITERS = {
    "text": lambda path: write_text(path, "x" * 10**6),
    "numpy": lambda path: np.save(path, np.zeros(10**6)),
    "parquet": lambda path: pd.DataFrame({"a": np.random.default_rng(0).random(10**6)}).to_parquet(
        path
    ),
    "zip": zipped,
    "h5": hierarchical,
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_one_error_that_says_where_what_is_needed_and_free(tiny_disk, writer):
    path = tiny_disk / "folder" / "file.npy"

    def write():
        with atomic_file(path) as partial:
            WRITERS[writer](partial)

    with pytest.raises(OSError, match=r"The disk is full: .* needed, .* free") as caught:
        write()
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename in (str(path), str(path.parent))
    assert list(path.parent.iterdir()) == []


def test_what_a_file_needs_is_named_where_it_is_known(tiny_disk):
    with pytest.raises(OSError, match=r"The disk is full: 1 MB needed, 2\d\d kB free"):
        write_text(tiny_disk / "page.html", "x" * 10**6)


def test_what_a_disk_has_no_room_for_is_not_begun(tiny_disk):
    check_space(tiny_disk / "features", 10**5)
    with pytest.raises(OSError, match=r"The disk is full: 3\.0 GB needed, 2\d\d kB free"):
        check_space(tiny_disk / "features", 3 * 10**9)
    assert list(tiny_disk.iterdir()) == []


def test_another_error_of_the_machine_stays_itself(tmp_path):
    def write():
        with atomic_file(tmp_path / "a"):
            raise PermissionError(errno.EACCES, "no", "a")

    with pytest.raises(PermissionError, match="no"):
        write()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (2 * 10**6, "2 MB"),
        (12 * 10**11, "1,200.0 GB"),
    ],
)
def test_a_size_is_written_in_units_of_a_thousand(number, words):
    assert as_size(number) == words


def test_what_killed_writers_have_left_goes_and_nothing_else(tmp_path):
    kept = tmp_path / "runs" / "a.partial.json"
    write_json(kept, {})
    code = (
        "import os, pathlib, sys\nfrom ichreport.files import atomic_file\n"
        "with atomic_file(pathlib.Path(sys.argv[1])) as partial:\n"
        "    partial.write_text('half')\n    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "runs" / "b.json"], check=False)
    assert len(list((tmp_path / "runs").iterdir())) == 2
    remove_partials(tmp_path)
    assert list((tmp_path / "runs").iterdir()) == [kept]


def test_a_private_folder_has_room_for_a_sockets_name_and_is_ones_own(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folder = private_folder("ichreport-test-")
    try:
        assert len(str(folder / "kernel-5")) < 100
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        folder.rmdir()


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")

    def write_half():
        with atomic_file(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_partial_file_keeps_the_suffix_that_writers_look_at(tmp_path):
    with atomic_file(tmp_path / "x.weights.h5") as partial:
        assert partial.name.endswith(".h5")
        assert partial.parent == tmp_path
        partial.write_bytes(b"")


def test_nan_has_no_place_in_json(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_broken_json_is_named(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ValueError, match=r"x\.json is not readable as JSON"):
        read_json(tmp_path / "x.json")


def test_hashes_agree_with_hashlib(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_of_file(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
    assert sha256_of_json({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()


def test_a_locked_folder_is_held_by_one_at_a_time_and_who_waits_says_so(tmp_path, caplog):
    events = []

    def second():
        with folder_lock(tmp_path):
            events.append("second")

    with folder_lock(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 60
        while not caplog.messages and time.monotonic() < deadline:
            time.sleep(0.01)
        events.append("first")
    thread.join()
    assert events == ["first", "second"]
    assert caplog.messages == [f"{tmp_path} is held by another process; waiting for it."]


def test_a_free_folder_is_held_without_a_word(tmp_path, caplog):
    for _ in range(2):
        with folder_lock(tmp_path, timeout=0):
            pass
    assert caplog.messages == []


def test_who_may_not_wait_long_gives_up(tmp_path):
    with folder_lock(tmp_path), pytest.raises(Timeout), folder_lock(tmp_path, timeout=0.1):
        pass
