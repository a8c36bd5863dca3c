"""The tables of results, cell by cell: ours by scikit-learn, the poster's typed from it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, precision_score, recall_score, roc_auc_score

from ichreport.labels import ANY, LABELS, SUBTYPES
from ichreport.params.endpoint import Endpoint
from ichreport.params.experiment import Experiment
from ichreport.report.comparison import poster_tables
from ichreport.report.html.blocks import Marked
from ichreport.report.html.formats import with_interval
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, ScoredRun
from tests.report.made_up import predictions
from tests.report.measured import measured

SHARP, BLUNT, USELESS = 10.0, 2.0, 0.0
"""Skills: a log loss below, about and above what constant prevalence has."""


class MadeUp(ScoredRun):
    """A run whose predictions are in memory."""

    @property
    def predictions(self):
        return self.record["predictions"]


def run(name, skill, *, seed=1, table=None, synthetic=False, **parameters):
    experiment = Experiment(name=name, weights="imagenet", **parameters)
    if table is None:
        table = predictions(experiment.sample, seed, skill)
    record = {
        "predictions": table,
        "parameters": experiment.model_dump(),
        "assessment": measured(table),
        "provenance": {"synthetic": synthetic},
    }
    return MadeUp(RunRecord(name, None, "ok", record))


def gathered(*runs, without=(), expected=()):
    every = [*(run.run_record for run in runs), *without]
    return Results(
        every,
        {run.name: run for run in runs},
        {experiment.name: experiment for experiment in expected},
    )


@pytest.fixture(scope="module")
def results():
    """Rows 5 and 13 of the poster, one of ours, one that failed and one that is missing."""
    failed = RunRecord("06-focal", None, "failed", {}, "ValueError: <b>no</b>")
    missing = RunRecord("14-adjacent", None, "missing", {}, "not run yet")
    return gathered(
        run("05-raw", SHARP, sample="sampa", poster_row=5),
        run("13-all", BLUNT, sample="fullid", poster_row=13),
        run("15-ours", SHARP, sample="fullid", network="cnn7"),
        run("05-raw--seed-2", BLUNT, sample="sampa", poster_row=5, training_seed=2),
        without=(failed, missing),
        expected=(
            Experiment(name="06-focal", poster_row=6),
            Experiment(name="14-adjacent", sample="fullid", poster_row=14),
        ),
    )


@pytest.fixture(scope="module")
def rows(results):
    """The rows of the table of losses by their first cell."""
    return by_name(poster_tables.losses(results))


def by_name(table):
    return {getattr(row.cells[0], "text", row.cells[0]): row.cells for row in table.lines}


def names(table):
    """The headings of a table's columns."""
    return [column.name for column in table.head]


def named(table, kind):
    """The first cells of the rows of a kind."""
    firsts = [row.cells[0] for row in table.lines if row.kind == kind]
    return [getattr(cell, "text", cell) for cell in firsts]


def value(cell):
    """The figure of a cell, without its interval."""
    return float(cell.split()[0].replace("−", "-"))


def weighted_sum(table, split):
    """The weighted log loss of a split by scikit-learn: `any` twice."""
    own = table[table["split"] == split]
    terms = [
        log_loss(own[f"truth_{label}"], own[f"probability_{label}"].astype(float), labels=[0, 1])
        for label in (*LABELS, ANY)
    ]
    return sum(terms)


@pytest.mark.parametrize("name", ["05-raw", "13-all", "15-ours"])
def test_the_first_columns_are_the_losses_of_train_validation_and_test(name, results, rows):
    head = names(poster_tables.losses(results))
    assert head[1:4] == ["train", "validation", "test"]
    table = results.scored[name].predictions
    for cell, split in zip(rows[name][1:4], head[1:4], strict=True):
        assert value(cell) == pytest.approx(weighted_sum(table, split), abs=6e-4)


def test_the_poster_s_losses_stand_in_its_rows_only(results, rows):
    assert names(poster_tables.losses(results))[4:7] == ["train", "test", "test − poster"]
    assert rows["05-raw"][4:6] == ["1.058", "1.082"]
    assert rows["13-all"][4:6] == ["0.743", "0.874"]
    assert rows["15-ours"][4:7] == ["–", "–", "–"]


