"""Whatever happens to an ingest, the store is whole or no store, and the next ingest mends it."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from ichreport.data.ingest import sources
from ichreport.data.ingest.make_store import ingest
from ichreport.data.shards import shard_files
from ichreport.data.shards.shard_files import ArrayFile
from ichreport.data.store import Store, verify

pytestmark = pytest.mark.slow

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="module")
def source(tmp_path_factory, write_challenge):
    folder = tmp_path_factory.mktemp("source")
    write_challenge(folder, patients=3, slices=12, truth=True)
    return folder


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(sources, "_SMALLEST_CHUNK", 16)


def run(source, store, **words):
    return ingest(source, store, **({"image_size": 16, "progress": False} | words))


def content(store):
    return {path.name: path.read_bytes() for path in store.iterdir() if path.name != ".lock"}


@pytest.fixture(scope="module", params=["folder", "zip"])
def outcome(request, source, tmp_path_factory):
    """What became of ingests killed at random moments and before every step that writes."""
    script = Path(__file__).with_name("interrupted_ingests.py")
    kills, stride = 12, 1
    if request.param == "zip":  # what differs is reading alone: fewer do
        made = shutil.make_archive(tmp_path_factory.mktemp("zip") / "source", "zip", source)
        source, kills, stride = Path(made), 4, 5
    work = tmp_path_factory.mktemp("work")
    done = subprocess.run(
        [sys.executable, script, source, work, str(kills), str(stride)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_kills_at_random_moments_leave_nothing_that_reads_as_done_but_is_not(outcome):
    assert outcome["random"].count(9) == outcome["kills"]
    assert outcome["half"] == []


def test_kills_before_every_write_step_were_tried(outcome):
    assert set(outcome["steps"][:-1]) == {9}
    assert outcome["steps"][-1] == 0
    assert len(outcome["steps"]) > 20 / outcome["stride"]


def test_an_ingest_after_any_kill_gives_the_same_bytes_as_an_undisturbed_one(outcome):
    assert outcome["unequal"] == []


def test_stale_partial_files_were_left_and_then_collected(outcome):
    assert outcome["stale"] > 0


def test_of_two_ingests_at_once_one_waits_and_both_end_well(outcome):
    assert outcome["together"] == [0, 0]
    assert outcome["together_equal"]


def test_a_disk_that_is_too_small_stops_before_the_work_starts(source, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 40_000))
    with pytest.raises(OSError, match=r"too little room. Needed: 49.2 kB, free: 40 kB"):
        run(source, tmp_path / "store")
    assert [path.name for path in (tmp_path / "store").iterdir()] == [".lock"]


@pytest.mark.parametrize("flushed_at_once", [2**23, 512])
@pytest.mark.parametrize("step", [0, 7, 20, 30, 40])
def test_a_disk_that_fills_up_leaves_no_store_and_the_rest_goes_on_later(
    source, tmp_path, monkeypatch, step, flushed_at_once
):
    monkeypatch.setattr(shard_files, "_FLUSH_BYTES", flushed_at_once)
    run(source, tmp_path / "reference")
    left = [step]

    def failing(function):
        def call(*arguments, **words):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*arguments, **words)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(ArrayFile, "append", failing(ArrayFile.append))
        patch.setattr(os, "fsync", failing(os.fsync))
        with pytest.raises(OSError, match=r"the disk is full. The whole store needs about 49"):
            run(source, tmp_path / "store")
    with pytest.raises(FileNotFoundError, match="is not a store"):
        Store.open(tmp_path / "store")
    assert list((tmp_path / "store").glob(".*partial*")) == []
    run(source, tmp_path / "store")
    assert content(tmp_path / "store") == content(tmp_path / "reference")


def test_a_damaged_shard_is_made_anew_once_it_is_deleted(source, tmp_path):
    run(source, tmp_path / "store")
    before = content(tmp_path / "store")
    shard = tmp_path / "store" / "hu-00001.npy"
    broken = bytearray(shard.read_bytes())
    broken[3000] ^= 1
    shard.write_bytes(broken)
    (problem,) = verify(tmp_path / "store")
    assert "hu-00001.npy is damaged" in problem
    assert "Delete it and run `ichreport ingest` again" in problem
    shard.unlink()
    run(source, tmp_path / "store")
    assert content(tmp_path / "store") == before


@pytest.mark.parametrize("name", ["hu-00000.parquet", "hu-00000.json"])
@pytest.mark.parametrize("share", [0.02, 0.4, 0.8, 0.99])
def test_a_shard_whose_table_or_note_was_damaged_before_the_end_is_made_anew(
    source, tmp_path, name, share
):
    store = tmp_path / "store"
    run(source, store)
    before = content(store)
    (store / "manifest.json").unlink()  # as a kill before the end leaves it
    table = store / name
    damaged = bytearray(table.read_bytes())
    damaged[int(share * len(damaged))] ^= 1
    table.write_bytes(damaged)
    run(source, store)
    assert content(store) == before


def test_the_table_of_another_shard_is_none_of_this_one(source, tmp_path):
    store = tmp_path / "store"
    run(source, store)
    before = content(store)
    (store / "manifest.json").unlink()
    for kind in ("parquet", "json"):
        shutil.copy(store / f"hu-00001.{kind}", store / f"hu-00000.{kind}")
    run(source, store)
    assert content(store) == before


def test_files_that_are_not_the_stores_are_left_alone(source, tmp_path):
    (tmp_path / "store").mkdir()
    for name in ("notes.txt", "hu-mine.npy", ".hidden", "hu-99999.npy", ".hu-00000-x.partial.npy"):
        (tmp_path / "store" / name).write_text("mine")
    run(source, tmp_path / "store")
    left = {path.name for path in (tmp_path / "store").iterdir()}
    assert {"notes.txt", "hu-mine.npy", ".hidden", ".hu-00000-x.partial.npy"} <= left
    assert "hu-99999.npy" not in left  # named like a shard that no chunk needs


def test_a_file_that_cannot_be_opened_is_tried_again(source, tmp_path):
    folder = shutil.copytree(source, tmp_path / "rsna")
    victim = min((folder / "stage_2_train").glob("*.dcm"))
    status = victim.stat()
    target = tmp_path / "elsewhere.dcm"
    victim.rename(target)
    victim.symlink_to(tmp_path / "loop")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    store = run(folder, tmp_path / "store", max_reject_share=0.1)
    assert "cannot be opened" in store.rejects["reason"][0]
    victim.unlink()
    target.rename(victim)
    assert victim.stat().st_mtime_ns == status.st_mtime_ns
    assert len(run(folder, tmp_path / "store", max_reject_share=0.1)) == 36
