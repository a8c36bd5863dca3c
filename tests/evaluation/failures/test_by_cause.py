"""A run's failures by cause on a small set of synthetic heads, with misses made by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from ichreport.data.ingest.make_store import ingest
from ichreport.data.measures.bleeds import measure_bleeds
from ichreport.data.synthetic.look_alikes import read_look_alikes
from ichreport.evaluation.assessment import assess
from ichreport.evaluation.failures.by_cause import failures_by_cause, series_of_half
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.labels import LABELS, SUBTYPES
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """Twelve heads, their source and their store; every label bleeds somewhere."""
    folder = tmp_path_factory.mktemp("failures")
    recipe = PhantomRecipe(patients=12, seed=3, matrix=64, slices=8, faults=False)
    write_phantom(folder / "rsna", recipe)
    store = ingest(folder / "rsna", folder / "store", image_size=64, progress=False)
    return store, folder / "rsna"


@pytest.fixture
def predictions(heads):
    """A run that calls everything right: 0.9 where there is bleeding, 0.1 elsewhere."""
    store, _ = heads
    codes, _ = pd.factorize(store.slices["patient_id"])
    columns = ["sop_instance_uid", "patient_id", "study_instance_uid", "series_instance_uid"]
    split = np.array(["test", "validation", "test", "train"])[codes % 4]
    table = store.slices[columns].assign(split=split, group=store.slices["patient_id"])
    table[list(TRUTHS)] = store.slices[list(LABELS)].to_numpy()
    table[list(PROBABILITIES)] = np.where(table[list(TRUTHS)] == 1, 0.9, 0.1)
    return table


def failures_of(heads, predictions):
    store, source = heads
    return failures_by_cause(store, predictions, assess(predictions, replicates=20), source)


def rows_of(table, cause):
    return table[table["cause"] == cause].set_index("stratum")


def test_a_run_without_failures_misses_nothing_by_any_cause(heads, predictions):
    failures = failures_of(heads, predictions)
    for table in (failures.misses, failures.subtypes, failures.studies, failures.false_alarms):
        assert len(table)
        assert (table["failed"] == 0).all()
        assert (table.loc[table["number"] > 0, "value"] == 0).all()
    assert failures.half_in == 0
    assert failures.has_masks
    assert failures.lists_look_alikes


def test_missing_the_small_shows_in_the_class_of_small_bleeds_alone(heads, predictions):
    store, _ = heads
    bleeding = np.flatnonzero((predictions["split"] == "test") & (predictions["truth_any"] == 1))
    areas = measure_bleeds(store, bleeding, "any")["area"]
    small = areas.index[areas < np.quantile(areas, 0.25)]
    predictions.loc[small, "probability_any"] = 0.2
    failures = failures_of(heads, predictions)
    by_area = rows_of(failures.misses, "area of the bleed")
    assert by_area["failed"].tolist() == [len(small), 0, 0]
    test = predictions[predictions["split"] == "test"]
    recall = recall_score(test["truth_any"], test["probability_any"] >= failures.threshold)
    assert failures.missed["value"] == pytest.approx(1 - recall)
    for _, rows in failures.misses.groupby("cause"):
        assert rows["failed"].sum() <= len(small)
    counts = predictions.loc[small, "series_instance_uid"].value_counts().tolist()
    assert failures.half_in == next(
        number for number in range(1, 99) if 2 * sum(counts[:number]) >= len(small)
    )
    assert failures.series == test.loc[test["truth_any"] == 1, "series_instance_uid"].nunique()


def test_each_subtype_is_judged_by_its_own_threshold_and_its_own_blood(heads, predictions):
    label = next(
        each for each in SUBTYPES if predictions.query("split=='test'")[f"truth_{each}"].any()
    )
    missed = (predictions["split"] == "test") & (predictions[f"truth_{label}"] == 1)
    predictions.loc[missed, f"probability_{label}"] = 0.0
    failures = failures_of(heads, predictions)
    shares = failures.subtypes.query("number > 0").groupby("label")["value"].mean()
    assert shares[label] == 1
    assert (shares.drop(label) == 0).all()
    assert (failures.misses["failed"] == 0).all()


def test_alarms_at_calcifications_show_in_their_class_alone(heads, predictions):
    _, source = heads
    calcified = [each for each in read_look_alikes(source) if each.kind == "calcification"]
    named = {uid for each in calcified for uid in each.sop_instance_uids}
    shows = predictions["sop_instance_uid"].isin(named) & (predictions["truth_any"] == 0)
    predictions.loc[shows, "probability_any"] = 0.95
    failures = failures_of(heads, predictions)
    by = rows_of(failures.false_alarms, "calcification")
    assert by.loc["with it", "value"] == 1
    assert by.loc["with it", "number"] == (shows & (predictions["split"] == "test")).sum() > 0
    assert by.loc["without it, as high", "failed"] == 0


def test_missed_studies_are_counted_at_the_threshold_of_studies(heads, predictions):
    test = predictions[(predictions["split"] == "test") & (predictions["truth_any"] == 1)]
    study = test["study_instance_uid"].iloc[0]
    of_study = predictions["study_instance_uid"] == study
    predictions.loc[of_study, "probability_any"] = 0.01
    studies = failures_of(heads, predictions).studies
    assert (studies.groupby("cause")["failed"].sum() == 1).all()
    assert set(studies["cause"]) == {
        "slices with it in the study",
        "volume of the bleed",
        "contrast to the brain around it",
    }


def test_without_masks_and_list_only_what_labels_tell_is_there(heads, predictions, tmp_path):
    store, _ = heads
    blind = type(store).open(store.folder)
    blind.manifest["truth"] = False
    failures = failures_by_cause(blind, predictions, assess(predictions, replicates=20), tmp_path)
    assert set(failures.misses["cause"]) == {
        "height in the head",
        "neighbours",
        "place in the bleed",
        "slices with it in the series",
    }
    assert set(failures.false_alarms["cause"]) == {"height in the head", "neighbours"}
    assert set(failures.studies["cause"]) == {"slices with it in the study"}
    assert failures.subtypes.empty
    assert not failures.has_masks
    assert not failures.lists_look_alikes


def test_without_a_threshold_nothing_counts(heads, predictions):
    validation = predictions["split"] == "validation"
    predictions.loc[validation, list(TRUTHS)] = 0
    failures = failures_of(heads, predictions)
    assert np.isnan(failures.threshold)
    assert failures.misses.empty
    assert failures.false_alarms.empty
    assert failures.studies.empty
    assert failures.missed["number"] == 0


def test_slices_of_another_store_are_refused(heads, predictions):
    predictions.loc[predictions["split"] == "test", "sop_instance_uid"] = "elsewhere"
    with pytest.raises(ValueError, match="slices of the test split are not in"):
        failures_of(heads, predictions)


def test_half_of_the_misses_lie_in_the_series_with_the_most():
    assert series_of_half(pd.Series(list("aaabc"))) == 1
    assert series_of_half(pd.Series(list("aabbc"))) == 2
    assert series_of_half(pd.Series(list("ab"))) == 1
    assert series_of_half(pd.Series([], dtype=str)) == 0
