"""A small run that has really been trained, in a project of its own."""

import contextlib
import shutil

import pytest
import yaml

from ichreport.data import samples
from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.data.ingest.make_store import ingest
from ichreport.evaluation.assessment import assess
from ichreport.model import backend, training_store
from ichreport.params.experiment import Experiment
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom
from ichreport.runs import network_of_run, recording

PARAMETERS = {
    **{"profile": "own", "name": "cnn", "network": "cnn7", "sample": "fullid", "input": "linear"},
    **{"source": "own/rsna", "store": "own/store", "image_size": 32, "epochs": 2, "seed": 3},
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The project's folder: `reports/own/runs/cnn`, and the store that it was trained on."""
    root = tmp_path_factory.mktemp("trained")
    (root / "workflow").mkdir()
    (root / "workflow" / "Snakefile").touch()
    write_phantom(root / "own/rsna", PhantomRecipe(patients=36, matrix=64, slices=8, faults=False))
    with contextlib.chdir(root):
        experiment = Experiment.parse(PARAMETERS, where="test")
        store = ingest("own/rsna", "own/store", image_size=32, progress=False)
        backend.start(experiment.machine)
        sample = samples.draw(store.slices, experiment.sample, **experiment.sampling)
        plan = network_of_run.plan_of(experiment, store)
        training = training_store.fit_or_find(store, sample, plan)
        recording.write_run(
            experiment,
            training,
            assess(training.predictions, replicates=50),
            leak=[],
            store=store.manifest,
            learned_from=AcquisitionRange.of(store, sample.rows_of("train")),
            network=plan.trained,
            stopwatch=recording.Stopwatch(),
        )
    (root / "params").mkdir()
    kept = {name: PARAMETERS[name] for name in ("profile", "source", "store", "image_size")}
    (root / "params" / "own.yaml").write_text(yaml.safe_dump(kept))
    return root


@pytest.fixture
def project(trained, tmp_path, monkeypatch):
    """A copy of it, in which the test works."""
    root = tmp_path / "project"
    shutil.copytree(trained, root, symlinks=True)
    monkeypatch.chdir(root)
    return root
