"""Each section's verdict on a run, where it must stand and where it must not."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ichreport.data.overlap.leakage import NEIGHBOURS, leak_audit
from ichreport.data.samples import Sample
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.constant_prevalence import FloorComparison
from ichreport.evaluation.uncertainty.intervals import Interval
from ichreport.params.experiment import Experiment
from ichreport.report.run import score_tables, verdicts
from ichreport.splits import SPLITS
from tests.report.made_up import predictions as make_predictions
from tests.report.measured import measured
from tests.report.run.test_score_tables import cells

NAN = float("nan")
EACH = "each by an interval of its own."


def assessed_of(table):
    return Assessment.from_record(measured(table))


@pytest.fixture(scope="module")
def assessed():
    return assessed_of(make_predictions("fullid", seed=1, skill=2.0))


def with_rows(table, where, **values):
    """The table with other values in the rows that hold `where`."""
    chosen = np.logical_and.reduce([table[name] == value for name, value in where.items()])
    return table.assign(**{name: table[name].mask(chosen, value) for name, value in values.items()})


def test_a_verdict_on_a_split_starts_with_a_capital_and_counts_one_as_one():
    kinds = {"patients": 0, NEIGHBOURS: 0, "identical pixels": 1}
    sample = SimpleNamespace(split=np.repeat("test", 5000))

    def said(**counts):
        pair = {"first": "train", "second": "test"}
        rows = [pair | {"kind": k, "slices_in_second": n} for k, n in (kinds | counts).items()]
        return str(verdicts.split(pd.DataFrame(rows), sample))

    assert "but 1 of the test slices has the pixels of a slice there." in said()
    assert said(patients=1).startswith("Less than 0.1 % of the test slices are of patients")
    assert said(patients=4999).startswith("More than 99.9 % of the test slices are of patients")


def audited(store, split):
    sample = Sample("sampa", np.arange(len(store)), split, store.slices["patient_id"].to_numpy())
    return str(verdicts.split(leak_audit(store.slices, sample), sample))


def test_a_split_by_slice_says_how_many_test_slices_are_of_seen_patients(store):
    split = np.array(SPLITS)[np.arange(len(store)) % 3]
    patients = store.slices["patient_id"].to_numpy()
    seen = np.isin(patients[split == "test"], patients[split == "train"]).mean()
    said = audited(store, split)
    assert said.startswith(f"{100 * seen:.1f} % of the test slices are of patients who have slices")
    assert "No test patient" not in said
    assert ("below are mostly of patients" in said) == (0.5 < seen < 1)
    assert ("below are of patients" in said) == (seen == 1)


def test_a_split_by_patient_says_that_nobody_is_seen(store):
    split = np.array(SPLITS)[pd.factorize(store.slices["patient_id"])[0] % 3]
    assert audited(store, split) == (
        "No test patient has slices in train, and no picture stands on both sides."
    )


def test_equal_pictures_of_different_patients_are_told(store):
    split = np.array(SPLITS)[pd.factorize(store.slices["patient_id"])[0] % 3]
    hashes = store.slices["pixel_hash"].to_numpy().copy()
    hashes[np.flatnonzero(split == "test")[:2]] = hashes[np.flatnonzero(split == "train")[0]]
    store.slices = store.slices.assign(pixel_hash=hashes, blank=False)
    said = audited(store, split)
    assert "but 2 of the test slices have the pixels of a slice there" in said
    assert "no picture stands" not in said


HISTORY = {"loss": [0.9, 0.5, 0.3], "val_loss": [0.8, 0.625, 0.7]}


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({"epochs": 9, "patience": 1}, "stopped by itself after epoch 3", "no epochs left"),
        ({"epochs": 3, "patience": 1}, "stopped by itself after epoch 3", "no epochs left"),
        ({"epochs": 3, "patience": 2}, "no epochs left: it used all 3", "stopped by itself after"),
        ({"epochs": 3, "schedule": "cosine"}, "runs through all 3 epochs", "stopped by itself"),
    ],
)
def test_a_training_that_used_all_its_epochs_is_not_said_to_have_stopped(changes, said, unsaid):
    text = str(verdicts.training(HISTORY, Experiment(**changes)))
    assert text.startswith("The loss on validation was lowest after epoch 2 of 3")
    assert said in text
    assert unsaid not in text


@pytest.mark.parametrize(
    ("losses", "changes", "end"),
    [
        (
            [0.8],
            {"epochs": 1, "patience": 1},
            "used the only epoch and had not stopped by itself.",
        ),
        ([0.8], {"epochs": 1, "schedule": "cosine"}, "Its schedule runs through the only epoch."),
        (
            [0.8, 0.7],
            {"epochs": 2, "patience": 1},
            "it used all 2 epochs and had not stopped by itself.",
        ),
        (
            [0.7, 0.8],
            {"epochs": 2, "patience": 2},
            "had not stopped by itself, 1 epoch after its last gain.",
        ),
    ],
)
def test_a_single_epoch_and_a_gain_at_the_end_are_said_as_such(losses, changes, end):
    history = {"loss": losses, "val_loss": losses}
    assert end in str(verdicts.training(history, Experiment(**changes)))


OPENINGS = {
    "learned": "By its own interval, its probabilities are better than the constant prevalence",
    "ranks only": "It ranks bleeding, but its probabilities are no better",
    "ranks at least": "It ranks bleeding; whether its probabilities beat",
    "not learned": "This test does not show that it has learned anything",
    "undecided": "Whether it has learned anything, this test cannot tell",
}


@pytest.mark.parametrize("verdict", OPENINGS)
def test_what_was_learned_is_said_with_the_loss_beside_the_constant_s(assessed, verdict):
    learned = FloorComparison(
        *(verdict, 0.9, 1.2, -0.3, Interval(-0.4, -0.2, 20), 0.8, Interval(0.7, 0.9, 20), 160)
    )
    said = str(verdicts.probabilities(dataclasses.replace(assessed, learned=learned)))
    assert [name for name, opening in OPENINGS.items() if said.startswith(opening)] == [verdict]
    assert "a weighted log loss of 0.900 against the constant's 1.200" in said
    assert "a difference of −0.300 (−0.400 to −0.200)" in said
    assert said.endswith("The AUC of any bleeding is 0.800 (0.700–0.900).")
    one_class = dataclasses.replace(learned, auc_any=NAN)
    said = str(verdicts.probabilities(dataclasses.replace(assessed, learned=one_class)))
    assert "The AUC" not in said
    assert said.endswith("so that there is no AUC of any bleeding.")


def test_a_test_without_slices_has_no_loss_that_could_be_told(assessed):
    unknown = FloorComparison(
        *("undecided", NAN, NAN, NAN, Interval(NAN, NAN, 0), NAN, Interval(NAN, NAN, 0), 0)
    )
    said = str(verdicts.probabilities(dataclasses.replace(assessed, learned=unknown)))
    assert said == "Test has no slices, so that nothing is known of its probabilities."


def test_the_operating_point_is_the_table_s(assessed):
    said = str(verdicts.operating_point(assessed))
    row = cells(score_tables.operating_points(assessed))["85 % recall: any"]
    for figure in (row[2], row[4], row[6]):  # achieved, recall, specificity
        assert figure in said


def test_no_threshold_and_a_test_of_one_class_are_told_apart(assessed):
    of_any = {"rule": "recall-85", "label": "any"}
    none = dataclasses.replace(
        assessed, thresholds=with_rows(assessed.thresholds, of_any, threshold=NAN)
    )
    assert "defines no threshold" in str(verdicts.operating_point(none))
    one_class = dataclasses.replace(
        assessed, rates=with_rows(assessed.rates, of_any | {"rate": "recall"}, value=NAN)
    )
    said = str(verdicts.operating_point(one_class))
    assert "no threshold can be judged there" in said
    assert "defines no threshold" not in said


def calibrated(assessed, label="any", *, level=(-0.1, 0.1), slope=(0.9, 1.1)):
    """The assessment with other intervals of calibration in the large and of the slope."""
    table = assessed.calibration
    for measure, (low, high) in (("in_the_large", level), ("slope", slope)):
        ends = {"low": low, "high": high, "value": (low + high) / 2}
        table = with_rows(table, {"label": label, "measure": measure}, **ends)
    return dataclasses.replace(assessed, calibration=table)


@pytest.fixture(scope="module")
def true_for_all(assessed):
    for label in assessed.calibration["label"].unique():
        assessed = calibrated(assessed, label)
    return assessed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"level": (0.1, 0.3)}, "are too low on the whole:"),
        ({"level": (-0.3, -0.1)}, "are too high on the whole:"),
        ({"slope": (0.5, 0.9)}, "are too confident:"),
        ({"slope": (-0.9, -0.5)}, "are in the wrong order:"),
        ({"slope": (-0.9, 0.5)}, "are too confident:"),
        ({"slope": (1.1, 1.9)}, "are too cautious:"),
        ({"level": (0.1, 0.3), "slope": (0.5, 0.9)}, "too low on the whole and too confident:"),
        ({}, "agree with how often it bleeds"),
        ({"level": (NAN, NAN)}, "cannot be judged by this test:"),
        ({"level": (NAN, NAN), "slope": (0.5, 0.9)}, "are too confident:"),
    ],
)
def test_probabilities_are_judged_by_their_intervals(true_for_all, changed, said):
    text = str(verdicts.calibration(calibrated(true_for_all, **changed)))
    assert said in text
    assert "off in one way or another" not in text
    assert ("agree with" in text) == (not changed)


def test_other_labels_that_are_off_are_named_and_no_more(true_for_all):
    off = calibrated(true_for_all, "subdural", level=(0.2, 0.4))
    off = calibrated(off, "epidural", slope=(0.2, 0.4))
    said = str(verdicts.calibration(off))
    assert said.endswith("Those of epidural and subdural are off in one way or another, " + EACH)
    assert "agree with" in said
    unknown = str(verdicts.calibration(calibrated(off, slope=(NAN, NAN))))
    assert "cannot be judged" in unknown
    assert "Those of epidural and subdural are off" in unknown


def test_studies_are_told_as_the_table_has_them(assessed):
    said = str(verdicts.whole_studies(assessed))
    row = cells(score_tables.studies(assessed))["any, learned"]
    for figure in (row[1], row[2], row[4]):  # AUC, recall, specificity
        assert figure in said
    assert f"on {row[-1]} studies, {row[-2]} of which bleed" in said


def of_studies(assessed, **changed):
    """The verdict with other figures of any bleeding, by pooling and score."""
    table = assessed.studies
    for name, values in changed.items():
        pooling, score = name.split("_", 1)
        table = with_rows(table, {"label": "any", "pooling": pooling, "score": score}, **values)
    return str(verdicts.whole_studies(dataclasses.replace(assessed, studies=table)))


def test_studies_without_a_learned_pooling_are_told_by_their_largest_probability(assessed):
    said = of_studies(assessed, learned_auc={"value": NAN})
    row = cells(score_tables.studies(assessed))["any, maximum"]
    for figure in (row[1], row[2], row[4]):
        assert figure in said
    assert "by the largest probability of their slices" in said
    assert "largest probability" not in of_studies(assessed)


def test_studies_of_one_class_and_without_a_threshold_are_told_as_such(assessed):
    both = {f"{pooling}_auc": {"value": NAN} for pooling in ("learned", "maximum")}
    said = of_studies(assessed, **both)
    assert said.startswith("Test holds 20 studies, with or without bleeding alone")
    said = of_studies(assessed, learned_recall={"value": NAN})
    assert said.endswith("define no threshold of 85 % recall.")
    assert "raise an alarm" not in said
    one = of_studies(assessed, learned_auc={"studies": 1, "positives": 1})
    assert "on 1 study, 1 of which bleeds" in one


def test_part_of_a_scan_is_no_study():
    torn = make_predictions("sampa", seed=1, skill=2.0).assign(study_slices=1000)
    said = str(verdicts.whole_studies(assessed_of(torn)))
    assert said.startswith("No study is in test with all of its slices")


def subgrouped(assessed, *p_values):
    rows = [
        {
            "kind": "height", "subgroup": name, "score": score, "difference": difference,
            "p_adjusted": p,
        }
        for name, score, difference, p in p_values
    ]  # fmt: skip
    columns = ["kind", "subgroup", "score", "difference", "p_adjusted"]
    table = pd.DataFrame(rows, columns=columns)
    return str(verdicts.subgroups(assessed.with_subgroups(table)))


def test_only_subgroups_that_differ_by_more_than_chance_are_named(assessed):
    said = subgrouped(
        assessed,
        ("base", "auc", -0.12, 0.03),
        ("top", "recall", 0.2, 0.001),
        ("mid", "auc", 0.1, 1),
    )
    assert said.startswith(
        "More than chance: height top, whose recall is 0.20 above the rest's; height base, whose "
        "AUC is 0.12 below the rest's."
    )
    assert "0.004 above" in subgrouped(assessed, ("base", "auc", 0.004, 0.03))  # and not 0.00
    assert "mid" not in said
    assert said.endswith("Of the others no difference is shown.")
    of_two = subgrouped(assessed, ("yes", "auc", 0.1, 0.01), ("no", "auc", -0.1, 0.01))
    assert "height yes" in of_two
    assert "height no" not in of_two, "each is the other's rest"
    alarms = subgrouped(assessed, ("middle", "specificity", -0.5, 0.001))
    assert "height middle, whose specificity is 0.50 below the rest's" in alarms
    alike = subgrouped(assessed, ("base", "auc", -0.12, 0.05))
    assert alike.startswith("No subgroup differs")
    assert "More than chance" not in alike
    unknown = subgrouped(assessed, ("base", "auc", NAN, NAN))
    assert unknown == "No subgroup has patients enough for a comparison."
    assert subgrouped(assessed) == unknown
