"""What shuffling blocks of slices does to the loss, and how many reads it takes a disk.

    python benchmarks/shuffling.py

The demo's network from scratch trains on its synthetic heads, with blocks of several sizes and a
few seeds each; the lowest validation loss is compared with that of blocks of one, seed by seed.
A read is a run of slices that lie nearly together in a shard: what a disk has to seek.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import main

from ichreport.data import samples
from ichreport.data.ingest.make_store import ingest
from ichreport.data.shards.shard_reader import MOST_BETWEEN
from ichreport.data.store import Store
from ichreport.model import backend, training
from ichreport.model.fitting.batches import shuffled_pools
from ichreport.params.experiment import Experiment
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom

BLOCKS = (1, 4, 16, 64)
HEADS = PhantomRecipe(patients=160, seed=3179, matrix=256, slices=10, prevalence="enriched")
FEW_HEADS = PhantomRecipe(patients=30, seed=3179, matrix=96, slices=10, prevalence="enriched")


def lowest_loss(store: Store, sample: samples.Sample, block: int, seed: int, epochs: int) -> float:
    """The lowest validation loss of a training."""
    words = {"network": "cnn7fast", "input": "sigmoid", "sample": "fullid", "image_size": 96}
    words |= {"shuffle_block": block, "training_seed": seed, "epochs": epochs}
    trained = training.fit(store, sample, Experiment.parse(words, where="benchmark").plan)
    return float(min(trained.history["val_loss"]))


def reads_a_slice(store: Store, rows: np.ndarray, block: int) -> float:
    """Reads a slice of an epoch: each block of a pool is one where it lies together."""
    pools = shuffled_pools(store.in_order_of_storage(rows), block, np.random.default_rng(0))
    reads = 0
    for pool in pools if block > 1 else np.array_split(pools[0], max(1, len(rows) // 32)):
        table = store.slices.iloc[store.in_order_of_storage(pool)]
        shard, row = table["shard"].to_numpy(), table["row"].to_numpy()
        reads += 1 + int(((np.diff(shard) != 0) | (np.diff(row) > 1 + MOST_BETWEEN)).sum())
    return reads / len(rows)


def measure(seeds: int = 5, recipe: PhantomRecipe = HEADS, epochs: int = 12) -> dict[str, Any]:
    """The lowest validation losses by block size, their differences, and reads a slice."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "rsna")
        write_phantom(source, recipe)
        store = ingest(source, Path(folder, "store"), image_size=96, progress=False)
        sample = samples.draw(store.slices, "fullid", seed=1)
        backend.start(Experiment.parse({"network": "cnn7fast"}, where="benchmark").machine)
        losses = {
            block: [lowest_loss(store, sample, block, seed, epochs) for seed in range(1, seeds + 1)]
            for block in BLOCKS
        }
        rows = sample.rows_of("train")
        return {
            "training_slices": len(rows),
            "seeds": seeds,
            "lowest_validation_loss": {
                str(block): statistics.mean(values) for block, values in losses.items()
            },
            "standard_deviation_over_seeds": {
                str(block): statistics.stdev(values) for block, values in losses.items()
            },
            "mean_difference_to_one": {
                str(block): statistics.mean(a - b for a, b in zip(values, losses[1], strict=True))
                for block, values in losses.items()
            },
            "reads_a_slice": {str(block): reads_a_slice(store, rows, block) for block in BLOCKS},
        }


if __name__ == "__main__":
    main(measure, seeds=2, recipe=FEW_HEADS, epochs=1)
