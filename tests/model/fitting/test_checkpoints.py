"""Checkpoints: what was cut off ends as if it had not been, or starts anew and says so."""

import errno
import logging
import os
import shutil

import h5py
import numpy as np
import pytest

from ichreport.files import read_json, read_sealed_json, write_sealed_json
from ichreport.model import backend, training_store
from ichreport.model.fitting import checkpoints, loop
from ichreport.model.fitting.checkpoints import Checkpoint, Checkpoints
from ichreport.model.training_store import PREDICTIONS, WEIGHTS
from tests.model.conftest import MadeUpStore, made_up_sample, make_experiment

pytestmark = pytest.mark.usefixtures("small_backbone")

HEAD = {
    "network": "densenet121",
    "dense_layers": 2,
    "epochs": 6,
    "patience": 6,
    "determinism": "strict",
}
"""Dropout between its layers draws, too."""


class CutOffError(Exception):
    """Stands for whatever ends a training."""


@pytest.fixture
def after_each_epoch(monkeypatch):
    """A checkpoint as often as can be."""
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))


@pytest.fixture
def ask(store, sample, make):
    def fit_or_find(**changes):
        return training_store.fit_or_find(store, sample, make(**HEAD | changes).plan)

    return fit_or_find


@pytest.fixture
def cut_off(ask, after_each_epoch, monkeypatch):
    """Asks for a training and cuts it off after some epochs; gives the folder of checkpoints."""
    offer = Checkpoints.offer

    def train(epochs, /, **changes):
        folders = []

        def offering(self, take):
            offer(self, take)
            folders.append(self._folder)
            if take().epochs == epochs:
                raise CutOffError

        with monkeypatch.context() as patched:
            patched.setattr(Checkpoints, "offer", offering)
            with pytest.raises(CutOffError):
                ask(**changes)
        return folders[0]

    return train


def files(folder):
    return sorted(path.name for path in folder.glob("checkpoint-*"))


