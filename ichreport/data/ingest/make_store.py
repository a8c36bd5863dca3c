"""Ingest: a folder or a zip of DICOM files becomes a store, in parallel, whatever interrupts it.

The files are cut into chunks and each chunk becomes one shard. A shard is known by a hash of all
that decides its bytes, so a second ingest keeps the shards that are still right and makes the rest;
a killed one goes on where it stopped. The manifest is removed before anything changes and written
when everything is there. The shards of a large source can be made in parts, on several machines
that share a disk; a whole ingest then finds them there and writes the rest.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ichreport.data.ingest.job import IngestJob
from ichreport.data.ingest.shards.shard_plan import (
    IngestPart,
)
from ichreport.data.ingest.sources import recognise_source
from ichreport.data.store import Store
from ichreport.params.ingest import GroupBy, SeriesToKeep


def ingest(
    source: Path | str,
    store: Path | str,
    *,
    image_size: int,
    max_reject_share: float = 0.01,
    workers: int = 1,
    progress: bool = True,
    labels: Path | str | None = None,
    group_by: GroupBy = "patient",
    series: SeriesToKeep | None = None,
    pseudonymise: bool | None = None,
    key_file: Path | str | None = None,
    seconds_per_file: float = 30.0,
    wait_seconds: float = -1,
) -> Store:
    """Turn a folder of DICOM files into a store, or bring a store up to date with its source.

    Args:
        source: The challenge's unzipped folder or its zip, its `stage_2_test`, or a tree or a zip
            of DICOM series.
        store: The folder to write. It must not lie among the source's files.
        image_size: Rows and columns of the stored slices.
        max_reject_share: Share of the files that may be damaged, in [0, 1]; what is whole and
            something else than an axial slice in HU does not count.
        workers: Worker processes; 1 works in this process.
        progress: Whether to show a progress bar.
        labels: A label CSV; by default `stage_2_train.csv` in the challenge's folder.
        group_by: What tells patients apart: their IDs, or their studies where anonymising gave all
            the same ID.
        series: `best` keeps one head series of each study, `all` every axial series; by default
            all of the challenge's, and the best of others.
        pseudonymise: Whether to replace identifiers by keyed hashes; by default for all data but
            the challenge's.
        key_file: The key of the pseudonyms, made if missing; by default `<store>.key` beside the
            store. Who has it can trace them.
        seconds_per_file: The time that reading one file may take.
        wait_seconds: How long to wait while another process writes the same store; negative waits
            for as long as it takes.

    Raises:
        ValueError: If an argument makes no sense, the labels cannot be used, or too many files are
            rejected; the message lists the reasons.
        OSError: If the source is missing, the store cannot be written, the disk is too small or
            another process holds the store for longer than `wait_seconds`.
    """
    job = _checked_ingest(
        Path(source),
        Path(store),
        image_size=image_size,
        max_reject_share=max_reject_share,
        labels=labels,
        group_by=group_by,
        series=series,
        pseudonymise=pseudonymise,
        key_file=key_file,
        seconds_per_file=seconds_per_file,
    )
    _check_workers(workers)
    with job.held(wait_seconds):
        job.run(workers=workers, progress=progress)
    return Store.open(store)


def ingest_part(
    source: Path | str,
    store: Path | str,
    part: IngestPart,
    *,
    workers: int = 1,
    progress: bool = True,
    **recipe: Any,
) -> None:
    """Make some of a store's shards, beside others that make the rest; `ingest` then joins them.

    No whole ingest may start beside parts: it would remove their unfinished files. A part waits for
    a whole ingest that runs already.

    Args:
        source: As for `ingest`.
        store: The folder of the shards, on a disk that all parts share.
        part: Which of the shards to make.
        workers: Worker processes; 1 works in this process.
        progress: Whether to show a progress bar.
        recipe: The other arguments of `ingest`, the same for all parts. `max_reject_share` is of
            the part's files.

    Raises:
        ValueError: As `ingest`.
        OSError: As `ingest`.
    """
    job = _checked_ingest(Path(source), Path(store), **recipe)
    _check_workers(workers)
    with job.held(-1):
        job.make_key()
    job.run_part(part, workers=workers, progress=progress)


def ingest_new_studies(
    source: Path | str, store: Path | str, *, image_size: int, workers: int = 1, progress: bool
) -> Store:
    """Turn studies that nobody has labelled into a store, whatever is damaged among them.

    The best head series of each study is kept. Identifiers stay, so that the store is for this
    machine only. It may be empty: its tables say why.

    Args:
        source: As for `ingest`.
        store: As for `ingest`.
        image_size: As for `ingest`.
        workers: As for `ingest`.
        progress: As for `ingest`.

    Raises:
        ValueError: If the source is a file and no zip, or a damaged one.
        OSError: As `ingest`.
    """
    job = _checked_ingest(
        Path(source),
        Path(store),
        image_size=image_size,
        max_reject_share=1.0,
        series="best",
        pseudonymise=False,
    )
    _check_workers(workers)
    unlabelled = replace(job.source, labels=None, truth=None)
    job = replace(job, source=unlabelled, may_be_empty=True)
    with job.held(-1):
        job.run(workers=workers, progress=progress)
    return Store.open(store)


def _checked_ingest(
    source: Path,
    store: Path,
    *,
    image_size: int,
    max_reject_share: float = 0.01,
    labels: Path | str | None = None,
    group_by: GroupBy = "patient",
    series: SeriesToKeep | None = None,
    pseudonymise: bool | None = None,
    key_file: Path | str | None = None,
    seconds_per_file: float = 30.0,
) -> IngestJob:
    """Check the arguments of an ingest; nothing is written yet."""
    if not 1 <= image_size <= 4096:
        raise ValueError(f"image_size must be in [1, 4096] pixels, got {image_size!r}.")
    if not 0 <= max_reject_share <= 1:
        raise ValueError(f"max_reject_share must be in [0, 1], got {max_reject_share!r}.")
    recognised = recognise_source(source, Path(labels) if labels is not None else None)
    if store.resolve().is_relative_to(recognised.folder.resolve()):
        raise ValueError(
            f"store {store} must not lie in {recognised.folder}, the files it is made of."
        )
    if pseudonymise is None:
        pseudonymise = not recognised.challenge
    key_file = Path(key_file) if key_file is not None else store.with_name(f"{store.name}.key")
    if pseudonymise and key_file.resolve().is_relative_to(store.resolve()):
        raise ValueError(f"key_file {key_file} must not lie in the store, which may be shared.")
    return IngestJob(
        source=recognised,
        store=store,
        image_size=image_size,
        max_reject_share=max_reject_share,
        by_study=group_by == "study",
        all_series=(series or ("all" if recognised.challenge else "best")) == "all",
        key_file=key_file if pseudonymise else None,
        seconds_per_file=seconds_per_file,
    )


def _check_workers(workers: int) -> None:
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers!r}.")
