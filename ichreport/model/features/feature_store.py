"""A network that does not train sees each slice once: its pooled features, stored and shared.

A folder of features is named by a hash of all that they depend on. It holds `key.json`, which
spells that out, and parts (`feature_parts`). Parts are added, never changed, so that a pass that
was cut off goes on where it stopped; a lock lets one process compute while the others wait for the
same slices.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ichreport.data.store import Store
from ichreport.files import (
    check_space,
    folder_lock,
    read_sealed_json,
    remove_partials,
    sha256_of_json,
    write_sealed_json,
)
from ichreport.model import backbones, backend, neighbours, prefetch
from ichreport.model.devices import out_of_memory
from ichreport.model.features.feature_parts import FeatureParts, PartsWriter, bytes_on_disk
from ichreport.params.machine import Machine
from ichreport.params.training.training_plan import FEATURES_FOLDER, Backbone, View

FORMAT: Final = 6
BATCH_SIZE: Final = 32
CODE: Final = "ichreport.model.features.feature_store"
"""The module whose code, with all that it imports, computes features."""


class FeatureNetwork(Protocol):
    """A network whose pooled maps are features."""

    @property
    def view(self) -> View:
        """What it sees."""

    @property
    def code(self) -> str:
        """The module whose code, with all that it imports, computes them."""

    @property
    def identity(self) -> str:
        """What tells its weights from others, as a short text.

        Raises:
            FileNotFoundError: If they are in a file that is not there.
        """

    def build(self, machine: Machine) -> keras.Model:
        """From int16 HU (batch, slices seen, size, size) to float32 features (batch, features).

        Raises:
            FileNotFoundError: If the weights are not to be had.
        """

    def count(self, machine: Machine) -> int:
        """How many parameters it has, whether or not the weights are to be had."""


@dataclass(frozen=True)
class Frozen:
    """A pre-trained network as it came.

    Attributes:
        backbone: Which one, what it sees, and its weights.
    """

    backbone: Backbone
    code: str = CODE

    @property
    def view(self) -> View:
        """What it sees."""
        return self.backbone.view

    @property
    def identity(self) -> str:
        """See `backbones.weights_identity`."""
        return backbones.weights_identity(self.backbone)

    def build(self, machine: Machine) -> keras.Model:
        """See `FeatureNetwork`."""
        return backbones.pooled(backbones.build(self.backbone, machine))

    def count(self, machine: Machine) -> int:
        """See `FeatureNetwork`."""
        random = replace(self.backbone, weights=None)
        return int(backbones.build(random, machine).count_params())


def key(store: Store, network: FeatureNetwork, machine: Machine) -> dict[str, Any]:
    """Everything that the features of a slice depend on."""
    view = network.view
    return {
        "format": FORMAT,
        "code": backend.code(network.code),
        "software": backend.software(),
        "store": store.manifest["store_hash"],
        "input": view.input,
        "network": view.network,
        "specs": view.specs(),
        "image_size": store.image_size,
        "pixels_seen": view.pixels_seen,
        "weights": network.identity,
        "precision": machine.precision,
        "strict": machine.determinism == "strict",  # which computes by other programs
    }


def load_or_compute(
    store: Store,
    rows: NDArray[np.int64],
    network: FeatureNetwork,
    machine: Machine,
    *,
    batch_size: int = BATCH_SIZE,
) -> NDArray[np.float32]:
    """The features of some slices, computing those that nobody has computed yet.

    Args:
        store: Where the slices are.
        rows: Their row numbers.
        network: What gives them.
        machine: How it computes.
        batch_size: Slices that it computes at a time.

    Returns:
        float32 array of shape (len(rows), features).

    Raises:
        FileNotFoundError: If the weights are not to be had.
    """
    return compute(store, rows, network, machine, batch_size=batch_size).read(rows)


def compute(
    store: Store,
    rows: NDArray[np.int64],
    network: FeatureNetwork,
    machine: Machine,
    *,
    batch_size: int = BATCH_SIZE,
    progress: bool = False,
) -> FeatureParts:
    """Compute and store the features of some slices that nobody has computed yet.

    Memory holds two parts of `feature_parts.ROWS_PER_PART` slices, however many there are.

    Args:
        store: Where the slices are.
        rows: Their row numbers.
        network: As in `load_or_compute`.
        machine: As in `load_or_compute`.
        batch_size: As in `load_or_compute`.
        progress: Whether to show a progress bar.

    Returns:
        All stored features of that kind.

    Raises:
        FileNotFoundError: If the weights are not to be had.
        OutOfMemoryError: If a device has no memory for a batch; with the cure.
    """
    made_of = key(store, network, machine)
    folder = _folder(store, made_of)
    with folder_lock(folder):
        remove_partials(folder)
        stored = FeatureParts(folder)
        missing = stored.missing(rows)
        if not missing.size:
            return stored
        store.check()
        if network.view.input_spec.slices_seen == 1:  # neighbours come from the page cache
            missing = store.in_order_of_storage(missing)
        model = network.build(machine)
        size = backend.batch_size(batch_size, machine)
        kept = {**made_of, "parameters": int(model.count_params())}
        write_sealed_json(folder / "key.json", kept)
        with out_of_memory.explained(f"features of {network.view.network}", batch_size, machine):
            view = network.view
            _compute(store, missing, model, view, machine, folder, size, progress=progress)
        return FeatureParts(folder)


def count_parameters(store: Store, network: FeatureNetwork, machine: Machine) -> int:
    """A network's number of parameters: as its features say, or counted where there are none."""
    path = _folder(store, key(store, network, machine)) / "key.json"
    with suppress(ValueError, KeyError):  # damaged: counted, too
        if path.is_file():
            return int(read_sealed_json(path)["parameters"])
    return network.count(machine)


def _folder(store: Store, made_of: dict[str, Any]) -> Path:
    return store.folder.parent / FEATURES_FOLDER / sha256_of_json(made_of)[:16]


def _compute(
    store: Store,
    rows: NDArray[np.int64],
    model: keras.Model,
    view: View,
    machine: Machine,
    folder: Path,
    size: int,
    *,
    progress: bool,
) -> None:
    """Pass slices through a network, in batches of one size, and store what comes out."""
    check_space(folder, bytes_on_disk(len(rows), model.output_shape[-1]))
    program, read = neighbours.in_a_pass(store, rows, view.input, model, machine)
    with (
        tqdm(total=len(rows), unit="slice", desc=model.name, disable=not progress) as bar,
        PartsWriter(folder, rows, bar) as parts,
    ):
        prefetch.run(
            lambda chosen: program.to_device(read(chosen[0])),
            prefetch.in_batches(rows, size),
            program.forward,
            lambda result: parts.add(backend.to_numpy(result)),
        )
