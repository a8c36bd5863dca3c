import gzip
import multiprocessing
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from ichreport.data.dicom.reject import kind_of_reason
from ichreport.data.ingest import sources
from ichreport.data.ingest.make_store import ingest, ingest_part
from ichreport.data.ingest.reject_limit import RejectLimit
from ichreport.data.ingest.shards import shard_plan
from ichreport.data.store import Store, verify
from ichreport.files import folder_lock, sha256_of_file, write_sealed_json


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(sources, "_SMALLEST_CHUNK", 16)


@pytest.fixture
def source(tmp_path, write_challenge):
    return tmp_path / "rsna", write_challenge(tmp_path / "rsna", patients=4, series=2, slices=15)


def files_of(store):
    return {p.name: p.read_bytes() for p in store.iterdir() if p.name != ".lock"}


def run(source, store, **words):
    return ingest(source, store, **({"image_size": 16, "progress": False, "series": "all"} | words))


def stamps(store):
    return {p.name: p.stat().st_mtime_ns for p in store.iterdir() if p.suffix == ".npy"}


def test_two_workers_give_the_same_bytes_as_one(source, tmp_path):
    run(source[0], tmp_path / "one")
    run(source[0], tmp_path / "two", workers=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_second_ingest_of_the_same_touches_nothing(source, tmp_path):
    run(source[0], tmp_path / "store")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "store").iterdir() if p.name != ".lock"}
    run(source[0], tmp_path / "store")
    assert {p: p.stat().st_mtime_ns for p in before} == before


def semantic(store):
    """What a store says, whatever its shards are called."""
    slices = store.slices.drop(columns=["shard", "row"])
    return slices, store.hu(np.arange(len(store)))


def assert_same(one, two):
    pd.testing.assert_frame_equal(semantic(one)[0], semantic(two)[0])
    np.testing.assert_array_equal(semantic(one)[1], semantic(two)[1])


@pytest.mark.parametrize("change", ["touched", "changed", "added", "removed"])
def test_a_changed_file_redoes_its_own_shard_and_at_most_the_next(
    source, tmp_path, dicom_bytes, change
):
    folder, written = source
    before = run(folder, tmp_path / "store")
    old, names = stamps(tmp_path / "store"), sorted(written)
    assert len(old) > 2
    victim = folder / "stage_2_train" / f"{names[5]}.dcm"
    if change == "touched":
        os.utime(victim, ns=(1, 1))
    elif change == "changed":
        victim.write_bytes(dicom_bytes(np.full((32, 32), 2024), sop=names[5], patient="ID_new"))
    elif change == "added":
        (folder / "stage_2_train" / "ID_000000000.dcm").write_bytes(
            dicom_bytes(np.full((32, 32), 2024), sop="ID_000000000")
        )
    else:
        victim.unlink()
    after = run(folder, tmp_path / "store")
    new = stamps(tmp_path / "store")
    redone = sum(new[name] != old.get(name) for name in new)
    assert 1 <= redone <= (1 if change in ("touched", "changed") else 2)
    assert verify(tmp_path / "store") == []
    assert_same(after, run(folder, tmp_path / "fresh"))
    if change != "touched":
        assert after.manifest["store_hash"] != before.manifest["store_hash"]


def test_another_recipe_redoes_everything(source, tmp_path):
    run(source[0], tmp_path / "store")
    assert run(source[0], tmp_path / "store", image_size=8).image_size == 8
    run(source[0], tmp_path / "fresh", image_size=8)
    assert files_of(tmp_path / "store") == files_of(tmp_path / "fresh")


def test_other_code_redoes_everything(source, tmp_path, monkeypatch):
    run(source[0], tmp_path / "store")
    old = stamps(tmp_path / "store")
    monkeypatch.setattr(shard_plan, "fingerprint", lambda *_: "0123456789abcdef")
    run(source[0], tmp_path / "store")
    new = stamps(tmp_path / "store")
    assert all(new[name] != old[name] for name in old)


