"""What a network that learned on varied scanners loses at a hospital it never saw.

    python benchmarks/other_hospitals.py            # half an hour on two idle cores

Each hospital of the phantom is left out once. The small network trains on patients of the two
others, on all of their scanners and on one of them alone, and is scored on other patients: the same
people, with the same bleeds, once on scanners that it has seen and once on those of the hospital
left out. Scores are areas under the curve of any bleeding over slices; intervals resample patients,
the same for all tests and trainings, so that differences are paired.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from resampled_scores import auc_replicates
from side_by_side import main

from ichreport.data import samples
from ichreport.data.ingest.make_store import ingest
from ichreport.data.store import Store
from ichreport.evaluation.scores import auc_score
from ichreport.evaluation.uncertainty.bootstrap import draw_resamples
from ichreport.evaluation.uncertainty.intervals import interval
from ichreport.labels import ANY
from ichreport.model import backend, prediction, trained_rows, training
from ichreport.params.experiment import Experiment
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.phantom.scanners import HOSPITALS, SCANNERS
from ichreport.params.yaml import project_path, read_yaml
from ichreport.phantom import write_phantom

ROW = project_path("params/experiments/15-fullid-sigmoid-cnn7-bce.yaml")
SIZE = 96
REPLICATES = 2000


class Area(NamedTuple):
    """An area under the curve and its replicates, over patients."""

    value: float
    replicates: NDArray[np.float64]
    groups: int

    def minus(self, other: "Area") -> "Area":
        """The difference to the area of another."""
        groups = min(self.groups, other.groups)
        return Area(self.value - other.value, self.replicates - other.replicates, groups)

    def as_json(self) -> dict[str, Any]:
        """The value with its 95 % interval."""
        found = interval(self.replicates, groups=self.groups)
        return {"value": self.value, "low": found.low, "high": found.high}


def mean_of(areas: list[Area]) -> Area:
    """The mean of areas, replicate by replicate."""
    return Area(
        statistics.mean(area.value for area in areas),
        np.mean([area.replicates for area in areas], axis=0),
        min(area.groups for area in areas),
    )


def make_store(folder: Path, recipe: PhantomRecipe) -> Store:
    """The store of a set of synthetic heads."""
    write_phantom(folder / "rsna", recipe, workers=2)
    return ingest(folder / "rsna", folder / "store", image_size=SIZE, progress=False)


def train(store: Store, seed: int, epochs: int) -> trained_rows.Trained:
    """The demo's network from scratch, trained on a store as the demo's row trains it."""
    words = read_yaml(ROW) | {"baseline": None, "image_size": SIZE, "training_seed": seed}
    words |= {"epochs": min(epochs, words["epochs"])}
    sample = samples.draw(store.slices, "fullid", seed=1)
    return training.fit(store, sample, Experiment.parse(words, where="benchmark").plan)


def area(trained: trained_rows.Trained, store: Store) -> Area:
    """The area of any bleeding over all slices of a store."""
    rows = np.arange(len(store))
    patients = store.slices["patient_id"].to_numpy()
    whole = samples.Sample("fullid", rows, np.full(len(rows), "test"), patients)
    predicted = prediction.predict(trained, store, whole)
    truth = predicted[f"truth_{ANY}"].to_numpy()
    score = predicted[f"probability_{ANY}"].to_numpy()
    group = pd.Series(patients)
    resamples = draw_resamples(group, replicates=REPLICATES, seed=0)
    replicates = auc_replicates(truth, score, resamples.group_codes(group), resamples.counts)
    return Area(auc_score(truth, score), replicates, group.nunique())


def leave_out(hospital: str, patients: int, tests: int, seeds: int, epochs: int) -> dict[str, Area]:
    """Areas of networks that know all hospitals but one, each the mean over seeds.

    Who is tested, and how they bleed, depends on the seed alone and not on the scanners.
    """
    others = [name for name in HOSPITALS if name != hospital]
    one = next(scanner.name for scanner in SCANNERS if scanner.hospital in others)
    recipe = PhantomRecipe(patients=patients, seed=1, faults=False)
    with tempfile.TemporaryDirectory() as folder:
        made = {
            name: make_store(
                Path(folder, name),
                recipe.model_copy(update={"scanners": scanners, "patients": count, "seed": seed}),
            )
            for name, scanners, count, seed in (
                ("varied", others, patients, 1),
                ("one", [one], patients, 1),
                ("seen", others, tests, 2),
                ("that one", [one], tests, 2),
                ("left out", [hospital], tests, 2),
            )
        }
        areas: dict[str, list[Area]] = {}
        for seed in range(1, seeds + 1):
            for source, known in (("varied", "seen"), ("one", "that one")):
                trained = train(made[source], seed, epochs)
                for test in (known, "left out"):
                    found = area(trained, made[test])
                    areas.setdefault(f"trained on {source}, tested on {test}", []).append(found)
    return {name: mean_of(found) for name, found in areas.items()}


def measure(
    patients: int = 400, tests: int = 160, seeds: int = 2, epochs: int = 25
) -> dict[str, Any]:
    """Areas, and what is lost at a hospital left out, for each hospital and over all."""
    backend.start(Experiment.parse({"network": "cnn7fast"}, where="benchmark").machine)
    by_hospital = {h: leave_out(h, patients, tests, seeds, epochs) for h in HOSPITALS}
    over_all = {
        name: mean_of([areas[name] for areas in by_hospital.values()])
        for name in by_hospital[HOSPITALS[0]]
    }
    found: dict[str, Any] = {
        "patients_to_train_on": patients, "patients_of_a_test": tests, "seeds": seeds,
    }  # fmt: skip
    for name, areas in [*by_hospital.items(), ("over all", over_all)]:
        seen, away = (
            areas[f"trained on varied, tested on {test}"] for test in ("seen", "left out")
        )
        one_away = areas["trained on one, tested on left out"]
        losses = {
            "lost by varied": seen.minus(away),
            "lost by one": areas["trained on one, tested on that one"].minus(one_away),
            "gained by variety": away.minus(one_away),
        }
        found[name] = {key: value.as_json() for key, value in {**areas, **losses}.items()}
    return found


if __name__ == "__main__":
    main(measure, patients=30, tests=12, seeds=1, epochs=2)
