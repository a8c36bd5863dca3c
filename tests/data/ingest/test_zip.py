"""A source in a zip gives the same store as the folder, and a hostile zip is refused."""

import gzip
import io
import json
import re
import struct
import zipfile

import numpy as np
import pytest

from ichreport.data.dicom.reject import RejectError
from ichreport.data.ingest import sources
from ichreport.data.ingest.archives import ArchiveError, list_members
from ichreport.data.ingest.file_reader import FileReader
from ichreport.data.ingest.make_store import ingest
from ichreport.data.ingest.sources import SourceFile, list_files, recognise_source
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.files import write_sealed_json
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom

TOP = "rsna-intracranial-hemorrhage-detection"


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(sources, "_SMALLEST_CHUNK", 16)


def run(source, store, **words):
    return ingest(source, store, **({"image_size": 16, "progress": False} | words))


def zipped(folder, path, top=TOP, method=zipfile.ZIP_DEFLATED, order=sorted):
    """Zip a folder as Kaggle does: under a folder of the challenge's name, in some order."""
    with zipfile.ZipFile(path, "w", method) as made:
        for file in order(file for file in folder.rglob("*") if file.is_file()):
            made.write(file, f"{top}/{file.relative_to(folder)}" if top else str(file.name))
    return path


@pytest.fixture
def rsna(tmp_path, write_challenge):
    write_challenge(tmp_path / "rsna", patients=4, series=2, slices=15)
    (tmp_path / "rsna" / "stage_2_test").mkdir()
    (tmp_path / "rsna" / "stage_2_test" / "ID_00000000f.dcm").write_bytes(b"of no concern")
    return tmp_path / "rsna"


def contents(store):
    """The files of a store that say what its slices are."""
    names = ("slices.parquet", "series.parquet", "rejects.parquet", "set-aside.parquet")
    return {
        path.name: path.read_bytes()
        for path in store.folder.iterdir()
        if path.name in names or path.suffix == ".npy"
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_challenges_zip_gives_the_same_bytes_as_its_folder(rsna, tmp_path, method, workers):
    broken = sorted((rsna / "stage_2_train").iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:-100])
    made = zipped(rsna, tmp_path / "challenge.zip", method=method, order=lambda f: sorted(f)[::-1])
    one = run(rsna, tmp_path / "folder")
    two = run(made, tmp_path / "zip", workers=workers)
    assert contents(one) == contents(two)
    assert len(two.rejects) == 1
    assert two.manifest["challenge"]
    assert two.manifest["labelled"]
    assert (two.slices["any"] >= 0).all()
    for name in ("counts", "rules", "findings", "shards", "store_hash"):
        assert one.manifest[name] == two.manifest[name], name


def test_an_ingest_of_a_zip_goes_on_where_it_stopped_and_redoes_what_changed(rsna, tmp_path):
    made = zipped(rsna, tmp_path / "challenge.zip")
    run(made, tmp_path / "store")
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "store").iterdir() if p.name != ".lock"}
    run(made, tmp_path / "store")
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps
    (tmp_path / "store" / "manifest.json").unlink()
    (tmp_path / "store" / "hu-00002.json").unlink()
    run(made, tmp_path / "store")
    again = {p: p.stat().st_mtime_ns for p in stamps if p.suffix == ".npy"}
    assert [p.name for p, stamp in again.items() if stamp != stamps[p]] == ["hu-00002.npy"]


def test_a_labels_file_in_the_zip_that_changed_redoes_the_index(rsna, tmp_path):
    before = run(zipped(rsna, tmp_path / "a.zip"), tmp_path / "store")
    labels = rsna / "stage_2_train.csv"
    labels.write_text(labels.read_text().replace(",1", ",0"))
    made = zipped(rsna, tmp_path / "a.zip")
    after = run(made, tmp_path / "store")
    assert (before.slices["any"] == 1).any()
    assert (after.slices["any"] == 0).all()


