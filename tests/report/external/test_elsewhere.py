"""What the page of other hospitals says: verdicts by intervals, and small numbers in words."""

import dataclasses
import math

import pandas as pd
import pytest

from ichreport.labels import LABELS
from ichreport.params.profile import Profile
from ichreport.report.external import elsewhere, tables
from ichreport.report.external.elsewhere import Elsewhere, outcome
from ichreport.runs.external_format import EXTERNAL_FORMAT, read_external_record
from ichreport.runs.external_record import ExternalProblem, ExternalRecord, read_external
from tests.report.beyond.made_ladder import gathered, run
from tests.report.external.made_evaluations import assessment, comparison, told


@pytest.mark.parametrize(
    ("low", "high", "expected", "words"),
    [
        (-0.15, -0.05, "lower", "cnn falls on island"),
        (-0.15, 0.05, "open", "no fall is shown, and one of up to 0.150 is not excluded"),
        (-0.15, 0.0, "open", "no fall is shown, and one of up to 0.150 is not excluded"),
        (0.0, 0.05, "open", "cnn does not fall on island"),
        (-0.0, 0.0, "open", "cnn does not fall on island"),
        (0.01, 0.2, "higher", "cnn does better on island"),
        (math.nan, math.nan, "undefined", "nothing can be said"),
    ],
)
def test_the_verdict_is_what_the_interval_of_the_difference_says(
    tmp_path, low, high, expected, words
):
    changed = {"auc_any": {"difference_low": low, "difference_high": high}}
    [row] = comparison(**changed).query("measure == 'auc' and label == 'any'").to_dict("records")
    assert outcome(row) == expected
    [line] = elsewhere.verdict(told(tmp_path, **changed), gathered()).sentences
    assert words in line
    assert ("is not excluded" in line) == (low < 0 <= high)
    assert "0.800 (0.760–0.840)" in line
    assert "0.900 (0.870–0.930)" in line


def test_what_of_the_runs_was_chosen_on_test_patients_stands_after_their_verdicts(tmp_path):
    places, chosen = told(tmp_path), {"hindsight": "its epochs."}
    twice = Elsewhere(
        [*places.records, *places.records], [ExternalProblem("hills", "cnn", "Gone.")]
    )
    first, second, said, gone = elsewhere.verdict(
        twice, gathered(run("cnn", 2.0, **chosen))
    ).sentences
    assert "cnn falls on island" in first
    assert first == second
    assert said == "cnn is not free of hindsight: its epochs."
    assert gone == "Gone."
    above = run("cnn", 2.0, features_from="tuned", head="sequence")
    said = str(elsewhere.verdict(places, gathered(run("tuned", 2.0, **chosen), above)))
    assert "tuned, on which cnn rests, is not free of hindsight: its epochs." in said
    clean = gathered(run("cnn", 2.0), run("other", 2.0, **chosen))
    assert "hindsight" not in str(elsewhere.verdict(places, clean))


def test_a_fall_that_is_not_excluded_is_never_one_of_nothing(tmp_path):
    changed = {"auc_any": {"difference_low": -0.0003, "difference_high": 0.01}}
    [line] = elsewhere.verdict(told(tmp_path, **changed), gathered()).sentences
    assert "one of up to 0.0003 is not excluded" in line


def test_one_study_is_no_studies(tmp_path):
    one = {"outside_units": 1, "inside_units": 1, "inside_positives": 0}
    [line] = elsewhere.verdict(told(tmp_path, auc_any=one), gathered()).sentences
    assert "(there 1 study, 30 with bleeding; inside 1 study, 0)" in line


def test_a_verdict_says_of_how_many_studies_both_of_its_figures_are(tmp_path):
    counts = {"inside_units": 1034, "inside_positives": 417}
    [line] = elsewhere.verdict(told(tmp_path, auc_any=counts), gathered()).sentences
    assert "(there 60 studies, 30 with bleeding; inside 1,034 studies, 417)" in line


