"""Which shards a source needs, which of them are there, and how much disk the rest takes."""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

from ichreport.data.ingest import shards
from ichreport.data.ingest.shards import ShardTask
from ichreport.data.ingest.sources import Source, SourceFile, cut_into_chunks
from ichreport.files import PARTIAL_SUFFIX, sha256_of_json

CODE_VERSION: Final = 2
"""Raised whenever a change of the code changes the bytes of a store; a test watches over it."""

_OURS: Final = re.compile(r"(hu-\d{5,}\.(npy|parquet)|truth-\d{5,}\.npy)")
_STALE: Final = re.compile(
    rf"\.(hu-\d{{5,}}|truth-\d{{5,}}|slices|rejects|manifest)-[0-9a-f]{{16}}"
    rf"\{PARTIAL_SUFFIX}\.(npy|parquet|json)"
)
_BYTES_A_ROW: Final = 600
"""Most that a slice's rows in its shard's table and in the index take on disk."""


@dataclass(frozen=True)
class Part:
    """One of several parts of an ingest, each of which may run on a machine of its own."""

    number: int
    """From 1 to `of`."""
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ValueError(f"A part must be between 1 and {self.of}, got {self.number}.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2/8`: the second of eight parts.

        Raises:
            ValueError: If it is anything else.
        """
        found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
        if not found:
            raise ValueError(f"A part is written 2/8, the second of eight; got {text!r}.")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class Plan:
    """The shards of a store: all of them, and those that have to be made."""

    tasks: list[ShardTask]
    missing: list[ShardTask]
    file_count: int

    @property
    def bytes_needed(self) -> int:
        """Disk space that the missing shards and the index will take, at most."""
        return self._bytes_of(self.missing)

    @property
    def bytes_of_all(self) -> int:
        """Disk space that the whole store takes, at most."""
        return self._bytes_of(self.tasks)

    def part(self, part: Part) -> "Plan":
        """Every so many-th shard of the plan, whichever of them are there.

        The numbers of the shards stay as they are. They are the same for all parts, even while
        shards appear: missing shards take the free numbers in order, so that one that is made takes
        its own number along and leaves the others theirs.
        """
        tasks = self.tasks[part.number - 1 :: part.of]
        keys = {task.key for task in tasks}
        missing = [task for task in self.missing if task.key in keys]
        return Plan(tasks, missing, sum(len(task.files) for task in tasks))

    def _bytes_of(self, tasks: Sequence[ShardTask]) -> int:
        slices = sum(len(task.files) * task.image_size**2 for task in tasks)
        pixel = 3 if tasks and tasks[0].truth else 2
        return slices * pixel + self.file_count * _BYTES_A_ROW


def make_plan(source: Source, files: Sequence[SourceFile], store: Path, **recipe: Any) -> Plan:
    """Assign chunks of files to shards, keeping the shards that are right as they are.

    Args:
        source: The source's folder.
        files: Its files, sorted by path.
        store: The folder of the shards, which may hold some already.
        recipe: `image_size`, `pseudonyms` and `seconds_per_file` of `ShardTask`.
    """
    masks = _stamps(source.truth) if source.truth else {}
    chunks = cut_into_chunks(list(files))
    keys = [_key(chunk, masks, source, recipe) for chunk in chunks]
    there = _shards_there(store, set(keys))
    free = (number for number in count() if number not in set(there.values()))
    tasks = [
        ShardTask(
            number=there[key] if key in there else next(free),
            key=key,
            folder=str(source.folder),
            files=tuple(file.path for file in chunk),
            store=str(store),
            truth=str(source.truth) if source.truth else None,
            named_by_slice=source.challenge,
            **recipe,
        )
        for key, chunk in zip(keys, chunks, strict=True)
    ]
    return Plan(tasks, [task for task in tasks if task.key not in there], len(files))


def _key(
    chunk: list[SourceFile],
    masks: dict[str, tuple[int, int]],
    source: Source,
    recipe: dict[str, Any],
) -> str:
    pseudonyms = recipe["pseudonyms"]
    stamps = [[file.path, file.size, file.modified] for file in chunk]
    return sha256_of_json(
        {
            "code": CODE_VERSION,
            "image_size": recipe["image_size"],
            "pseudonyms": pseudonyms.fingerprint if pseudonyms else None,
            "named_by_slice": source.challenge,
            "truth": source.truth is not None,
            "files": stamps,
            "masks": [masks.get(Path(file.path).stem) for file in chunk],
        }
    )


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    with os.scandir(folder) as entries:
        stats = ((entry.name, entry.stat()) for entry in entries if entry.name.endswith(".png"))
        return {name[:-4]: (stat.st_size, stat.st_mtime_ns) for name, stat in stats}


def _shards_there(store: Path, keys: set[str]) -> dict[str, int]:
    there: dict[str, int] = {}
    if not store.is_dir():
        return there
    for path in sorted(store.glob("hu-*.parquet")):
        note = shards.read_note(path)
        if note and note.key in keys and not note.passing:
            there.setdefault(note.key, int(path.stem.removeprefix("hu-")))
    return there


def remove_stale_partials(store: Path) -> None:
    """Remove what a killed ingest left half-written."""
    for path in store.iterdir():
        if _STALE.fullmatch(path.name):
            path.unlink()


def remove_others(store: Path, keep: set[str]) -> None:
    """Remove shards that no chunk of the source needs any more."""
    for path in store.iterdir():
        if _OURS.fullmatch(path.name) and path.name not in keep:
            path.unlink()


def check_disk(store: Path, plan: Plan) -> None:
    """Stop before the disk is full, where that can be known.

    Raises:
        OSError: If the missing shards do not fit; the message says what is needed and free.
    """
    free = shutil.disk_usage(store).free
    if plan.bytes_needed > free:
        raise OSError(
            f"{store}: the disk has too little room. Needed: {in_units(plan.bytes_needed)}, "
            f"free: {in_units(free)}. Free some, or ingest at a smaller image_size."
        )


def in_units(number: int) -> str:
    """Bytes as a person reads them."""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"
