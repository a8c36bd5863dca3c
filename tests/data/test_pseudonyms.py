"""What a hospital's files say about a person stays out of everything that an ingest writes."""

import json
import logging
import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from ichreport.data import summary
from ichreport.data.ingest.make_store import ingest
from ichreport.data.patient_groups import linked_groups
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.data.store import Store

CANARY = "CANARY"
PLANTED = [
    (0x00080005, "CS", "ISO_IR 100"),
    (0x00080012, "DA", "CANARYDA"),
    (0x00080020, "DA", "CANARYDA"),
    (0x00080030, "TM", "CANARYTM"),
    (0x0008002A, "DT", "CANARYDT"),
    (0x00080050, "SH", "CANARYACCESS"),
    (0x00080080, "LO", "CANARY HOSPITAL"),
    (0x00080090, "PN", "CANARY^PHYSICIAN"),
    (0x00081030, "LO", "CANARY STUDY"),
    (0x0008103E, "LO", "CANARY SERIES"),
    (0x00080070, "LO", "CANARY MAKER"),
    (0x00081090, "LO", "CANARY MODEL"),
    (0x00181210, "SH", "CANARY KERNEL"),
    (0x00081010, "SH", "CANARYSTATION"),
    (0x00100010, "PN", "CANARY^PATIENT"),
    (0x00100030, "DA", "CANARYDA"),
    (0x00100040, "CS", "CANARY"),
    (0x00101010, "AS", "CANARY"),
    (0x00101000, "LO", "CANARY OTHER ID"),
    (0x00104000, "LT", "CANARY COMMENT"),
    (0x00180010, "LO", "CANARY AGENT"),
    (0x00180015, "CS", "CANARY"),
    (0x00181030, "LO", "CANARY PROTOCOL"),
    (0x00200010, "SH", "CANARYSTUDYID"),
    (0x00200052, "UI", "CANARY.1"),
    (0x00204000, "LT", "CANARY IMAGE COMMENT"),
    (0x00400244, "DA", "CANARYDA"),
    (0x00401001, "SH", "CANARY"),
]
BROKEN = [
    {"replace": {0x00280004: ("CS", "CANARY")}},
    {"replace": {0x00080060: ("CS", "CANARY")}},
    {"slope": "CANARY"},
    {"intercept": "CANARY"},
    {"spacing": "CANARY"},
    {"window": ("CANARY", "CANARY")},
    {"syntax": "CANARY.1.2"},
    {"replace": {0x00200032: ("DS", "CANARY")}},
    {"replace": {0x00280010: ("LO", "CANARY")}},
    {"extra": [(0x00280008, "IS", "CANARY")]},
]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory, dicom_bytes):
    """A tree whose paths, identifiers and every text, date and person tag hold the canary."""
    folder = tmp_path_factory.mktemp("hospital") / "tree"
    pixels = np.random.default_rng(0).integers(0, 2000, (40, 8, 8))
    for number in range(40):
        series = folder / f"CANARY patient {number % 20}"
        series.mkdir(parents=True, exist_ok=True)
        broken = BROKEN[number] if number < len(BROKEN) else {}
        words = {
            "sop": f"CANARY.{number}",
            "patient": f"CANARY{number % 20}",
            "study": f"CANARY.s.{number % 20}",
            "series": f"CANARY.r.{number % 20}",
            "z": float(number),
            "extra": PLANTED,
        }
        words |= broken | {"extra": [*PLANTED, *broken.get("extra", [])]}
        (series / f"CANARY{number}").write_bytes(dicom_bytes(pixels[number], **words))
    (folder / "CANARY patient 0" / "CANARY.txt").write_text("CANARY")
    labels = folder.parent / "labels.csv"
    rows = [f"CANARY.{n},{n % 2}" for n in range(45)]
    labels.write_text("\n".join(["SOPInstanceUID,any", *rows, *rows[:3]]))
    return folder, labels


@pytest.fixture(scope="module")
def store(hospital, tmp_path_factory):
    folder, labels = hospital
    out = tmp_path_factory.mktemp("out") / "store"
    return ingest(folder, out, image_size=8, max_reject_share=0.5, labels=labels, progress=False)


def values_in(path):
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return str(table.to_pydict()) + str(table.schema) + str(table.schema.metadata)
    return path.read_bytes().decode("latin-1")


def test_no_byte_of_a_store_holds_the_canary(store):
    paths = sorted(path for path in store.folder.parent.rglob("*") if path.is_file())
    assert {"slices.parquet", "rejects.parquet", "manifest.json", "store.key"} <= {
        path.name for path in paths
    }
    for path in paths:
        assert CANARY.encode() not in path.read_bytes(), path
        assert CANARY not in values_in(path), path


def test_rejects_and_tables_made_of_it_do_not_either(store):
    assert (len(store.rejects), len(store.set_aside)) == (9, 1)
    for table in (store.rejects, store.set_aside):
        assert table["file"].str.startswith("file-").all()
    tables = store.slices, store.series, store.rejects, store.set_aside
    for table in (*tables, summary.rejects_by_reason(store)):
        assert CANARY not in table.to_csv()
    assert CANARY not in linked_groups(store.slices).to_csv()


