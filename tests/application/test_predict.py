"""A run predicts new studies as it predicted those of its report, and says all that it must."""

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from pydicom import dcmread

from ichreport.application import heat, predict
from ichreport.application.loaded_run import load
from ichreport.cli import main
from ichreport.data.store import Store
from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.findings.study_findings import NOTICE, SCHEMA
from ichreport.runs.record import read_run
from tests.application.conftest import OF_EACH_KIND
from tests.export.dicom.made_study import STUDY, MadeSeries

STUDIES = 9


def one_study(report, folder, number=0):
    """A folder of one study's files, and its identifiers."""
    folder.mkdir(parents=True)
    slices = report.store.slices
    study = slices["study_instance_uid"].unique()[number]
    names = slices.loc[slices["study_instance_uid"] == study, "sop_instance_uid"].tolist()
    for name in names:
        (folder / f"{name}.dcm").hardlink_to(report.source / f"{name}.dcm")
    row = slices[slices["study_instance_uid"] == study].iloc[0]
    return [row["patient_id"], study, row["series_instance_uid"], *names]


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_a_new_study_gets_the_probabilities_that_the_report_gave_it(report, predicted, name):
    known = read_run(report.folder(name)).predictions().set_index("sop_instance_uid")
    table = predicted(name)
    slices = table[table["level"] == "slice"].set_index("sop_instance_uid")
    assert sorted(slices.index) == sorted(known.index)
    columns = list(PROBABILITIES)
    expected = known.loc[slices.index, columns].to_numpy(dtype=np.float64)
    np.testing.assert_allclose(slices[columns].to_numpy(dtype=np.float64), expected, atol=1e-6)
    assert np.ptp(expected[:, -1]) > 1e-3  # slices have probabilities of their own


def test_a_study_is_pooled_and_called_as_the_record_says(report):
    record = read_run(report.folder("1-cnn")).record["assessment"]
    chosen = pd.DataFrame(record["study_thresholds"])
    chosen = chosen[chosen["rule"] == "youden"].set_index("label")["threshold"].dropna()
    assert len(chosen)
    with load(report.folder("1-cnn")) as run:
        table = run.predict(report.source, rule="youden")
    slices = table[table["level"] == "slice"]
    studies = table[table["level"] == "study"].set_index("key")
    for label, threshold in chosen.items():
        pooling = pd.DataFrame(record["poolings"]).set_index("label").loc[label]
        r = pooling["sharpness"]
        for key, of_study in slices.groupby("key"):
            p = of_study[f"probability_{label}"].astype(float).to_numpy()
            logit = np.log(p / (1 - p))
            pooled = logit.max() if pd.isna(r) else logit.mean()
            if not pd.isna(r) and r > 0:
                pooled = np.log(np.mean(np.exp(r * logit))) / r
            expected = 1 / (1 + np.exp(-(pooling["slope"] * pooled + pooling["intercept"])))
            study = studies.loc[key]
            assert study[f"probability_{label}"] == pytest.approx(expected, abs=1e-9)
            if abs(expected - threshold) > 1e-9:  # which is that of a study of validation
                assert study[f"called_{label}"] == (expected > threshold)