def test_changed_labels_redo_the_index_only(source, tmp_path):
    folder, _ = source
    run(folder, tmp_path / "store")
    old = stamps(tmp_path / "store")
    csv = folder / "stage_2_train.csv"
    csv.write_text(csv.read_text().replace(",1\n", ",0\n"))
    assert run(folder, tmp_path / "store").slices["any"].sum() == 0
    assert stamps(tmp_path / "store") == old


def test_too_many_rejects_stop_with_a_summary_and_leave_no_store(source, tmp_path):
    folder, written = source
    for name in sorted(written)[:2]:
        path = folder / "stage_2_train" / f"{name}.dcm"
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="more than max_reject_share") as stopped:
        run(folder, tmp_path / "store")
    assert "the pixel data are cut" in str(stopped.value)
    assert f"(first: {min(written)}.dcm)" in str(stopped.value)
    with pytest.raises(FileNotFoundError, match="is not a store"):
        Store.open(tmp_path / "store")
    store = run(folder, tmp_path / "store", max_reject_share=0.1)
    assert len(store.rejects) == store.manifest["counts"]["rejects"] == 2
    assert len(store) == 118
    assert list(store.rejects.columns) == ["file", "reason"]
    with pytest.raises(ValueError, match="too many files cannot be used: 2 of 120") as stopped:
        run(folder, tmp_path / "store")
    assert "max_reject_share: 0.0167 would go on without all of them." in str(stopped.value)
    assert len(run(folder, tmp_path / "store", max_reject_share=0.0167)) == 118


@pytest.mark.parametrize("pseudonymise", [False, True])
def test_a_file_s_name_may_be_in_any_bytes(tmp_path, dicom_bytes, pseudonymise):
    contents = {
        b"slice\xff.dcm": dicom_bytes(sop="1.1"),
        b"M\xfcller/\xe4": dicom_bytes(sop="1.2", z=2),
        b"cut\xfe.dcm": dicom_bytes(sop="1.3")[:-9],
    }
    for name, content in contents.items():
        path = tmp_path / "tree" / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    words = {"pseudonymise": pseudonymise, "max_reject_share": 0.5}
    store = run(tmp_path / "tree", tmp_path / "store", **words)
    assert len(store) == 2
    [reject] = store.rejects.to_dict("records")
    assert "cut" in reject["reason"]
    assert pseudonymise or reject["file"] == "cut\\xfe.dcm"
    before = files_of(tmp_path / "store")
    run(tmp_path / "tree", tmp_path / "store", **words)
    assert files_of(tmp_path / "store") == before


