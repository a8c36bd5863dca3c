"""A run on other hospitals' data: what is measured there, and that nothing is fitted."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ichreport import cli
from ichreport.application.evaluate import blocks_of_series, evaluate
from ichreport.data.ingest.make_store import ingest
from ichreport.data.store import Store
from ichreport.evaluation.external.assessed import ExternalAssessment
from ichreport.labels import LABELS
from ichreport.params.external import ExternalDataSet
from ichreport.runs.external_record import ExternalRecord, read_external
from ichreport.runs.saved_run import SavedRun
from tests.application.external.hospitals import heads, truth_of, write_cq500, write_ct_ich

pytestmark = pytest.mark.slow

RUN = Path("reports/own/runs/cnn")


@pytest.fixture(scope="session")
def known(tmp_path_factory):
    """Heads of other patients: their folder, and the truth of their slices."""
    folder = tmp_path_factory.mktemp("elsewhere") / "rsna"
    return folder, heads(folder)


def evaluated(store, **data):
    """The record of the run's evaluation on a store."""
    described = ExternalDataSet(name="there", **({"source": "there"} | data))
    path = evaluate(SavedRun.read(RUN), store, data=described)
    return ExternalRecord.read(path.parent)


def of(record, label, measure, level="studies"):
    return record.assessment.row(measure, label, level)


def predictions(record):
    return pd.read_parquet(record.folder / "predictions.parquet")


def pooled_by_hand(table, label):
    """Each study's pooled probability: slope · LSE + intercept, with the run's own numbers."""
    decisions = SavedRun.read(RUN).decisions
    pooling = decisions.poolings[label]
    p = np.clip(table[f"probability_{label}"].to_numpy(float), 1e-15, 1 - 1e-15)
    logits = pd.Series(np.log(p / (1 - p)))
    r = pooling.sharpness
    if np.isinf(r):
        lse = logits.groupby(table["study_instance_uid"].to_numpy()).max()
    elif r == 0:
        lse = logits.groupby(table["study_instance_uid"].to_numpy()).mean()
    else:
        powers = np.exp(r * logits).groupby(table["study_instance_uid"].to_numpy()).mean()
        lse = np.log(powers) / r
    return 1 / (1 + np.exp(-(pooling.slope * lse + pooling.intercept)))


@pytest.fixture
def cq500(project, known):
    write_cq500(project / "there", known[1])
    return ingest("there", "there-store", image_size=32, progress=False, pseudonymise=False)


def test_cq500_is_scored_against_what_two_of_three_readers_say(cq500, known):
    record = evaluated(cq500, kind="cq500", licence="CC BY-NC-SA 4.0")
    truth = {f"1.2.{n}": truth_of(slices) for n, slices in enumerate(known[1])}
    table = predictions(record)
    for label in LABELS:
        score = pooled_by_hand(table, label)
        y_true = np.array([truth[uid][label] for uid in score.index])
        row = of(record, label, "auc")
        assert (row["outside_units"], row["outside_positives"]) == (len(truth), y_true.sum())
        if 0 < y_true.sum() < len(y_true):
            assert row["outside_value"] == pytest.approx(roc_auc_score(y_true, score), abs=1e-9)
        threshold = SavedRun.read(RUN).decisions.study_thresholds["recall-85"][label]
        called = score.to_numpy() >= threshold
        if y_true.any():
            expected = math.nan if math.isnan(threshold) else called[y_true == 1].mean()
            recall = of(record, label, "recall")["outside_value"]
            assert recall == pytest.approx(expected, nan_ok=True)
    assert not math.isnan(of(record, "any", "recall")["threshold"])
    assert record.data["licence"] == "CC BY-NC-SA 4.0"
    assert record.data["labelled"] == "studies"
    assert set(record.assessment.comparison["level"]) == {"studies"}


def test_studies_are_told_apart_by_thickness_kernel_and_whether_readers_agree(cq500, known):
    strata = evaluated(cq500, kind="cq500").assessment.strata
    sizes = strata[(strata["label"] == "any") & (strata["measure"] == "auc")]
    sizes = sizes.set_index(["kind", "stratum"])["units"].to_dict()
    odd = len(known[1]) // 2
    assert sizes["thickness", "below 2 mm"] == sizes["kernel", "sharp"] == len(known[1]) - odd
    assert sizes["thickness", "4 mm and more"] == sizes["kernel", "soft"] == odd
    bleeding = sum(truth_of(slices)["any"] for slices in known[1])
    assert sizes["readers", "unanimous"] == bleeding, "the wrong reader calls everything"
    assert sizes["readers", "divided"] == len(known[1]) - bleeding