def test_a_study_is_written_as_a_page_a_table_and_json(report, tmp_path):
    identifiers = one_study(report, tmp_path / "in")
    words = ["predict", str(report.folder("1-cnn")), str(tmp_path / "in")]
    assert main([*words, "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("findings.csv", "findings.json", "index.html"),
    ]
    told = json.loads((tmp_path / "out/findings.json").read_text())
    jsonschema.validate(told, json.loads(SCHEMA.read_text()))
    table = pd.read_csv(tmp_path / "out/findings.csv")
    assert table["sop_instance_uid"].dropna().tolist() == identifiers[3:]
    [study] = told["studies"]
    assert study["labels"]["any"]["probability"] == pytest.approx(table["probability_any"][0])
    assert [one["probabilities"]["any"] for one in study["slices"]] == pytest.approx(
        table["probability_any"][1:].tolist()
    )
    page = (tmp_path / "out/index.html").read_text()
    assert NOTICE in page
    for text in (page, json.dumps(told)):
        assert not [one for one in identifiers if one in text]


def test_identifiers_are_in_json_only_where_they_are_asked_for(report, tmp_path):
    identifiers = one_study(report, tmp_path / "in")
    words = ["predict", str(report.folder("1-cnn")), str(tmp_path / "in"), "--identifiers"]
    assert main([*words, "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    text = (tmp_path / "out/findings.json").read_text()
    assert all(f'"{one}"' in text for one in identifiers)
    jsonschema.validate(json.loads(text), json.loads(SCHEMA.read_text()))
    page = (tmp_path / "out/index.html").read_text()
    assert not [one for one in identifiers if one in page]


def test_many_studies_are_listed_the_most_urgent_first(report, tmp_path):
    for number in range(STUDIES):
        one_study(report, tmp_path / f"in/{number}", number)
    with load(report.folder("1-cnn")) as run:
        findings = predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
    urgency = [one.urgency for one in findings]
    assert urgency == sorted(urgency, reverse=True)
    page = (tmp_path / "out/index.html").read_text()
    linked = re.findall(r'href="(studies/study-\d+\.html)"', page)
    probability = {one.key: one.labels["any"].probability for one in findings}
    assert linked == [
        f"studies/{key}.html" for key in sorted(probability, key=probability.get, reverse=True)
    ]
    assert sorted(linked) == sorted(
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out/studies").iterdir()
    )
    assert len(linked) == len(findings) == STUDIES


def test_earlier_findings_are_replaced_and_other_files_are_not(report, tmp_path):
    one_study(report, tmp_path / "in")
    one_study(report, tmp_path / "in2/a", 1)
    one_study(report, tmp_path / "in2/b", 2)
    with load(report.folder("1-cnn")) as run:
        predict.write(run.predictor, tmp_path / "in2", tmp_path / "out")
        predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
        assert not (tmp_path / "out/studies").exists()
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine/thesis.txt").write_text("all of it")
        for out, source, what in (
            (tmp_path / "mine", tmp_path / "in", "holds something else than findings"),
            (tmp_path / "in/out", tmp_path / "in", "must not lie in"),
            (tmp_path, tmp_path / "in", "must not hold"),
            (tmp_path / "mine/thesis.txt", tmp_path / "in", "is a file"),
        ):
            with pytest.raises(ValueError, match=what):
                predict.write(run.predictor, source, out)
    assert (tmp_path / "mine/thesis.txt").read_text() == "all of it"


def test_what_names_patients_is_for_its_owner_alone(report, tmp_path):
    one_study(report, tmp_path / "in")
    with load(report.folder("1-cnn")) as run:
        for identifiers in (False, True):
            options = predict.Options(identifiers=identifiers)
            predict.write(run.predictor, tmp_path / "in", tmp_path / "out", options)
            assert (tmp_path / "out/findings.csv").stat().st_mode & 0o077 == 0
            is_private = (tmp_path / "out/findings.json").stat().st_mode & 0o077 == 0
            assert is_private == identifiers


def test_a_file_of_mine_beside_findings_is_not_removed(report, tmp_path):
    one_study(report, tmp_path / "in")
    with load(report.folder("1-cnn")) as run:
        predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
        (tmp_path / "out/notes.txt").write_text("mine")
        with pytest.raises(ValueError, match=r"something else than findings, such as 'notes\.txt'"):
            predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out/notes.txt").read_text() == "mine"


def test_findings_behind_a_link_are_replaced_and_the_link_stays(report, tmp_path):
    one_study(report, tmp_path / "in")
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk", target_is_directory=True)
    with load(report.folder("1-cnn")) as run:
        for _ in range(2):
            predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "disk/findings.csv").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "in", "out"]


def test_what_a_killed_process_left_goes_and_what_it_had_set_aside_comes_back(report, tmp_path):
    one_study(report, tmp_path / "in")
    with load(report.folder("1-cnn")) as run:
        predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
        earlier = (tmp_path / "out/findings.csv").read_bytes()
        (tmp_path / "out").rename(tmp_path / ".out.earlier")  # killed between two renames
        (tmp_path / ".out.begun/.store").mkdir(parents=True)
        with pytest.raises(FileNotFoundError, match="is neither a folder nor a zip"):
            predict.write(run.predictor, tmp_path / "none", tmp_path / "out")
        assert (tmp_path / "out/findings.csv").read_bytes() == earlier
        predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_earlier_findings_stay_where_new_ones_cannot_take_their_place(
    report, tmp_path, monkeypatch
):
    one_study(report, tmp_path / "in")
    with load(report.folder("1-cnn")) as run:
        predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
        before = (tmp_path / "out/findings.json").read_bytes()
        rename = Path.rename

        def fail(path, target):
            if path.name == ".out.begun":
                raise OSError("no more names")
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="no more names"):
            predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out/findings.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_two_processes_do_not_write_the_same_findings(report, tmp_path):
    one_study(report, tmp_path / "in")
    with (
        load(report.folder("1-cnn")) as run,
        FileLock(tmp_path / ".out.lock"),
        pytest.raises(OSError, match="is being written by another process"),
    ):
        predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def flip_a_pixel(store, row):
    """Change a bit of a slice of a store on the disk."""
    [shard] = store.folder.glob("hu-*.npy")
    content = bytearray(shard.read_bytes())
    pixels = store.hu(np.array([row])).tobytes()
    content[content.index(pixels) + len(pixels) // 2] ^= 1
    shard.write_bytes(content)


@pytest.mark.parametrize("dicom", [False, True])
def test_a_study_whose_slices_are_damaged_is_refused_and_the_others_go_on(
    report, tmp_path, monkeypatch, dicom
):
    """Before it is predicted, or between that and its heat."""
    if dicom:
        pytest.importorskip("highdicom")
    for number, name in enumerate("abc", start=1):
        one_study(report, tmp_path / "in" / name, number)
    taken_in, of_study = predict._taken_in, heat.of_study

    def take_in(*given):
        store, studies = taken_in(*given)
        flip_a_pixel(store, int(studies[0].rows[0]))
        return Store.open(store.folder), studies

    def mapped(predictor, findings, store):
        if findings.key == "study-0002":
            flip_a_pixel(store, int(findings.study.rows[0]))
            store = Store.open(store.folder)
        return of_study(predictor, findings, store)

    monkeypatch.setattr(predict, "_taken_in", take_in)
    monkeypatch.setattr(heat, "of_study", mapped)
    with load(report.folder("1-cnn")) as run:
        options = predict.Options(dicom=dicom)
        findings = predict.write(run.predictor, tmp_path / "in", tmp_path / "out", options)
    by_key = {one.key: one for one in findings}
    assert {key: one.status for key, one in by_key.items()} == {
        "study-0001": "refused", "study-0002": "refused", "study-0003": "read",
    }  # fmt: skip
    for key in ("study-0001", "study-0002"):
        assert "could not be read again" in by_key[key].refusals[0]
        assert "could not be read again" in (tmp_path / f"out/studies/{key}.html").read_text()
    told = json.loads((tmp_path / "out/findings.json").read_text())
    objects = {study["key"]: study.get("dicom") for study in told["studies"]}
    assert objects["study-0001"] is objects["study-0002"] is None
    if dicom:  # these heads have no valid UIDs
        [reason] = objects["study-0003"]["left_out"]
        assert "no DICOM object can refer to them" in reason


def test_a_fault_of_ours_is_none_of_a_study_s(report, tmp_path, monkeypatch):
    one_study(report, tmp_path / "in")
    with load(report.folder("1-cnn")) as run:
        monkeypatch.setattr(run.predictor, "probabilities", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failure_leaves_nothing_and_keeps_what_was(report, tmp_path, monkeypatch):
    one_study(report, tmp_path / "in")
    with load(report.folder("1-cnn")) as run:
        predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
        before = (tmp_path / "out/findings.csv").read_bytes()

        def fail(*_):
            raise OSError("the disk is full")

        monkeypatch.setattr(predict, "write_json", fail)
        with pytest.raises(OSError, match="the disk is full"):
            predict.write(run.predictor, tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out/findings.csv").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_findings_go_into_a_pacs_as_dicom_with_heat_for_each_slice(report, tmp_path):
    made = MadeSeries()
    (tmp_path / "in").mkdir()
    for number in range(made.slices):
        content = made.file(number, made.center(4))
        (tmp_path / "in" / f"{number}.dcm").write_bytes(content)
    words = ["predict", str(report.folder("5-sequence")), str(tmp_path / "in"), "--dicom"]
    assert main([*words, "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    told = json.loads((tmp_path / "out/findings.json").read_text())
    jsonschema.validate(told, json.loads(SCHEMA.read_text()))
    [study] = told["studies"]
    written = {path.name: dcmread(path) for path in (tmp_path / "out/dicom/study-0001").iterdir()}
    assert sorted(written) == sorted(study["dicom"]["files"])
    assert {"report.dcm", "capture-1.dcm", "heat-1-any.dcm"} <= set(written)
    assert {str(one.StudyInstanceUID) for one in written.values()} == {STUDY}
    assert written["heat-1-any.dcm"].NumberOfFrames == made.slices
    assert (tmp_path / "out/dicom").stat().st_mode & 0o077 == 0


def test_without_what_writes_dicom_nothing_is_begun(report, tmp_path, monkeypatch):
    one_study(report, tmp_path / "in")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with load(report.folder("1-cnn")) as run, pytest.raises(ValueError, match="need highdicom"):
        predict.write(run.predictor, tmp_path / "in", tmp_path / "out", predict.Options(dicom=True))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"prevalence": 0.0}, "prevalence must be"),
        ({"prevalence": 1.5}, "prevalence must be"),
        ({"rule": "guess"}, "rule must be one of recall-85"),
    ],
)
def test_options_that_make_no_sense_are_refused(report, options, what):
    with load(report.folder("1-cnn")) as run, pytest.raises(ValueError, match=what):
        run.predict(report.source, **options)


def test_what_is_no_run_is_refused(report, tmp_path, capsys):
    with pytest.raises(FileNotFoundError, match="there is no such run"):
        load(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty, which has no result: not run yet"):
        load(tmp_path / "empty")
    words = ["predict", str(report.folder("1-cnn")), str(tmp_path / "none")]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "is neither a folder nor a zip" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