def test_what_an_export_holds_beside_slices_is_set_aside_and_stops_nothing(tmp_path, dicom_bytes):
    tree = tmp_path / "tree"
    tree.mkdir()
    slices = [{"sop": f"1.2.{n}", "z": n} for n in range(4)]
    others = {
        "scout": {"extra": [(0x00080008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER")]},
        "reformat": {"tilt": 90},
        "dose": {"replace": {0x00080060: ("CS", "SR")}},
        "colours": {"replace": {0x00280002: ("US", b"\3\0")}},
        "perfusion": {"extra": [(0x00080008, "CS", "DERIVED\\SECONDARY\\PERFUSION")]},
        "density": {"extra": [(0x00281054, "LO", "MGML")]},
    }
    for number, words in enumerate([*slices, *others.values()]):
        name = f"IM{number:04d}"
        (tree / name).write_bytes(dicom_bytes(**{"sop": f"1.3.{number}", **words}))
    for name in ("README.TXT", "viewer.exe", "logo.jpg"):
        (tree / name).write_text("not a slice")
    store = run(tree, tmp_path / "store", max_reject_share=0.0, pseudonymise=False)
    assert len(store) == 4
    counts = store.manifest["counts"]
    assert (counts["rejects"], counts["set_aside"]) == (0, 9)
    assert "a scout view (localizer), not an axial slice" in list(store.set_aside["reason"])
    (tree / "cut.dcm").write_bytes(dicom_bytes(sop="1.4")[:-9])
    (tree / "blank.dcm").write_bytes(bytes(400))
    with pytest.raises(ValueError, match="too many files cannot be used: 2 of 15") as stopped:
        run(tree, tmp_path / "store", pseudonymise=False)
    assert "set aside" not in str(stopped.value)
    whole = run(tree, tmp_path / "store", max_reject_share=0.1334, pseudonymise=False)
    counts = whole.manifest["counts"]
    assert (counts["rejects"], counts["set_aside"], len(whole)) == (2, 9, 4)


def test_the_share_that_is_named_is_enough(tmp_path):
    for files in (100, 103, 753):
        for count in range(1, files + 1):
            rejects = {str(number): "cut" for number in range(count)}
            limit = RejectLimit(files, 0.0, tmp_path)
            limit.add(rejects)
            with pytest.raises(ValueError, match="max_reject_share: ") as stopped:
                limit.check()
            named = float(str(stopped.value).rpartition("max_reject_share: ")[2].split()[0])
            enough = RejectLimit(files, named, tmp_path)
            enough.add(rejects)
            enough.check()


def test_a_folder_without_a_slice_says_why(tmp_path, dicom_bytes):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(3):
        (tree / f"{number}").write_bytes(dicom_bytes(replace={0x00080060: ("CS", "MR")}))
    with pytest.raises(ValueError, match=r"no file of 3 is a slice.\n  3 x the modality is not CT"):
        run(tree, tmp_path / "store")


def test_rejects_of_one_kind_are_counted_together():
    assert kind_of_reason("cut: 12 of 2,048 bytes") == kind_of_reason("cut: 1 of 2,000 bytes")


def test_a_slice_in_two_files_is_kept_once(tmp_path, write_challenge, dicom_bytes):
    write_challenge(tmp_path / "rsna", labels=False)
    tree = tmp_path / "rsna" / "stage_2_train"
    (tree / "deep").mkdir()
    (tree / "deep" / "a").write_bytes(dicom_bytes(np.zeros((32, 32)), sop="ID_twice"))
    (tree / "deep" / "b").write_bytes(dicom_bytes(np.zeros((32, 32)), sop="ID_twice"))
    for path in tree.glob("*.dcm"):
        path.rename(path.with_name("x" + path.name))
    store = run(tree, tmp_path / "store", max_reject_share=0.2, pseudonymise=False)
    assert store.set_aside.to_dict("records") == [
        {"file": "deep/b", "reason": "another file holds the same slice (SOPInstanceUID)"}
    ]
    (row,) = np.flatnonzero(store.slices["sop_instance_uid"] == "ID_twice")
    assert (store.hu([row]) == -1024).all()


def test_other_pixels_under_one_name_are_counted_as_lost(tmp_path, write_challenge, dicom_bytes):
    """As where an anonymiser wrote the same UID into every file."""
    tree = tmp_path / "tree"
    tree.mkdir()
    random = np.random.default_rng(0)
    for number in range(40):
        pixels = random.integers(0, 2000, (32, 32))
        (tree / f"{number:02d}").write_bytes(dicom_bytes(pixels, sop="ID_anonymous"))
    with pytest.raises(ValueError, match=r"39 of 40.*\n  39 x .*other pixels under the same SOP"):
        run(tree, tmp_path / "store", pseudonymise=False)
    with pytest.raises(FileNotFoundError, match="is not a store"):
        Store.open(tmp_path / "store")
    assert len(run(tree, tmp_path / "store", pseudonymise=False, max_reject_share=1)) == 1


def test_slices_of_the_same_pixels_and_other_labels_are_told(source, tmp_path, dicom_bytes):
    folder, written = source
    names = sorted(written, key=lambda name: written[name].position)
    ill = [name for name in names if written[name].labels["any"]]
    well = [name for name in names if not written[name].labels["any"]]
    for name in (ill[0], well[0], *well[1:3]):  # two contradict each other, two blank ones too
        blank = name in (ill[0], well[0])
        pixels = np.full((32, 32), 7) if blank else np.arange(1024).reshape(32, 32)
        if name == well[2]:
            pixels = np.full((32, 32), 7)
        path = folder / "stage_2_train" / f"{name}.dcm"
        path.write_bytes(dicom_bytes(pixels, sop=name))
    same = dicom_bytes(np.arange(1024).reshape(32, 32), sop=ill[1])
    (folder / "stage_2_train" / f"{ill[1]}.dcm").write_bytes(same)
    store = run(folder, tmp_path / "store")
    (issue,) = [f for f in store.manifest["findings"] if "other labels" in f["what"]]
    assert issue["count"] == 2
    assert set(issue["examples"]) == {ill[1], well[1]}


def test_a_file_under_another_slices_name_is_rejected(source, tmp_path):
    folder, written = source
    first, second = (folder / "stage_2_train" / f"{n}.dcm" for n in sorted(written)[:2])
    first.write_bytes(second.read_bytes())
    store = run(folder, tmp_path / "store")
    assert "name and its SOPInstanceUID are not the same" in store.rejects["reason"][0]


def test_equal_z_is_ordered_by_the_slices_id(tmp_path, dicom_bytes):
    tree = tmp_path / "tree"
    tree.mkdir()
    for name, z in [("c", 5.0), ("b", 5.0), ("a", 9.0), ("d", 1.0)]:
        (tree / f"x{name}").write_bytes(dicom_bytes(sop=f"ID_{name}", z=z))
    store = run(tree, tmp_path / "store", pseudonymise=False)
    assert store.slices["sop_instance_uid"].to_list() == ["ID_d", "ID_b", "ID_c", "ID_a"]
    assert store.manifest["rules"]["equal z, ordered by SOP Instance UID"] == 2


def test_every_rule_that_changed_a_slice_is_counted(tmp_path, dicom_bytes):
    tree = tmp_path / "tree"
    tree.mkdir()
    files = {
        "wrap": {"bits": 12, "signed": False, "intercept": "0"},
        "window": {"window": ("1\\2", "3\\4")},
        "padding": {"pixels": np.full((8, 8), 7), "padding": 7},
        "below": {"pixels": np.full((8, 8), -2000)},
        "above": {"pixels": np.full((8, 8), 9000)},
        "shape": {"pixels": np.full((8, 6), 1024)},
        "plain": {},
    }
    for z, (name, words) in enumerate(files.items()):
        (tree / name).write_bytes(dicom_bytes(sop=f"ID_{z:09x}", z=z, **words))
    store = run(tree, tmp_path / "store", image_size=8, pseudonymise=False)
    assert store.manifest["rules"] == {
        "12-bit wrap undone": 1,
        "above 3071 HU clipped": 1,
        "below -1024 HU set to air": 1,
        "first of several windows kept": 1,
        "not square, padded with air": 1,
        "padding value set to air": 1,
    }


def test_a_store_among_its_source_files_is_refused(source):
    with pytest.raises(ValueError, match="must not lie in"):
        run(source[0], source[0] / "stage_2_train" / "store")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"image_size": 0}, r"image_size must be in \[1, 4096\] pixels, got 0"),
        ({"max_reject_share": 2}, r"max_reject_share must be in \[0, 1\], got 2"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(source, tmp_path, words, message):
    with pytest.raises(ValueError, match=message):
        run(source[0], tmp_path / "store", **words)


def test_a_missing_source_makes_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is neither a folder nor a zip"):
        run(tmp_path / "nowhere", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_damaged_labels_of_synthetic_heads_are_refused_by_name(tmp_path, write_challenge):
    folder = tmp_path / "rsna"
    write_challenge(folder, patients=2, slices=6, truth=True)
    labels = folder / "stage_2_train.csv"
    text = labels.read_text()
    labels.write_text(text.replace(",0", ",1", 1))
    cure = r"Remove .*phantom\.json; make report or `ichreport phantom` makes the heads anew\."
    with pytest.raises(ValueError, match=rf"stage_2_train\.csv is damaged: .* {cure}"):
        run(folder, tmp_path / "store")
    labels.write_text(text)
    described = folder / "phantom.json"
    for content in ("", "[]", "{}", described.read_text().replace('"', "", 1)):
        described.write_text(content)
        with pytest.raises(ValueError, match=rf"phantom\.json is damaged \(.*\)\. {cure}"):
            run(folder, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_missing_labels_say_what_is_expected_where(source, tmp_path):
    (source[0] / "stage_2_train.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"stage_2_train.csv is missing. Expected"):
        run(source[0], tmp_path / "store")


def test_an_empty_folder_is_no_source(tmp_path):
    (tmp_path / "tree").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no DICOM files"):
        run(tmp_path / "tree", tmp_path / "store")


def test_two_ingests_of_one_store_do_not_mix(source, tmp_path):
    with folder_lock(tmp_path / "store"), pytest.raises(OSError, match="written by another"):
        run(source[0], tmp_path / "store", wait_seconds=0.2)


def test_the_bytes_of_a_store_are_those_of_before(tmp_path, dicom_bytes):
    """When this fails, the same files give another store: all trainings on it are made anew."""
    tree = tmp_path / "tree"
    tree.mkdir()
    stored = np.random.default_rng(0).integers(-2000, 4096, (12, 10, 14))
    for z, pixels in enumerate(stored):
        bits = 12 if z % 2 else 16
        words = {"bits": bits, "signed": bits == 16, "intercept": "0" if z % 5 == 1 else "-1024"}
        (tree / f"{z:02}").write_bytes(
            dicom_bytes(pixels if bits == 16 else pixels.clip(0), sop=f"ID_{z:09x}", z=z, **words)
        )
    store = run(tree, tmp_path / "store", image_size=6, pseudonymise=False)
    (shard_hash,) = store.manifest["shards"].values()
    assert shard_hash[:16] == "b5316cda8d84d244"


def run_part(source, store, text, **words):
    recipe = {"image_size": 16, "progress": False} | words
    ingest_part(source, store, shard_plan.IngestPart.parse(text), **recipe)


def test_parts_in_any_order_and_a_whole_ingest_give_the_bytes_of_one_ingest(source, tmp_path):
    run(source[0], tmp_path / "one")
    for text in ("3/3", "1/3", "2/3"):
        run_part(source[0], tmp_path / "parts", text)
    made = stamps(tmp_path / "parts")
    run(source[0], tmp_path / "parts")
    assert stamps(tmp_path / "parts") == made
    assert files_of(tmp_path / "one") == files_of(tmp_path / "parts")


def test_a_key_that_is_gone_is_not_replaced_by_another(source, tmp_path):
    """All pseudonyms would change, and nobody could trace those of earlier findings."""
    key, store = tmp_path / "a.key", tmp_path / "store"
    run(source[0], store, pseudonymise=True, key_file=key)
    before = files_of(store)
    key.rename(tmp_path / "away")
    (store / "manifest.json").unlink()  # as a workflow does before it makes it anew
    with pytest.raises(ValueError, match=r"a\.key is missing, the key of the pseudonyms"):
        run(source[0], store, pseudonymise=True, key_file=key)
    assert not key.exists()
    (tmp_path / "away").rename(key)
    run(source[0], store, pseudonymise=True, key_file=key)
    assert files_of(store) == before


def run_part_in_small_chunks(*arguments, **words):
    sources._SMALLEST_CHUNK = 16  # a new process has not been patched
    run_part(*arguments, **words)


def test_parts_at_the_same_time_agree_on_shards_and_on_a_key(source, tmp_path):
    words = {"pseudonymise": True, "key_file": tmp_path / "key"}
    start = multiprocessing.get_context("spawn").Process
    parts = [
        start(
            target=run_part_in_small_chunks, args=(source[0], tmp_path / "parts", n), kwargs=words
        )
        for n in ("1/2", "2/2")
    ]
    for process in parts:
        process.start()
    for process in parts:
        process.join()
    assert [process.exitcode for process in parts] == [0, 0]
    made = stamps(tmp_path / "parts")
    both = run(source[0], tmp_path / "parts", **words)
    assert stamps(tmp_path / "parts") == made
    assert len(made) > 2
    assert_same(run(source[0], tmp_path / "one", **words), both)


def test_shards_keep_their_numbers_while_others_appear(source, tmp_path):
    """Some shards of another state of the source are there, so that numbers are not in order."""
    folder, written = source
    run(folder, tmp_path / "store")
    for name in sorted(written)[::40]:
        os.utime(folder / "stage_2_train" / f"{name}.dcm", ns=(1, 1))
    expected = shutil.copytree(tmp_path / "store", tmp_path / "expected")
    run(folder, expected)
    for text in ("2/3", "3/3", "1/3"):
        run_part(folder, tmp_path / "store", text)
    run(folder, tmp_path / "store")
    assert files_of(tmp_path / "store") == files_of(expected)


def test_a_part_of_a_finished_store_leaves_it_finished(source, tmp_path):
    run(source[0], tmp_path / "store")
    before = files_of(tmp_path / "store")
    run_part(source[0], tmp_path / "store", "1/2")
    assert files_of(tmp_path / "store") == before


def test_a_store_with_only_some_of_its_parts_is_no_store(source, tmp_path):
    run_part(source[0], tmp_path / "store", "1/2")
    assert list((tmp_path / "store").glob("hu-*.npy"))
    with pytest.raises(FileNotFoundError):
        Store.open(tmp_path / "store")


def test_a_part_stops_at_labels_that_cannot_be_used(source, tmp_path):
    (source[0] / "stage_2_train.csv").write_text("nonsense\n")
    with pytest.raises(ValueError, match=r"stage_2_train\.csv"):
        run_part(source[0], tmp_path / "store", "1/2")
    assert not list((tmp_path / "store").glob("hu-*"))


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "1/2/3", "-1/2", "a/b", "1/0"])
def test_a_part_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match="part"):
        shard_plan.IngestPart.parse(text)


def test_the_parts_of_a_plan_share_its_shards_out(source, tmp_path):
    recognised = sources.recognise_source(source[0])
    recipe = {
        "image_size": 16, "by_study": False, "pseudonyms": None, "seconds_per_file": 30.0
    }  # fmt: skip
    whole = shard_plan.make_plan(
        recognised, sources.list_files(recognised), tmp_path / "store", **recipe
    )
    parts = [whole.part(shard_plan.IngestPart(number, 4)) for number in (1, 2, 3, 4)]
    shared = sorted(task.number for part in parts for task in part.tasks)
    assert shared == [task.number for task in whole.tasks]
    assert sum(part.file_count for part in parts) == whole.file_count


def test_masks_are_found_beside_compressed_files_too(tmp_path, write_challenge):
    folder = tmp_path / "rsna"
    write_challenge(folder, patients=2, truth=True)
    before = run(folder, tmp_path / "one").truth(np.arange(12))
    for path in sorted((folder / "stage_2_train").iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    store = run(folder, tmp_path / "two")
    assert store.manifest["challenge"]
    np.testing.assert_array_equal(store.truth(np.arange(12)), before)
    assert before.any()


def test_heads_that_are_known_to_be_synthetic_later_are_another_store(source, tmp_path):
    assert not run(source[0], tmp_path / "store").manifest["synthetic"]
    labels_hash = sha256_of_file(source[0] / "stage_2_train.csv")
    write_sealed_json(source[0] / "phantom.json", {"labels_sha256": labels_hash})
    assert run(source[0], tmp_path / "store").manifest["synthetic"]


def test_what_lies_beside_slices_is_set_aside_and_plain_data_sets_are_read(tmp_path, dicom_bytes):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(4):
        whole = dicom_bytes(sop=f"1.{number}", z=number, syntax="1.2.840.10008.1.2")
        start = whole.index(b"\x08\x00\x18\x00", 132)  # without preamble and meta information
        (tree / f"slice{number}.dat").write_bytes(whole[start:])
    others = (
        "Thumbs.db",
        "setup.cab",
        "font.ttf",
        "film.avi",
        "list.xlsx",
        "a.txt.gz",
        "viewer.exe",
    )
    for name in others:
        content = b"PK\x03\x04\xff" if name.endswith("xlsx") else b"\xd0\xcf\x11\xe0"
        (tree / name).write_bytes(gzip.compress(b"text") if name.endswith("gz") else content)
    (tree / "LICENSE").write_text("Do as you like.\n")
    store = run(tree, tmp_path / "store", max_reject_share=0.0, pseudonymise=False)
    assert len(store) == 4
    assert set(store.set_aside["file"]) == {*others, "LICENSE"}
