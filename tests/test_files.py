"""Files that are whole or absent."""

import hashlib
import threading
import time

import pytest
from filelock import Timeout

from ichreport.files import (
    atomic_file,
    folder_lock,
    read_json,
    sha256_of_file,
    sha256_of_json,
    write_json,
)


def test_a_written_file_replaces_the_old_one(tmp_path):
    path = tmp_path / "a" / "x.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert read_json(path) == {"a": 2}
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


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
        time.sleep(0.2)
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