def bytes_of(training):
    """Those of its weights and predictions; of layers, Keras counts the names in a process."""
    arrays = []

    def see(_, item):
        if isinstance(item, h5py.Dataset):
            arrays.append(item[()].tobytes())

    with h5py.File(training.weights) as weights:
        weights.visititems(see)
    return [*arrays, (training.folder / PREDICTIONS).read_bytes()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a training brings that is never cut off and writes no checkpoint; each is made once."""
    trained = {}

    def train(**changes):
        if (key := repr(changes)) not in trained:
            store = MadeUpStore(tmp_path_factory.mktemp("undisturbed") / "store")
            plan = make_experiment(store.folder, **HEAD | changes).plan
            trained[key] = training_store.fit_or_find(store, made_up_sample(store), plan)
        return trained[key]

    return train


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """Where what the first training after five epochs has left is kept for others."""
    return tmp_path_factory.mktemp("five-epochs") / "trainings"


@pytest.fixture
def cut_off_after_five(store, trained_once, cut_off):
    """A training that was cut off after its fifth epoch; gives the folder of checkpoints."""
    trainings = store.folder.parent / "trainings"
    if not trained_once.exists():
        shutil.copytree(cut_off(5).parent, trained_once)
        shutil.rmtree(trainings)
    shutil.copytree(trained_once, trainings)
    [folder] = trainings.iterdir()
    return folder


def once(changes):
    """Cut off once: what takes seconds to build each time."""
    return pytest.param(changes, (3,), marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("changes", "cuts"),
    [
        ({}, (2, 4)),
        ({"precision": "mixed_float16"}, (2, 4)),
        ({"learning_rate": 0.1, "patience": 5}, (2, 4)),
        (
            {"schedule": "cosine", "warm_up": 1.0, "optimizer": "adamw", "weight_decay": 0.1}
            | {"ema": 0.9, "accumulate": 2, "clip_norm": 1.0},
            (2, 4),
        ),
        once({"head": "bilstm"}),
        once({"head": "sequence", "sequence": {"reverse": 0.5, "drop": 0.1, "layers": 1}}),
        once({"trainable_layers": "all", "head_epochs": 2, "augment": ["flip", "affine", "noise"]}),
        once({"network": "cnn7", "mixup": 0.4, "slices_per_study": 3, "shuffle_block": 4}),
    ],
    ids=lambda value: (
        "-".join(map(str, value.values() if isinstance(value, dict) else value)) or "head"
    ),
)
def test_a_training_that_was_cut_off_ends_with_the_bytes_of_an_undisturbed_one(
    cut_off, ask, undisturbed, changes, cuts
):
    for epochs in cuts:
        cut_off(epochs, **changes)
    resumed, whole = ask(**changes), undisturbed(**changes)
    assert (resumed.resumed, whole.resumed) == (len(cuts), 0)
    assert resumed.history == whole.history
    assert len(whole.history["loss"]) > 4
    assert bytes_of(resumed) == bytes_of(whole)


def test_a_training_that_goes_on_trains_the_epochs_that_are_left(cut_off, ask, monkeypatch):
    cut_off(4)
    passes = []
    original = loop._pass

    def counting(*of):
        passes.append(of)
        return original(*of)

    monkeypatch.setattr(loop, "_pass", counting)
    assert len(ask().history["loss"]) == 6
    assert len(passes) == 2 * 2  # two epochs, over train and validation


def test_one_that_was_cut_off_after_its_last_epoch_trains_no_more(cut_off, ask, monkeypatch):
    cut_off(6)
    monkeypatch.setattr(loop, "_pass", None)
    assert ask().resumed == 1


def test_one_that_had_stopped_early_stays_stopped(cut_off, ask, undisturbed):
    changes = {"learning_rate": 0.3, "patience": 1, "epochs": 30}
    stopped = len(undisturbed(**changes).history["loss"])
    assert stopped < 30
    cut_off(stopped, **changes)
    assert len(ask(**changes).history["loss"]) == stopped


def test_the_last_two_are_kept_and_nothing_of_a_finished_training(cut_off_after_five, ask):
    folder = cut_off_after_five
    kept = [f"checkpoint-{epoch:05d}.{kind}" for epoch in (4, 5) for kind in ("json", "npz")]
    assert files(folder) == kept
    assert ask().folder == folder
    assert files(folder) == []
    assert {path.name for path in folder.glob("[!.]*")} == {
        *(WEIGHTS, PREDICTIONS),
        "training.json",
    }


def test_what_a_kill_left_beside_a_finished_training_goes_when_it_is_found(ask):
    folder = ask().folder
    for name in ("checkpoint-00003.json", "checkpoint-00003.npz", "checkpoint-mine.npz"):
        (folder / name).touch()
    assert not ask().is_new
    assert files(folder) == ["checkpoint-mine.npz"]


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-9])


def change_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [cut_short, change_a_byte, os.unlink])
@pytest.mark.parametrize("kind", ["json", "npz"])
def test_a_damaged_one_falls_back_to_the_one_before(
    cut_off_after_five, ask, undisturbed, caplog, kind, harm
):
    folder = cut_off_after_five
    harm(folder / f"checkpoint-00005.{kind}")
    resumed = ask()
    assert caplog.messages.count("tiny: training goes on after epoch 4.") == 1
    if not (kind == "json" and harm is os.unlink):  # without its note, it never was one
        [said] = [text for text in caplog.messages if "a checkpoint cannot be used" in text]
        assert "checkpoint-00005" in said
    assert bytes_of(resumed) == bytes_of(undisturbed())


def test_where_both_are_damaged_it_starts_anew_and_says_so(
    cut_off_after_five, ask, undisturbed, caplog
):
    folder = cut_off_after_five
    for number in (4, 5):
        change_a_byte(folder / f"checkpoint-0000{number}.npz")
    anew = ask()
    assert "tiny: no checkpoint is whole; training starts anew." in caplog.messages
    assert sum("is damaged: its hash" in text for text in caplog.messages) == 2
    assert anew.resumed == 0
    assert bytes_of(anew) == bytes_of(undisturbed())


def test_a_first_training_says_nothing_of_checkpoints(ask, caplog):
    with caplog.at_level(logging.DEBUG, logger=checkpoints.__name__):
        ask()
    assert not caplog.messages


@pytest.mark.parametrize(
    "changes", [{"seed": 2}, {"training_seed": 2}, {"loss": "focal"}, {"epochs": 7}], ids=str
)
def test_another_training_does_not_take_it(cut_off, ask, changes, caplog):
    folder = cut_off(3)
    other = ask(**changes)
    assert (other.folder == folder, other.resumed) == (False, 0)
    assert not caplog.messages
    assert len(files(folder)) == 4


def test_other_code_does_not_take_it(cut_off, ask, monkeypatch):
    folder = cut_off(3)
    with monkeypatch.context() as patched:
        patched.setattr(backend, "code", lambda _: "0123456789abcdef")
        assert ask().resumed == 0
    assert ask().resumed == 1
    assert files(folder) == []


@pytest.mark.parametrize("name", ["arrays", "note"])
def test_a_full_disk_leaves_the_last_good_one_and_a_clear_error(
    ask, undisturbed, after_each_epoch, monkeypatch, name
):
    original = {"arrays": np.savez, "note": checkpoints.write_sealed_json}[name]
    written = []

    def write(path, *of, **named):
        written.append(path)
        if len(written) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return original(path, *of, **named)

    with monkeypatch.context() as patched:
        owner, attribute = {"arrays": (np, "savez"), "note": (checkpoints, "write_sealed_json")}[
            name
        ]
        patched.setattr(owner, attribute, write)
        expected = "The disk is full: .* free; make room" if name == "arrays" else "No space left"
        with pytest.raises(OSError, match=expected):
            ask()
    folder = next(written[0].parent.glob("../*/checkpoint-*")).parent
    assert {"checkpoint-00002.json", "checkpoint-00003.json"} <= set(files(folder))
    assert "checkpoint-00004.json" not in files(folder)
    resumed = ask()
    assert resumed.resumed == 1
    assert bytes_of(resumed) == bytes_of(undisturbed())


class Clock:
    """A clock that is set by hand."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(checkpoints, "perf_counter", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def at_epoch(number):
    values = [np.arange(3.0), np.array(7, dtype=np.uint32)]
    history = {"loss": [0.1 * epoch for epoch in range(number)]}
    states = [np.random.default_rng(3).bit_generator.state]
    return Checkpoint(history, {"waited": 2, "best": None}, states, values, values[:1])


def test_what_is_written_reads_back(tmp_path, clock):
    clock.now = 100.0
    writing = Checkpoints(tmp_path, "tiny")
    clock.now = 150.0
    writing.offer(lambda: at_epoch(12))
    reading = Checkpoints(tmp_path, "tiny")
    last, expected = reading.last(), at_epoch(12)
    assert (reading.resumed, reading.earlier_seconds, last.epochs) == (1, 50.0, 12)
    for name in ("history", "progress", "generators"):
        assert getattr(last, name) == getattr(expected, name)
    for name in ("state", "best_weights"):
        for array, same in zip(getattr(last, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(array, same, strict=True)
    random, same = np.random.default_rng(), np.random.default_rng(3)
    random.bit_generator.state = last.generators[0]
    assert random.random() == same.random()


def test_short_epochs_write_one_every_half_minute(tmp_path, clock):
    writing = Checkpoints(tmp_path, "tiny")
    written = []
    for epoch in range(1, 201):  # half a second each
        clock.now += 0.5
        writing.offer(lambda epoch=epoch: written.append(epoch) or at_epoch(epoch))
    assert written == [60, 120, 180]


def test_slow_writing_takes_a_hundredth_of_the_time(tmp_path, clock):
    writing = Checkpoints(tmp_path, "tiny")
    written = []

    def take(epoch):
        clock.now += 3.0  # what it takes to write
        written.append(epoch)
        return at_epoch(epoch)

    for epoch in range(1, 101):
        clock.now += 20.0
        writing.offer(lambda epoch=epoch: take(epoch))
    assert written == [2, 17, 32, 47, 62, 77, 92]
    assert len(written) * 3.0 / clock.now < 0.011


def test_seconds_of_all_parts_add_up(tmp_path, clock):
    for part in range(1, 4):
        one = Checkpoints(tmp_path, "tiny")
        one.last()
        clock.now += 40.0
        one.offer(lambda part=part: at_epoch(part))
        clock.now += 5.0  # and was killed
    last = Checkpoints(tmp_path, "tiny")
    last.last()
    assert (last.resumed, last.earlier_seconds) == (3, 120.0)


def test_joules_of_all_parts_add_up_and_are_unknown_where_those_of_one_are(tmp_path, clock):
    used = [300.0, 20.0, None]
    for part, joules in enumerate(used, start=1):
        one = Checkpoints(tmp_path, "tiny", lambda joules=joules: joules)
        one.last()
        clock.now += 40.0
        one.offer(lambda part=part: at_epoch(part))
        last = Checkpoints(tmp_path, "tiny")
        last.last()
        assert last.earlier_joules == {1: 300.0, 2: 320.0, 3: None}[part]


def test_the_note_of_a_training_counts_its_parts_and_all_of_their_seconds(cut_off, ask):
    path = cut_off(3) / "checkpoint-00003.json"
    write_sealed_json(path, read_sealed_json(path) | {"seconds": 5000.0})
    path = cut_off(4) / "checkpoint-00004.json"
    second = read_sealed_json(path)["seconds"] - 5000.0
    training = ask()
    assert training.resumed == read_json(training.folder / "training.json")["resumed"] == 2
    assert 5000 + second < training.seconds["training"] < 6000
    assert second > 0
