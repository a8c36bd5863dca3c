"""Fitting and predicting: it learns what can be learnt, the same way each time."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.scores import auc_scores
from ichreport.labels import LABELS
from ichreport.model import prediction, sample_batches, trained_rows, training
from ichreport.model.fitting import loop

pytestmark = pytest.mark.usefixtures("small_backbone")

HEADS = [
    {"network": "cnn7"},
    {"network": "densenet121", "head": "dense", "dense_layers": 1},
    {"network": "densenet121", "head": "bilstm", "dense_layers": 1},
    {"network": "densenet121", "trainable_layers": "all", "dense_layers": 1},
]


KINDS = [
    {"network": "cnn7"},
    {"network": "densenet121", "head": "dense"},
    {"network": "densenet121", "head": "bilstm", "dense_layers": 1},
    {"network": "densenet121", "head": "bilstm-attention", "dense_layers": 1},
    {"network": "densenet121", "trainable_layers": "all", "dense_layers": 1},
]
WEIGHTED = {**KINDS[1], "loss": "weighted-bce"}
"""What positives weigh is worked out in one place, whatever then trains."""


def slow_but_dense(kinds):
    """Cases of several kinds, of which all but a dense head take seconds to build."""
    return [
        pytest.param(kind, marks=() if kind.get("head") == "dense" else pytest.mark.slow)
        for kind in kinds
    ]


def test_the_small_network_learns_bright_squares(store, sample, make):
    experiment = make(epochs=30, patience=30, learning_rate=0.01)
    trained = training.fit(store, sample, experiment.plan)
    predictions = prediction.predict(trained, store, sample)
    train = select_split(predictions, "train")
    areas = auc_scores(truths(train), probabilities(train))
    assert areas[LABELS.index("any")] > 0.9
    assert min(trained.history["loss"]) < 0.7 * trained.history["loss"][0]


@pytest.mark.parametrize("changes", HEADS, ids=lambda c: c.get("head", c["network"]))
def test_the_same_seed_and_saved_weights_predict_the_same(store, sample, make, changes, tmp_path):
    plan = make(**changes).plan
    trained, as_well = (training.fit(store, sample, plan) for _ in range(2))
    trained.save(tmp_path / "model.weights.h5")
    loaded = trained_rows.load(store, plan, tmp_path / "model.weights.h5")
    expected = prediction.logits_of(trained, store, sample)
    assert np.ptp(expected) > 1e-3
    for again in (as_well, loaded):
        np.testing.assert_allclose(prediction.logits_of(again, store, sample), expected, atol=1e-6)
        assert (again.trainable, again.frozen) == (trained.trainable, trained.frozen)


def test_predictions_hold_one_row_a_slice_with_its_truth(store, sample, make):
    trained = training.fit(store, sample, make(**KINDS[1], epochs=1).plan)
    predictions = prediction.predict(trained, store, sample)
    assert predictions["sop_instance_uid"].tolist() == store.slices["sop_instance_uid"].tolist()
    for label in LABELS:
        np.testing.assert_array_equal(predictions[f"truth_{label}"], store.slices[label])
        assert predictions[f"probability_{label}"].between(0, 1).all()
    assert predictions["split"].value_counts().to_dict() == {
        "train": 90,
        "validation": 15,
        "test": 15,
    }


def test_of_a_sample_of_slices_the_size_of_each_study_is_the_stores(store, sample, make):
    studies = np.repeat([f"ID_{number}" for number in range(6)], [40, 5, 15, 20, 10, 30])
    store.slices["study_instance_uid"] = studies
    store.slices["patient_id"] = studies  # a patient each
    chosen = np.arange(1, 120, 3)
    some = type(sample)("sampa", chosen, sample.split[chosen], sample.group[chosen])
    trained = training.fit(store, sample, make(**KINDS[1], epochs=1).plan)
    predictions = prediction.predict(trained, store, some)
    sizes = dict(zip(*np.unique(studies, return_counts=True), strict=True))
    assert predictions["study_slices"].tolist() == [sizes[name] for name in studies[chosen]]
    assert predictions["study_instance_uid"].tolist() == studies[chosen].tolist()


def test_which_slices_are_mirrored_follows_the_seed_and_is_not_the_order(store, sample, make):
    truth = np.zeros((120, 6), dtype=np.float32)

    def mirrored(seed):
        batches = sample_batches.slice_batches(store, sample, make().plan, truth, seed)["train"]
        planned = batches.plan(np.random.default_rng(0))
        return np.concatenate([one.drawn["flip"] for one in planned])

    assert mirrored(1).tolist() == mirrored(1).tolist() != mirrored(2).tolist()
    order = np.random.default_rng(1).random(len(mirrored(1))) < 0.5  # drawn by the order's seed
    assert mirrored(1).tolist() != order.tolist()


@pytest.mark.slow
def test_a_series_head_scores_each_slice_at_its_own_place(store, sample, make):
    """A head that learnt its training slices by heart ranks them, so no slice was moved."""
    experiment = make(
        network="densenet121", head="bilstm", dense_layers=1, epochs=60, patience=60,
        learning_rate=0.01,
    )  # fmt: skip
    trained = training.fit(store, sample, experiment.plan)
    trained_on = sample.split == "train"
    logits = prediction.logits_of(trained, store, sample)[trained_on, -1]
    truth = store.slices["any"].to_numpy()[trained_on]
    last = np.isfinite(logits).all() and roc_auc_score(truth, logits)
    assert last > 0.8


def test_training_stops_when_validation_does_not_improve(store, sample, make):
    experiment = make(**KINDS[1], epochs=50, patience=1, learning_rate=0.1)
    history = training.fit(store, sample, experiment.plan).history
    best = int(np.argmin(history["val_loss"]))
    assert len(history["val_loss"]) == best + 2 < 50


def in_words(changes):
    return "-".join(str(value) for value in changes.values())


def weights_after(store, sample, experiment, **options):
    """Every weight of a training, as it ended."""
    trained = training.fit(store, sample, experiment.plan, **options)
    return [np.array(weight) for weight in trained.model.weights]


def change(store, rows, store_hash):
    """Give slices other pixels and other labels, all six of each."""
    store.manifest["store_hash"] = store_hash  # or features of the earlier pixels would be found
    store.pixels[rows] = 3000 - store.pixels[rows]
    store.slices.loc[rows, list(LABELS)] = 1 - store.slices.loc[rows, list(LABELS)]


@pytest.mark.parametrize("changes", slow_but_dense([*KINDS, WEIGHTED]), ids=in_words)
def test_no_weight_depends_on_slices_that_are_not_of_train(store, sample, make, changes):
    """Not even on one bit of the pixels or labels of validation and test, unless it is watched."""
    experiment = make(**changes, epochs=1, determinism="strict")
    before = weights_after(store, sample, experiment, watch=False)
    change(store, np.flatnonzero(sample.split != "train"), "2" * 64)
    after = weights_after(store, sample, experiment, watch=False)
    for first, second in zip(before, after, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_weight_does_depend_on_a_slice_of_train(store, sample, make):
    experiment = make(**KINDS[1], epochs=1, determinism="strict")
    before = weights_after(store, sample, experiment, watch=False)
    change(store, np.flatnonzero(sample.split == "train")[:1], "2" * 64)
    after = weights_after(store, sample, experiment, watch=False)
    assert any((first != second).any() for first, second in zip(before, after, strict=True))


@pytest.mark.parametrize("changes", slow_but_dense([KINDS[0], KINDS[1], KINDS[4]]), ids=in_words)
@pytest.mark.parametrize("loss", ["bce", "weighted-bce"])
def test_training_starts_at_the_best_constant_of_its_loss(store, sample, make, changes, loss):
    """Log-odds of train's prevalence; with positives that count as much as negatives, 0."""
    still = {"learning_rate": 1e-9, "fine_tuning_rate": 1e-9, "epochs": 1}
    trained = training.fit(store, sample, make(**changes, **still, loss=loss).plan, watch=False)
    prevalence = store.slices.loc[sample.split == "train", list(LABELS)].mean().to_numpy()
    log_odds = np.log(prevalence / (1 - prevalence))
    [bias] = [w for w in trained.model.weights if w.path.endswith("logits/bias")]
    np.testing.assert_allclose(np.array(bias), 0 if loss == "weighted-bce" else log_odds, atol=1e-6)


