import numpy as np
import pytest

from ichreport.data.ingest.make_store import ingest
from ichreport.data.labels.label_file import read_label_file
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS
from tests.data.labels.frame import as_frame


@pytest.fixture(name="write")
def write_(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_any_of_the_six_labels_may_be_given(write):
    path = write("subdural,SOPInstanceUID,any\n1,1.2.3,1\n0, 1.2.4 ,0\n,1.2.5,\n,1.2.6,1\n")
    table = as_frame(read_label_file(path))
    assert table.loc["1.2.3"].to_list() == [-1, -1, -1, -1, 1, 1]
    assert table.loc["1.2.4"].to_list() == [0, 0, 0, 0, 0, 0]  # no bleed at all: none of any kind
    assert table.loc["1.2.6"].to_list() == [-1, -1, -1, -1, -1, 1]


def test_any_follows_from_the_subtypes(write):
    path = write(
        "SOPInstanceUID,epidural,intraparenchymal,intraventricular,subarachnoid,subdural\n"
        "a,0,0,0,0,0\nb,0,1,,,\nc,0,0,0,0,\n"
    )
    table = as_frame(read_label_file(path))
    assert table["any"].to_list() == [0, 1, -1]


def test_a_row_that_stands_twice_is_one_repeat_however_many_labels_it_has(write):
    table = read_label_file(
        write("SOPInstanceUID,any,subdural\na,1,1\nb,0,0\na,1,1\na,1,\nb,,0\nc,1,1\n")
    )
    (issue,) = (issue for issue in table.issues if issue.what == "identical repeats dropped")
    assert (issue.count, issue.examples) == (3, ("a", "b"))
    assert as_frame(table)["any"].to_list() == [1, 0, 1]


def test_a_byte_order_mark_and_quotes_do_no_harm(write):
    table = read_label_file(write('\ufeff"SOPInstanceUID","any"\n"1.2","1"\n'))
    assert as_frame(table).loc["1.2", "any"] == 1


def test_columns_that_are_no_label_are_named_and_not_read(write):
    table = read_label_file(write("SOPInstanceUID,any,subdurall,PatientName\n1.2,1,1,Doe\n"))
    issues = {issue.what: issue for issue in table.issues}
    examples = ("column 3 (is it subdural?)", "column 4")
    assert issues["columns that are no label"].examples == examples
    for word in ("Doe", "PatientName", "subdurall"):
        assert word not in str(table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SOPInstanceUID,any\na,1\na,0\n", "repeats that contradict each other: 1 (first: a)"),
        (
            "SOPInstanceUID,any\na,yes\n",
            "labels of any other than 0, 1 or nothing: 1 (first: line 2",
        ),
        ("SOPInstanceUID,any\n,1\n", "rows without a SOPInstanceUID: 1 (first: line 2"),
        ("SOPInstanceUID,any,subdural\na,0,1\n", "`any` is not the maximum"),
        ("SOPInstanceUID,bleed\na,0\n", "of the file's 2 columns these are known: SOPInstanceUID."),
        ("", "of the file's 0 columns these are known: none."),
    ],
)
def test_labels_that_cannot_be_right_stop(write, text, message):
    with pytest.raises(ValueError, match="labels") as stopped:
        read_label_file(write(text))
    assert message in str(stopped.value)


def test_a_cell_that_is_no_label_is_not_judged_by(write):
    """`any` was said not to be the largest of five, one of which nobody could read."""
    with pytest.raises(ValueError, match="labels of subdural other than 0, 1") as stopped:
        read_label_file(write("SOPInstanceUID,any,subdural\na,0,What\n"))
    assert "maximum" not in str(stopped.value)


def test_with_pseudonyms_no_message_shows_an_identifier_or_a_value(write):
    path = write("SOPInstanceUID,any\nSECRET1,1\nSECRET1,0\nSECRET2,SECRET3\n")
    with pytest.raises(ValueError, match="contradict") as stopped:
        read_label_file(path, Pseudonyms(b"k" * 32))
    assert "SECRET" not in str(stopped.value)
    assert "first: slice-" in str(stopped.value)


def hospital(folder, dicom_bytes, *, slices=12):
    for number in range(slices):
        series = folder / f"patient {number % 2}" / f"study {number % 4}"
        series.mkdir(parents=True, exist_ok=True)
        (series / f"IM{number:04d}").write_bytes(
            dicom_bytes(
                np.full((8, 8), number + 1000),
                sop=f"1.2.840.{number}",
                patient=f"P{number % 2}",
                study=f"1.{number % 4}",
                series=f"1.{number % 4}.1",
                z=number,
                syntax="1.2.840.10008.1.2",
            )
        )
    (folder / "DICOMDIR").write_bytes(b"not read")
    (folder / ".DS_Store").write_bytes(b"not read")