def test_rows_with_several_seeds_have_their_mean_and_spread_beside_their_first(results, rows):
    assert names(poster_tables.losses(results))[-3:] == [
        "weighted log loss, mean ± SD", "AUC, any, mean ± SD",
        "AUC of any bleeding in whole studies, mean ± SD",
    ]  # fmt: skip
    both = [results.scored[name].predictions for name in ("05-raw", "05-raw--seed-2")]
    losses = np.array([weighted_sum(table, "test") for table in both])
    mean, deviation = map(float, rows["05-raw"][-3].split(" ± "))
    assert mean == pytest.approx(losses.mean(), abs=6e-4)
    assert deviation == pytest.approx(losses.std(ddof=1), abs=6e-4)
    assert list(rows["13-all"][-3:]) == list(rows["06-focal"][-3:]) == ["–", "–", "–"]
    assert "mean over the seeds" in poster_tables.losses(results).caption


def test_where_each_row_has_one_seed_nothing_is_said_to_spread():
    table = poster_tables.losses(gathered(run("13-all", BLUNT, sample="fullid", poster_row=13)))
    assert names(table)[-1] == "against the constant"
    assert "What another seed would give is not known" in table.caption


def test_the_difference_is_ours_less_the_poster_s_with_its_sign(results, rows):
    better = weighted_sum(results.scored["05-raw"].predictions, "test") - 1.082
    worse = weighted_sum(results.scored["13-all"].predictions, "test") - 0.874
    assert better < 0 < worse
    assert rows["05-raw"][6] == f"−{-better:.3f}"
    assert rows["13-all"][6] == f"+{worse:.3f}"


def test_the_area_is_of_test_and_starred_where_its_patients_stand_in_train(results, rows):
    for name, star in {"05-raw": " *", "13-all": "", "15-ours": ""}.items():
        test = results.scored[name].predictions.query("split == 'test'")
        area = roc_auc_score(test["truth_any"], test["probability_any"].astype(float))
        assert value(rows[name][7]) == pytest.approx(area, abs=6e-4)
        assert rows[name][7].endswith(")" + star)


def test_bold_is_the_best_on_unseen_patients_even_where_a_starred_one_is_larger():
    by_slice = run("05-raw", SHARP, sample="sampa", poster_row=5)
    by_group = run("13-all", USELESS, sample="fullid", poster_row=13)
    ours = run("15-ours", BLUNT, sample="fullid", network="cnn7")
    results = gathered(by_slice, by_group, ours)
    table = poster_tables.losses(results)
    assert named(table, "marked") == ["15-ours"]
    assert results.best is ours
    assert "The bold row is the best run by the primary endpoint on validation" in table.caption
    split = run("16-bygroup", SHARP, sample="sampa", split_by="group")
    assert gathered(by_slice, ours, split).best is split
    assert gathered(by_slice).best is None


def test_no_row_is_said_to_be_bold_that_is_not_and_none_to_be_chosen_alone():
    by_slice = run("05-raw", SHARP, sample="sampa", poster_row=5)
    assert "bold" not in poster_tables.losses(gathered(by_slice)).caption
    ours = run("15-ours", BLUNT, sample="fullid", network="cnn7")
    caption = poster_tables.losses(gathered(by_slice, ours)).caption
    assert "The bold row is the only run that has the primary endpoint on unseen" in caption
    assert "best run" not in caption


def test_the_best_is_the_best_on_validation_whatever_test_says():
    lucky = predictions("fullid", 3, USELESS)
    right = np.where(lucky["split"] == "test", 1, -1)  # and wrong everywhere on validation
    lucky["probability_any"] = 0.5 + 0.4 * right * (lucky["truth_any"] - 0.5)
    on_test = run("14-lucky", None, table=lucky, sample="fullid")
    on_validation = run("15-ours", 0.8, sample="fullid", network="cnn7")
    both = gathered(on_test, on_validation)
    of_test = {name: both.primary_of(one)["value"] for name, one in both.scored.items()}
    assert of_test["14-lucky"] == 1 > of_test["15-ours"]
    assert both.best is on_validation


def test_a_run_whose_area_is_not_defined_is_never_the_best():
    one_class = predictions("fullid", 1, SHARP)
    one_class.loc[one_class["split"] == "test", [f"truth_{label}" for label in LABELS]] = 0
    undefined = run("14-no-bleeding", None, table=one_class, sample="fullid")
    defined = run("15-ours", USELESS, sample="fullid")
    assert gathered(undefined, defined).best is defined
    assert gathered(undefined).best is None
    assert by_name(poster_tables.losses(gathered(undefined)))["14-no-bleeding"][7] == "–"