def test_with_a_power_of_rarity_training_starts_between_prevalence_and_0(store, sample, make):
    """Positives that weigh ((1 - p) / p)^r have log-odds of (1 - r) ln(p / (1 - p))."""
    still = {"learning_rate": 1e-9, "fine_tuning_rate": 1e-9, "epochs": 1, "rarity_power": 0.25}
    trained = training.fit(store, sample, make(**WEIGHTED, **still).plan, watch=False)
    prevalence = store.slices.loc[sample.split == "train", list(LABELS)].mean().to_numpy()
    [bias] = [w for w in trained.model.weights if w.path.endswith("logits/bias")]
    expected = 0.75 * np.log(prevalence / (1 - prevalence))
    np.testing.assert_allclose(np.array(bias), expected, atol=1e-5)


@pytest.fixture
def judged(monkeypatch):
    """The weights that each pass over validation has judged, of a training to come."""
    weights, run = [], loop._pass

    def run_and_look(program, step, batches, random):
        if random is None:
            weights.append(program.weights())
        return run(program, step, batches, random)

    monkeypatch.setattr(loop, "_pass", run_and_look)
    return weights


@pytest.mark.parametrize("changes", slow_but_dense(KINDS), ids=in_words)
def test_the_weights_that_are_kept_are_those_of_the_best_epoch(
    store, sample, make, changes, judged
):
    watched = np.flatnonzero(sample.split == "validation")  # what is learned is wrong there
    store.slices.loc[watched, list(LABELS)] = 1 - store.slices.loc[watched, list(LABELS)]
    rates = {"learning_rate": 0.02, "fine_tuning_rate": 5e-4, "determinism": "strict"}
    experiment = make(**changes, **rates, epochs=4, patience=9)
    trained = training.fit(store, sample, experiment.plan)
    best = int(np.argmin(trained.history["val_loss"]))
    assert best < 3  # so that the last weights are others
    assert len(judged) == 4
    for kept, own in zip(trained.model.weights, judged[best], strict=True):
        np.testing.assert_array_equal(np.array(kept), own)
    assert any((old != new).any() for old, new in zip(judged[best], judged[3], strict=True))
    predictions = select_split(prediction.predict(trained, store, sample), "validation")
    truth, probability = truths(predictions), probabilities(predictions).astype(float)
    by_label = [log_loss(*both, labels=[0, 1]) for both in zip(truth.T, probability.T, strict=True)]
    assert np.mean(by_label) == pytest.approx(min(trained.history["val_loss"]), rel=1e-4)