def test_labels_of_few_studies_are_said_in_words(tmp_path):
    few = {"outside_positives": 13, "outside_value": 8 / 13}
    none = {"outside_positives": 0, "outside_value": math.nan}
    one = {"outside_positives": 1, "outside_value": 1.0}
    changed = {"recall_epidural": few, "recall_subdural": none, "recall_subarachnoid": one}
    said = "\n".join(elsewhere.of_few(told(tmp_path, **changed)).sentences)
    assert (
        "13 studies with epidural bleeding on island: at its frozen threshold cnn finds 8." in said
    )
    assert "1 study with subarachnoid bleeding on island" in said
    assert "No study of island has subdural bleeding" in said
    assert "intraparenchymal bleeding" not in said
    assert "20 studies or more" not in said
    unlabelled = {"recall_epidural": none | {"outside_units": 0}}
    said = "\n".join(elsewhere.of_few(told(tmp_path, **unlabelled)).sentences)
    assert "No study of island is labelled for epidural bleeding" in said
    assert "No study of island has epidural" not in said
    without = {"recall_epidural": few | {"outside_value": math.nan}}
    said = "\n".join(elsewhere.of_few(told(tmp_path, **without)).sentences)
    assert "13 studies with epidural bleeding on island: cnn has no threshold for it." in said
    many = {f"recall_{label}": {"outside_positives": 20} for label in LABELS}
    assert str(elsewhere.of_few(told(tmp_path, **many))) == (
        "Every label has 20 studies or more in every data set."
    )


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.3, -0.1, "lower than inside"), (0.1, 0.3, "higher than inside"),
        (-0.1, 0.1, "not distinguishable"), (math.nan, math.nan, "cannot be compared"),
    ],
)  # fmt: skip
def test_what_the_threshold_does_is_said_of_recall_and_specificity(tmp_path, low, high, words):
    changed = {"recall_any": {"difference_low": low, "difference_high": high}}
    recall, specificity = elsewhere.of_thresholds(told(tmp_path, **changed)).sentences
    assert "has a recall of" in recall
    assert words in recall
    assert "has a specificity of" in specificity


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.9, -0.1, "too high"), (0.1, 0.9, "too low"), (-0.1, 0.9, "about as large as"),
        (math.nan, math.nan, "cannot be judged"),
    ],
)  # fmt: skip
def test_probabilities_are_called_too_high_where_bleeding_is_rarer(tmp_path, low, high, words):
    changed = {"in_the_large_any": {"outside_low": low, "outside_high": high}}
    said = "\n".join(elsewhere.of_probabilities(told(tmp_path, **changed)).sentences)
    assert words in said


def test_tables_show_every_label_and_text_as_text(tmp_path):
    places = told(tmp_path)
    html = tables.data_sets(places)._repr_html_()
    assert "Some &lt;i&gt;one&lt;/i&gt;" in html
    shown = tables.places(places)
    assert len(shown.lines) == len(LABELS)
    assert [row.kind for row in shown.lines] == [""] * 5 + ["marked"]
    assert "lower" in repr(shown)
    assert "0.100 (0.050–0.150)" in repr(tables.calibration(places))
    assert "50.0" in repr(tables.operating_points(places)), "prevalence: 30 of 60"
    assert "Left of the line is worse" in tables.forest(places).caption


def test_what_a_data_set_lacks_is_said_in_a_sentence(tmp_path):
    places = told(tmp_path)
    for table in (tables.slices, tables.readers, tables.maps, tables.other_systems):
        assert "data set" in repr(table(places))
    assert "taken alike" in repr(tables.strata(places))
    nobody = Elsewhere([], [])
    sentences = (elsewhere.of_few, elsewhere.of_thresholds, elsewhere.of_probabilities)
    for table in (tables.places, tables.data_sets, tables.calibration, tables.forest, *sentences):
        assert "No run has been applied" in repr(table(nobody))
    assert "No run has been applied" in str(elsewhere.verdict(nobody, gathered()))


