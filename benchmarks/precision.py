"""What multiplying in 16 bits does to scores and to time, beside what another seed does.

    python benchmarks/precision.py

Two rows are trained on synthetic heads of 96 x 96, split by patient group, in each precision and
once more in float32 with another training seed: the small network on windows, and a head on the
features of a frozen DenseNet121. Scores are those of test; `same_weights` are those of what was
trained in float32 when it predicts in the other precision. Seconds are of one training, with the
features that it needs, in a process of its own. A CPU without 16-bit units gains no time.
"""

import tempfile
import time
from pathlib import Path
from typing import Any, get_args

from side_by_side import alone, main

from ichreport.data import samples
from ichreport.data.ingest.make_store import ingest
from ichreport.data.store import Store
from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.scores import split_scores
from ichreport.params.experiment import Experiment
from ichreport.params.machine import Precision
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom

PATIENTS, EPOCHS, SIZE = 150, 12, 96
ROWS: dict[str, dict[str, Any]] = {
    "cnn7 on sigmoid windows": {"network": "cnn7fast", "input": "sigmoid"},
    "densenet121 on raw HU": {"network": "densenet121", "input": "raw"},
}


def train(store: str, values: dict[str, Any], weights: str) -> dict[str, Any]:
    """The test scores of one row, whose float32 weights it leaves or finds in a file."""
    from ichreport.model import backend, trained_rows, training

    experiment = Experiment(**values)
    backend.start(experiment.machine)
    opened = Store.open(Path(store))
    sample = samples.draw(opened.slices, experiment.sample, **experiment.sampling)

    def scored(trained: training.Trained) -> dict[str, float]:
        test = select_split(training.predict(trained, opened, sample), "test")
        scores = split_scores(truths(test), probabilities(test))
        return {"auc_any": scores["auc"]["any"], "log_loss_sum": scores["weighted_log_loss_sum"]}

    started = time.perf_counter()
    trained = training.fit(opened, sample, experiment.plan)
    results = {"seconds": time.perf_counter() - started, **scored(trained)}
    if Path(weights).exists():
        same = scored(trained_rows.load(opened, experiment.plan, Path(weights)))
        results |= {f"same_weights_{name}": value for name, value in same.items()}
    else:
        trained.save(Path(weights))
    return results


def measure(patients: int = PATIENTS, epochs: int = EPOCHS) -> dict[str, Any]:
    """Scores and seconds of each precision."""
    results: dict[str, Any] = {"patients": patients, "epochs": epochs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_phantom(folder / "rsna", PhantomRecipe(patients=patients, faults=False), workers=2)
        ingest(folder / "rsna", folder / "store", image_size=SIZE, workers=2, progress=False)
        common = {
            "name": "precision", "sample": "fullid", "image_size": SIZE, "epochs": epochs,
            "store": str(folder / "store"),
        }  # fmt: skip
        for row, kind in ROWS.items():
            ways = {precision: {"precision": precision} for precision in get_args(Precision)}
            ways["float32, another seed"] = {"training_seed": 7}
            runs = {
                way: alone(
                    train, common["store"], common | kind | values, f"{folder}/{row}.weights.h5"
                )
                for way, values in ways.items()
            }
            results[row] = {way: run["result"] for way, run in runs.items()}
    return results


if __name__ == "__main__":
    main(measure, patients=40, epochs=2)