def test_a_zip_of_synthetic_heads_is_named_as_such(tmp_path, write_challenge):
    write_challenge(tmp_path / "rsna", patients=2, truth=True)
    store = run(zipped(tmp_path / "rsna", tmp_path / "a.zip"), tmp_path / "store")
    assert store.manifest["synthetic"]
    assert not store.has_truth


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """Synthetic heads, in a folder and as a zip, and the scanner of each study."""
    folder = tmp_path_factory.mktemp("heads") / "rsna"
    recipe = PhantomRecipe(patients=3, matrix=64, slices=8, scanners=["hills"], faults=False)
    made = write_phantom(folder, recipe)
    studies = [study for patient in made["patients"] for study in patient["studies"]]
    scanners = {study["study_instance_uid"]: study["scanner"] for study in studies}
    return {"folder": folder, "zip": zipped(folder, folder.with_suffix(".zip"))}, scanners


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("pseudonymise", [False, True])
def test_a_store_of_synthetic_heads_names_their_scanners(tmp_path, heads, kind, pseudonymise):
    sources, scanners = heads
    key = tmp_path / "key"
    store = run(sources[kind], tmp_path / "store", pseudonymise=pseudonymise, key_file=key)
    pseudonyms = Pseudonyms.from_file(key) if pseudonymise else None
    for study, scanner in scanners.items():
        name = pseudonyms.pseudonym("study_instance_uid", study) if pseudonyms else study
        (of_study,) = store.series[store.series["study_instance_uid"] == name]["model"]
        assert of_study == scanner
        assert scanner.startswith("hills-")


@pytest.mark.parametrize("content", ["", "[]", '{"patients": [{}]}', '{"patients": 3}'])
def test_what_damaged_words_of_synthetic_heads_are_in_is_named_with_the_cure(
    tmp_path, write_challenge, content
):
    write_challenge(tmp_path / "rsna", patients=1, truth=True)
    described = tmp_path / "rsna" / "phantom.json"
    if content.startswith("{"):
        write_sealed_json(described, json.loads(content))
    else:
        described.write_text(content)
    made = zipped(tmp_path / "rsna", tmp_path / "a.zip")
    cure = r"what phantom\.json says .* is damaged .* Make them anew with `ichreport phantom`"
    with pytest.raises(ValueError, match=rf"^{re.escape(str(made))}: {cure}"):
        run(made, tmp_path / "store")