@pytest.mark.parametrize("pseudonymise", [False, True])
def test_a_hospitals_tree_ingests_with_its_labels(tmp_path, dicom_bytes, pseudonymise):
    hospital(tmp_path / "tree", dicom_bytes)
    labels = tmp_path / "tree" / "labels.csv"
    rows = [f"1.2.840.{n},{n % 3 == 0:d}" for n in range(11)]
    labels.write_text("\n".join(["SOPInstanceUID,subdural", *rows, "1.2.840.99,1"]))
    store = ingest(
        tmp_path / "tree", tmp_path / "store", image_size=8, progress=False, labels=labels,
        pseudonymise=pseudonymise,
    )  # fmt: skip
    assert store.manifest["counts"] == {
        "slices": 12, "patients": 2, "studies": 4, "series": 4, "rejects": 0, "set_aside": 0,
        "files": 12
    }  # fmt: skip
    number = store.hu(np.arange(12))[:, 0, 0] + 1024 - 1000
    expected = [-1 if n == 11 else int(n % 3 == 0) for n in number]
    assert store.slices["subdural"].to_list() == expected
    assert store.slices["any"].to_list() == [1 if e == 1 else -1 for e in expected]
    counts = {issue["what"]: issue["count"] for issue in store.manifest["findings"]}
    assert counts["files without a label row"] == 1
    assert counts["labelled slices without a file"] == 1
    assert ("1.2.840" in str(store.manifest["findings"])) is not pseudonymise


def test_labels_that_fit_no_slice_stop(tmp_path, dicom_bytes):
    hospital(tmp_path / "tree", dicom_bytes)
    labels = tmp_path / "labels.csv"
    labels.write_text("SOPInstanceUID,any\nIM0001,1\n")
    with pytest.raises(ValueError, match="no label row fits any slice"):
        ingest(
            tmp_path / "tree", tmp_path / "s", image_size=8, progress=False, labels=labels,
            series="all",
        )  # fmt: skip


def test_the_challenges_test_part_ingests_without_labels(tmp_path, write_challenge):
    write_challenge(tmp_path / "rsna", labels=False, slices=4)
    (tmp_path / "rsna" / "stage_2_train").rename(tmp_path / "rsna" / "stage_2_test")
    store = ingest(
        tmp_path / "rsna" / "stage_2_test", tmp_path / "store", image_size=8, progress=False
    )
    assert store.manifest["challenge"]
    assert not store.manifest["labelled"]
    assert (store.slices[list(LABELS)] == -1).all(axis=None)
    assert store.slices["sop_instance_uid"].str.startswith("ID_").all()


def of_labels(store):
    """What was found about labels: how often, and examples, by what."""
    findings = store.manifest["findings"]
    return {f["what"]: (f["count"], f["examples"]) for f in findings if "label" in f["what"]}


def test_rows_and_files_that_lack_each_other_are_told(tmp_path, write_challenge):
    written = sorted(write_challenge(tmp_path / "rsna", patients=5, slices=40, size=8))
    train = tmp_path / "rsna" / "stage_2_train"
    (train / f"{written[0]}.dcm").unlink()
    broken = train / f"{written[1]}.dcm"
    broken.write_bytes(broken.read_bytes()[:-1])
    csv = tmp_path / "rsna" / "stage_2_train.csv"
    lines = [line for line in csv.read_text().splitlines() if not line.startswith(written[2])]
    csv.write_text("\n".join(lines) + "\n")
    store = ingest(tmp_path / "rsna", tmp_path / "store", image_size=8, progress=False)
    issues = of_labels(store)
    assert issues == {
        "files without a label row": (1, [written[2]]),
        "labelled slices whose file was left out": (1, [written[1]]),
        "labelled slices without a file": (1, [written[0]]),
    }
    key = tmp_path / "key"
    hidden = ingest(
        tmp_path / "rsna", tmp_path / "hidden", image_size=8, progress=False, pseudonymise=True,
        key_file=key,
    )  # fmt: skip
    pseudonyms = Pseudonyms.from_file(key)
    assert of_labels(hidden) == {
        what: (count, [pseudonyms.pseudonym("sop_instance_uid", name) for name in names])
        for what, (count, names) in issues.items()
    }
