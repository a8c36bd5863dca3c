"""What recipes cost on a GPU: each backbone trained whole, and one recipe from DICOM to scores.

    python benchmarks/gpu_recipes.py RESULTS.json              # at most twelve minutes on a GPU
    python benchmarks/gpu_recipes.py RESULTS.json --quick      # tries it, small, on a CPU

First the rate of training steps: every backbone, all of its convolutions, slices of 256 x 256 in
batches of 64 that lie on the device, bfloat16, without augmentation and with the 1st place's.
Weights are random, which takes as long as any. Then recipes 17, 18 and 19 on 20,000 synthetic
slices. Each figure is written as soon as it is there, and what no time was left for is named, so
that a machine that is lent for minutes leaves what it measured. Keras' backend is that of
KERAS_BACKEND.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from augmentation import LISTS, network_of
from ladder import ROWS, compare, row
from ladder import network_of as trained_network

from ichreport.data import samples
from ichreport.data.ingest.make_store import ingest
from ichreport.data.store import Store
from ichreport.files import without_nan, write_json
from ichreport.model import backend, prediction, trained_rows, training
from ichreport.model.augmentation import augmented_model
from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.fitting import losses
from ichreport.params.experiment import Experiment
from ichreport.params.networks import Network, backbones
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom

MOST_SECONDS = 11 * 60
"""Nothing is begun after that."""


class Notes:
    """Results that are in their file as soon as they are known."""

    def __init__(self, path: Path) -> None:
        self._path, self._started = path, time.perf_counter()
        self.results: dict[str, Any] = {}

    def add(self, name: str, measure: Callable[[], Any]) -> Any:
        """Measure something, if there is time left; a failure is noted, and the next one begins."""
        taken = time.perf_counter() - self._started
        try:
            found = measure() if taken < MOST_SECONDS else f"not begun: {taken:.0f} s had gone by"
        except Exception as error:  # a network that does not fit must not cost the others
            found = f"failed: {type(error).__name__}: {str(error).splitlines()[0]}"
        self.results[name] = found
        write_json(self._path, without_nan(self.results))
        print(name, json.dumps(without_nan(found)), flush=True)
        return found


def training_rate(
    network: Network, augment: list[Any], side: int, batch: int, steps: int, precision: str
) -> dict[str, float]:
    """Slices a second of training steps, and the seconds until the first one was done."""
    plan = Experiment(
        network=network, trainable_layers="all", image_size=side, augment=augment,
        sample="fullid", precision=precision,
    ).plan  # fmt: skip
    random = np.random.default_rng(0)
    hu = random.normal(30, 5, (batch, 1, side, side)).astype(np.int16)
    truth = (random.random((batch, 6)) < 0.3).astype(np.float32)
    drawn = Drawing(plan.fitting.augment, 1, random)(batch)
    started = time.perf_counter()
    model = augmented_model.build(network_of(plan), plan.view, plan.fitting.augment, plan.machine)
    program = backend.program(
        model,
        plan.machine,
        loss=losses.build("bce", np.ones((1, 6))),
        optimizer=backend.adam(1e-4, plan.machine),
    )
    given = program.to_device(
        ({"hu": hu, **drawn} if drawn else hu, truth, np.ones(batch, dtype=np.float32))
    )
    backend.to_numpy(program.train(*given))
    first = time.perf_counter() - started
    turns = []
    for _ in range(3):
        begun = time.perf_counter()
        for _ in range(steps):
            total = program.train(*given)
        backend.to_numpy(total)
        turns.append(batch * steps / (time.perf_counter() - begun))
    return {"slices_per_s": statistics.median(turns), "until_first_step_s": first}


def recipe(patients: int, side: int, batch: int, epochs: int, precision: str) -> dict[str, Any]:
    """Seconds of each part of recipes 17, 18 and 19, from DICOM to scores."""
    seconds: dict[str, float] = {}

    def timed(name: str, part: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = part()
        seconds[name] = time.perf_counter() - begun
        return result

    with tempfile.TemporaryDirectory() as name:
        folder, workers = Path(name), os.cpu_count() or 1
        heads = PhantomRecipe(patients=patients, seed=11, matrix=max(256, side))
        timed("phantom", lambda: write_phantom(folder / "rsna", heads, workers=workers))
        source, target = folder / "rsna", folder / "store"
        store: Store = timed(
            "ingest",
            lambda: ingest(source, target, image_size=side, workers=workers, progress=False),
        )
        sample = samples.draw(store.slices, "fullid", seed=1)
        place = {
            "store": str(target), "image_size": side, "batch_size": batch, "precision": precision,
        }  # fmt: skip
        predictions = {}
        trained: trained_rows.Trained | None = None
        for step in ("frozen", "fine-tuned", "fine-tuned, along series"):
            asked = row(ROWS[step], epochs, **place)
            along = asked.features_from is not None and trained is not None
            plan = asked.plan_on(trained_network(trained, folder)) if along else asked.plan
            trained = timed(f"training, {step}", lambda p=plan: training.fit(store, sample, p))
            predictions[step] = timed(
                f"prediction, {step}", lambda t=trained: prediction.predict(t, store, sample)
            )
        steps = [("fine-tuned", "frozen"), ("fine-tuned, along series", "fine-tuned")]
        found = compare(predictions, steps)
        return {"slices": len(store), "seconds": seconds, **found}


def main() -> None:
    """Measure all of it, and write it as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="small, to see it work")
    options = parser.parse_args()
    side, batch, steps = (96, 2, 1) if options.quick else (256, 64, 20)
    precision = "float32" if options.quick else "mixed_bfloat16"
    notes = Notes(options.results)
    machine = Experiment(precision=precision).machine
    notes.add("machine", lambda: backend.start(machine) | {"cores": os.cpu_count()})
    patients, epochs = (40, 1) if options.quick else (1_700, 5)
    notes.add(
        "recipes 17, 18 and 19",
        lambda: recipe(patients, side, 16 if options.quick else 64, epochs, precision),
    )
    for network in backbones():
        for name in ("nothing", "1st place"):
            notes.add(
                f"training {network} whole, augmented by {name}",
                lambda n=network, a=name: training_rate(n, LISTS[a], side, batch, steps, precision),
            )


if __name__ == "__main__":
    main()