def test_each_row_is_told_whether_it_beats_the_constant(rows):
    assert rows["05-raw"][9] == Marked("learned", "good")
    table = poster_tables.losses(gathered(run("15-ours", USELESS, sample="fullid", network="cnn7")))
    assert by_name(table)["15-ours"][9] == Marked("not learned", "bad")


def test_a_run_that_failed_or_is_missing_is_a_quiet_row_with_the_poster_s_losses(results, rows):
    failed, missing = rows["06-focal"], rows["14-adjacent"]
    assert failed[1:8] == ["–", "–", "–", "1.250", "1.270", "–", "–"]
    assert missing[1:8] == ["–", "–", "–", "0.553", "0.886", "–", "–"]
    assert failed[8] == missing[8] == "–"
    assert failed[9] == Marked("failed: ValueError: <b>no</b>", "bad")
    assert missing[9] == Marked("missing: not run yet", "open")
    table = poster_tables.losses(results)
    quiet = set(named(table, "quiet"))
    assert {"06-focal", "14-adjacent"} <= quiet
    assert not {"05-raw", "13-all", "15-ours"} & quiet


def test_a_run_with_a_further_seed_is_no_row_of_its_own(rows):
    assert "05-raw--seed-2" not in rows


def test_each_split_of_a_sample_has_its_own_floor():
    """The same slices in other splits have another prevalence to predict and to be scored on."""
    by_slice = run("05-raw", SHARP, sample="sampa", poster_row=5)
    moved = predictions("sampa", 1, SHARP)
    moved["split"] = moved["split"].to_numpy()[::-1]
    moved.loc[moved.index[::3], [f"truth_{label}" for label in LABELS]] = 0
    by_group = run("16-bygroup", None, table=moved, sample="sampa", split_by="group")
    everything = run("13-all", BLUNT, sample="fullid", poster_row=13)
    table = poster_tables.losses(gathered(everything, by_slice, by_group))
    assert {row.kind for row in table.lines[3:]} == {"quiet"}
    floors = [list(row.cells) for row in table.lines[3:]]
    assert [floor[0] for floor in floors] == [
        "constant prevalence, SampA split by slice",
        "constant prevalence, SampA split by group",
        "constant prevalence, FullID split by group",
    ]
    for floor, own in zip(floors, (by_slice, by_group, everything), strict=True):
        constant = own.predictions.copy()
        train = constant[constant["split"] == "train"]
        for label in LABELS:
            constant[f"probability_{label}"] = train[f"truth_{label}"].mean()
        expected = [weighted_sum(constant, split) for split in ("train", "validation", "test")]
        np.testing.assert_allclose([value(cell) for cell in floor[1:4]], expected, atol=6e-4)
        test = constant[constant["split"] == "test"]
        area = roc_auc_score(test["truth_any"], test["probability_any"])
        assert floor[7:] == [f"{area:.3f}", "–", "the floor"]
    assert [floor[4:7] for floor in floors] == [["–"] * 3] * 2 + [["–", "1.618", "–"]]


def test_a_floor_has_no_area_where_test_has_one_class():
    one_class = predictions("fullid", 1, SHARP)
    one_class.loc[one_class["split"] == "test", [f"truth_{label}" for label in LABELS]] = 0
    undefined = run("14-no-bleeding", None, table=one_class, sample="fullid")
    assert poster_tables.losses(gathered(undefined)).lines[-1].cells[7] == "–"


def largest_threshold(table, label):
    """The largest score of validation at or above which 85 % of the positives are: one of them."""
    own = table[(table["split"] == "validation") & (table[f"truth_{label}"] == 1)]
    positives = own[f"probability_{label}"].astype(float).to_numpy()
    return max(score for score in positives if (positives >= score).mean() >= 0.85)


@pytest.fixture(scope="module")
def points(results):
    return poster_tables.operating_points_of_best(results)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("label", LABELS)
def test_operating_points_are_those_of_validation_s_85_percent_recall(
    label, split, results, points
):
    table = results.scored["13-all"].predictions
    own = table[table["split"] == split]
    truth, score = own[f"truth_{label}"], own[f"probability_{label}"].astype(float)
    called = score >= largest_threshold(table, label)
    expected = [
        roc_auc_score(truth, score),
        precision_score(truth, called),
        accuracy_score(truth, called),
        recall_score(truth, called),
    ]
    row = by_name(points)[f"{label}, {split}"]
    np.testing.assert_allclose([value(cell) for cell in row[1:9:2]], expected, atol=6e-4)
    assert row[9] == str(truth.sum())


