"""What fine-tuning brings over frozen features, and reading whole series over single slices.

    python benchmarks/ladder.py            # an hour and a half on two cores

500 synthetic patients at 96 px are split by patient. EfficientNet-Lite0 with its ImageNet weights
is frozen with a linear head, then fine-tuned, then read along series, as the recipes 17, 18 and 19
say; the demo's network from scratch is read along series as well. Differences are paired: of slices
on the same resamples of test patients, for the weighted log loss and the areas of all labels, and
of whole studies (the mean logit of their slices) for the area of any bleeding.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from side_by_side import main

from ichreport.data import samples
from ichreport.data.ingest.make_store import ingest
from ichreport.data.store import Store
from ichreport.evaluation.comparisons import Comparison
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.evaluation.studies import Pooling, pool_studies
from ichreport.files import sha256_of_file
from ichreport.labels import ANY, LABELS
from ichreport.model import backend, prediction, trained_rows, training
from ichreport.params.experiment import Experiment
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.training.training_plan import TrainedNetwork
from ichreport.params.yaml import project_path, read_yaml
from ichreport.phantom import write_phantom

SIZE = 96
MEAN_LOGIT = Pooling(sharpness=0.0, slope=1.0, intercept=0.0)
ROWS = {
    "frozen": "recipes/17-fullid-sigmoid-lite0-bce",
    "fine-tuned": "recipes/18-fullid-sigmoid-lite0-tuned-bce",
    "fine-tuned, along series": "recipes/19-fullid-sigmoid-lite0-tuned-bigru-bce",
    "from scratch": "experiments/15-fullid-sigmoid-cnn7-bce",
}
STEPS = [
    ("fine-tuned", "frozen"),
    ("fine-tuned, along series", "fine-tuned"),
    ("from scratch, along series", "from scratch"),
]


def row(path: str, epochs: int, **changes: Any) -> Experiment:
    """An experiment's file for these slices, with at most so many epochs."""
    words = read_yaml(project_path(f"params/{path}.yaml"))
    words |= {"baseline": None, "image_size": SIZE, **changes}
    words["epochs"] = min(epochs, words.get("epochs", 20))
    words["warm_up"] = min(words.get("warm_up", 0), words["epochs"] / 2)
    return Experiment.parse(words, where=path)


def network_of(trained: trained_rows.Trained, folder: Path) -> TrainedNetwork:
    """A trained network as another row reads it."""
    path = folder / f"{trained.plan.name}.weights.h5"
    trained.save(path)
    return TrainedNetwork(trained.plan.name, trained.plan, str(path), sha256_of_file(path))


def train_all(store: Store, folder: Path, epochs: int, seed: int) -> dict[str, pd.DataFrame]:
    """The predictions of each step."""
    sample = samples.draw(store.slices, "fullid", seed=1)
    place = {"store": str(store.folder), "training_seed": seed}
    made = {
        name: training.fit(store, sample, row(path, epochs, **place).plan)
        for name, path in ROWS.items()
        if "along" not in name
    }
    along = row(ROWS["fine-tuned, along series"], epochs, **place)
    for name in ("fine-tuned", "from scratch"):
        experiment = along
        if name == "from scratch":
            experiment = along.model_copy(update={"network": "cnn7fast", "weights": None})
        plan = experiment.plan_on(network_of(made[name], folder))
        plan = replace(plan, name=f"{name} along series")
        made[f"{name}, along series"] = training.fit(store, sample, plan)
    return {name: prediction.predict(trained, store, sample) for name, trained in made.items()}


def of_studies(predictions: pd.DataFrame) -> pd.DataFrame:
    """Whole studies in the place of slices, each with the mean logit of its slices."""
    whole = pool_studies(predictions, dict.fromkeys(LABELS, MEAN_LOGIT))
    return whole.assign(sop_instance_uid=whole["study_instance_uid"])


def compare(runs: dict[str, pd.DataFrame], steps: list[tuple[str, str]]) -> dict[str, Any]:
    """Scores of each run, and the paired difference of each step, with 95 % intervals."""
    slices = Comparison(runs)
    studies = Comparison({name: of_studies(run) for name, run in runs.items()})
    wanted = [("slices", slices, "weighted_log_loss_sum", ALL_LABELS)]
    wanted += [("slices", slices, "auc", label) for label in (ANY, *LABELS[:-1])]
    wanted += [("studies", studies, "auc", ANY)]
    found: dict[str, Any] = {"scores": {}, "steps": {}}
    for level, comparison, score, label in wanted:
        key = f"{score} of {label}, {level}"
        found["scores"][key] = {name: comparison.value(name, score, label) for name in runs}
        for name, other in steps:
            step = comparison.difference(name, other, score, label)
            found["steps"].setdefault(f"{name}, less {other}", {})[key] = {
                "difference": step.difference,
                "low": step.interval.low,
                "high": step.interval.high,
                "p": step.p,
            }
    return found


def measure(patients: int = 500, epochs: int = 30, seeds: int = 1) -> dict[str, Any]:
    """The steps of the ladder, seed by seed of training."""
    backend.start(Experiment.parse({"network": "cnn7fast"}, where="benchmark").machine)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_phantom(folder / "rsna", PhantomRecipe(patients=patients, seed=11), workers=2)
        store = ingest(folder / "rsna", folder / "store", image_size=SIZE, progress=False)
        made = {
            f"training seed {seed}": compare(train_all(store, folder, epochs, seed), STEPS)
            for seed in range(1, seeds + 1)
        }
        return {"patients": patients, "slices": len(store), "image_size": SIZE, **made}


if __name__ == "__main__":
    main(measure, patients=40, epochs=2)
