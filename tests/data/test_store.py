import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from ichreport.data import store as store_module
from ichreport.data.ingest.make_store import ingest
from ichreport.data.shards import shard_reader
from ichreport.data.store import Store, verify
from ichreport.labels import LABELS


@pytest.fixture(scope="module")
def source(tmp_path_factory, write_challenge):
    folder = tmp_path_factory.mktemp("source")
    written = write_challenge(folder, patients=6, series=2, slices=25, size=16, truth=True)
    return folder, written


@pytest.fixture(scope="module")
def store(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "store"
    return ingest(source[0], folder, image_size=16, progress=False)


@pytest.fixture
def copy(store, tmp_path):
    return shutil.copytree(store.folder, tmp_path / "store")


def test_every_slice_comes_back_with_its_labels_and_mask(store, source):
    assert len(store) == len(source[1]) == 300
    assert len(set(store.slices["shard"])) > 1
    rows = np.random.default_rng(0).permutation(len(store))
    hu, truth = store.hu(rows), store.truth(rows)
    assert hu.dtype == np.int16
    for index, row in enumerate(rows):
        expected = source[1][store.slices["sop_instance_uid"][row]]
        np.testing.assert_array_equal(hu[index], expected.hu)
        np.testing.assert_array_equal(truth[index], expected.mask)
        labels = store.slices.loc[row, list(LABELS)].to_dict()
        assert labels == {label: int(value) for label, value in expected.labels.items()}


def test_slices_are_sorted_by_patient_study_series_and_z(store):
    order = ["patient_id", "study_instance_uid", "series_instance_uid", "z", "sop_instance_uid"]
    pd.testing.assert_frame_equal(store.slices, store.slices.sort_values(order, ignore_index=True))
    assert isinstance(store.slices.index, pd.RangeIndex)


@pytest.mark.parametrize("reach", [1, 2])
def test_neighbours_stay_within_the_series(store, reach):
    rows = np.arange(len(store))[::-1]
    adjacent = store.adjacent_hu(rows, reach)
    assert adjacent.shape == (len(store), 2 * reach + 1, 16, 16)
    for index, row in enumerate(rows):
        series = store.slices["series_instance_uid"]
        mine = np.flatnonzero(series == series[row])
        expected = [min(max(row + k, mine[0]), mine[-1]) for k in range(-reach, reach + 1)]
        np.testing.assert_array_equal(adjacent[index], store.hu(expected))


def test_a_slice_that_several_rows_have_as_neighbour_is_read_once(store, monkeypatch):
    read, preadv = [], os.preadv
    monkeypatch.setattr(shard_reader, "_IF_IN_MEMORY", 0)
    monkeypatch.setattr(os, "preadv", lambda *call: read.extend(map(len, call[1])) or preadv(*call))
    rows = np.arange(25)
    adjacent = Store.open(store.folder).adjacent_hu(rows)
    assert sum(read) == 25 * 16 * 16 * 2
    np.testing.assert_array_equal(adjacent[:, 2], store.hu([*rows[1:], 24]))


def test_the_order_of_storage_goes_through_each_shard_from_its_start(store):
    rows = np.random.default_rng(0).permutation(len(store))[:50]
    ordered = store.in_order_of_storage(rows)
    assert sorted(ordered) == sorted(rows)
    places = store.slices.loc[ordered, ["shard", "row"]].apply(tuple, axis=1).to_list()
    assert places == sorted(places)


def test_repeated_rows_and_no_rows_are_served(store):
    np.testing.assert_array_equal(store.hu([3, 3, 3]), store.hu([3])[[0, 0, 0]])
    assert store.hu([]).shape == (0, 16, 16)
    assert store.adjacent_hu([]).shape == (0, 3, 16, 16)
    assert store.truth([]).shape == (0, 16, 16)


@pytest.mark.parametrize("rows", [[-1], [300], [0, 5000]])
def test_a_row_outside_the_store_is_refused(store, rows):
    with pytest.raises(IndexError, match=r"rows must be in \[0, 300\), got"):
        store.hu(rows)


@pytest.mark.parametrize("rows", [[0.5], [[1, 2]], 3, ["a"]])
def test_rows_must_be_a_row_of_integers(store, rows):
    with pytest.raises(TypeError, match="rows must be a one-dimensional integer array"):
        store.hu(rows)


def test_a_boolean_mask_is_no_list_of_rows(store):
    with pytest.raises(TypeError, match="got bool"):
        store.hu(np.ones(300, dtype=bool))


def test_a_store_without_masks_says_so(tmp_path, write_challenge):
    write_challenge(tmp_path / "rsna", slices=4)
    store = ingest(tmp_path / "rsna", tmp_path / "store", image_size=16, progress=False)
    assert not store.has_truth
    assert not store.manifest["synthetic"]
    with pytest.raises(ValueError, match="has no masks of bleeds"):
        store.truth([0])


def test_a_folder_without_a_manifest_is_no_store(copy):
    (copy / "manifest.json").unlink()
    with pytest.raises(
        FileNotFoundError,
        match=r"not a store: it has no manifest.* Run `make report`, or `ichreport ingest` with",
    ):
        Store.open(copy)
    assert len(verify(copy)) == 1


@pytest.mark.parametrize(
    ("manifest", "received"), [({"format": 0}, "0"), ({"counts": {}}, "None"), ([], "None")]
)
def test_a_store_of_another_format_is_refused_in_one_line_that_names_the_cure(
    copy, manifest, received
):
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="another version of ichreport") as refused:
        Store.open(copy)
    assert str(refused.value) == (
        f"{copy / 'manifest.json'}: the store has format {received}, expected 2; another version "
        "of ichreport made it. `make report` or `ichreport ingest` makes it anew."
    )
    assert verify(copy) == [str(refused.value)]