def test_studies_in_zips_among_files_are_read_where_they_lie(tmp_path, dicom_bytes):
    tree = tmp_path / "tree"
    (tree / "archive").mkdir(parents=True)
    plain = {f"1.2.{n}": dicom_bytes(np.full((8, 8), n), sop=f"1.2.{n}", z=n) for n in range(9)}
    with zipfile.ZipFile(tree / "archive" / "Study 1.ZIP", "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("1.2.0", "1.2.1", "1.2.2"):
            made.writestr(f"DICOM/{name}", plain[name])
        made.writestr("DICOMDIR", b"of no concern")
        made.writestr("__MACOSX/._1.2.0", b"of no concern")
        made.writestr("notes.txt", b"a name")
    for name in ("1.2.3", "1.2.4"):
        (tree / name).write_bytes(plain[name])
    for name in ("1.2.5", "1.2.6"):
        (tree / f"{name}.dcm.gz").write_bytes(gzip.compress(plain[name]))
    with zipfile.ZipFile(tree / "packed.zip", "w") as made:
        made.writestr("1.2.7.gz", gzip.compress(plain["1.2.7"]))
        made.writestr("inner.zip", b"PK\x03\x04 another zip")
    store = run(tree, tmp_path / "store", pseudonymise=False, series="all", max_reject_share=0.2)
    assert store.slices["sop_instance_uid"].to_list() == sorted(plain)[:8]
    np.testing.assert_array_equal(store.hu(np.arange(8))[:, 0, 0] + 1024, np.arange(8))
    assert dict(zip(store.rejects["file"], store.rejects["reason"], strict=True)) == {
        "packed.zip/inner.zip": "a zip that is not named .zip, or lies in another; unpack it"
    }
    assert list(store.set_aside["file"]) == ["archive/Study 1.ZIP/notes.txt"]


def test_a_zip_of_a_study_may_be_the_source_itself(tmp_path, dicom_bytes):
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(4):
            made.writestr(f"a/IM{number}", dicom_bytes(sop=f"1.{number}", z=number))
    store = run(tmp_path / "study.zip", tmp_path / "store", series="all")
    assert len(store) == 4
    assert not store.manifest["challenge"]
    assert store.slices["sop_instance_uid"].str.startswith("slice-").all()


def test_the_challenges_zip_among_other_files_asks_to_be_named_itself(rsna, tmp_path):
    (tmp_path / "download").mkdir()
    zipped(rsna, tmp_path / "download" / "challenge.zip")
    with pytest.raises(ValueError, match=r"challenge\.zip is the challenge's zip: name it itself"):
        run(tmp_path / "download", tmp_path / "store")


def test_a_zip_without_labels_or_files_and_a_file_that_is_none_say_so(rsna, tmp_path):
    (rsna / "stage_2_train.csv").unlink()
    with pytest.raises(FileNotFoundError, match="Expected the challenge's labels beside"):
        run(zipped(rsna, tmp_path / "a.zip"), tmp_path / "store")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(FileNotFoundError, match="holds no files"):
        run(tmp_path / "empty.zip", tmp_path / "store")
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(ValueError, match="is a file and no zip"):
        run(tmp_path / "text.zip", tmp_path / "store")


def read_first(path):
    """What reading each member gives: its bytes, or the reason why not."""
    results = []
    with FileReader(path) as reader:
        for file in list_files(recognise_source(path)):
            try:
                results.append(bytes(reader.read(file)))
            except RejectError as reject:
                results.append(str(reject))
    return results


def archive(*members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for name, content in members:
            made.writestr(name, content)
    return bytearray(stream.getvalue())


def directory_of(content):
    """Where the directory's first entry begins."""
    return content.index(b"PK\x01\x02")


def test_members_that_overlap_are_refused(tmp_path):
    """As in a bomb whose directory names the same bytes again and again."""
    content = archive(("a", b"1" * 1000), ("b", b"2" * 1000))
    second = content.index(b"PK\x01\x02", directory_of(content) + 4)
    content[second + 42 : second + 46] = bytes(4)  # where the second member begins
    (tmp_path / "bomb.zip").write_bytes(content)
    with pytest.raises(ArchiveError, match="its members overlap"):
        list_members(tmp_path / "bomb.zip")
    with pytest.raises(ValueError, match=r"bomb\.zip: the zip is refused: its members overlap"):
        run(tmp_path / "bomb.zip", tmp_path / "store")


def test_two_members_of_one_name_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = archive(("a", b"1"), ("a", b"2"))
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ArchiveError, match="several files of the same name"):
        list_members(tmp_path / "a.zip")


def forged(field, value, kind="<L"):
    """A zip of one member whose directory says something else in one field."""
    content = archive(("a.dcm", bytes(range(256)) * 40))
    start = directory_of(content) + field
    content[start : start + struct.calcsize(kind)] = struct.pack(kind, value)
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (forged(24, 100), "not as large as it says"),  # deflated bytes go on beyond
        (forged(24, 2**30), "a DICOM file may have"),
        (forged(24, 20_000), "not what its checksum says"),
        (forged(16, 7), "not what its checksum says"),
        (forged(20, 20), "not as large as it says|cannot be unpacked"),
        (forged(10, 99, "<H"), "packed in a way that is not read"),
        (forged(8, 1, "<H"), "encrypted"),
        (bytearray(b"XX") + archive(("a", b"1"))[2:], "not at its place"),
    ],
)
def test_a_member_that_is_not_what_the_zip_says_is_a_reject(tmp_path, content, reason):
    (tmp_path / "a.zip").write_bytes(content)
    [read] = read_first(tmp_path / "a.zip")
    assert isinstance(read, str)
    assert any(part in read for part in reason.split("|")), read


