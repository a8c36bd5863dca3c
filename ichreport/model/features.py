"""A frozen backbone sees each slice once: its pooled features, stored and shared.

A folder of features is named by a hash of all that they depend on. It holds `key.json`, which
spells that out, and parts: each a file of row numbers, a file of their features, and a note of the
hashes of both, which is written last and which readers compare. Parts are added, never changed, so
that a pass that was cut off goes on where it stopped; a lock lets one process compute while the
others wait for the same slices.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ichreport.data.store import Store
from ichreport.files import (
    atomic_file,
    check_file,
    check_space,
    folder_lock,
    read_sealed_json,
    remove_partials,
    sha256_of_file,
    sha256_of_json,
    write_sealed_json,
)
from ichreport.model import backbones, backend, prefetch
from ichreport.model.inputs import hu_of
from ichreport.params.machine import Machine
from ichreport.params.training_plan import FEATURES_FOLDER, Backbone

FORMAT: Final = 5
ROWS_PER_PART: Final = 8192
BATCH_SIZE: Final = 32
CODE: Final = "ichreport.model.features"
"""The module whose code, with all that it imports, computes features."""


def key(store: Store, backbone: Backbone, machine: Machine) -> dict[str, Any]:
    """Everything that the features of a slice depend on."""
    view = backbone.view
    return {
        "format": FORMAT,
        "code": backend.code(CODE),
        "software": backend.software(),
        "store": store.manifest["store_hash"],
        "input": view.input,
        "network": view.network,
        "specs": view.specs(),
        "image_size": store.image_size,
        "pixels_seen": view.pixels_seen,
        "weights": backbones.weights_identity(backbone),
        "precision": machine.precision,
        "strict": machine.determinism == "strict",  # which computes by other programs
    }


def load_or_compute(
    store: Store,
    rows: NDArray[np.int64],
    backbone: Backbone,
    machine: Machine,
    *,
    batch_size: int = BATCH_SIZE,
) -> NDArray[np.float32]:
    """The features of some slices, computing those that nobody has computed yet.

    Args:
        store: Where the slices are.
        rows: Their row numbers.
        backbone: Which network, what it sees, and its weights.
        machine: How it computes.
        batch_size: Slices that it computes at a time.

    Returns:
        float32 array of shape (len(rows), features).

    Raises:
        FileNotFoundError: If the weights are not to be had.
    """
    return _gather(compute(store, rows, backbone, machine, batch_size=batch_size), rows)


def compute(
    store: Store,
    rows: NDArray[np.int64],
    backbone: Backbone,
    machine: Machine,
    *,
    batch_size: int = BATCH_SIZE,
    progress: bool = False,
) -> Path:
    """Compute and store the features of some slices that nobody has computed yet.

    Memory holds two parts of `ROWS_PER_PART` slices, however many there are.

    Args:
        store: Where the slices are.
        rows: Their row numbers.
        backbone: As in `load_or_compute`.
        machine: As in `load_or_compute`.
        batch_size: As in `load_or_compute`.
        progress: Whether to show a progress bar.

    Returns:
        The folder that holds them, among others.

    Raises:
        FileNotFoundError: If the weights are not to be had.
    """
    made_of = key(store, backbone, machine)
    folder = _folder(store, made_of)
    with folder_lock(folder):
        remove_partials(folder)
        missing = np.setdiff1d(rows, np.concatenate([[], *_stored_rows(folder)]).astype(np.int64))
        if missing.size:
            store.check()
            if backbone.view.input_spec.slices_seen == 1:  # neighbours come from the page cache
                missing = store.in_order_of_storage(missing)
            model = backbones.pooled(backbones.build(backbone, machine))
            size = backend.batch_size(batch_size, machine)
            kept = {**made_of, "parameters": int(model.count_params())}
            write_sealed_json(folder / "key.json", kept)
            _compute(store, missing, model, backbone, machine, folder, size, progress=progress)
    return folder


def backbone_parameters(store: Store, backbone: Backbone, machine: Machine) -> int:
    """A backbone's number of parameters: as its features say, or counted where there are none."""
    path = _folder(store, key(store, backbone, machine)) / "key.json"
    with suppress(ValueError, KeyError):  # damaged: counted, too
        if path.is_file():
            return int(read_sealed_json(path)["parameters"])
    return int(backbones.build(replace(backbone, weights=None), machine).count_params())


def _folder(store: Store, made_of: dict[str, Any]) -> Path:
    return store.folder.parent / FEATURES_FOLDER / sha256_of_json(made_of)[:16]


