"""New studies taken in: ingested as all data are, and each judged, with a reason where it fails."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.data.dicom.reject import kind_of_reason
from ichreport.data.ingest.make_store import ingest_new_studies
from ichreport.data.shards.shard_files import table_name
from ichreport.data.store import OF_A_SERIES, OF_A_STUDY, Store, series_starts
from ichreport.findings.fitness import Fitness, judge

_MOST_REASONS: Final = 5
_MIXED: Final = (
    "Several patients share this study's identifier: nobody knows whose slices are whose."
)


@dataclass(frozen=True)
class NewStudy:
    """A study as it was taken in, or what was found in its place.

    Attributes:
        identifiers: `patient_id`, `study_instance_uid` and `series_instance_uid` of the series that
            was chosen; empty where no file could be read. For this machine only.
        folder: Where its files lie below the source. For this machine only.
        rows: Row numbers of the chosen series' slices in the store, ascending; none if refused.
        fitness: Whether a run can say something of it.
        series: What the chosen series is like; empty where there is none.
        left_out: How many of its files were left out, by the reason.
        files: By SOPInstanceUID, the file of each slice. For this machine only.
    """

    identifiers: Mapping[str, str]
    folder: str
    rows: NDArray[np.int64]
    fitness: Fitness
    series: Mapping[str, Any]
    left_out: Mapping[str, int]
    files: Mapping[str, str]

    @property
    def is_refused(self) -> bool:
        """Whether no run can say something of it."""
        return bool(self.fitness.refusals)


def take_in(
    source: Path,
    store: Path,
    *,
    image_size: int,
    known: AcquisitionRange,
    workers: int = 1,
    progress: bool = False,
) -> tuple[Store, list[NewStudy]]:
    """Ingest studies and judge each of them.

    Args:
        source: A folder, a zip, or a tree of many studies.
        store: The folder of a store that is made of them; identifiers stay in it.
        image_size: Pixels a side of the slices that the run takes.
        known: How the series were taken that the run has learned from.
        workers: Processes that read files.
        progress: Whether to show a progress bar.

    Returns:
        The store, and its studies in the order of their folders. What could not be read is there
        with a reason, a study for each of its folders.

    Raises:
        ValueError: If the source is a file and no zip, or a damaged one.
        OSError: If it is missing or empty, or the store cannot be written.
    """
    made = ingest_new_studies(
        source, store, image_size=image_size, workers=workers, progress=progress
    )
    files = _files(made)
    patients = _patients_of(files)
    studies = [
        *_with_slices(made, files, patients, known),
        *_unusable(made, files, patients),
        *_without_slices(files),
    ]
    return made, sorted(studies, key=lambda study: (study.folder, *study.identifiers.values()))


def _files(store: Store) -> pd.DataFrame:
    """Every file that was read: its study where it has slices, else the reason why it is left out.

    Of a file of many frames, a row each. `is_shared` says whether its folder has several studies.
    """
    columns = ["file", "reason", "sop_instance_uid", *OF_A_SERIES]
    numbers = range(len(store.manifest["shards"]))
    tables = [
        pq.read_table(path, columns=columns).to_pandas()
        for path in (store.folder / table_name(number) for number in numbers)
        if path.is_file()
    ]
    table: pd.DataFrame = pd.concat(tables, ignore_index=True)
    left_out = pd.concat([store.rejects, store.set_aside])
    why = dict(zip(left_out["file"], left_out["reason"], strict=True))
    table["reason"] = [why.get(file, "") for file in table["file"]]
    table["folder"] = table["file"].map(lambda file: str(PurePosixPath(file).parent))
    table["damaged"] = table["file"].isin(store.rejects["file"])
    several = table.groupby("folder")[OF_A_STUDY].nunique().max(axis=1) > 1
    table["is_shared"] = table["folder"].map(several)
    return table


def _with_slices(
    store: Store, files: pd.DataFrame, patients: Mapping[str, int], known: AcquisitionRange
) -> list[NewStudy]:
    """The studies of which at least one file is a slice."""
    rows_of = _rows_of_series(store)
    beside = files[files["study_instance_uid"].isna() & ~files["is_shared"]]
    damaged_in = files[files["damaged"] & ~files["is_shared"]]["folder"].value_counts()
    of_study = dict(list(files[files["study_instance_uid"].notna()].groupby(OF_A_STUDY)))
    studies = []
    for names, of_names in store.series.groupby(OF_A_STUDY, sort=True):
        own, kept = of_study[names], of_names[of_names["kept"]]
        no_slices = beside[beside["folder"].isin(own["folder"])]
        left_out = pd.concat([own.loc[own["reason"] != "", "reason"], no_slices["reason"]])
        identifiers = {name: str(of_names.iloc[0][name]) for name in OF_A_STUDY}
        series: dict[str, Any] = {}
        rows = np.empty(0, dtype=np.int64)
        if patients[identifiers["study_instance_uid"]] > 1:
            fitness = Fitness((_MIXED,))
        elif kept.empty:
            fitness = _no_series(of_names)
        else:
            rows = rows_of[tuple(kept.iloc[0][OF_A_SERIES])]
            series = {str(name): value for name, value in kept.iloc[0].items()}
            series["spacing"] = float(store.slices["spacing"].iloc[rows].median())
            damaged = int(damaged_in.reindex(own["folder"].unique()).sum())
            fitness = judge(series, store.slices["z"].iloc[rows], damaged, known)
        rows = np.empty(0, dtype=np.int64) if fitness.refusals else rows
        studies.append(
            NewStudy(
                {**identifiers, "series_instance_uid": series.get("series_instance_uid", "")},
                str(own["folder"].mode().iloc[0]),
                rows,
                fitness,
                series,
                _counted(left_out),
                _file_of_each(own, store.slices["sop_instance_uid"].iloc[rows]),
            )
        )
    return studies


def _patients_of(files: pd.DataFrame) -> dict[str, int]:
    """How many patients have slices under a study's identifier."""
    counts = files.groupby("study_instance_uid")["patient_id"].nunique()
    return {str(study): int(count) for study, count in counts.items()}


