"""Runs that are combined: whose predictions count where, and which runs are refused."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from ichreport.data.samples import draw
from ichreport.data.store import Store
from ichreport.evaluation.assessment import assess
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.files import read_json
from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.params.rows.differences import differences
from ichreport.params.rows.read import beside_its_file, read_each_experiment
from ichreport.runs import combinations, record, recording
from tests.data.made_slices import make_slices
from tests.runs.stand_in_training import LEARNED_FROM, StandInTraining

SEED = 4
TRAINED = {"sample": "fullid", "network": "cnn7", "seed": SEED}
COMBINED = {"sample": "fullid", "seed": SEED}


def logit(p):
    return np.log(p / (1 - p))


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").touch()
    (tmp_path / "params" / "experiments").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


class Project:
    """A store in memory, and runs on it with made-up predictions."""

    def __init__(self, root):
        slices = make_slices(patients=60, studies=1, per_series=4)
        slices = slices.assign(shard=0, row=0, truth_row=-1)
        manifest = {"store_hash": "5" * 64, "synthetic": True, "recipe": {"image_size": 8}}
        self.store = Store(root / "store", manifest, slices, *[pd.DataFrame()] * 3, None)
        self._assessed = None

    def experiment(self, name, **values):
        return Experiment.parse({"name": name, "profile": "tiny", **values}, where="test")

    def sample(self, experiment):
        return draw(self.store.slices, experiment.sample, **experiment.sampling)

    def predictions(self, sample, number):
        slices = self.store.slices.iloc[sample.rows].reset_index(drop=True)
        names = ["sop_instance_uid", "patient_id", "study_instance_uid", "series_instance_uid"]
        table = slices[names].assign(study_slices=4, group=sample.group, split=sample.split)
        random = np.random.default_rng(7)
        table[list(TRUTHS)] = (random.random((len(table), 6)) < 0.4).astype(np.int8)
        random = np.random.default_rng(number)
        table[list(PROBABILITIES)] = random.uniform(0.05, 0.95, (len(table), 6)).astype("float32")
        return table

    def assessed(self, table):
        """What some run was worth: nothing here reads it."""
        if self._assessed is None:
            self._assessed = assess(table, replicates=5)
        return self._assessed

    def train(self, name, number=0, store_hash="5" * 64, change=None, **values):
        """Leave a finished run with predictions of its own."""
        experiment = self.experiment(name, **TRAINED | values)
        table = self.predictions(self.sample(experiment), number)
        table = table if change is None else change(table)
        history = {"loss": [1.0], "val_loss": [1.5]}
        recording.write_run(
            experiment,
            StandInTraining(table, history),
            self.assessed(table),
            leak=[],
            store={"store_hash": store_hash, "synthetic": True},
            learned_from=LEARNED_FROM,
            network=None,
            stopwatch=recording.Stopwatch(),
        )
        return table

    def combine(self, name="combined", **values):
        experiment = self.experiment(name, **COMBINED | values)
        members = combinations.read_members(experiment)
        sample = self.sample(experiment)
        return combinations.combine(experiment, members, self.store, sample)

    def write(self, name="combined", **values):
        experiment = self.experiment(name, **COMBINED | values)
        combined = self.combine(name, **values)
        recording.write_combination(
            experiment,
            combined,
            self.assessed(combined.predictions),
            leak=[],
            store=self.store.manifest,
            learned_from=LEARNED_FROM,
            stopwatch=recording.Stopwatch(),
        )
        return combined


def expect(tables, counting):
    """The probabilities of a mean of logits over the members that count at each slice."""
    logits = np.stack([logit(table[list(PROBABILITIES)].to_numpy(float)) for table in tables])
    mean = np.stack([logits[:, n][rows].mean(axis=0) for n, rows in enumerate(counting.T)])
    return 1 / (1 + np.exp(-mean))


def test_on_test_all_members_count_and_elsewhere_each_fold_predicts_its_own_part(project):
    tables = [project.train(f"fold-{k}", k, fold=f"{k}/3") for k in range(3)]
    combined = project.combine(ensemble_of=["fold-0", "fold-1", "fold-2"])
    own = np.stack([(table["split"] == "validation").to_numpy() for table in tables])
    is_test = (tables[0]["split"] == "test").to_numpy()
    assert (own.sum(axis=0) == ~is_test).all(), "each slice outside test is in one fold"
    predicted = combined.predictions[list(PROBABILITIES)]
    np.testing.assert_allclose(predicted, expect(tables, own | is_test), rtol=1e-5)
    counts = {(row["split"], row["members"]) for row in combined.counting.to_dict("records")}
    assert counts == {("train", 1), ("validation", 1), ("test", 3)}
    assert combined.counting["slices"].sum() == len(predicted)


def test_the_splits_of_a_combination_are_those_of_its_sample_without_a_fold(project):
    for k in range(2):
        project.train(f"fold-{k}", k, fold=f"{k}/2")
    combined = project.combine(ensemble_of=["fold-0", "fold-1"])
    plain = project.sample(project.experiment("plain", **COMBINED))
    assert combined.predictions["split"].tolist() == plain.split.tolist()
    assert combined.predictions["group"].tolist() == plain.group.tolist()


def test_runs_of_one_split_all_count_where_all_have_trained(project):
    tables = [project.train(name, n) for n, name in enumerate("ab")]
    combined = project.combine(ensemble_of=["a", "b"])
    everywhere = np.ones((2, len(tables[0])), dtype=bool)
    predicted = combined.predictions[list(PROBABILITIES)]
    np.testing.assert_allclose(predicted, expect(tables, everywhere), rtol=1e-5)
    assert set(combined.counting["members"]) == {2}


def test_a_combination_has_the_columns_of_a_trained_run_and_the_same_truth(project):
    table = project.train("a")
    project.train("b", 1)
    for kind in ("ensemble_of", "blend_of"):
        combined = project.combine(**{kind: ["a", "b"]}).predictions
        assert combined.columns.tolist() == table.columns.tolist()
        assert combined.dtypes.drop("split").equals(table.dtypes.drop("split"))
        pd.testing.assert_frame_equal(combined[list(TRUTHS)], table[list(TRUTHS)])


def test_a_blend_weighs_each_label_as_validation_says(project):
    first, second = project.train("a", 1), project.train("b", 2)
    combined = project.combine(blend_of=["a", "b"])
    validation = (first["split"] == "validation").to_numpy()
    for label in LABELS:
        z = [logit(t[f"probability_{label}"].to_numpy(float)) for t in (first, second)]
        truth = first[f"truth_{label}"].to_numpy()

        def loss(w, z=z, truth=truth):
            blend = ((1 - w) * z[0] + w * z[1])[validation]
            return np.mean(np.logaddexp(0, blend) - truth[validation] * blend)

        best = min((step / 10 for step in range(11)), key=loss)
        row = combined.weights.set_index("label").loc[label]
        assert row["weight"] == best
        assert [row[f"{name}log_loss"] for name in ("", "first_", "second_")] == pytest.approx(
            [loss(best), loss(0), loss(1)]
        )
        expected = 1 / (1 + np.exp(-((1 - best) * z[0] + best * z[1])))
        np.testing.assert_allclose(
            combined.predictions[f"probability_{label}"], expected, rtol=1e-5
        )


def test_a_blend_of_an_ensemble_over_all_folds_and_a_run(project):
    for k in range(2):
        project.train(f"fold-{k}", k, fold=f"{k}/2")
    project.train("plain", 5)
    project.write("folds", ensemble_of=["fold-0", "fold-1"])
    assert project.combine(blend_of=["folds", "plain"]).weights["chosen"].all()


def test_the_record_names_members_by_hash_and_has_neither_training_nor_weights(project):
    project.train("a", 1)
    project.train("b", 2)
    (project.experiment("combined", **TRAINED).run_folder).mkdir(parents=True)
    stale = project.experiment("combined", **TRAINED).run_folder / "model.weights.h5"
    stale.write_bytes(b"of a row of this name that was trained")
    combined = project.write(blend_of=["a", "b"])
    run = record.read_run(stale.parent)
    assert (run.status, stale.exists()) == ("ok", False)
    members = run.record["combination"]["members"]
    of_members = [read_json(stale.parents[1] / name / "record.json") for name in "ab"]
    assert members == [
        {"name": known["name"], "predictions_sha256": known["provenance"]["predictions_sha256"]}
        for known in of_members
    ]
    assert run.record["combination"]["weights"] == combined.weights.to_dict("records")
    assert (run.record["history"], run.record["model"]) == (None, None)
    assert (run.record["map_layer"], run.map_layer) == (None, None)
    assert run.record["provenance"]["training"] is None
    pd.testing.assert_frame_equal(run.predictions(), combined.predictions, check_dtype=False)
    with pytest.raises(ValueError, match=r"combines a, b and has no weights of its own; name one"):
        run.weights  # noqa: B018
    trained = record.read_run(stale.parents[1] / "a")
    assert trained.combination is None


def test_a_label_of_one_class_in_validation_is_told_as_not_chosen(project):
    def without_epidural(table):
        return table.assign(truth_epidural=np.int8(0))

    for number, name in enumerate("ab"):
        project.train(name, number, change=without_epidural)
    project.write(blend_of=["a", "b"])
    kept = record.read_run(project.experiment("combined").run_folder).record["combination"]
    row = {row["label"]: row for row in kept["weights"]}["epidural"]
    assert (row["weight"], row["chosen"], row["positives"]) == (0.5, False, 0)
    assert json.dumps(kept, allow_nan=False)


@pytest.mark.parametrize(
    ("members", "asked", "told"),
    [
        (
            [("a", {}), ("b", {"store_hash": "6" * 64})],
            {"ensemble_of": ["a", "b"]},
            "ensemble_of: 'b' was made from another store than .* run it again",
        ),
        (
            [("a", {}), ("b", {"change": lambda table: table.iloc[3:]})],
            {"blend_of": ["a", "b"]},
            r"blend_of: 'b' has 237 slices, of which 237 are among the 240 of this run; name runs",
        ),
        (
            [("a", {}), ("b", {"change": lambda table: table.assign(split="test")})],
            {"blend_of": ["a", "b"]},
            "'b' has .* slices in test or out of it that this run has not; run it again",
        ),
        (
            [("a", {}), ("b", {"seed": 5})],
            {"ensemble_of": ["a", "b"]},
            "'b' has seed 5, this row 4, so that their slices differ",
        ),
        (
            [("a", {}), ("b", {"sample": "sampb"})],
            {"ensemble_of": ["a", "b"]},
            "'b' is of sampb split by group, this row of fullid split by group; name runs on",
        ),
        (
            [("a", {}), ("b", {"split_by": "slice"})],
            {"ensemble_of": ["a", "b"]},
            "'b' is of fullid split by slice, this row of fullid split by group",
        ),
        (
            [("a", {"fold": "1/3"}), ("b", {"fold": "2/3"})],
            {"ensemble_of": ["a", "b"]},
            "slices of validation all runs of combined have trained, .* name the missing folds",
        ),
        (
            [("a", {}), ("b", {"fold": "1/3"})],
            {"blend_of": ["a", "b"]},
            "'b' is of fold 1/3, so that it has trained on slices of this row's validation",
        ),
    ],
)
def test_a_member_that_does_not_serve_is_refused_with_what_differs(project, members, asked, told):
    for name, values in members:
        project.train(name, **values)
    with pytest.raises(ValueError, match=told):
        project.combine(**asked)


def test_a_member_that_is_missing_or_damaged_is_named_with_the_cure(project):
    project.train("a")
    with pytest.raises(ValueError, match=r"combined combines b, .* result: not run yet\. Make"):
        project.combine(ensemble_of=["a", "b"])
    project.train("b")
    folder = project.experiment("b").run_folder
    (folder / "predictions.parquet").write_bytes(b"other")
    with pytest.raises(
        ValueError, match=r"combines b, .*predictions.parquet is damaged.*Make that"
    ):
        project.combine(ensemble_of=["a", "b"])


def test_each_notebook_refuses_the_runs_of_the_other(project):
    trained = project.experiment("a", **TRAINED)
    combined = project.experiment("c", **COMBINED, ensemble_of=["a", "b"])
    with pytest.raises(ValueError, match=r"c combines a, b .*run notebooks/2-combination\.ipynb"):
        recording.start(combined)
    with pytest.raises(ValueError, match=r"names no runs .* run notebooks/2-experiment\.ipynb"):
        recording.start(trained, combines=True)
    recording.start(combined, combines=True)
    recording.start(trained)


def test_a_combination_that_never_started_has_failed_with_its_member(project):
    project.train("a")
    combined = project.experiment("c", **COMBINED, ensemble_of=["a", "b"])
    [run] = record.read_runs(combined.report_folder, [combined])
    assert (run.status, run.reason) == (
        "failed", "it combines b, which has no result: not run yet"
    )  # fmt: skip


def test_what_only_trains_makes_no_other_combination(project):
    combined = project.experiment("c", **COMBINED, ensemble_of=["a", "b"])
    assert not differences(combined, combined.model_copy(update={"epochs": 99, "weights": "x"}))
    other = combined.model_copy(update={"ensemble_of": ["a", "d"], "seed": 9})
    assert set(differences(combined, other)) == {"ensemble_of", "seed"}


def read_rows(folder, rows, **of_profile):
    for name, values in rows.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, **values}))
    return read_each_experiment(Profile(experiments=str(folder), **of_profile))


FULL = {"sample": "fullid"}
ROWS = {"a": FULL | {"network": "cnn7"}, "b": FULL, "e": FULL | {"ensemble_of": ["a", "b"]}}


def test_rows_combine_rows_and_a_blend_may_be_of_an_ensemble(tmp_path):
    rows, mistakes = read_rows(tmp_path, ROWS | {"f": FULL | {"blend_of": ["e", "b"]}})
    assert (list(rows), mistakes) == (["a", "b", "e", "f"], {})
    assert [rows[name].combination for name in "abef"] == [None, None, "ensemble", "blend"]
    assert not rows["e"].needs_features
    assert not rows["e"].trains_on_slices


def test_with_seeds_a_combination_is_of_its_members_runs_of_the_same_seed(tmp_path):
    rows, _ = read_rows(tmp_path, ROWS, seeds=[0, 7])
    again = rows["e--seed-0"]
    assert (again.members, again.training_seed) == (["a--seed-0", "b--seed-0"], None)
    assert beside_its_file(again) == {"name": "e--seed-0", "ensemble_of": again.members}
    assert beside_its_file(rows["a--seed-0"]) == {"name": "a--seed-0", "training_seed": 0}
    assert beside_its_file(rows["e"]) == {}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"ensemble_of": ["a", "d"]}, "ensemble_of: 'd' is no experiment. There are a, b, e, x."),
        ({"ensemble_of": ["a", "x"]}, "ensemble_of: 'x' is this row itself; name others."),
        ({"ensemble_of": ["a", "e"]}, "'e' is an ensemble of a, b, and this row an ensemble; name"),
        ({"ensemble_of": ["a"]}, "ensemble_of needs two runs or more, got a alone"),
        ({"ensemble_of": ["a", "a"]}, "a stands twice among the runs to combine; name each once"),
        (
            {"blend_of": ["a", "b", "e"]},
            "blend_of needs exactly two runs, got 3: a, b, e; take ens",
        ),
        ({"blend_of": ["a", "b"], "ensemble_of": ["a", "b"]}, "both say what the row is; leave"),
        ({"blend_of": ["a", "../b"]}, r"blend_of\.1 must be 1 to 100 letters"),
        ({"blend_of": ["a", "b"], "sample": "sampb"}, "'a' is of fullid split by group, this row"),
        ({"blend_of": ["a", "b"], "sample": "sampa"}, "sample sampa is split by slice; choose spl"),
        (
            {"blend_of": ["a", "b"], "network": "cnn7", "loss": "focal"},
            "blend_of trains nothing, so that network, loss would have no effect; leave them out",
        ),
        ({"blend_of": ["a", "b"], "epochs": 3}, "so that epochs would have no effect; leave it"),
        ({"blend_of": ["a", "b"], "network": "densenet121"}, "network would have no effect"),
        ({"blend_of": ["a", "b"], "fold": "0/5"}, "fold would have no effect; leave it out"),
        (
            {"network": "cnn7", "head": "sequence", "features_from": "e"},
            "features_from: 'e' combines a, b and has no network of its own; name one of them",
        ),
        ({"fold": "5/5"}, "fold must be one of 2 to 20 folds, such as 0/5, the first of five"),
        ({"fold": "0/1"}, "fold must be one of 2 to 20 folds"),
        ({"fold": "0/5", "split_by": "slice"}, "is split by slice; say split_by: group, or leave"),
        (
            {"network": "cnn7", "head": "sequence", "features_from": "a", "fold": "0/5"},
            "'a' has fold null, this row 0/5; say null here, too",
        ),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_file_and_cure(tmp_path, values, told):
    rows, mistakes = read_rows(tmp_path, ROWS | {"x": FULL | values})
    assert list(rows) == ["a", "b", "e"]
    assert mistakes["x"].startswith(f"{tmp_path / 'x.yaml'}: ")
    assert told.replace("\\", "") in mistakes["x"]


def test_a_blend_of_a_blend_is_refused(tmp_path):
    blends = {"p": FULL | {"blend_of": ["a", "b"]}, "q": FULL | {"blend_of": ["p", "b"]}}
    _, mistakes = read_rows(tmp_path, ROWS | blends)
    assert "'p' is a blend of a, b, and this row a blend; name runs that are" in mistakes["q"]


def test_a_member_with_a_mistake_is_no_mistake_of_the_combination(tmp_path):
    rows, mistakes = read_rows(tmp_path, ROWS | {"a": {"network": "none"}})
    assert list(rows) == ["b", "e"]
    assert list(mistakes) == ["a"]
