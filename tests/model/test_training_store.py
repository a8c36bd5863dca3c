"""Kept trainings: found where all that they depend on is the same, made anew where it is not."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ichreport import software
from ichreport.files import read_json, sha256_of_file
from ichreport.labels import LABELS
from ichreport.model import backend, prediction, trained_rows, training, training_store
from ichreport.model.training_store import PREDICTIONS, WEIGHTS
from ichreport.params.networks import NETWORKS

pytestmark = pytest.mark.usefixtures("small_backbone")

HEAD = {"network": "densenet121", "dense_layers": 1, "epochs": 1}


@pytest.fixture
def fits(monkeypatch):
    """The plans that are trained, one a training."""
    plans = []
    original = training.fit

    def counting(store, sample, plan, **options):
        plans.append(plan)
        return original(store, sample, plan, **options)

    monkeypatch.setattr(training, "fit", counting)
    return plans


@pytest.fixture
def ask(store, sample, make):
    """Asks for the training of a head, with some parameters changed."""

    def fit_or_find(**changes):
        return training_store.fit_or_find(store, sample, make(**HEAD | changes).plan)

    return fit_or_find


@pytest.mark.parametrize("changes", [HEAD, {"network": "cnn7", "epochs": 1}])
def test_a_second_call_finds_what_the_first_has_trained(ask, fits, changes):
    first, second = ask(**changes), ask(**changes)
    assert len(fits) == 1
    assert (first.is_new, second.is_new) == (True, False)
    pd.testing.assert_frame_equal(first.predictions, second.predictions)
    assert replace(first, is_new=False, predictions=None) == replace(second, predictions=None)
    assert list(first.history) == ["loss", "val_loss"]
    assert len(first.history["loss"]) == 1


def test_predictions_are_those_of_the_kept_weights(ask, store, sample, make):
    kept = ask()
    trained = trained_rows.load(store, make(**HEAD).plan, kept.weights)
    columns = [f"probability_{label}" for label in LABELS]
    expected = prediction.predict(trained, store, sample)
    np.testing.assert_allclose(kept.predictions[columns], expected[columns], atol=1e-6)
    assert (kept.trainable, kept.frozen) == (trained.trainable, trained.frozen)
    assert kept.predictions["sop_instance_uid"].tolist() == expected["sop_instance_uid"].tolist()


@pytest.mark.parametrize(
    "changes", [{"epochs": 2}, {"seed": 2}, {"training_seed": 2}, {"loss": "focal"}], ids=str
)
def test_other_parameters_of_training_train_anew(ask, fits, changes):
    first, second = ask(), ask(**changes)
    assert len(fits) == 2
    assert second.is_new
    assert first.folder != second.folder


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "another"},
        {"question": "Why?"},
        {"profile": "mine"},
        {"kernel": "ichreport-gpu"},
        {"baseline": "05-sampa-raw-densenet-bce"},
    ],
    ids=str,
)
def test_what_training_does_not_depend_on_finds_it(ask, fits, changes):
    first, second = ask(), ask(**changes)
    assert len(fits) == 1
    assert not second.is_new
    pd.testing.assert_frame_equal(first.predictions, second.predictions)


def test_a_further_view_trains_nothing_and_looks_through_the_same_weights(
    ask, fits, store, sample, make
):
    asked = {"network": "cnn7", "epochs": 3, "batch_size": 4}
    plain, both = ask(**asked), ask(**asked, test_time=["flip"])
    assert len(fits) == 1
    assert (both.is_new, both.history) == (True, plain.history)
    assert both.seconds["training"] == plain.seconds["training"]
    plan = make(**HEAD | asked, test_time=["flip"]).plan
    trained = trained_rows.load(store, plan, plain.weights)
    expected = prediction.predict(trained, store, sample)
    pd.testing.assert_frame_equal(both.predictions, expected)
    assert not plain.predictions.equals(expected)
    assert not ask(**asked, test_time=["flip"]).is_new


def test_another_sample_or_split_trains_anew(ask, store, sample, make, fits):
    ask()
    plan = make(**HEAD).plan
    fewer = type(sample)(sample.name, sample.rows[5:], sample.split[5:], sample.group[5:])
    swapped = np.where(sample.split == "test", "validation", sample.split)
    swapped = np.where(sample.split == "validation", "test", swapped)
    resplit = type(sample)(sample.name, sample.rows, swapped, sample.group)
    assert training_store.fit_or_find(store, fewer, plan).is_new
    assert training_store.fit_or_find(store, resplit, plan).is_new
    assert len(fits) == 3


def test_a_sample_is_known_by_its_slices_splits_and_groups_and_not_by_its_name(sample):
    rows, split, group = sample.rows, sample.split, sample.group
    others = [
        type(sample)("fullid", rows[1:], split[1:], group[1:]),
        type(sample)("fullid", rows + 1, split, group),
        type(sample)("fullid", rows, np.roll(split, 1), group),
        type(sample)("fullid", rows, split, np.roll(group, 1)),
    ]
    assert len({sample.identity, *(other.identity for other in others)}) == 5
    assert type(sample)("sampa", rows.copy(), split.copy(), group).identity == sample.identity


def test_another_store_trains_anew(ask, store, fits):
    ask()
    store.manifest = {"store_hash": "2" * 64}
    assert ask().is_new
    assert len(fits) == 2


def test_other_code_trains_anew_and_that_of_before_is_still_there(ask, fits, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(backend, "code", lambda _: "0123456789abcdef")
        assert ask().is_new
        assert not ask().is_new
    assert ask().is_new
    assert len(fits) == 2


def test_the_note_spells_out_what_the_folder_is_named_by(ask, store):
    kept = ask()
    note = read_json(kept.folder / "training.json")
    assert note["key"]["store"] == store.manifest["store_hash"]
    assert note["key"]["plan"]["fitting"]["epochs"] == 1
    assert note["key"]["code"] == backend.code("ichreport.model.training")
    assert note["key"]["software"] == backend.software()
    assert note["key"]["devices"] == 1
    assert note["key"]["features"]["strict"] is False
    assert note["key"]["plan"]["specs"]["network"]["application"] == "Small"
    assert note["software"] == software.describe()
    assert note["files"] == {
        name: sha256_of_file(kept.folder / name) for name in (WEIGHTS, PREDICTIONS)
    }
    assert (
        kept.folder.parent == training_store.folder_of(store) == store.folder.parent / "trainings"
    )


@pytest.mark.parametrize("name", [WEIGHTS, PREDICTIONS])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"damaged")])
def test_a_damaged_file_is_refused_by_name_until_the_folder_is_removed(ask, fits, name, harm):
    folder = ask().folder
    harm(folder / name)
    with pytest.raises(ValueError, match=f"{name} is (missing|damaged).*Remove {folder}, and"):
        ask()
    assert len(fits) == 1
    shutil.rmtree(folder)
    assert ask().is_new


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"history": {}}'])
def test_a_damaged_note_is_refused_by_name_until_the_folder_is_removed(ask, fits, content):
    folder = ask().folder
    (folder / "training.json").write_text(content)
    with pytest.raises(ValueError, match=rf"training\.json is damaged.*Remove {folder}, and"):
        ask()
    assert len(fits) == 1


def test_a_change_of_what_tables_say_of_a_row_trains_it_anew(ask, fits, monkeypatch):
    first = ask()
    spec = NETWORKS["densenet121"]
    monkeypatch.setitem(NETWORKS, "another", spec)
    monkeypatch.setitem(NETWORKS, "densenet121", replace(spec, words="other words"))
    assert ask().folder == first.folder
    monkeypatch.setitem(NETWORKS, "densenet121", replace(spec, scaling="bytes"))
    assert ask().is_new
    assert len(fits) == 2


def test_a_training_that_was_cut_off_before_its_note_does_not_count(ask, fits):
    folder = ask().folder
    (folder / "training.json").unlink()
    (folder / f".model-0.partial{Path(WEIGHTS).suffix}").touch()
    assert ask().is_new
    assert len(fits) == 2
    assert not list(folder.glob("*.partial*"))


def test_a_training_that_fails_is_not_kept(ask, fits, monkeypatch):
    def fails(*_):
        raise ValueError("no memory")

    with monkeypatch.context() as patched:
        patched.setattr(training, "predict", fails)
        with pytest.raises(ValueError, match="no memory"):
            ask()
    assert ask().is_new
    assert len(fits) == 2


def test_two_that_ask_together_train_once(ask, fits):
    kept = []
    threads = [threading.Thread(target=lambda: kept.append(ask())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fits) == 1
    assert sorted(training.is_new for training in kept) == [False, True]
    pd.testing.assert_frame_equal(kept[0].predictions, kept[1].predictions)


def refuse(*_):
    raise OSError("Invalid cross-device link")


@pytest.mark.parametrize("links", [True, False])
def test_copies_survive_the_removal_of_the_folder(ask, tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    kept = ask()
    run = tmp_path / "runs" / "tiny"
    for _ in range(2):  # the second over the first
        kept.copy_to(run)
    hashes = [sha256_of_file(kept.folder / name) for name in (WEIGHTS, PREDICTIONS)]
    assert (run / WEIGHTS).samefile(kept.weights) == links
    shutil.rmtree(kept.folder)
    assert sorted(path.name for path in run.iterdir()) == sorted([WEIGHTS, PREDICTIONS])
    assert [sha256_of_file(run / name) for name in (WEIGHTS, PREDICTIONS)] == hashes
    pd.testing.assert_frame_equal(pd.read_parquet(run / PREDICTIONS), kept.predictions)


def test_what_was_declared_stays_what_it_was_when_the_training_is_found(store, sample, make):
    plan, before = make(**HEAD).plan, {"primary": {"label": "any"}}
    first = training_store.fit_or_find(store, sample, plan, declared=before)
    later = {"primary": {"label": "subdural"}}
    again = training_store.fit_or_find(store, sample, plan, declared=later)
    assert not again.is_new
    assert again.declared == first.declared == before
    with_views = replace(plan, test_time=("flip",))
    viewed = training_store.fit_or_find(store, sample, with_views, declared=later)
    assert viewed.is_new
    assert viewed.declared == before
