"""The store: every slice of a data set as HU in shards, with an index."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, Self

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import DTypeLike, NDArray

from ichreport.data.shards.shard_files import hash_of_slices, shard_name, slice_digests, truth_name
from ichreport.data.shards.shard_reader import ShardReader
from ichreport.data.store_format import read_manifest
from ichreport.files import DamagedError, check_file, read_json, sha256_of_file, write_json
from ichreport.labels import ANY, LABELS, SUBTYPES

SLICES: Final = "slices.parquet"
SERIES: Final = "series.parquet"
REJECTS: Final = "rejects.parquet"
STUDIES: Final = "studies.parquet"
SET_ASIDE: Final = "set-aside.parquet"
OF_A_STUDY: Final = ["patient_id", "study_instance_uid"]
"""The columns that together tell one study from another."""
OF_A_SERIES: Final = [*OF_A_STUDY, "series_instance_uid"]
"""The columns that together tell one series from another."""
_CHECKED: Final = ".checked"
"""Notes on shards that have been compared with their hashes: size and time of the file then."""
_MEND: Final = "Delete it and run `ichreport ingest` again."


class Store:
    """A folder of slices in HU.

    Attributes:
        folder: Where it lies.
        manifest: How it was made: recipe, version, source, counts, rules, hashes.
        slices: One row a slice, sorted by patient, study, series, z, SOP Instance UID. The number
            of a slice's row is what `hu` takes.
        series: One row a series, kept or passed over, and why; see `ingest.series_selection`.
        rejects: Files that cannot be used, with the reason.
        set_aside: Files that are whole and something else, or of a series that is passed over, with
            the reason.
        studies: One row a study, sorted by patient and study: `patient_id`, `study_instance_uid`,
            the six labels (0, 1, or -1 where unlabelled) and the votes of readers, if there are
            any (`reader_votes`). None where labels are of slices, or nothing is labelled.
    """

    def __init__(
        self,
        folder: Path,
        manifest: dict[str, Any],
        slices: pd.DataFrame,
        series: pd.DataFrame,
        rejects: pd.DataFrame,
        set_aside: pd.DataFrame,
        studies: pd.DataFrame | None = None,
    ) -> None:
        self.folder, self.manifest = folder, manifest
        self.slices, self.series, self.studies = slices, series, studies
        self.rejects, self.set_aside = rejects, set_aside
        self._shard = slices["shard"].to_numpy(dtype=np.int64)
        self._row = slices["row"].to_numpy(dtype=np.int64)
        self._hashes = slices["pixel_hash"].to_numpy()
        self._truth_row = slices["truth_row"].to_numpy(dtype=np.int64)
        self._series_start = series_starts(slices)
        self._hu = self._reader(shard_name, np.int16)
        self._masks = self._reader(truth_name, np.uint8)
        self._checked_masks: set[str] = set()
        shards = int(self._shard.max(initial=-1)) + 1
        self._unchecked = np.ones(shards, dtype=bool)

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Open a store.

        What is read of it later is compared with its hash then: each slice, as long as its shard
        has not been compared as a whole (`check`).

        Raises:
            FileNotFoundError: If there is no whole store in `folder`.
            ValueError: If it was written in another format, or is damaged.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        tables = [
            pq.read_table(check_file(folder / name, manifest["files"][name], _MEND)).to_pandas()
            for name in (SLICES, SERIES, REJECTS, SET_ASIDE, STUDIES)
            if name in manifest["files"]
        ]
        return cls(folder, manifest, *tables)

    def __len__(self) -> int:
        return len(self.slices)

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r}, {len(self):,} slices of {self.image_size} px)"

    @property
    def image_size(self) -> int:
        """Rows and columns of a slice."""
        return int(self.manifest["recipe"]["image_size"])

    @property
    def labelled(self) -> Literal["slices", "studies", "nothing"]:
        """What its labels are of."""
        if self.studies is not None:
            return "studies"
        return "slices" if (self.slices[list(LABELS)] >= 0).any(axis=None) else "nothing"

    @property
    def has_truth(self) -> bool:
        """Whether the source has masks of the bleeds."""
        return bool(self.manifest["truth"])

    def hu(self, rows: Any) -> NDArray[np.int16]:
        """Slices in HU.

        Args:
            rows: Row numbers of `slices`, an integer array of shape (n,), in any order.

        Returns:
            int16 array of shape (n, image_size, image_size), in [-1024, 3071].

        Raises:
            IndexError: If a row is not in the store.
            ValueError: If a slice is not what was ingested; the message names the file and the
                cure.
        """
        rows = self._checked(rows)
        pixels = self._hu.read(self._shard[rows], self._row[rows])
        if self._unchecked.any():
            self._compare(rows, pixels)
        return pixels

    def announce(self, rows: Any) -> None:
        """Have a disk fetch slices that will be read soon, without waiting for it.

        Args:
            rows: Row numbers of `slices`, an integer array of shape (n,), in any order.
        """
        rows = self._checked(rows)
        self._hu.announce(self._shard[rows], self._row[rows])

    def adjacent_hu(self, rows: Any, neighbours: int = 1) -> NDArray[np.int16]:
        """Slices with their neighbours in the series; beyond its ends its last slice stands in.

        Args:
            rows: Row numbers of `slices`, an integer array of shape (n,), in any order.
            neighbours: How many on each side.

        Returns:
            int16 array of shape (n, 2 * neighbours + 1, image_size, image_size): the previous ones
            (lower z), the slice itself and the next ones.

        Raises:
            IndexError: If a row is not in the store.
        """
        around = self.adjacent_rows(rows, neighbours)
        return self.hu(around.ravel()).reshape(*around.shape, self.image_size, self.image_size)

    def adjacent_rows(self, rows: Any, neighbours: int = 1) -> NDArray[np.int64]:
        """Row numbers of slices with their neighbours, as in `adjacent_hu`: (n, 2 k + 1)."""
        before = after = self._checked(rows)
        starts, around = self._series_start, [before]
        for _ in range(neighbours):
            before = np.where(starts[before], before, before - 1)
            following = np.minimum(after + 1, len(self) - 1)
            after = np.where(starts[following], after, following)
            around = [before, *around, after]
        return np.stack(around, axis=1)

    def in_order_of_storage(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same rows in the order in which they lie in the shards.

        The challenge's file names, by which shards are cut, have no order of series, so that slices
        of a series lie in many shards: reading in the order of the index is reading at random.
        """
        return rows[np.lexsort((self._row[rows], self._shard[rows]))]

    def truth(self, rows: Any) -> NDArray[np.uint8]:
        """Masks of the bleeds, resampled like the slices.

        Args:
            rows: Row numbers of `slices`, an integer array of shape (n,), in any order.

        Returns:
            uint8 array of shape (n, image_size, image_size); bit k is set where subtype k bleeds.
            Where masks do not tell kinds and a slice has several, it is the bit of `any`.

        Raises:
            ValueError: If the source has no masks; ask `has_truth` first.
            IndexError: If a row is not in the store.
        """
        if not self.has_truth:
            raise ValueError(f"{self.folder} has no masks of bleeds: its source has no truth/.")
        rows = self._checked(rows)
        masks = np.zeros((len(rows), self.image_size, self.image_size), dtype=np.uint8)
        bleeds = np.flatnonzero(self._truth_row[rows] >= 0)
        shard, row = self._shard[rows[bleeds]], self._truth_row[rows[bleeds]]
        self._check_masks(shard)
        masks[bleeds] = self._masks.read(shard, row)
        if not self.manifest["truth_of_kinds"]:
            masks *= self._kinds(rows)[:, None, None]
        return masks

    def _kinds(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """What a mask of all bleeding says of each slice: its kind where there is but one."""
        positive = self.slices[list(SUBTYPES)].to_numpy()[rows] == 1
        kind = np.where(positive.sum(axis=1) == 1, positive.argmax(axis=1), LABELS.index(ANY))
        return (1 << kind).astype(np.uint8)

    def _checked(self, rows: Any) -> NDArray[np.int64]:
        rows = np.asarray(rows)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise TypeError(
                f"rows must be a one-dimensional integer array, got {rows.dtype} of {rows.shape}."
            )
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"rows must be in [0, {len(self)}), got {rows.min()} to {rows.max()}.")
        checked: NDArray[np.int64] = rows.astype(np.int64)
        return checked

    def _reader(self, name: Callable[[int], str], dtype: DTypeLike) -> ShardReader:
        folder, shape = self.folder, (self.image_size, self.image_size)
        return ShardReader(lambda number: folder / name(number), shape, dtype, _MEND)

    def _check_masks(self, shard: NDArray[np.int64]) -> None:
        """Compare masks with the hashes of their shards, once: there are none of single masks."""
        for number in np.unique(shard).tolist():
            name = truth_name(number)
            if name not in self._checked_masks:
                self._check(name)
                self._checked_masks.add(name)

    def _compare(self, rows: NDArray[np.int64], pixels: NDArray[np.int16]) -> None:
        """Compare slices with their hashes, but those of shards that have been, as a whole."""
        for number in np.unique(self._shard[rows]):
            if self._unchecked[number] and self._is_noted(shard_name(int(number))):
                self._unchecked[number] = False
        distinct, firsts = np.unique(rows, return_index=True)
        unchecked = self._unchecked[self._shard[distinct]]
        for row, index in zip(distinct[unchecked], firsts[unchecked], strict=True):
            digest = hashlib.sha256(np.ascontiguousarray(pixels[index]).data).hexdigest()
            if not digest.startswith(self._hashes[row]):
                path = self.folder / shard_name(int(self._shard[row]))
                uid = self.slices["sop_instance_uid"].iloc[row]
                raise DamagedError(f"{path} is damaged: slice {uid} is another one. {_MEND}")

    def check(self) -> None:
        """Compare all shards with their hashes, several at a time, but those that have been.

        Worth it before most slices are read, or some of them again and again.

        Raises:
            ValueError: If one is missing or damaged; the message names it and the cure.
        """
        with ThreadPoolExecutor() as together:
            for _ in together.map(self._check, self.manifest["shards"]):
                pass
        self._unchecked[:] = False

    def _check(self, name: str) -> None:
        """Compare a shard with its hash, unless a note says that this very file has been."""
        path, expected = self.folder / name, self.manifest["shards"][name]
        if self._is_noted(name):
            return
        try:
            actual, seen = _hash_of_shard(path), self._as_it_is(name)
        except (OSError, ValueError) as error:
            raise DamagedError(f"{path} cannot be read: {error}. {_MEND}") from error
        if actual != expected:
            raise DamagedError(f"{path} is damaged: its hash is not the store's. {_MEND}")
        with suppress(OSError):  # a store that may not be written to is compared each time
            write_json(self._note(name), seen)

    def _is_noted(self, name: str) -> bool:
        """Whether a shard, as it is, has been compared with its hash as a whole."""
        try:
            return bool(read_json(self._note(name)) == self._as_it_is(name))
        except (OSError, ValueError):
            return False

    def _note(self, name: str) -> Path:
        return self.folder / _CHECKED / f"{name}.json"

    def _as_it_is(self, name: str) -> dict[str, Any]:
        status, expected = (self.folder / name).stat(), self.manifest["shards"][name]
        return {"hash": expected, "size": status.st_size, "modified": status.st_mtime_ns}