def test_the_poster_s_operating_points_stand_beside_under_their_names(points):
    assert [column.group for column in points.head[1:9:2]] == [
        "AUC",
        "precision",
        "accuracy",
        "recall",
    ]
    assert names(points)[1:9] == ["here", "poster"] * 4
    rows = by_name(points)
    assert rows["any, test"][2:9:2] == ["0.933", "0.514", "0.864", "0.842"]
    assert rows["any, train"][2:9:2] == ["0.984", "0.619", "0.909", "0.957"]
    assert rows["epidural, test"][2:9:2] == ["0.900", "0.004", "0.004", "1.000"]
    assert rows["subdural, test"][2:9:2] == ["0.924", "0.231", "0.810", "0.869"]
    expected = [f"{label}, {split}" for label in (ANY, *SUBTYPES) for split in ("train", "test")]
    assert list(rows) == expected


def test_operating_points_are_of_row_13_and_without_it_of_the_best_run(results, points):
    assert "of 13-all at" in points.caption
    others = gathered(*(own for name, own in results.scored.items() if name != "13-all"))
    assert "of 15-ours at" in poster_tables.operating_points_of_best(others).caption
    seed = run("13-all--seed-2", BLUNT, sample="fullid", poster_row=13, training_seed=2)
    ours = results.scored["15-ours"]
    assert "of 15-ours at" in poster_tables.operating_points_of_best(gathered(seed, ours)).caption
    assert "no run has predictions" in poster_tables.operating_points_of_best(gathered()).caption


def test_the_sentences_name_the_best_run_beside_the_poster_s_area(results):
    said = poster_tables.sentences(results).sentences
    assert said[0] == "4 of 6 runs have a record."
    test = results.scored["15-ours"].predictions.query("split == 'test'")
    area = roc_auc_score(test["truth_any"], test["probability_any"].astype(float))
    studies = test.groupby("study_instance_uid")[["truth_any", "probability_any"]].max()
    primary = roc_auc_score(studies["truth_any"], studies["probability_any"].astype(float))
    assert f"15-ours has an AUC of any bleeding in whole studies of {primary:.3f} (95 %" in said[1]
    assert f"AUC of any bleeding in single slices of {area:.3f} (" in said[1]
    assert f"{len(test)} slices of {test['group'].nunique()} linked groups. " in said[1]
    assert said[1].endswith(
        "It was chosen of 2 such runs by this endpoint on validation; test had no say in "
        "this choice."
    )
    assert said[2].startswith("The poster's row 13 is 13-all here: AUC ")
    assert said[2].endswith("The poster's is 0.933.")
    assert "06-focal has no figures (failed): ValueError: <b>no</b>" in said
    assert "14-adjacent has no figures (missing): not run yet" in said


def test_an_area_of_slices_that_is_not_defined_is_not_told():
    made = run("15-ours", SHARP, sample="fullid", network="cnn7")
    told = "and an AUC of any bleeding in single slices of"
    assert told in str(poster_tables.sentences(gathered(made)))
    learned = replace(made.learned, auc_any=math.nan)
    made.__dict__["assessment"] = replace(made.assessment, learned=learned)
    said = str(poster_tables.sentences(gathered(made)))
    assert told not in said
    assert "on test; test has 160 slices of 20 linked groups" in said


def test_what_the_best_was_chosen_among_is_said():
    ours = run("15-ours", SHARP, sample="fullid", network="cnn7")
    alone = str(poster_tables.sentences(gathered(ours)))
    assert "It is the only run that has this endpoint on patients that it has not seen." in alone
    assert "1 of 1 run has a record." in alone
    by_group = run("16-bygroup", BLUNT, sample="sampa", split_by="group")
    said = str(poster_tables.sentences(gathered(ours, by_group)))
    assert "of 2 such runs by this endpoint on validation, not all on the same slices;" in said
    assert "poster" not in said  # its row 13 did not run
    assert "seeds" not in said
    assert "the first in the table was taken" not in said


def test_runs_that_are_as_good_on_validation_are_all_named():
    twice = [run(name, SHARP, sample="fullid", network="cnn7") for name in ("15-a", "16-b")]
    said = str(poster_tables.sentences(gathered(*twice)))
    assert "15-a and 16-b have the largest; the first in the table was taken." in said


def test_where_rows_have_seeds_the_choice_says_what_it_is_of():
    names = ("15-ours", "15-ours--seed-2", "16-other")
    runs = [run(name, BLUNT, sample="fullid", seed=seed) for seed, name in enumerate(names)]
    said = str(poster_tables.sentences(gathered(*runs)))
    assert "of 2 such runs" in said
    assert "judged by their mean, and shown by its first" in said