def test_where_evaluations_are_only_missing_they_alone_are_named(tmp_path):
    missing = Elsewhere([], [ExternalProblem("hills", "cnn", "cnn has not been evaluated.")])
    assert elsewhere.verdict(missing, gathered()).sentences == ["cnn has not been evaluated."]
    sentences = (elsewhere.of_few, elsewhere.of_thresholds, elsewhere.of_probabilities)
    for table in (tables.places, tables.data_sets, tables.calibration, tables.forest, *sentences):
        assert "No evaluation can be shown" in repr(table(missing))
        assert "No run has been applied" not in repr(table(missing))


def test_a_difference_that_is_not_defined_is_no_lack_of_evaluations(tmp_path):
    nothing = {"difference_low": math.nan, "difference_high": math.nan}
    undefined = told(tmp_path, **{f"auc_{label}": nothing for label in LABELS})
    assert str(tables.forest(undefined)) == "No difference in AUC is defined."


def test_strata_are_said_to_stand_each_on_its_own(tmp_path):
    [record] = told(tmp_path).records
    rows = [
        {
            **{"kind": "kernel", "stratum": stratum, "label": "any", "measure": measure},
            **{"value": 0.8, "low": 0.7, "high": 0.9, "units": 30, "positives": 10},
        }
        for stratum in ("sharp", "soft")
        for measure in ("auc", "recall", "specificity")
    ]
    changed = dataclasses.replace(assessment(), strata=pd.DataFrame(rows)).record()
    kept = record.record | {"assessment": changed}
    shown = tables.strata(Elsewhere([ExternalRecord(record.folder, kept)], []))
    assert len(shown.lines) == 2
    assert "none was tested against the others" in shown.caption
    assert "none was tested" not in repr(tables.strata(told(tmp_path)))


def test_slices_have_a_table_where_they_are_labelled(tmp_path):
    [record] = told(tmp_path).records
    both = pd.concat([comparison(), comparison(level="slices")], ignore_index=True)
    kept = record.record | {"data": record.data | {"labelled": "slices"}}
    kept["assessment"] = dataclasses.replace(assessment(), comparison=both).record()
    shown = tables.slices(Elsewhere([ExternalRecord(record.folder, kept)], []))
    assert len(shown.lines) == len(LABELS)


def test_evaluations_that_are_missing_or_of_an_earlier_run_are_named(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    report = tmp_path / "reports" / "demo"
    told(report)
    data = [{"name": name, "source": "there"} for name in ("island", "hills")]
    found = elsewhere.read(Profile.parse({"external": data, "cam_run": "cnn"}, where="x"))
    assert found.records == []
    stale, missing = found.problems
    assert "cnn has no result any more" in stale.text
    assert missing.text == "cnn has not been evaluated on hills: see the log of its job."


def test_another_versions_record_and_another_evaluations_are_refused_with_the_cure(tmp_path):
    told(tmp_path)
    where = tmp_path / "external" / "island" / "cnn"
    with pytest.raises(ValueError, match="is of another evaluation, island/cnn"):
        read_external_record(where.rename(where.with_name("other")))
    path = where.with_name("other") / "record.json"
    path.write_text(path.read_text().replace(f'"format": {EXTERNAL_FORMAT}', '"format": 0'))
    records, [problem] = read_external(tmp_path)
    assert records == []
    assert f"has format 0, expected {EXTERNAL_FORMAT}: another version made it." in problem.text
    assert "Evaluate it again" in problem.text


def test_a_run_s_words_are_of_its_own_evaluations_and_problems(tmp_path):
    missing = "cnn has not been evaluated on lake."
    found = Elsewhere(
        told(tmp_path).records,
        [
            ExternalProblem("lake", "cnn", missing),
            ExternalProblem("cnn", "cnn-deep", "external/cnn/cnn-deep is damaged."),
        ],
    )
    assert elsewhere.verdicts_of(found, "cnn").startswith("cnn falls on island")
    assert missing not in elsewhere.verdicts_of(found, "cnn")
    assert elsewhere.problems_of(found, "cnn") == missing
    assert elsewhere.verdicts_of(found, "cnn-deep") == ""
    assert elsewhere.problems_of(found, "cnn-deep") == "external/cnn/cnn-deep is damaged."
    assert elsewhere.problems_of(found, "other") == ""