@pytest.mark.parametrize("name", ["manifest.json", "slices.parquet", "rejects.parquet"])
def test_a_store_of_which_a_byte_has_changed_does_not_open(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is (damaged|not readable)"):
        Store.open(copy)


@pytest.mark.parametrize("harm", ["flip", "cut", "gone"])
@pytest.mark.parametrize("name", ["hu-00000.npy", "truth-00000.npy"])
def test_a_shard_is_compared_with_its_hash_before_it_is_read(copy, name, harm):
    path = copy / name
    content = bytearray(path.read_bytes())
    content[-9] ^= 4
    {
        "flip": lambda: path.write_bytes(content),
        "cut": lambda: path.write_bytes(content[:-1000]),
        "gone": path.unlink,
    }[harm]()
    damaged = Store.open(copy)
    with pytest.raises(ValueError, match=rf"{name} .*Delete it and run `ichreport ingest` again"):
        (damaged.hu if name.startswith("hu") else damaged.truth)(np.arange(len(damaged)))
    with pytest.raises(ValueError, match=f"{name} "):
        Store.open(copy).check()


def test_a_slice_is_compared_with_its_hash_as_it_is_read(copy):
    whole = Store.open(copy)
    shutil.rmtree(copy / ".checked", ignore_errors=True)
    path, row = copy / "hu-00000.npy", int(np.flatnonzero(whole.slices["shard"] == 0)[0])
    content = bytearray(path.read_bytes())
    content[128 + int(whole.slices["row"][row]) * 16 * 16 * 2] ^= 1
    path.write_bytes(content)
    others = np.setdiff1d(np.arange(len(whole)), [row])
    damaged = Store.open(copy)
    np.testing.assert_array_equal(damaged.hu(others), whole.hu(others))
    uid = whole.slices["sop_instance_uid"][row]
    with pytest.raises(ValueError, match=rf"hu-00000\.npy is damaged: slice {uid} is another one"):
        damaged.hu([row])


def test_an_index_that_says_another_place_is_found(copy):
    whole = Store.open(copy)
    shutil.rmtree(copy / ".checked", ignore_errors=True)
    moved = whole.slices.copy()
    moved["row"] = moved.groupby("shard")["row"].transform(np.roll, 1)
    with pytest.raises(ValueError, match=r"hu-0000\d\.npy is damaged: slice \S+ is another one"):
        Store(copy, whole.manifest, moved, whole.series, whole.rejects, whole.set_aside).hu([0])


def test_a_shard_of_slices_of_another_size_is_refused_by_name_with_the_cure(copy):
    path = copy / "hu-00001.npy"
    np.save(path, np.load(path)[:, ::2, ::2])
    replaced = Store.open(copy)
    row = int(np.flatnonzero(replaced.slices["shard"] == 1)[0])
    with pytest.raises(ValueError, match=rf"{path} cannot be read: .*\(16, 16\)\. Delete it and"):
        replaced.hu([row])


def test_a_shard_is_hashed_once_as_long_as_nobody_touches_it(copy, monkeypatch):
    shutil.rmtree(copy / ".checked", ignore_errors=True)
    hashed, original = [], store_module._hash_of_shard
    monkeypatch.setattr(
        store_module, "_hash_of_shard", lambda path: hashed.append(path.name) or original(path)
    )
    Store.open(copy).check()
    shards = sorted(hashed)
    assert shards == sorted(Store.open(copy).manifest["shards"])
    Store.open(copy).check()
    assert len(hashed) == len(shards)
    os.utime(copy / "hu-00000.npy", (1, 1))
    Store.open(copy).check()
    assert hashed[len(shards) :] == ["hu-00000.npy"]


def test_an_ingest_makes_a_store_of_another_format_anew(source, store, copy):
    path = copy / "manifest.json"
    path.write_text(json.dumps(store.manifest | {"format": 0}))
    made = ingest(source[0], copy, image_size=16, progress=False)
    assert made.manifest == store.manifest
    assert verify(copy) == []


def test_a_whole_store_has_no_problems(store):
    assert verify(store.folder) == []


def test_a_flipped_byte_is_found_and_its_file_named_wherever_it_is(copy):
    random = np.random.default_rng(1)
    files = sorted(path for path in copy.iterdir() if path.name not in (".lock", ".checked"))
    assert {path.suffix for path in files} == {".npy", ".parquet", ".json"}
    for path in files:
        content = path.read_bytes()
        for index in {0, len(content) - 1, *random.integers(0, len(content), 12).tolist()}:
            broken = bytearray(content)
            broken[index] ^= 1 << int(random.integers(8))
            path.write_bytes(broken)
            problems = verify(copy)
            assert len(problems) == 1, (path, index)
            assert path.name in problems[0]
        path.write_bytes(content)
    assert verify(copy) == []


def test_missing_and_cut_files_are_found(copy):
    (copy / "hu-00000.npy").write_bytes((copy / "hu-00000.npy").read_bytes()[:-1])
    (copy / "hu-00001.npy").unlink()
    problems = "\n".join(verify(copy))
    assert "hu-00000.npy" in problems
    assert "hu-00001.npy" in problems


def test_shards_are_plain_npy_files(store):
    manifest = store.manifest
    shards = [name for name in manifest["shards"] if name.startswith("hu-")]
    total = sum(len(np.load(store.folder / name, allow_pickle=False)) for name in shards)
    assert total == manifest["counts"]["slices"] == 300
    assert manifest["counts"]["patients"] == 6
    assert manifest["counts"]["series"] == 12


def test_what_is_announced_is_checked_and_changes_nothing(copy):
    store = Store.open(copy)
    rows = np.array([5, 3, 3, len(store) - 1])
    before = store.hu(rows)
    store.announce(rows)
    store.announce(rows[:0])
    np.testing.assert_array_equal(store.hu(rows), before)
    with pytest.raises(IndexError, match=r"rows must be in \[0, "):
        store.announce([len(store)])