def test_the_endpoint_has_a_column_unless_it_is_the_one_beside_it(results):
    column = "AUC of any bleeding in whole studies"
    assert names(poster_tables.losses(results))[8] == column
    row = by_name(poster_tables.losses(results))["13-all"]
    assert row[8] == with_interval(results.primary_of(results.scored["13-all"]))
    of_slices = replace(results, primary=Endpoint(label="any", level="slice", measure="auc"))
    assert names(poster_tables.losses(of_slices))[8] == "against the constant"
    said = str(poster_tables.sentences(of_slices))
    assert said.count("AUC of any bleeding in single slices") == 1


def test_a_training_that_had_no_epochs_left_is_marked():
    marked, stopped = (
        run(name, BLUNT, sample="fullid", network="cnn7", epochs=4, patience=2)
        for name in ("15-short", "16-long")
    )
    marked.record["history"] = {"val_loss": [0.9, 0.8, 0.7, 0.6]}
    stopped.record["history"] = {"val_loss": [0.9, 0.6, 0.7, 0.8]}
    table = by_name(poster_tables.losses(gathered(marked, stopped)))
    assert {name for name in table if "†" in name} == {"15-short †"}


def test_each_precision_stands_beside_the_prevalence_that_it_rests_on(results, points):
    of_epidural = by_name(points)["epidural, test"]
    test = results.scored["13-all"].predictions.query("split == 'test'")
    share = 100 * test["truth_epidural"].mean()
    assert of_epidural[10] == f"{share:.0f} %"
    assert of_epidural[11] == "less than 1 %"


def test_scores_on_synthetic_heads_are_not_held_to_the_poster_s():
    synthetic = run("13-all", BLUNT, sample="fullid", poster_row=13, synthetic=True)
    missing = RunRecord("14-adjacent", None, "missing", {}, "not run yet")
    results = gathered(synthetic, without=[missing])
    assert "0.933" not in str(poster_tables.sentences(results))
    table = poster_tables.losses(results)
    assert names(table)[4:7] == ["train", "test", "AUC, any bleeding, test"]
    assert "synthetic" in table.caption
    row = by_name(table)["13-all"]
    assert row[4:6] == ["0.743", "0.874"]
    assert row[8] == Marked("ranks at least", "open")
    assert [column.numeric for column in table.head] == [False, *[True] * 7, False]


def test_the_sentences_sort_the_runs_by_what_they_learned():
    too_sure = predictions("fullid", 1, BLUNT)
    columns = [f"probability_{label}" for label in LABELS]
    logits = np.log(too_sure[columns] / (1 - too_sure[columns])).astype(float)
    too_sure[columns] = 1 / (1 + np.exp(-(logits + 4)))  # as weighting the positives does
    results = gathered(
        run("a-good", SHARP, sample="fullid"),
        run("b-ranks", None, table=too_sure, sample="fullid"),
        run("c-useless", USELESS, sample="fullid"),
    )
    said = poster_tables.sentences(results).sentences
    assert "Better than the constant prevalence on test, each by its own interval: a-good." in said
    ranks = "Rank bleeding, each by its own interval, but with probabilities no better"
    assert f"{ranks} than the constant: b-ranks." in said
    assert "Learned nothing that test shows: c-useless." in said


def test_a_run_that_is_the_constant_cannot_be_told_from_it():
    constant = predictions("fullid", 1, USELESS)
    train = constant[constant["split"] == "train"]
    for label in LABELS:
        constant[f"probability_{label}"] = train[f"truth_{label}"].mean()
    constant.loc[constant.index[::2], "probability_any"] *= 1.001
    results = gathered(run("a-constant", None, table=constant, sample="fullid"))
    assert results.scored["a-constant"].learned.verdict == "undecided"
    said = poster_tables.sentences(results).sentences
    assert "Not shown to be better or worse than the constant prevalence: a-constant." in said


def test_rows_that_beat_the_constant_on_seen_patients_are_starred_and_only_there(results):
    said = poster_tables.sentences(results).sentences
    [better] = [text for text in said if text.startswith("Better than the constant")]
    assert "05-raw *," in better
    assert "15-ours *" not in better
    assert better.endswith("this says nothing of new patients.")
    ours = run("15-ours", SHARP, sample="fullid", network="cnn7")
    assert "new patients" not in str(poster_tables.sentences(gathered(ours)))