def test_patients_studies_and_series_stay_whole_and_labels_still_fit(store):
    assert store.manifest["counts"]["patients"] == 20
    assert (store.slices["any"] >= 0).all()
    assert store.slices["patient_id"].str.fullmatch("patient-[0-9a-f]{32}").all()
    assert store.slices["sop_instance_uid"].is_unique


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"max_reject_share": 0.0}, "too many files cannot be used"),
        ({"labels": "twice"}, "contradict"),
        ({"labels": "bad"}, "other than 0, 1 or nothing"),
    ],
)
def test_no_error_message_log_or_printed_line_holds_the_canary(
    hospital, tmp_path, words, error, caplog, capfd
):
    labels = tmp_path / "labels.csv"
    text = {"twice": "CANARY.1,1\nCANARY.1,0", "bad": "CANARY.1,CANARY"}
    labels.write_text("SOPInstanceUID,any\n" + text.get(words.get("labels"), "CANARY.1,0"))
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ValueError, match=error) as stopped:
        ingest(
            hospital[0], tmp_path / "store", image_size=8, workers=1, progress=True,
            **(words | {"labels": labels}),
        )  # fmt: skip
    captured = capfd.readouterr()
    for text in (str(stopped.value), caplog.text, captured.out, captured.err):
        assert CANARY not in text


def test_the_key_is_its_owners_alone_and_outside_the_store(store):
    key = store.folder.with_name("store.key")
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent == store.folder.parent
    assert key.read_text().strip() not in (store.folder / "manifest.json").read_text()


def test_a_key_inside_the_store_is_refused(hospital, tmp_path):
    with pytest.raises(ValueError, match="must not lie in the store"):
        ingest(hospital[0], tmp_path / "s", image_size=8, key_file=tmp_path / "s" / "key")


def test_the_same_key_gives_the_same_pseudonyms_and_another_key_others(hospital, store, tmp_path):
    words = {"image_size": 8, "max_reject_share": 0.5, "progress": False, "series": "all"}
    key = store.folder.with_name("store.key")
    again = ingest(hospital[0], tmp_path / "again", key_file=key, **words)
    other = ingest(hospital[0], tmp_path / "other", key_file=tmp_path / "new.key", **words)
    mine = set(store.slices["patient_id"])
    assert set(again.slices["patient_id"]) == mine
    assert not set(other.slices["patient_id"]) & mine
    rekeyed = ingest(hospital[0], tmp_path / "again", key_file=tmp_path / "new.key", **words)
    assert set(rekeyed.slices["patient_id"]) == set(other.slices["patient_id"])


def test_who_has_the_key_finds_the_rejected_files(hospital, store):
    pseudonyms = Pseudonyms.from_file(store.folder.with_name("store.key"))
    paths = [str(path.relative_to(hospital[0])) for path in hospital[0].rglob("*")]
    left_out = [*store.rejects["file"], *store.set_aside["file"]]
    traced = pseudonyms.trace_files(left_out, paths)
    assert len(traced) == 10
    assert "CANARY patient 0/CANARY.txt" in traced.values()


def test_a_pseudonym_is_hmac_sha256_worked_by_hand():
    import hashlib
    import hmac

    expected = hmac.new(b"k" * 16, b"patient:P1", hashlib.sha256).hexdigest()[:32]
    assert Pseudonyms(b"k" * 16).pseudonym("patient_id", "P1") == f"patient-{expected}"
    assert "k" * 16 not in repr(Pseudonyms(b"k" * 16))


@pytest.mark.parametrize("text", ["", "not hex", "00"])
def test_a_file_that_holds_no_key_is_refused(tmp_path, text):
    (tmp_path / "key").write_text(text)
    with pytest.raises(ValueError, match=r"is not a key of pseudonyms.*delete it, and a new one"):
        Pseudonyms.from_file(tmp_path / "key")
    assert (tmp_path / "key").read_text() == text


def test_a_new_key_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            Pseudonyms.from_file(tmp_path / "key")
    assert not list(tmp_path.iterdir())
    made = Pseudonyms.from_file(tmp_path / "key")
    assert Pseudonyms.from_file(tmp_path / "key") == made
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_another_process_wrote_meanwhile_counts(tmp_path, monkeypatch):
    link = os.link

    def slower(partial, path):
        path.write_text("ab" * 32)
        link(partial, path)

    monkeypatch.setattr("os.link", slower)
    assert Pseudonyms.from_file(tmp_path / "key").key == b"\xab" * 32


def test_the_challenges_data_keep_their_names(tmp_path, write_challenge):
    write_challenge(tmp_path / "rsna", slices=2, size=8)
    store = ingest(tmp_path / "rsna", tmp_path / "store", image_size=8, progress=False)
    assert not json.loads((store.folder / "manifest.json").read_text())["recipe"]["pseudonymised"]
    assert not (tmp_path / "store.key").exists()
    assert Store.open(store.folder).slices["patient_id"].str.startswith("ID_").all()
