"""One ingest, its arguments checked: from a plan of shards to a whole store.

The manifest is removed before anything changes and written when everything is there.
"""

import errno
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import Timeout
from tqdm import tqdm

from ichreport.data.dicom.reject import kind_of_reason
from ichreport.data.ingest.manifest import make_manifest
from ichreport.data.ingest.reject_limit import RejectLimit
from ichreport.data.ingest.shards.make_shard import make_shard, read_note, read_rejects
from ichreport.data.ingest.shards.shard_plan import (
    IngestPart,
    ShardPlan,
    check_disk,
    make_plan,
    remove_others,
    remove_stale_partials,
)
from ichreport.data.ingest.slice_index import (
    SliceIndex,
    build_index,
    check_labels_fit,
    slice_names_from_files,
)
from ichreport.data.ingest.sources import Source, list_files, synthetic_scanners
from ichreport.data.ingest.study_labels import label_studies
from ichreport.data.labels.label_file import read_label_file
from ichreport.data.labels.studies import StudyLabels
from ichreport.data.labels.table import LabelTable
from ichreport.data.pseudonyms import Pseudonyms, holds_pseudonyms
from ichreport.data.shards.shard_files import note_name, table_name
from ichreport.data.store import REJECTS, SERIES, SET_ASIDE, SLICES, STUDIES
from ichreport.data.store_format import MANIFEST, read_manifest
from ichreport.dependencies import fingerprint
from ichreport.files import (
    as_size,
    atomic_file,
    folder_lock,
    sha256_of_file,
    sha256_of_json,
    write_sealed_json,
)
from ichreport.processes import run_parallel