def series_numbers(slices: pd.DataFrame) -> NDArray[np.int64]:
    """The series of each slice, as a number: 0, 1, … in the order of a store's slices.

    A series is of one patient, study and SeriesInstanceUID together: files that were made anonymous
    carelessly share the UID.
    """
    return np.cumsum(series_starts(slices), dtype=np.int64) - 1


def series_starts(slices: pd.DataFrame) -> NDArray[np.bool_]:
    """Where a new series begins in slices that are sorted as a store's are."""
    starts = np.zeros(len(slices), dtype=bool)
    starts[:1] = True
    for name in OF_A_SERIES:
        codes, _ = pd.factorize(slices[name])
        starts[1:] |= codes[1:] != codes[:-1]
    return starts


def verify(folder: Path | str) -> list[str]:
    """Compare every file of a store with its hash.

    Args:
        folder: The store.

    Returns:
        One line for each problem, naming the file; none if all is well.
    """
    folder = Path(folder)
    try:
        manifest = read_manifest(folder)
    except (OSError, ValueError) as error:
        return [str(error)]
    problems = []
    for name, expected in what_is_verified(manifest).items():
        path = folder / name
        try:
            actual = _hash_of_shard(path) if name.endswith(".npy") else sha256_of_file(path)
        except (OSError, ValueError) as error:
            problems.append(f"{path} cannot be read: {error}")
            continue
        if actual != expected:
            problems.append(
                f"{path} is damaged: its hash is {actual[:12]}…, expected {expected[:12]}…. {_MEND}"
            )
    return problems


def what_is_verified(manifest: dict[str, Any]) -> dict[str, str]:
    """The hash of each file of a store, by its manifest."""
    hashes: dict[str, str] = manifest["files"] | manifest["shards"]
    return hashes


def _hash_of_shard(path: Path) -> str:
    return hash_of_slices(*slice_digests(path))