def test_a_bomb_of_zeros_is_not_unpacked_beyond_what_it_claims(tmp_path):
    content = archive(("a.dcm", bytes(200 * 2**20)))
    start = directory_of(content) + 24
    content[start : start + 4] = struct.pack("<L", 1000)
    (tmp_path / "a.zip").write_bytes(content)
    assert read_first(tmp_path / "a.zip") == [
        "the zip is damaged: the file is not as large as it says"
    ]


@pytest.mark.parametrize("damage", ["cut", "no directory", "text"])
def test_a_damaged_zip_in_a_tree_is_one_reject(tmp_path, dicom_bytes, damage):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(9):
        (tree / f"IM{number}").write_bytes(dicom_bytes(sop=f"1.{number}", z=number))
    content = bytes(archive(("a", b"1" * 999)))
    content = {"cut": content[:-30], "no directory": content[:60], "text": b"text"}[damage]
    (tree / "broken.zip").write_bytes(content)
    store = run(tree, tmp_path / "store", pseudonymise=False, series="all", max_reject_share=0.1)
    assert len(store) == 9
    assert store.rejects.to_dict("records") == [
        {
            "file": "broken.zip",
            "reason": "the zip is damaged or cut: its directory cannot be read",
        }
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(bytes(9999))[:-9], "the gzip file is cut"),
        (b"\x1f\x8b\x08" + bytes(99), "the gzip file is cut|the gzip file is damaged"),
        (gzip.compress(bytes(257) + b"ustar" + bytes(99)), "a tar archive; unpack it"),
        (b"7z\xbc\xaf" + bytes(99), "a 7z archive; unpack it"),
        (b"PK\x03\x04" + bytes(99), "a zip that is not named .zip"),
        (bytes(257) + b"ustar" + bytes(99), "a tar archive; unpack it"),
    ],
    ids=["cut gzip", "damaged gzip", "tar in gzip", "7z", "zip", "tar"],
)
def test_other_archives_say_what_they_are(tmp_path, content, reason):
    (tmp_path / "file").write_bytes(content)
    with FileReader(tmp_path) as reader, pytest.raises(RejectError) as refused:
        reader.read(SourceFile("file", size=0, modified=0))
    assert any(part in str(refused.value) for part in reason.split("|"))


