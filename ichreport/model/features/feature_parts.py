"""Features on a disk: parts that are added, never changed, and read by the row.

A part is `rows-00007.npy`, the row numbers of its slices, int64 (n,); `features-00007.npy`, their
features, float32 (n, width); and `hashes-00007.npy`, the SHA-256 of each slice's features, uint8
(n, 32). A note, `part-00007.json`, holds the width and the hashes of the first and last file; it is
written last and makes the part count. Who wants some slices reads and compares their features
alone.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.shards.shard_reader import ShardReader
from ichreport.files import (
    atomic_file,
    check_file,
    read_sealed_json,
    sha256_of_file,
    write_sealed_json,
)

ROWS_PER_PART: Final = 8192


class FeatureParts:
    """The features in a folder, as they were when it was opened.

    Args:
        folder: Where they are; it may be empty.

    Raises:
        ValueError: If a note or a file of row numbers is missing or damaged; the message names it
            and the cure.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cure = f"Remove {folder}; what needs these features computes them anew."
        self._numbers = _part_numbers(folder)
        self._notes = [self._read_note(number) for number in self._numbers]
        parts = [self._checked_array(part, "rows") for part in range(len(self._numbers))]
        self._starts = np.cumsum([0, *map(len, parts)])
        rows = np.concatenate([np.empty(0, dtype=np.int64), *parts])
        self._order = np.argsort(rows, kind="stable")
        self._rows = rows[self._order]

    def missing(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of some row numbers whose features are not here: ascending, each once."""
        _, is_here = self._find(rows)
        return np.unique(rows[~is_here])

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The features of some slices, compared with their hashes.

        Args:
            rows: Their row numbers, in any order; at least one.

        Returns:
            float32 array of shape (len(rows), width).

        Raises:
            KeyError: If a slice's features are not here.
            ValueError: If features are missing or damaged; the message names the file and the cure.
        """
        places, is_here = self._find(rows)
        if not is_here.all():
            raise KeyError(f"{self._folder} lacks the features of {(~is_here).sum():,} slices.")
        parts = np.searchsorted(self._starts, places, side="right") - 1
        by_part = np.argsort(parts, kind="stable")
        wanted, starts = np.unique(parts[by_part], return_index=True)
        features = np.empty((len(rows), self._notes[wanted[0]]["width"]), dtype=np.float32)
        for part, chosen in zip(wanted.tolist(), np.split(by_part, starts[1:]), strict=True):
            features[chosen] = self._read_part(part, places[chosen] - self._starts[part])
        return features

    def _find(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The place of each row among those of all parts, and whether it is there at all."""
        index = np.searchsorted(self._rows, rows)
        nobody = -1  # stands behind the last row
        is_here = np.append(self._rows, nobody)[index] == rows
        return np.append(self._order, nobody)[index], is_here

    def _read_part(self, part: int, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Features of one part, by their places in it."""
        width, hashes = self._notes[part]["width"], self._checked_array(part, "hashes")
        reader = ShardReader(lambda _: self._path(part, "features"), (width,), "<f4", self._cure)
        features = reader.read(np.zeros_like(places), places)
        if _hashes_of(features).tobytes() != hashes[places].tobytes():
            raise ValueError(
                f"{self._path(part, 'features')} is damaged: the hash of a slice's features is not "
                f"the one that was noted. {self._cure}"
            )
        return features

    def _checked_array(self, part: int, kind: str) -> NDArray[Any]:
        path = check_file(self._path(part, kind), self._notes[part][kind], self._cure)
        array: NDArray[Any] = np.load(path)
        return array

    def _path(self, part: int, kind: str) -> Path:
        return _path(self._folder, kind, self._numbers[part])

    def _read_note(self, number: int) -> dict[str, Any]:
        try:
            return read_sealed_json(_note_path(self._folder, number))
        except ValueError as error:
            raise ValueError(f"{error} {self._cure}") from error


class PartsWriter:
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

    def __enter__(self) -> "PartsWriter":
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


def bytes_on_disk(slices: int, width: int) -> int:
    """What the features of some slices take on a disk, without headers and notes."""
    return slices * (width * 4 + 8 + hashlib.sha256().digest_size)


def _write_part(
    folder: Path, rows: NDArray[np.int64], batches: Sequence[NDArray[np.float32]]
) -> None:
    features = np.concatenate(batches).astype("<f4", copy=False)
    if not np.isfinite(features).all():
        raise ValueError(f"{folder}: the backbone gave features that are not finite.")
    number = max(_part_numbers(folder), default=-1) + 1
    arrays = {"features": features, "rows": rows, "hashes": _hashes_of(features)}
    for kind, array in arrays.items():
        with atomic_file(_path(folder, kind, number), array.nbytes) as partial:
            np.save(partial, array)
    hashes = {kind: sha256_of_file(_path(folder, kind, number)) for kind in ("rows", "hashes")}
    write_sealed_json(_note_path(folder, number), {"width": features.shape[1], **hashes})


def _hashes_of(features: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The SHA-256 of each slice's features, (n, 32)."""
    digests = b"".join(hashlib.sha256(values.data).digest() for values in features)
    return np.frombuffer(digests, dtype=np.uint8).reshape(len(features), -1)


def _part_numbers(folder: Path) -> list[int]:
    """The numbers of the parts that count, ascending."""
    return sorted(int(note.stem.removeprefix("part-")) for note in folder.glob("part-*.json"))


def _note_path(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05d}.json"


def _path(folder: Path, kind: str, number: int) -> Path:
    return folder / f"{kind}-{number:05d}.npy"