def _compute(
    store: Store,
    rows: NDArray[np.int64],
    model: keras.Model,
    backbone: Backbone,
    machine: Machine,
    folder: Path,
    size: int,
    *,
    progress: bool,
) -> None:
    """Pass slices through a backbone, in batches of one size, and store what comes out."""
    check_space(folder, len(rows) * (model.output_shape[-1] * 4 + 8))  # float32, and row numbers
    program = backend.program(model, machine)
    kind = backbone.view.input
    with (
        tqdm(total=len(rows), unit="slice", desc=model.name, disable=not progress) as bar,
        _Parts(folder, rows, bar) as parts,
    ):
        prefetch.run(
            lambda chosen: program.to_device(hu_of(store, chosen[0], kind)),
            prefetch.in_batches(rows, size),
            program.forward,
            lambda result: parts.add(backend.to_numpy(result)),
        )


class _Parts:
    """Writes features as they come, a part at a time.

    A disk takes its time to have a part for sure; meanwhile, the device computes the next one. At
    most two parts are in memory. An error of writing reaches who adds, or who leaves.

    Args:
        folder: Where to.
        rows: The row numbers of all that will come, in order.
        bar: Shows how far it is.
    """

    def __init__(self, folder: Path, rows: NDArray[np.int64], bar: Any) -> None:
        self._folder, self._rows, self._bar = folder, rows, bar
        self._batches: list[NDArray[np.float32]] = []
        self._written = self._counted = 0
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="features")
        self._writing: Future[None] | None = None

    def __enter__(self) -> "_Parts":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._writer.shutdown()
        if kind is None:
            self._wait()

    def add(self, features: NDArray[np.float32]) -> None:
        """Take the next batch, of which the last may hold more than there are rows."""
        wanted = features[: len(self._rows) - self._counted]
        self._batches.append(wanted)
        self._counted += len(wanted)
        self._bar.update(len(wanted))
        if self._counted - self._written >= ROWS_PER_PART or self._counted == len(self._rows):
            self._wait()
            rows = self._rows[self._written : self._counted]
            self._writing = self._writer.submit(_write_part, self._folder, rows, self._batches)
            self._batches, self._written = [], self._counted

    def _wait(self) -> None:
        """Until the part before is written; raises what writing it has raised."""
        if self._writing is not None:
            self._writing.result()


def _write_part(
    folder: Path, rows: NDArray[np.int64], batches: Sequence[NDArray[np.float32]]
) -> None:
    features = np.concatenate(batches)
    if not np.isfinite(features).all():
        raise ValueError(f"{folder}: the backbone gave features that are not finite.")
    number = f"{len(list(folder.glob('part-*.json'))):05d}"
    arrays: dict[str, NDArray[Any]] = {
        "features": features.astype(np.float32, copy=False),
        "rows": rows,
    }
    paths = {kind: folder / f"{kind}-{number}.npy" for kind in arrays}
    for kind, array in arrays.items():
        with atomic_file(paths[kind], array.nbytes) as partial:
            np.save(partial, array)
    hashes = {kind: sha256_of_file(path) for kind, path in paths.items()}
    write_sealed_json(folder / f"part-{number}.json", hashes)  # last: it makes the part count


def _parts(folder: Path, kind: str) -> Iterator[Path]:
    """The files of one kind of all parts, each once it is what was written.

    Raises:
        ValueError: If one is missing or damaged; the message names it and the cure.
    """
    cure = f"Remove {folder}; what needs these features computes them anew."
    for note in sorted(folder.glob("part-*.json")):
        try:
            expected = read_sealed_json(note)[kind]
        except (ValueError, KeyError) as error:
            raise ValueError(f"{error}. {cure}") from error
        yield check_file(
            note.with_name(note.name.replace("part", kind)).with_suffix(".npy"), expected, cure
        )


def _stored_rows(folder: Path) -> list[NDArray[np.int64]]:
    return [np.load(path) for path in _parts(folder, "rows")]


def _gather(folder: Path, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    maps = [np.load(path, mmap_mode="r", allow_pickle=False) for path in _parts(folder, "features")]
    result = np.empty((len(rows), maps[0].shape[1]), dtype=np.float32)
    for stored, features in zip(_stored_rows(folder), maps, strict=True):
        order = np.argsort(stored)
        nearest = order[np.searchsorted(stored, rows, sorter=order).clip(max=len(stored) - 1)]
        here = stored[nearest] == rows
        result[here] = features[nearest[here]]
    return result