def mutate(content, random):
    """One to four changes to a zip: bytes set, bits flipped, numbers forged, parts cut out."""
    mutated = bytearray(content)
    for _ in range(random.integers(1, 5)):
        place = int(random.integers(len(mutated)))
        kind = random.integers(4)
        if kind == 0:
            mutated[place] = int(random.integers(256))
        elif kind == 1:
            mutated[place] ^= 1 << int(random.integers(8))
        elif kind == 2:
            mutated[place : place + 4] = random.choice([b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f"])
        else:
            del mutated[place : place + int(random.integers(1, 30))]
    return bytes(mutated)


def test_every_mutated_zip_is_refused_or_gives_files_that_are_whole_or_refused(tmp_path):
    files = {f"a/IM{n}": bytes([n]) * (50 + 40 * n) for n in range(4)}
    content = bytes(archive(*files.items()))
    random = np.random.default_rng(5)
    path = tmp_path / "a.zip"
    outcomes = {"refused": 0, "whole": 0, "rejected": 0}
    for _ in range(3000):
        path.write_bytes(mutate(content, random))
        try:
            source = recognise_source(path)
            listed = list_files(source)
        except (ValueError, FileNotFoundError):
            outcomes["refused"] += 1
            continue
        with FileReader(path) as reader:
            for file in listed:
                try:
                    read = bytes(reader.read(file))
                except RejectError:
                    outcomes["rejected"] += 1
                else:
                    outcomes["whole"] += 1
                    assert read in files.values()
    assert min(outcomes.values()) > 300, outcomes


def test_a_gzip_bomb_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("ichreport.data.ingest.file_reader._LARGEST_FILE", 10_000)
    (tmp_path / "file.gz").write_bytes(gzip.compress(bytes(10_001)))
    with FileReader(tmp_path) as reader, pytest.raises(RejectError, match="more than 10,000 bytes"):
        reader.read(SourceFile("file.gz", size=0, modified=0))


def test_nothing_in_the_challenges_folder_is_skipped_in_silence(rsna, tmp_path):
    train = rsna / "stage_2_train"
    first, second, third = sorted(train.iterdir())[:3]
    (train / "more").mkdir()
    first.rename(train / "more" / first.name)
    second.rename(second.with_suffix(""))
    third.rename(train / "IM0001.dcm")
    (train / "notes.txt").write_text("text")
    store = run(rsna, tmp_path / "store")
    assert len(store) == 119
    assert (store.slices["any"] >= 0).all()
    [reject] = store.rejects.to_dict("records")
    assert reject["file"] == "IM0001.dcm"
    assert "name it by its UID" in reject["reason"]
    assert list(store.set_aside["file"]) == ["notes.txt"]
    assert store.manifest["counts"]["files"] == 121


def test_challenge_files_under_other_names_in_a_flat_folder_are_read_as_a_hospitals(rsna, tmp_path):
    train = rsna / "stage_2_train"
    for number, path in enumerate(sorted(train.iterdir())):
        path.rename(train / f"ID_{number}.dcm")
    train.rename(tmp_path / "flat")
    store = run(
        tmp_path / "flat", tmp_path / "store", labels=rsna / "stage_2_train.csv", series="all"
    )
    assert len(store) == 120
    assert (store.slices["any"] >= 0).all()


@pytest.mark.parametrize("before", ["damaged", "packed otherwise"])
def test_a_zip_that_was_mended_or_packed_anew_is_read_again(tmp_path, dicom_bytes, before):
    tree = tmp_path / "tree"
    tree.mkdir()
    files = [(f"IM{n}", dicom_bytes(np.full((8, 8), n), sop=f"1.{n}", z=n)) for n in range(6)]
    good = bytes(archive(*files))
    if before == "damaged":
        broken = bytearray(good)
        start = broken.index(b"IM3") + 40
        broken[start : start + 8] = b"\xff" * 8
        (tree / "study.zip").write_bytes(broken)
    else:
        (tree / "study.zip").write_bytes(archive(*files, method=zipfile.ZIP_LZMA))
    words = {"pseudonymise": False, "series": "all", "max_reject_share": 1.0}
    if before == "damaged":
        assert len(run(tree, tmp_path / "store", **words)) == 5
    else:
        with pytest.raises(ValueError, match="packed in a way that is not read"):
            run(tree, tmp_path / "store", **words)
    (tree / "study.zip").write_bytes(good)
    assert len(run(tree, tmp_path / "store", **words)) == 6


def test_gzip_in_several_members_is_read_whole(tmp_path, dicom_bytes):
    content = dicom_bytes(np.arange(64).reshape(8, 8))
    (tmp_path / "a.gz").write_bytes(gzip.compress(content[:200]) + gzip.compress(content[200:]))
    with FileReader(tmp_path) as reader:
        assert bytes(reader.read(SourceFile("a.gz", size=0, modified=0))) == content


def test_a_flat_zip_of_the_challenge_s_files_is_the_challenge_s_whatever_lies_beside(
    tmp_path, write_challenge
):
    write_challenge(tmp_path / "rsna", labels=False)
    train = tmp_path / "rsna" / "stage_2_train"
    (train / "sample_submission.csv").write_text("ID,Label\n")
    store = run(zipped(train, tmp_path / "a.zip", top=""), tmp_path / "store")
    assert store.manifest["challenge"]
    assert list(store.set_aside["file"]) == ["sample_submission.csv"]


def test_one_file_of_the_challenge_does_not_make_a_hospital_s_tree_the_challenge_s(
    tmp_path, dicom_bytes
):
    (tmp_path / "tree").mkdir()
    for name in ("ID_123456789", "one", "two"):
        content = dicom_bytes(sop=name, series="1.1")
        (tmp_path / "tree" / f"{name}.dcm").write_bytes(content)
    store = run(tmp_path / "tree", tmp_path / "store", series="all")
    assert not store.manifest["challenge"]
    assert store.slices["patient_id"].str.startswith("patient-").all()
