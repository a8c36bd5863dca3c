"""A made-up report on disk: one finished run, its store's manifest, its measured maps."""

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ichreport import software
from ichreport.data.store_format import STORE_FORMAT
from ichreport.evaluation.assessment import assess
from ichreport.files import write_sealed_json
from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.profile import Profile
from ichreport.runs import record, recording, results
from ichreport.runs.record_format import MAPS_FORMAT
from tests.runs.stand_in_training import LEARNED_FROM, StandInTraining

STORE_HASH = "ab" * 32
MEASURED = {"value": 0.4321, "low": 0.4, "high": 0.5, "maps": 9, "without": 0}


def predictions(seed=0):
    """900 slices of 90 patients; probabilities that know something of the truth."""
    random = np.random.default_rng(seed)
    count = 900
    bleeds = np.arange(count) // 10 % 2 == 0  # every other patient
    truth = (bleeds[:, None] & (random.random((count, len(LABELS))) < 0.5)).astype(np.int8)
    truth[:, 5] = truth[:, :5].max(axis=1)
    noise = random.normal(size=truth.shape)
    patient = np.arange(count) // 10
    table = pd.DataFrame({"sop_instance_uid": [f"s{n:04d}" for n in range(count)]})
    for name in ("patient_id", "study_instance_uid", "series_instance_uid", "group"):
        table[name] = [f"{name[0]}{number:03d}" for number in patient]
    table["split"] = np.array(["train", "validation", "test"])[np.digitize(patient, [50, 65])]
    for index, label in enumerate(LABELS):
        table[f"truth_{label}"] = truth[:, index]
    for index, label in enumerate(LABELS):
        score = 1 / (1 + np.exp(1 - 1.5 * truth[:, index] - noise[:, index]))
        table[f"probability_{label}"] = score.astype(np.float32)
    return table


@functools.cache
def scored():
    """These predictions and what they are worth, which is the same in every report."""
    table = predictions()
    return table, assess(table, replicates=60)


class Report:
    """The report, whose parts a test takes away or changes."""

    def __init__(self, root):
        self.profile = Profile(profile="tiny", phantom=PhantomRecipe(), cam_run="mine")
        self.folder = self.profile.report_folder
        self.write_run()
        self.write_manifest()
        self.write_maps()

    def write_run(self, trained_by=(), *, synthetic=True, **changes):
        """Write a row's parameter file and its run, or its further run with another seed."""
        table, assessed = scored()
        values = {"name": "mine", "profile": "tiny", "sample": "fullid", "network": "cnn7"}
        experiment = Experiment.parse({**values, "question": "Does it?", **changes}, where="test")
        self._write_file(experiment)
        (experiment.run_folder / record.RECORD).unlink(missing_ok=True)  # as the workflow does
        leak = [
            {"first": "train", "second": "test", "kind": "patients", "shared": 0},
            {"first": "train", "second": "validation", "kind": "patients", "shared": 7},
        ]
        losses = {"loss": [0.5, 0.4, 0.3], "val_loss": [0.6, 0.4, 0.5]}
        machine = {"backend": "none", "devices": ["a <fast> machine"]}
        made_by = software.describe() | dict(trained_by)
        return recording.write_run(
            experiment,
            StandInTraining(table, losses, machine, software=made_by, trainable=1234567, frozen=89),
            assessed,
            leak=leak,
            store={"store_hash": STORE_HASH, "synthetic": synthetic},
            learned_from=LEARNED_FROM,
            network=None,
            stopwatch=recording.Stopwatch(),
        )

    def _write_file(self, experiment):
        values = experiment.model_dump(exclude_unset=True)
        values = {k: v for k, v in values.items() if k not in ("profile", "training_seed")}
        path = Path("params", "experiments", f"{experiment.row}.yaml")
        path.write_text(yaml.safe_dump(values | {"name": experiment.row}))
        if experiment.training_seed is not None:
            update = {"seeds": [experiment.training_seed]}
            self.profile = self.profile.model_copy(update=update)

    def write_manifest(self, **changes):
        counts = {"slices": 900, "patients": 90, "studies": 91, "series": 92, "rejects": 3}
        manifest = {
            "format": STORE_FORMAT,
            "recipe": {"image_size": 96, "pseudonymised": False},
            "challenge": True,
            "synthetic": True,
            "counts": {**counts, "set_aside": 4, "files": 907},
            "rules": {"not square, padded with air": 15},
            "store_hash": STORE_HASH,
        }
        write_sealed_json(self.profile.store_folder / "manifest.json", manifest | changes)

    def write_maps(self, *, measures=True):
        recorded = record.read_run(self.folder / "runs" / "mine").record
        rows = [
            {"label": "any", "method": method, "measure": "pointing", **MEASURED}
            for method in ("map", "center", "skull_edge")
        ]
        write_sealed_json(
            self.folder / "cam.json",
            {
                "format": MAPS_FORMAT,
                "run": "mine",
                "predictions_sha256": recorded["provenance"]["predictions_sha256"],
                "method": "HiResCAM",
                "side": 48,
                "measures": rows if measures else [],
                "random_layers": {
                    "stages": {"nothing": MEASURED, "logits": MEASURED},
                    "excess": MEASURED,
                },
                "permuted_labels": {"correlation": MEASURED, "excess": MEASURED},
            },
        )

    def results(self):
        return results.read(self.profile, self.folder)


@pytest.fixture
def report(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir(exist_ok=True)
    (tmp_path / "workflow" / "Snakefile").touch()
    (tmp_path / "params" / "experiments").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(software, "git_state", lambda: {"commit": "c0ffee" * 6, "dirty": False})
    return Report(tmp_path)
