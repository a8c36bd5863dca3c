"""Which shards a source needs, which of them are made already, and the disk space of the rest."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

from ichreport.data.ingest.masks import mask_path
from ichreport.data.ingest.shards import make_shard
from ichreport.data.ingest.shards.make_shard import ShardTask, read_note
from ichreport.data.ingest.sources import Source, SourceFile, cut_into_chunks
from ichreport.dependencies import fingerprint
from ichreport.files import PARTIAL_SUFFIX, as_size, sha256_of_json

_SHARD_FILE: Final = re.compile(r"(hu-\d{5,}\.(npy|parquet|json)|truth-\d{5,}\.npy)")
_STALE_PARTIAL: Final = re.compile(
    rf"\.(hu-\d{{5,}}|truth-\d{{5,}}|slices|series|rejects|set-aside|manifest)-[0-9a-f]{{16}}"
    rf"\{PARTIAL_SUFFIX}\.(npy|parquet|json)"
)
_BYTES_A_ROW: Final = 600
"""Most that a slice's rows in its shard's table and in the index take on disk."""


@dataclass(frozen=True)
class IngestPart:
    """One of several parts of an ingest, each of which may run on another machine."""

    number: int
    """From 1 to `total`."""
    total: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.total:
            raise ValueError(f"A part must be between 1 and {self.total}, got {self.number}.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2/8`: the second of eight parts.

        Raises:
            ValueError: If it is anything else.
        """
        match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
        if not match:
            raise ValueError(f"A part is written 2/8, the second of eight; got {text!r}.")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class ShardPlan:
    """The shards of a store: all of them, and those that have to be made."""

    tasks: list[ShardTask]
    missing: list[ShardTask]
    file_count: int

    @property
    def missing_bytes(self) -> int:
        """Disk space that the missing shards and the index will take, at most."""
        return self._disk_bytes(self.missing)

    @property
    def total_bytes(self) -> int:
        """Disk space that the whole store takes, at most."""
        return self._disk_bytes(self.tasks)

    def part(self, part: IngestPart) -> "ShardPlan":
        """The shards of one part: every n-th, whether it is made already or not.

        The numbers of the shards stay as they are. They are the same for all parts, even while
        shards appear: missing shards take the free numbers in order, and a shard that is made keeps
        its number.
        """
        tasks = self.tasks[part.number - 1 :: part.total]
        keys = {task.key for task in tasks}
        missing = [task for task in self.missing if task.key in keys]
        return ShardPlan(tasks, missing, sum(len(task.files) for task in tasks))

    def _disk_bytes(self, tasks: Sequence[ShardTask]) -> int:
        slices = sum(len(task.files) * task.image_size**2 for task in tasks)
        pixel = 3 if tasks and tasks[0].truth else 2
        return slices * pixel + self.file_count * _BYTES_A_ROW


def make_plan(source: Source, files: Sequence[SourceFile], store: Path, **recipe: Any) -> ShardPlan:
    """Assign chunks of files to shards, keeping the shards that are right as they are.

    Args:
        source: The source's folder.
        files: Its files, sorted by path.
        store: The folder of the shards, which may hold some already.
        recipe: `image_size`, `by_study`, `pseudonyms` and `seconds_per_file` of `ShardTask`.
    """
    chunks = cut_into_chunks(list(files))
    keys = [_key(chunk, source, recipe) for chunk in chunks]
    made = _made_shards(store, set(keys))
    free = (number for number in count() if number not in set(made.values()))
    tasks = [
        ShardTask(
            number=made[key] if key in made else next(free),
            key=key,
            folder=str(source.folder),
            files=tuple(chunk),
            store=str(store),
            truth=str(source.truth) if source.truth else None,
            challenge=source.challenge,
            **recipe,
        )
        for key, chunk in zip(keys, chunks, strict=True)
    ]
    return ShardPlan(tasks, [task for task in tasks if task.key not in made], len(files))


def _key(
    chunk: list[SourceFile],
    source: Source,
    recipe: dict[str, Any],
) -> str:
    pseudonyms = recipe["pseudonyms"]
    stamps = [_stamp(file) for file in chunk]
    return sha256_of_json(
        {
            "code": fingerprint(make_shard.__name__),
            "image_size": recipe["image_size"],
            "pseudonyms": pseudonyms.fingerprint if pseudonyms else None,
            "challenge": source.challenge,
            "by_study": recipe["by_study"],
            "truth": source.truth is not None,
            "files": stamps,
            "masks": [_mask_stamp(source.truth, file) for file in chunk],
        }
    )


def _stamp(file: SourceFile) -> list[Any]:
    """What tells that a file changed."""
    stamp = [file.path, file.size, file.modified]
    if file.member is not None:  # another way of packing may be one that can be read
        stamp += [file.member.packed, file.member.deflated, file.reason]
    return stamp


def _mask_stamp(folder: Path | None, file: SourceFile) -> list[int] | None:
    """What tells that a file's mask changed; None where it has none."""
    path = None if folder is None else mask_path(str(folder), file.path)
    if path is None:
        return None
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _made_shards(store: Path, keys: set[str]) -> dict[str, int]:
    """The numbers of the shards that are made, by key."""
    made: dict[str, int] = {}
    if not store.is_dir():
        return made
    for path in sorted(store.glob("hu-*.json")):
        number = int(path.stem.removeprefix("hu-"))
        note = read_note(store, number)
        if note and note.key in keys and not note.passing:
            made.setdefault(note.key, number)
    return made


def remove_stale_partials(store: Path) -> None:
    """Remove what a killed ingest left half-written."""
    for path in store.iterdir():
        if _STALE_PARTIAL.fullmatch(path.name):
            path.unlink()


def remove_others(store: Path, keep: set[str]) -> None:
    """Remove shards that no chunk of the source needs any more."""
    for path in store.iterdir():
        if _SHARD_FILE.fullmatch(path.name) and path.name not in keep:
            path.unlink()


def check_disk(store: Path, plan: ShardPlan) -> None:
    """Stop before the disk is full, where that can be known.

    Raises:
        OSError: If the missing shards do not fit; the message says what is needed and free.
    """
    free = shutil.disk_usage(store).free
    if plan.missing_bytes > free:
        raise OSError(
            f"{store}: the disk has too little room. Needed: {as_size(plan.missing_bytes)}, "
            f"free: {as_size(free)}. Free some, or ingest at a smaller image_size."
        )