@dataclass(frozen=True)
class IngestJob:
    """One ingest, its arguments checked."""

    source: Source
    store: Path
    image_size: int
    max_reject_share: float
    by_study: bool
    all_series: bool
    key_file: Path | None
    seconds_per_file: float
    may_be_empty: bool = False

    @cached_property
    def pseudonyms(self) -> Pseudonyms | None:
        """What replaces identifiers; None where they stay.

        Raises:
            ValueError: If the key of the pseudonyms that the store has is gone: another one would
                give the same slices other names, which nobody could trace to the earlier ones.
        """
        if self.key_file is None:
            return None
        if not self.key_file.exists() and holds_pseudonyms(self.store / SLICES):
            raise ValueError(
                f"{self.key_file} is missing, the key of the pseudonyms in {self.store}. Restore "
                "it from a copy: another key gives the same slices other names and places them in "
                f"other splits. To begin anew, remove {self.store}."
            )
        return Pseudonyms.from_file(self.key_file)

    @cached_property
    def synthetic_scanners(self) -> dict[str, str]:
        """On which scanner each synthetic study was taken."""
        return synthetic_scanners(self.source)

    def make_key(self) -> None:
        """Make the key of the pseudonyms if it is missing, with the store's lock held."""
        _ = self.pseudonyms

    @contextmanager
    def held(self, wait_seconds: float) -> Iterator[None]:
        """Hold the store's lock."""
        with ExitStack() as stack:
            try:
                stack.enter_context(folder_lock(self.store, timeout=wait_seconds))
            except Timeout:
                raise OSError(
                    f"{self.store} is being written by another process; "
                    f"waited {wait_seconds:g} s for it."
                ) from None
            yield

    def run(self, *, workers: int, progress: bool) -> None:
        """Make what is missing, and the store of it, with the store's lock held."""
        plan = self._plan()
        inputs = self._inputs(plan)
        if not plan.missing and self._is_done(inputs):
            return
        labels = self._labels()
        (self.store / MANIFEST).unlink(missing_ok=True)
        remove_stale_partials(self.store)
        check_disk(self.store, plan)
        try:
            self._make_shards(plan, workers=workers, progress=progress)
            self._finish(plan, labels, inputs)
        except OSError as error:
            raise self._explain(error, plan) from error

    def run_part(self, part: IngestPart, *, workers: int, progress: bool) -> None:
        """Make what is missing of one part's shards."""
        # Without the store's lock and without removing files: the other parts write there too.
        plan = self._plan().part(part)
        if not plan.missing:
            self._make_shards(plan, workers=workers, progress=False)  # none, but for the limit
            return
        self._labels()
        (self.store / MANIFEST).unlink(missing_ok=True)
        check_disk(self.store, plan)
        try:
            self._make_shards(plan, workers=workers, progress=progress)
        except OSError as error:
            raise self._explain(error, plan) from error

    def _plan(self) -> ShardPlan:
        return make_plan(
            self.source,
            list_files(self.source),
            self.store,
            image_size=self.image_size,
            by_study=self.by_study,
            pseudonyms=self.pseudonyms,
            seconds_per_file=self.seconds_per_file,
        )

    def _inputs(self, plan: ShardPlan) -> str:
        """The hash of everything that decides the store."""
        labels = self.source.labels
        if isinstance(labels, Path):
            labels_hash: str | int | None = sha256_of_file(labels)
        else:
            labels_hash = labels.crc if labels else None
        return sha256_of_json(
            {
                "shards": [[task.number, task.key] for task in plan.tasks],
                "labels": labels_hash,
                "all_series": self.all_series,
                "synthetic": self.source.synthetic,
                "scanners": self.synthetic_scanners,
                "max_reject_share": self.max_reject_share,
                "code": fingerprint(__name__),
            }
        )

    def _is_done(self, inputs: str) -> bool:
        try:
            manifest = read_manifest(self.store)
        except (OSError, ValueError):
            return False
        always = {SLICES, SERIES, REJECTS, SET_ASIDE}
        names = always | ({STUDIES} & set(manifest["files"]))
        return manifest.get("inputs") == inputs and all((self.store / n).is_file() for n in names)

    def _labels(self) -> LabelTable | StudyLabels | None:
        """The labels. Read before the shards are made, so that unusable labels stop at once."""
        with self.source.labels_file() as path:
            if path is None:
                return None
            table = read_label_file(path, self.pseudonyms)
        if self.by_study and isinstance(table, StudyLabels) and table.identifier == "patient_id":
            raise ValueError(
                f"{self.source.labels}: labels by PatientID say nothing where `group_by: study` "
                "takes each study for a patient. Name the studies by StudyInstanceUID."
            )
        return table.pseudonymised(self.pseudonyms) if self.pseudonyms else table

    def _make_shards(self, plan: ShardPlan, *, workers: int, progress: bool) -> None:
        missing = {task.number for task in plan.missing}
        rejects = RejectLimit(plan.file_count, self.max_reject_share, self.source.folder)
        for task in plan.tasks:
            if task.number not in missing:
                rejects.add(read_rejects(self.store, task.number))
        with tqdm(
            total=plan.file_count,
            initial=plan.file_count - sum(len(task.files) for task in plan.missing),
            desc="ingest",
            unit=" files",
            disable=not progress,
        ) as bar:
            for _, made in run_parallel(make_shard, plan.missing, workers):
                bar.update(made.files)
                rejects.add(made.rejects)
        rejects.check()

    def _finish(
        self, plan: ShardPlan, labels: LabelTable | StudyLabels | None, inputs: str
    ) -> None:
        numbers = [task.number for task in plan.tasks]
        index = build_index(
            self.store,
            numbers,
            labels if isinstance(labels, LabelTable) else None,
            slice_names=(lambda files: self._slice_names(plan, files))
            if self.source.challenge
            else None,
            all_series=self.all_series,
        )
        if not len(index.slices) and not self.may_be_empty:
            left_out = pa.concat_tables([index.rejects, index.set_aside])
            reasons = Counter(map(kind_of_reason, left_out["reason"].to_pylist()))
            listed = "\n".join(f"  {count:,} x {kind}" for kind, count in reasons.most_common(10))
            cure = "" if index.series["kept"].to_numpy().all() else _KEEP_ALL
            raise ValueError(
                f"{self.source.folder}: no file of {plan.file_count:,} is a slice.\n{listed}{cure}"
            )
        self._check_names(plan, index)
        if self.synthetic_scanners:
            index = replace(index, series=self._with_scanners(index.series))
        if isinstance(labels, StudyLabels):
            index = label_studies(index, labels, self.source)
        else:
            check_labels_fit(index, self.source)
        tables = {
            SLICES: index.slices,
            SERIES: index.series,
            REJECTS: index.rejects,
            SET_ASIDE: index.set_aside,
        }
        (self.store / STUDIES).unlink(missing_ok=True)
        if index.studies is not None:
            tables[STUDIES] = index.studies
        for name, table in tables.items():
            with atomic_file(self.store / name) as partial:
                pq.write_table(table, partial, compression="zstd")
        hashes: dict[str, str] = {}
        for number in numbers:
            note = read_note(self.store, number)
            if note is None:
                raise OSError(f"{self.store}: shard {number} was changed meanwhile; ingest again.")
            hashes |= note.hashes
        files = [*tables, *map(table_name, numbers), *map(note_name, numbers)]
        remove_others(self.store, {*hashes, *files})
        manifest = make_manifest(
            self.source,
            index,
            file_count=plan.file_count,
            recipe=self._recipe(),
            pseudonyms=self.pseudonyms,
            inputs=inputs,
            shards=dict(sorted(hashes.items())),
            files={name: sha256_of_file(self.store / name) for name in sorted(files)},
        )
        write_sealed_json(self.store / MANIFEST, manifest)

    def _with_scanners(self, series: pa.Table) -> pa.Table:
        """Name the scanner of each synthetic series where real files name their scanner's model."""
        studies = list(self.synthetic_scanners)
        if self.pseudonyms is not None:
            kind = "study_instance_uid"
            studies = [self.pseudonyms.pseudonym(kind, study) for study in studies]
        of_study = dict(zip(studies, self.synthetic_scanners.values(), strict=True))
        names = [of_study.get(study, "") for study in series["study_instance_uid"].to_pylist()]
        place = series.schema.get_field_index("model")
        return series.set_column(place, "model", pa.array(names, pa.string()))

    def _check_names(self, plan: ShardPlan, index: SliceIndex) -> None:
        """Count slices of the same name as rejects too: they are known once all shards are made."""
        unusable = {row["file"]: row["reason"] for row in index.rejects.to_pylist()}
        limit = RejectLimit(plan.file_count, self.max_reject_share, self.source.folder)
        limit.add(unusable)
        limit.check()

    def _slice_names(self, plan: ShardPlan, files: Sequence[str]) -> list[str]:
        """The names of the slices that some of the challenge's files are."""
        if self.pseudonyms is None:
            return slice_names_from_files(files)
        paths = (file.path for task in plan.tasks for file in task.files)
        traced = list(self.pseudonyms.trace_files(files, paths).values())
        names = slice_names_from_files(traced)
        return [self.pseudonyms.pseudonym("sop_instance_uid", name) for name in names]

    def _recipe(self) -> dict[str, Any]:
        return {
            "image_size": self.image_size,
            "max_reject_share": self.max_reject_share,
            "group_by": "study" if self.by_study else "patient",
            "series": "all" if self.all_series else "best",
            "pseudonymised": self.pseudonyms is not None,
            "key_fingerprint": self.pseudonyms.fingerprint if self.pseudonyms else None,
        }

    def _explain(self, error: OSError, plan: ShardPlan) -> OSError:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return error
        free = shutil.disk_usage(self.store).free
        done = sum(path.stat().st_size for path in self.store.glob("hu-*.npy"))
        return OSError(
            f"{self.store}: the disk is full. The whole store needs about "
            f"{as_size(plan.total_bytes)}, {as_size(done)} of it are done, "
            f"{as_size(free)} are free. What is done stays: free some room and run the same again."
        )


_KEEP_ALL: Final = "\n`series: all` keeps every axial series, whatever it shows."
