"""Votes of several readers in one table, and another system's scores of CQ500."""

import numpy as np
import pandas as pd
import pytest

from ichreport.data.labels.cq500_scores import read_cq500_scores
from ichreport.data.labels.label_file import read_label_file
from ichreport.labels import LABELS

SEEN = {"any": 1, "subdural": 1}


def table(*rows, readers=3, name="StudyInstanceUID"):
    """The file's text: a name, and for each reader the labels that he sees."""
    columns = [f"reader_{k + 1}_{label}" for k in range(readers) for label in LABELS]
    lines = [",".join([name, *columns])]
    for study, *votes in rows:
        lines.append(",".join([study, *(str(seen.get(x, 0)) for seen in votes for x in LABELS)]))
    return "\n".join(lines) + "\n"


@pytest.fixture(name="write")
def write_(tmp_path):
    def write(text, name="readers.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_the_label_is_what_more_than_half_of_the_readers_say(write):
    rows = [("s1", SEEN, SEEN, {}), ("s2", SEEN, {}, {}), ("s3", {"any": ""}, SEEN, {})]
    labels = read_label_file(write(table(*rows)))
    assert labels.identifier == "study_instance_uid"
    assert labels.labels[:, LABELS.index("any")].tolist() == [1, 0, -1]
    assert labels.labels[:, LABELS.index("subdural")].tolist() == [1, 0, 0]
    assert labels.votes.shape == (3, 3, 6)
    assert labels.votes[2, :, LABELS.index("any")].tolist() == [-1, 1, 0]
    assert labels.lines.tolist() == [2, 3, 4]


def test_two_readers_and_names_of_patients_do_too(write):
    labels = read_label_file(write(table(("p1", SEEN, {}), readers=2, name="PatientID")))
    assert labels.identifier == "patient_id"
    assert labels.labels[0, LABELS.index("any")] == -1, "one against one decides nothing"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.replace("s2", "s1"), "rows whose name stands twice: 2"),
        (lambda t: t.replace("s2", ""), "rows without a StudyInstanceUID: 1"),
        (lambda t: t.replace("reader_2_epidural", "x"), "there is no column reader_2_epidural"),
        (lambda t: t.replace("s2,1", "s2,SECRET"), "labels of reader_1_epidural other than 0, 1"),
        (lambda t: t.replace("reader_1_epidural", "PatientID"), "both name the studies"),
    ],
)
def test_tables_that_cannot_be_right_stop(write, spoil, message):
    text = table(("s1", SEEN, {}, {}), ("s2", {"epidural": 1}, {}, {}))
    with pytest.raises(ValueError, match=r"readers\.csv") as stopped:
        read_label_file(write(spoil(text)))
    assert message in str(stopped.value)
    assert "SECRET" not in str(stopped.value)


def test_scores_of_another_system_come_by_either_spelling_of_a_name(write):
    text = (
        "name,Category,prob_ICH,SDH score,Fracture\nCQ500-CT-7,B1,0.25,,1\nCQ500-CT-12,B2,1,0.5,0\n"
    )
    scores = read_cq500_scores(write(text)).set_index("patient_id")
    assert set(scores.columns) == {"any", "subdural"}
    assert scores.loc[["CQ500-CT-7", "CQ500CT7"], "any"].tolist() == [0.25, 0.25]
    assert np.isnan(scores.loc["CQ500CT7", "subdural"])
    assert scores.loc["CQ500CT12", "subdural"] == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,x\nCQ500-CT-1,1\n", "expected the columns name and any of EDH"),
        ("scan,ICH\nCQ500-CT-1,1\n", "expected the columns name and any of EDH"),
        ("name,ICH\nSECRET,1\n", "1 names are not CQ500-CT-<number>"),
        ("name,ICH\nCQ500-CT-1,1\nCQ500CT01,1\n", "1 scans stand twice"),
        ("name,ICH\nCQ500-CT-1,1.5\n", "1 scores are no numbers from 0 to 1"),
        ("name,ICH\nCQ500-CT-1,SECRET\n", "1 scores are no numbers from 0 to 1"),
    ],
)
def test_scores_that_cannot_be_right_stop(write, text, message):
    path = write(text, "prediction_probabilities.csv")
    with pytest.raises(ValueError, match="prediction_probabilities") as stopped:
        read_cq500_scores(path)
    assert message in str(stopped.value)
    assert "SECRET" not in str(stopped.value)


def test_scores_read_as_pandas_reads_them(write):
    rng = np.random.default_rng(0)
    values = rng.random(50).round(6)
    text = pd.DataFrame({"name": [f"CQ500-CT-{n}" for n in range(50)], "ICH": values})
    scores = read_cq500_scores(write(text.to_csv(index=False)))
    np.testing.assert_allclose(scores["any"][:50], values)