def test_another_systems_scores_stand_beside_ours(cq500, known):
    truth = [truth_of(slices)["any"] for slices in known[1]]
    rows = [f"CQ500-CT-{n},{0.9 if value else 0.1}" for n, value in enumerate(truth)]
    Path("there/prediction_probabilities.csv").write_text("\n".join(["name,ICH", *rows]) + "\n")
    record = evaluated(cq500, kind="cq500", source="there")
    [row] = record.assessment.other_system.to_dict("records")
    assert (row["label"], row["theirs_value"], row["units"]) == ("any", 1.0, len(truth))
    ours = of(record, "any", "auc")["outside_value"]
    assert row["ours_value"] == pytest.approx(ours)
    assert row["difference_value"] == pytest.approx(ours - 1)


def test_other_labels_outside_change_no_threshold_and_no_probability(cq500, known):
    before = evaluated(cq500, kind="cq500")
    kept = predictions(before)
    text = Path("there/reads.csv").read_text().splitlines()
    lines = [text[0]]
    for old in text[1:]:
        name, category, *votes = old.split(",")
        lines.append(",".join([name, category, *("1" if v == "0" else "0" for v in votes)]))
    Path("there/reads.csv").write_text("\n".join(lines) + "\n")
    store = ingest("there", "there-store", image_size=32, progress=False, pseudonymise=False)
    after = evaluated(store, kind="cq500")
    thresholds = [
        r.assessment.comparison.set_index(["label", "measure"])["threshold"]
        for r in (before, after)
    ]
    pd.testing.assert_series_equal(*thresholds)
    pd.testing.assert_frame_equal(predictions(after), kept)
    inside = [r.assessment.comparison.filter(like="inside") for r in (before, after)]
    pd.testing.assert_frame_equal(*inside)
    for label in LABELS:  # every vote was turned round, and so is what is measured
        turned, row = (of(record, label, "auc") for record in (after, before))
        assert turned["outside_positives"] == row["outside_units"] - row["outside_positives"]
        expected = 1 - row["outside_value"]
        assert turned["outside_value"] == pytest.approx(expected, nan_ok=True)


def test_ct_ich_is_scored_slice_by_slice_too(project, known):
    pytest.importorskip("nibabel", reason="needs the extra `nifti`")
    folder, slices = known
    write_ct_ich(project / "there", slices, folder)
    store = ingest("there", "there-store", image_size=32, progress=False, pseudonymise=False)
    record = evaluated(store, kind="ct-ich")
    table = predictions(record)
    assert record.data["labelled"] == "slices"
    assert len(table) == sum(map(len, slices))
    for label in LABELS:
        y_true = table[f"truth_{label}"].to_numpy()
        row = of(record, label, "auc", "slices")
        assert row["outside_positives"] == y_true.sum()
        if 0 < y_true.sum() < len(y_true):
            expected = roc_auc_score(y_true, table[f"probability_{label}"])
            assert row["outside_value"] == pytest.approx(expected, abs=1e-6)
            threshold = SavedRun.read(RUN).decisions.thresholds["recall-85"][label]
            called = table[f"probability_{label}"].to_numpy(float) >= threshold
            expected = math.nan if math.isnan(threshold) else called[y_true == 1].mean()
            recall = of(record, label, "recall", "slices")["outside_value"]
            assert recall == pytest.approx(expected, nan_ok=True)
        of_studies = np.array([truth_of(one)[label] for one in slices])
        assert of(record, label, "auc")["outside_positives"] == of_studies.sum()
    masks = store.truth(np.arange(len(store)))
    shown = {"any": masks > 0, "subdural": (masks & 1 << LABELS.index("subdural")) > 0}
    for label, pixels in shown.items():
        pointing = record.maps.row(label, "pointing")
        count = pixels.any(axis=(1, 2)).sum()
        assert 0 < pointing["slices"] + pointing["without"] == count
        assert 0 <= pointing["value"] <= 1
    bleeding = sum(values["any"] for one in slices for values, _, _ in one)
    small = bleeding - shown["any"].any(axis=(1, 2)).sum()
    assert 0 <= small <= 0.1 * bleeding, "masks of half the size lose the smallest bleeds alone"


def test_patients_that_the_run_has_learned_from_are_left_out_and_counted(project):
    """The own heads once more, their labels by study: only its test is evaluated."""
    own = Store.open("own/store")
    table = pd.read_parquet(RUN / "predictions.parquet")
    learned = set(table.loc[table["split"] != "test", "patient_id"])
    uids = own.slices.groupby("study_instance_uid")["any"].max()
    lines = [f"{uid},{value}" for uid, value in uids.items()]
    Path("labels.csv").write_text("\n".join(["StudyInstanceUID,any", *lines]) + "\n")
    store = ingest("own/rsna", "there-store", image_size=32, progress=False, labels="labels.csv")
    record = evaluated(store)
    tested = set(table.loc[table["split"] == "test", "patient_id"])
    assert set(predictions(record)["patient_id"]) == tested
    assert record.left_out["patients_learned_from"] == len(learned)
    assert record.left_out["by_id"] == record.left_out["by_pixels"] == len(learned)
    assert record.data["patients_in_own_test"] == len(tested)
    for row in record.assessment.comparison.to_dict("records"):
        if row["label"] == "any" and row["measure"] in ("auc", "recall", "specificity"):
            assert row["outside_value"] == pytest.approx(row["inside_value"], abs=1e-6)


