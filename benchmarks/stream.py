"""How fast networks run over a store, beside the same networks fed one batch from memory.

    python benchmarks/stream.py

Random slices of 96 x 96 of a store in the page cache, in batches of 64: their pooled features by
DenseNet121 for three windows, and their logits by the small network for adjacent slices.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from batches import make_store
from side_by_side import interleaved, main, median_ratio

from ichreport.data.store import Store
from ichreport.model import backend, networks, stream
from ichreport.model.inputs import hu_of
from ichreport.params import Experiment

SIZE, BATCH, SLICES = 96, 64, 3_000
CASES = {
    "densenet121": (Experiment(network="densenet121", input="linear"), 4),
    "cnn7": (Experiment(network="cnn7", input="adjacent"), 40),
}


def from_store(program: Any, store: Store, experiment: Experiment, rows: np.ndarray) -> None:
    """As features are computed and predictions made."""
    found: list[Any] = []
    stream.run(
        lambda chosen: hu_of(store, chosen[0], experiment.input),
        stream.in_batches(rows, BATCH),
        program.forward,
        lambda result: found.append(backend.to_numpy(result)),
    )


def from_memory(program: Any, batch: np.ndarray, batches: int) -> None:
    """The same batch again and again, with results asked for as the stream asks for them."""
    found: list[Any] = []
    waiting: list[Any] = []
    for _ in range(batches):
        waiting.append(program.forward(batch))
        if len(waiting) > stream.IN_FLIGHT:
            found.append(backend.to_numpy(waiting.pop(0)))
    found.extend(backend.to_numpy(result) for result in waiting)


def measure(repeats: int = 7) -> dict[str, Any]:
    """Slices a second of each way, and the store's share of the other's."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), size=SIZE, count=SLICES)
        for name, (experiment, batches) in CASES.items():
            model = (
                networks.cnn7(experiment)
                if name == "cnn7"
                else networks.pooled(networks.backbone(experiment))
            )
            program = backend.program(model, experiment)
            rows = np.random.default_rng(1).permutation(len(store))[: BATCH * batches]
            batch = hu_of(store, rows[:BATCH], experiment.input)
            seconds = interleaved(
                {
                    "from the store": partial(from_store, program, store, experiment, rows),
                    "from memory": partial(from_memory, program, batch, batches),
                },
                repeats=repeats,
            )
            results[name] = {
                "slices_per_second": {
                    n: len(rows) / float(np.median(s)) for n, s in seconds.items()
                },
                "store_over_memory": median_ratio(
                    seconds["from memory"], seconds["from the store"]
                ),
            }
    return results


if __name__ == "__main__":
    main(measure, repeats=1)
