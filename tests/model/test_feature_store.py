"""Stored features: each slice once, shared, resumed, never mixed up."""

import shutil
import threading

import numpy as np
import pytest

from ichreport.files import read_json
from ichreport.model import backbones
from ichreport.model.features import feature_parts, feature_store, of_plan

pytestmark = pytest.mark.usefixtures("small_backbone")


@pytest.fixture
def experiment(make):
    return make(network="densenet121")


@pytest.fixture
def passes(monkeypatch):
    """Counts backbones built: each is one computing pass."""
    built = []
    original = backbones.build

    def counting(backbone, machine):
        built.append(backbone.network)
        return original(backbone, machine)

    monkeypatch.setattr(backbones, "build", counting)
    return built


def test_stored_features_are_the_backbones_own(store, experiment):
    rows = np.array([90, 3, 41, 3])
    stored = of_plan.features_of(store, rows, experiment.plan)
    model = backbones.pooled(backbones.build(experiment.backbone, experiment.machine))
    expected = model.predict(store.hu(rows)[:, None], verbose=0)
    np.testing.assert_allclose(stored, expected, rtol=1e-4, atol=1e-6)


def test_only_missing_slices_are_computed(store, experiment, passes):
    first = of_plan.features_of(store, np.arange(20), experiment.plan)
    again = of_plan.features_of(store, np.arange(19, -1, -1), experiment.plan)
    np.testing.assert_array_equal(again, first[::-1])
    assert len(passes) == 1
    of_plan.features_of(store, np.arange(30), experiment.plan)
    [folder] = experiment.features_folder.iterdir()
    assert [len(np.load(path)) for path in sorted(folder.glob("rows-*.npy"))] == [20, 10]


def test_a_part_without_its_row_numbers_does_not_count(store, experiment, passes):
    first = of_plan.features_of(store, np.arange(10), experiment.plan)
    [folder] = experiment.features_folder.iterdir()
    (folder / "part-00000.json").unlink()
    np.testing.assert_allclose(
        of_plan.features_of(store, np.arange(10), experiment.plan), first, rtol=1e-5
    )
    assert len(passes) == 2


def test_two_jobs_that_start_together_compute_once(store, experiment, passes):
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(
                of_plan.features_of(store, np.arange(24), experiment.plan)
            )
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passes) == 1
    np.testing.assert_array_equal(results[0], results[1])


def test_what_features_depend_on_names_their_folder(store, make):
    def key(**changes):
        experiment = make(**{"network": "densenet121"} | changes)
        return str(
            feature_store.key(store, feature_store.Frozen(experiment.backbone), experiment.machine)
        )

    changes = ({}, {"input": "sigmoid"}, {"seed": 2}, {"network": "efficientnetb7"})
    keys = {key(**changed) for changed in changes}
    keys.add(key(precision="mixed_bfloat16"))
    keys.add(key(determinism="strict"))
    store.manifest["store_hash"] = "2" * 64
    keys.add(key())
    assert len(keys) == 7


def test_the_key_says_what_the_folder_holds(store, experiment):
    of_plan.features_of(store, np.arange(2), experiment.plan)
    [folder] = experiment.features_folder.iterdir()
    key = read_json(folder / "key.json")
    assert key["network"] == "densenet121"
    assert key["weights"].startswith("random, seed 1")
    network = feature_store.Frozen(experiment.backbone)
    parameters = feature_store.count_parameters(store, network, experiment.machine)
    assert parameters == key["parameters"] == 16 * 4 * 4 * 3
    shutil.rmtree(folder)
    assert feature_store.count_parameters(store, network, experiment.machine) == parameters


@pytest.mark.parametrize(
    "name", ["rows-00000.npy", "features-00000.npy", "hashes-00000.npy", "part-00000.json"]
)
def test_a_part_of_which_a_byte_has_changed_is_refused_by_name_with_the_cure(
    store, experiment, name
):
    before = of_plan.features_of(store, np.arange(20), experiment.plan)
    [folder] = experiment.features_folder.iterdir()
    content = bytearray((folder / name).read_bytes())
    content[-5] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is .*Remove {folder}; what needs these"):
        of_plan.features_of(store, np.arange(20), experiment.plan)
    shutil.rmtree(folder)
    np.testing.assert_array_equal(
        of_plan.features_of(store, np.arange(20), experiment.plan), before
    )


def test_many_parts_are_written_whole_in_the_order_of_storage(store, experiment, monkeypatch):
    monkeypatch.setattr(feature_parts, "ROWS_PER_PART", 32)
    stored = of_plan.features_of(store, np.arange(100), experiment.plan)
    model = backbones.pooled(backbones.build(experiment.backbone, experiment.machine))
    expected = model.predict(store.hu(np.arange(100))[:, None], verbose=0)
    np.testing.assert_allclose(stored, expected, rtol=1e-4, atol=1e-6)
    [folder] = experiment.features_folder.iterdir()
    rows = [np.load(path) for path in sorted(folder.glob("rows-*.npy"))]
    assert len(rows) > 2
    np.testing.assert_array_equal(np.concatenate(rows), np.arange(100)[::-1])


@pytest.mark.parametrize("part", [1, 4])
def test_a_part_that_cannot_be_written_stops_the_pass(part, store, experiment, monkeypatch):
    """The writer has a thread of its own; its error must not stay there."""
    write, written = feature_parts._write_part, []

    def failing(*arguments):
        written.append(1)
        if len(written) == part:
            raise OSError("No space left on device")
        write(*arguments)

    monkeypatch.setattr(feature_parts, "ROWS_PER_PART", 32)
    monkeypatch.setattr(feature_parts, "_write_part", failing)
    with pytest.raises(OSError, match="No space left"):
        of_plan.features_of(store, np.arange(100), experiment.plan)
    [folder] = experiment.features_folder.iterdir()
    assert len(list(folder.glob("rows-*.npy"))) == part - 1
    assert (folder / "key.json").is_file()  # nothing is there that nobody knows what it is of
    assert not [t for t in threading.enumerate() if t.name.startswith("features")]