def test_patients_of_other_names_are_known_by_their_pixels(project):
    own = Store.open("own/store")
    uids = own.slices.groupby("study_instance_uid")["any"].max()
    lines = [f"{uid},{value}" for uid, value in uids.items()]
    Path("labels.csv").write_text("\n".join(["StudyInstanceUID,any", *lines]) + "\n")
    renamed = {"labels": "labels.csv", "pseudonymise": True, "progress": False}
    record = evaluated(ingest("own/rsna", "there-store", image_size=32, **renamed))
    table = pd.read_parquet(RUN / "predictions.parquet")
    learned = table.loc[table["split"] != "test", "patient_id"].nunique()
    assert record.left_out["by_id"] == 0
    assert (
        record.data["patients_in_own_test"]
        == table.query("split == 'test'")["patient_id"].nunique()
    )
    assert record.left_out["by_pixels"] == record.left_out["patients_learned_from"] == learned


def test_stores_that_nothing_can_be_measured_on_are_refused(project, known):
    folder, _ = known
    saved, data = SavedRun.read(RUN), ExternalDataSet(name="there", source="there")
    larger = ingest(folder, "larger", image_size=48, progress=False)
    with pytest.raises(ValueError, match=r"slices of 48 pixels a side, and cnn was trained on 32"):
        evaluate(saved, larger, data=data)
    unlabelled = ingest(folder / "stage_2_train", "bare", image_size=32, progress=False)
    with pytest.raises(ValueError, match="has no labels, so that nothing can be measured"):
        evaluate(saved, unlabelled, data=data)
    with pytest.raises(ValueError, match="is the store that cnn was trained on"):
        evaluate(saved, Store.open("own/store"), data=data)


def test_the_command_names_what_is_missing_and_writes_the_record(project, known, capsys):
    folder, _ = known
    ingest(folder, "island/store", image_size=32, progress=False)
    (RUN / "record.json").rename("aside.json")
    assert cli.main(["evaluate", str(RUN), "island/store"]) == 2
    assert "which has no result" in capsys.readouterr().err
    Path("aside.json").rename(RUN / "record.json")
    assert cli.main(["evaluate", str(RUN), "island/none"]) == 2
    assert cli.main(["evaluate", str(RUN), "island/store", "--profile", "params/own.yaml"]) == 2
    assert "no data set of external has the store island/store" in capsys.readouterr().err
    assert cli.main(["evaluate", str(RUN), "island/store"]) == 0
    written = Path(capsys.readouterr().out.strip().splitlines()[-1])
    assert written.parts[-5:] == ("own", "external", "island", "cnn", "record.json")
    records, problems = read_external(Path("reports/own"))
    assert ([record.run for record in records], problems) == (["cnn"], [])


def test_a_record_that_is_damaged_or_of_an_earlier_run_is_a_problem_and_no_figure(cq500):
    record = evaluated(cq500, kind="cq500")
    again = ExternalAssessment.from_record(record.assessment.record())
    pd.testing.assert_frame_equal(again.comparison, record.assessment.comparison)
    own = json.loads((RUN / "record.json").read_text())
    assert (
        own["provenance"]["predictions_sha256"]
        == (record.record["provenance"]["run_predictions_sha256"])
    )
    path = record.folder / "predictions.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    records, [problem] = read_external(Path("reports/own"))
    assert records == []
    assert (problem.data_set, problem.run) == ("there", "cnn")
    assert "predictions.parquet" in problem.text
    assert "Evaluate it again" in problem.text


@pytest.mark.parametrize("slices", [1, 5, 16, 1000])
def test_blocks_hold_whole_series_and_every_slice_once(project, slices):
    store = Store.open("own/store")
    rows = np.flatnonzero(store.slices["patient_id"].to_numpy() != store.slices["patient_id"][0])
    blocks = list(blocks_of_series(store, rows, slices))
    assert np.concatenate([np.arange(b.start, b.stop) for b in blocks]).tolist() == [
        *range(len(rows))
    ]
    series = [set(store.slices["series_instance_uid"].to_numpy()[rows[b]]) for b in blocks]
    assert sum(map(len, series)) == len(set().union(*series)), "no series is cut"
    longest = store.slices["series_instance_uid"].value_counts().max()
    assert max(b.stop - b.start for b in blocks) <= max(slices, longest)
