"""How fast networks run over a store, beside the same networks fed one batch on the device.

    python benchmarks/stream.py

Random slices of 96 x 96 of a store in the page cache, in batches of 64: their pooled features by
DenseNet121 for three windows, their logits by the small network for adjacent slices, and training
steps of both, of DenseNet121's last convolutions. The same cold, after the page cache has dropped
the store, and by memory maps in its place. Then the memory of a pass of features over a
store and over one of four times as many slices, each in a process of its own: what belongs to it
alone, not the pages of files that the system keeps and drops as it likes.
"""

import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from batches import forget, make_store, opened, per_second
from side_by_side import Skipped, alone, interleaved, main, median_ratio

from ichreport.data.store import Store
from ichreport.model import backbones, backend, networks, prefetch
from ichreport.model.features import feature_store
from ichreport.model.fitting import losses
from ichreport.model.inputs import hu_of
from ichreport.params.experiment import Experiment
from ichreport.params.training.training_plan import TrainingPlan

SIZE, BATCH, SLICES = 96, 64, 60_000
"""Slices as many as make a store of 1.1 GB, which no read-ahead fetches whole."""
SMALL = Experiment(network="cnn7fast", input="adjacent").plan
DEEP = Experiment(network="densenet121", input="linear").plan
TUNED = Experiment(network="densenet121", input="linear", trainable_layers=12).plan


@dataclass(frozen=True)
class Case:
    """A network at work.

    Attributes:
        plan: Which network, and what it sees.
        batches: Batches a pass, so that it takes about a second.
        trains: Whether it takes training steps.
    """

    plan: TrainingPlan
    batches: int
    trains: bool = False


CASES = {
    "densenet121": Case(DEEP, 4),
    "cnn7": Case(SMALL, 40),
    "train cnn7": Case(SMALL, 20, trains=True),
    "train densenet121's last 12 convolutions": Case(TUNED, 3, trains=True),
}


def program_of(case: Case) -> tuple[Any, Callable[[Any], Any]]:
    """A compiled network, and what a batch of HU goes through."""
    plan = case.plan
    if plan.backbone is None:
        model = networks.cnn7(plan.view, plan.head, plan.machine)
    else:
        frozen = backbones.build(plan.backbone, plan.machine)
        model = networks.fine_tuned(frozen, plan) if case.trains else backbones.pooled(frozen)
    if not case.trains:
        program = backend.program(model, plan.machine)
        return program, program.forward
    truth = (np.random.default_rng(2).random((BATCH, 6)) < 0.3).astype(np.float32)
    program = backend.program(
        model,
        plan.machine,
        loss=losses.build("bce", truth),
        optimizer=backend.adam(plan.fitting.step_size, plan.machine),
    )
    placed = program.to_device((truth, np.ones(BATCH, dtype=np.float32)))
    return program, lambda hu: program.train(hu, *placed)


def from_store(
    program: Any,
    step: Callable[[Any], Any],
    store: Store,
    kind: str,
    rows: np.ndarray,
) -> None:
    """As features are computed, predictions made and networks trained."""
    results: list[Any] = []
    prefetch.run(
        lambda chosen: program.to_device(hu_of(store, chosen[0], kind)),
        prefetch.in_batches(rows, BATCH),
        step,
        lambda result: results.append(backend.to_numpy(result)),
    )


def from_memory(step: Callable[[Any], Any], batch: Any, batches: int) -> None:
    """The same batch, already on the device, with results asked for as the stream asks for them."""
    results: list[Any] = []
    waiting: list[Any] = []
    for _ in range(batches):
        waiting.append(step(batch))
        if len(waiting) > prefetch.IN_FLIGHT:
            results.append(backend.to_numpy(waiting.pop(0)))
    results.extend(backend.to_numpy(result) for result in waiting)


def most_memory_of_features(count: int) -> float:
    """MiB of its own that a process takes at most while it passes so many slices of 32 x 32."""
    most, done = 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            status = Path("/proc/self/status").read_text(encoding="ascii")
            most = max(most, int(status.split("RssAnon:")[1].split()[0]) / 1024)

    with tempfile.TemporaryDirectory() as folder:
        shards = Path(folder, "store")
        shards.mkdir()
        store = make_store(shards, size=32, count=count)
        store.manifest["store_hash"] = "made up"
        small = Experiment(network="densenet121", input="linear", image_size=32)
        watcher = threading.Thread(target=watch)
        watcher.start()
        feature_store.compute(
            store, np.arange(count), feature_store.Frozen(small.backbone), small.machine
        )
        done.set()
        watcher.join()
    return most


def measure_case(case: Case, store: Store, ways: Mapping[str, str], repeats: int) -> dict[str, Any]:
    """Slices a second of one network by each way, and each way's share of what memory gives.

    Args:
        case: The network.
        store: Where the slices are.
        ways: By its name, how each way reads the store; those that start with `cold` do it cold.
        repeats: Turns.
    """
    kind, batches = case.plan.view.input, case.batches
    program, step = program_of(case)
    rows = np.random.default_rng(1).permutation(len(store))[: BATCH * batches]
    batch = program.to_device(hu_of(opened(store, "store"), rows[:BATCH], kind))
    fresh: dict[str, Store] = {}

    def prepare(name: str) -> None:
        fresh.clear()  # a page that somebody has mapped stays in memory
        if name in ways:
            fresh[name] = opened(store, ways[name])
            if name.startswith("cold"):
                forget(store.folder)
            else:
                hu_of(fresh[name], rows, kind)

    seconds = interleaved(
        {
            name: partial(lambda name: from_store(program, step, fresh[name], kind, rows), name)
            for name in ways
        }
        | {"memory": partial(from_memory, step, batch, batches)},
        repeats=repeats,
        prepare=prepare,
    )
    each = {f"from {name}": [s / len(rows) for s in times] for name, times in seconds.items()}
    over = {
        f"{name.replace(' ', '_')}_over_memory": median_ratio(seconds["memory"], seconds[name])
        for name in ways
    }
    return {"slices_per_second": per_second(each), **over}


def ways_to_read(store: Store) -> dict[str, str]:
    """How to read a store, by name; cold only where the system drops files from memory."""
    with suppress(Skipped):
        forget(store.folder)
        return {"store": "store", "cold store": "store", "cold memory map": "memory map"}
    return {"store": "store"}


def measure(repeats: int = 7, slices: int = 12_000, stored: int = SLICES) -> dict[str, Any]:
    """Slices a second of each way, the store's share of the other's, and a pass's memory."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), size=SIZE, count=stored)
        ways = ways_to_read(store)
        for name, case in CASES.items():
            results[name] = measure_case(case, store, ways, repeats)
    few, many = (alone(most_memory_of_features, n)["result"] for n in (slices, 4 * slices))
    results["features"] = {
        "own_mib": {f"{slices} slices": few, f"{4 * slices} slices": many},
        "many_over_few": many / few,
    }
    return results


if __name__ == "__main__":
    main(measure, repeats=1, slices=600, stored=6_000)