def _unusable(store: Store, files: pd.DataFrame, patients: Mapping[str, int]) -> list[NewStudy]:
    """Studies none of whose slices is kept, such as those that are named as another's are."""
    known = set(store.series[OF_A_STUDY].itertuples(index=False, name=None))
    studies = []
    for names, own in files[files["study_instance_uid"].notna()].groupby(OF_A_STUDY, sort=True):
        if names in known:
            continue
        reasons = _counted(own["reason"])
        identifiers = {name: str(own.iloc[0][name]) for name in OF_A_STUDY}
        why = f"None of its slices can be used: {'; '.join(reasons)}."
        if patients[identifiers["study_instance_uid"]] > 1:
            why = _MIXED
        folder = str(own["folder"].mode().iloc[0])
        studies.append(_refused(identifiers | {"series_instance_uid": ""}, folder, why, reasons))
    return studies


def _refused(
    identifiers: Mapping[str, str], folder: str, why: str, left_out: Mapping[str, int]
) -> NewStudy:
    """What is there of a study that has no slice in the store."""
    nothing = np.empty(0, dtype=np.int64)
    return NewStudy(identifiers, folder, nothing, Fitness((why,)), {}, left_out, {})


def _rows_of_series(store: Store) -> dict[tuple[Any, ...], NDArray[np.int64]]:
    """The row numbers of each series' slices, by `OF_A_SERIES`."""
    starts = np.flatnonzero(series_starts(store.slices))
    rows = np.split(np.arange(len(store)), starts)[1:]
    return {tuple(store.slices.iloc[of_series[0]][OF_A_SERIES]): of_series for of_series in rows}


def _file_of_each(files: pd.DataFrame, slices: "pd.Series[str]") -> dict[str, str]:
    """By SOPInstanceUID, the first file of each slice."""
    first = files.drop_duplicates("sop_instance_uid")
    of_slice = dict(zip(first["sop_instance_uid"], first["file"], strict=True))
    return {name: of_slice[name] for name in slices}


def _no_series(series: pd.DataFrame) -> Fitness:
    reasons = sorted(set(series["why"]))
    return Fitness(tuple(f"No series can be read: {reason}." for reason in reasons))


def _without_slices(files: pd.DataFrame) -> list[NewStudy]:
    """Folders in which no file is a slice, and damaged files of which nobody knows the study."""
    has_slices = files["folder"].isin(files.loc[files["study_instance_uid"].notna(), "folder"])
    of_nobody = {
        "No file is an axial slice of a head in HU": files[~has_slices],
        "Damaged files beside several studies, of one of which they may be": files[
            has_slices & files["damaged"] & files["is_shared"]
        ],
    }
    studies = []
    for what, table in of_nobody.items():
        for folder, left_out in table.groupby("folder", sort=True):
            reasons = _counted(left_out["reason"])
            studies.append(_refused({}, str(folder), f"{what}: {'; '.join(reasons)}.", reasons))
    return studies


def _counted(reasons: "pd.Series[str]") -> dict[str, int]:
    """How many files were left out for each reason, the most frequent first."""
    counts = Counter(map(kind_of_reason, reasons))
    named = dict(counts.most_common(_MOST_REASONS))
    others = sum(counts.values()) - sum(named.values())
    return named | ({"other reasons": others} if others else {})
