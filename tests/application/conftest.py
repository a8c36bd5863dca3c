"""Finished runs of each kind on a few synthetic heads, as a report has them."""

import contextlib
from types import SimpleNamespace

import keras
import pytest

from ichreport.data import samples
from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.data.ingest.make_store import ingest
from ichreport.data.store import Store
from ichreport.evaluation.assessment import assess
from ichreport.evaluation.maps import layer_choice
from ichreport.model import training_store
from ichreport.model.maps import candidate_blocks
from ichreport.params.experiment import Experiment
from ichreport.params.networks import NETWORKS, NetworkSpec
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom
from ichreport.runs import combinations, load, network_of_run, recording
from tests.model.conftest import small_build

GIVEN = {
    **{"profile": "tiny", "sample": "fullid", "image_size": 32},
    **{"seed": 20, "epochs": 4, "learning_rate": 0.01, "batch_size": 16, "cam_run": "1-cnn"},
}
TRAINED = {
    "1-cnn": {"network": "cnn7", "test_time": ["flip"]},
    "2-frozen": {"network": "densenet121"},
    "3-lstm": {"network": "densenet121", "head": "bilstm"},
    "4-tuned": {"network": "densenet121", "trainable_layers": "all", "input": "adjacent"},
    "5-sequence": {
        **{"network": "cnn7", "head": "sequence", "features_from": "1-cnn"},
        **{"sequence": {"gaps": True, "window": 6, "units": 8, "layers": 1}},
        **{"test_time": ["reverse"]},
    },
}
COMBINED = {
    "6-mean": {"ensemble_of": ["1-cnn", "3-lstm"]},
    "7-blend": {"blend_of": ["6-mean", "5-sequence"]},
}
QUICK = ("1-cnn", "4-tuned", "7-blend")
"""Of these, the last has members of each other kind but a frozen backbone under a dense head."""
OF_EACH_KIND = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in (*TRAINED, *COMBINED)
]


@contextlib.contextmanager
def _small_backbone():
    """A backbone that builds in no time, in DenseNet121's place, for as long as it is needed."""
    small = NetworkSpec("a small one", 32, "Small", 16, "imagenet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.applications, "Small", small_build, raising=False)
        patch.setitem(NETWORKS, "densenet121", small)
        yield


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory):
    """A report's runs: `root`, `store`, `source`, and `folder(name)` of a run."""
    root = tmp_path_factory.mktemp("report")
    source = root / "rsna"
    recipe = PhantomRecipe(patients=28, matrix=64, slices=8, faults=False)
    write_phantom(source, recipe, workers=1, progress=False)
    store = ingest(source, root / "store", image_size=32, progress=False)
    with _small_backbone(), contextlib.chdir(root):
        # whole paths, as of profiles with data elsewhere
        paths = {"store": str(root / "store"), "labels": str(root / "labels.csv")}
        external = [{"name": "elsewhere", "source": str(root / "elsewhere")}]
        for name, values in {**TRAINED, **COMBINED}.items():
            given = {**GIVEN, **paths, "external": external, **values, "name": name}
            _finish(Experiment.parse(given, where=name), store)
    return SimpleNamespace(
        root=root,
        source=source / "stage_2_train",
        store=Store.open(root / "store"),
        folder=lambda name: root / "reports" / "tiny" / "runs" / name,
    )


@pytest.fixture
def report(finished_runs):
    """The runs, while the small backbone stands in DenseNet121's place."""
    with _small_backbone():
        yield finished_runs


@pytest.fixture(scope="session")
def _tables():
    return {}


@pytest.fixture
def predicted(report, _tables):
    """What a run makes of all files that it was trained on, by its name; each is made once."""

    def table(name):
        if name not in _tables:
            with load(report.folder(name)) as run:
                _tables[name] = run.predict(report.source)
        return _tables[name].copy()

    return table


def _finish(experiment, store):
    """Leave behind what a run's notebook does."""
    sample = samples.draw(store.slices, experiment.sample, **experiment.sampling)
    kept = {
        "leak": [],
        "store": store.manifest,
        "learned_from": AcquisitionRange.of(store, sample.rows_of("train")),
    }
    watch = recording.start(experiment, combines=bool(experiment.members))
    if experiment.members:
        members = combinations.read_members(experiment)
        made = combinations.combine(experiment, members, store, sample)
        assessed = assess(made.predictions, replicates=40)
        recording.write_combination(experiment, made, assessed, stopwatch=watch, **kept)
        return
    plan = network_of_run.plan_of(experiment, store)
    made = training_store.fit_or_find(store, sample, plan)
    assessed = assess(made.predictions, replicates=40)
    masked = layer_choice.validation_slices(store, sample)
    by_block = candidate_blocks.heat_by_block(store, sample, plan, made.weights, masked)
    kept["map_layer"] = layer_choice.choose_layer(store, sample, masked, by_block)
    recording.write_run(experiment, made, assessed, network=plan.trained, stopwatch=watch, **kept)