def test_series_of_several_patients_under_one_uid_are_several_sequences(store, sample, make):
    experiment = make(network="densenet121", head="bilstm", epochs=1, determinism="strict")
    apart = prediction.predict(training.fit(store, sample, experiment.plan), store, sample)
    store.slices["series_instance_uid"] = "one for all"
    together = prediction.predict(training.fit(store, sample, experiment.plan), store, sample)
    columns = [f"probability_{label}" for label in LABELS]
    np.testing.assert_array_equal(apart[columns], together[columns])


def test_a_series_head_refuses_a_sample_that_splits_series(store, sample, make):
    split = np.where(np.arange(len(store)) % 5 == 0, "validation", "train")
    broken = type(sample)("sampa", sample.rows, split, sample.group)
    experiment = make(network="densenet121", head="bilstm", sample="sampb")
    with pytest.raises(ValueError, match="reads whole series, but the splits of this sample sampa"):
        training.fit(store, broken, experiment.plan)
    assert not experiment.features_folder.exists()  # refused before hours of a backbone


def test_slices_without_labels_are_refused(store, sample, make):
    store.slices.loc[3, "any"] = -1
    store.slices.loc[:2, "subdural"] = -1
    with pytest.raises(ValueError, match="without a label: subdural 3, any 1"):
        training.fit(store, sample, make().plan)


def test_a_store_of_unlabelled_slices_says_what_to_do(store, sample, make):
    store.slices[list(LABELS)] = -1
    with pytest.raises(ValueError, match=r"labels nothing: an experiment learns from slices.* CSV"):
        training.fit(store, sample, make().plan)


def test_weights_of_another_row_are_refused(store, sample, make, tmp_path):
    plan = make(**KINDS[1], epochs=1).plan
    training.fit(store, sample, plan).save(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match="does not fit tiny"):
        trained_rows.load(store, make(**KINDS[1], dense_layers=3).plan, tmp_path / "w.weights.h5")
    with pytest.raises(FileNotFoundError, match="run the experiment first"):
        trained_rows.load(store, plan, tmp_path / "none.weights.h5")
