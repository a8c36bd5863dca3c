"""Tables of what is in a store: labels, geometry, headers, intensities, rejects."""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from ichreport.data.dicom.reject import kind_of_reason
from ichreport.data.resample import HU_MAX, HU_MIN
from ichreport.data.store import OF_A_STUDY, Store, series_numbers, series_starts
from ichreport.data.store_format import STUDY_AS_PATIENT
from ichreport.data.tissue import BONE_HU
from ichreport.labels import LABELS, SUBTYPES

_EVEN_MM: Final = 0.01
"""mm; steps in z that differ by less are equal."""


def label_counts(slices: pd.DataFrame) -> pd.DataFrame:
    """How often each label occurs.

    Args:
        slices: A store's slices, or its studies.

    Returns:
        A row a label: `positive` and `labelled` (how many) and `share`, their ratio; NaN where
        `tells_frequency` is not so.
    """
    labels = slices[list(LABELS)]
    positive, labelled = (labels == 1).sum(), (labels >= 0).sum()
    share = positive / labelled.where(tells_frequency(slices))
    return pd.DataFrame({"positive": positive, "labelled": labelled, "share": share})


def tells_frequency(slices: pd.DataFrame) -> "pd.Series[bool]":
    """Whether each label says how often it occurs.

    Not where some rows have only other labels, and this one is always or never there: it then
    follows from the others, as any bleeding does from a file of subdural bleeding alone.

    Args:
        slices: A store's slices, or its studies.
    """
    labels = slices[list(LABELS)]
    labelled = labels >= 0
    positive, known = (labels == 1).sum(), labelled.sum()
    is_complete = known == labelled.any(axis=1).sum()
    return (known > 0) & (is_complete | ((positive > 0) & (positive < known)))


def co_occurrence(slices: pd.DataFrame) -> pd.DataFrame:
    """How often each label comes with each other.

    Args:
        slices: A store's slices, or its studies.

    Returns:
        Of those that have the row's label and have the column's labelled, the share that has it
        too; NaN where there are none, or `tells_frequency` is not so of one of both.
    """
    labels = slices[list(LABELS)].to_numpy()
    positive, labelled = (labels == 1).astype(np.float64), (labels >= 0).astype(np.float64)
    both, known = positive.T @ positive, positive.T @ labelled
    tells = tells_frequency(slices).to_numpy()
    share = both / np.where((known > 0) & np.outer(tells, tells), known, np.nan)
    return pd.DataFrame(share, index=list(LABELS), columns=list(LABELS))


def labels_per_slice(slices: pd.DataFrame) -> "pd.Series[int]":
    """How many slices have 0, 1, … 5 of the subtypes; only slices with all five labelled."""
    subtypes = slices[list(SUBTYPES)].to_numpy()
    number = (subtypes == 1).sum(axis=1)[(subtypes >= 0).all(axis=1)]
    counts = np.bincount(number, minlength=len(SUBTYPES) + 1)
    return pd.Series(counts, index=pd.RangeIndex(len(counts), name="subtypes"), name="slices")


def slices_per_study(slices: pd.DataFrame) -> "pd.Series[int]":
    """How many studies have how many slices: the number of studies by the number of slices."""
    sizes = slices.groupby(OF_A_STUDY).size().to_numpy()
    lengths, studies = np.unique(sizes, return_counts=True)
    return pd.Series(studies, index=pd.Index(lengths, name="slices"), name="studies")


def bleed_positions(slices: pd.DataFrame, bins: int = 20) -> pd.DataFrame:
    """Where along the head each label is positive.

    Args:
        slices: A store's slices.
        bins: Equal intervals from a series' lowest z (0) to its highest (1).

    Returns:
        A row an interval, indexed by its middle: for each label the share of the labelled slices
        that have it (NaN where `tells_frequency` is not so), and the number of `slices`. Series of
        a single z are left out.
    """
    position = relative_z(slices)
    known = np.isfinite(position)
    interval = np.minimum((position[known] * bins).astype(np.int64), bins - 1)
    middle = pd.Index((np.arange(bins) + 0.5) / bins, name="relative z")
    table: dict[str, NDArray[Any]] = {"slices": np.bincount(interval, minlength=bins)}
    for label, tells in tells_frequency(slices).items():
        values = slices[label].to_numpy()[known]
        positive = np.bincount(interval[values == 1], minlength=bins)
        labelled = np.bincount(interval[values >= 0], minlength=bins)
        table[str(label)] = positive / np.where((labelled > 0) & tells, labelled, np.nan)
    return pd.DataFrame(table, index=middle)


def relative_z(slices: pd.DataFrame) -> NDArray[np.float64]:
    """Where a slice lies from the lowest z (0) to the highest (1) of its series; NaN for one z."""
    start, number = _series(slices)
    z = slices["z"].to_numpy(dtype=np.float64)
    low = np.minimum.reduceat(z, start)[number] if len(z) else z
    high = np.maximum.reduceat(z, start)[number] if len(z) else z
    length = np.where(high > low, high - low, np.nan)
    relative: NDArray[np.float64] = (z - low) / length
    return relative


def hu_histogram(store: Store, *, slices: int = 200, seed: int = 0, step: int = 20) -> pd.DataFrame:
    """The distribution of HU inside the skull, in bone, and outside, from a sample of slices.

    Inside is what bone encloses within the slice. Where the skull is open, as at its base, nothing
    counts as inside.

    Args:
        store: The store.
        slices: Slices to sample; all if there are fewer.
        seed: Seed of the sample.
        step: Width of the bins (HU).

    Returns:
        A row a bin, indexed by its middle (HU): the share of the pixels `inside`, in `bone` and
        `outside` that fall into it; each column adds up to 1 where there are such pixels.
    """
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(len(store), min(slices, len(store)), replace=False))
    edges = np.arange(HU_MIN, HU_MAX + step + 1, step)
    counts = {name: np.zeros(len(edges) - 1) for name in ("inside", "bone", "outside")}
    for batch in np.array_split(rows, max(1, len(rows) // 64)):
        hu = store.hu(batch)
        bone = hu > BONE_HU
        filled = np.stack([ndimage.binary_fill_holes(plane) for plane in bone])
        for name, where in (("inside", filled & ~bone), ("bone", bone), ("outside", ~filled)):
            bins = (hu[where].astype(np.int64) - HU_MIN) // step
            counts[name] += np.bincount(bins, minlength=len(edges) - 1)
    middle = pd.Index((edges[:-1] + edges[1:]) / 2, name="HU")
    shares = {name: count / max(count.sum(), 1) for name, count in counts.items()}
    return pd.DataFrame(shares, index=middle)


def series_geometry(slices: pd.DataFrame) -> pd.DataFrame:
    """The geometry of each series.

    Args:
        slices: A store's slices, sorted as they are there.

    Returns:
        A row a series: `slices`, `spacing` of the pixels (mm), `tilt` (degrees), `step`, the median
        distance in z (mm; NaN for a single slice), and `uneven`, whether the distances differ.
    """
    start, number = _series(slices)
    z = slices["z"].to_numpy(dtype=np.float64)
    same = number[1:] == number[:-1]
    steps = pd.Series(np.diff(z)[same]).groupby(number[1:][same])
    numbers = pd.RangeIndex(len(start))
    spread = (steps.max() - steps.min()).reindex(numbers, fill_value=0)
    first = slices.iloc[start]
    return pd.DataFrame(
        {
            "series_instance_uid": first["series_instance_uid"].to_numpy(),
            "slices": np.diff([*start, len(slices)]),
            "spacing": first["spacing"].to_numpy(),
            "tilt": first["tilt"].to_numpy(),
            "step": steps.median().reindex(numbers).to_numpy(),
            "uneven": spread.to_numpy() > _EVEN_MM,
        }
    )


def families(slices: pd.DataFrame) -> pd.DataFrame:
    """How many slices have which header family and intercept, most first."""
    return _count(slices, ["family", "intercept"])


def windows(slices: pd.DataFrame) -> pd.DataFrame:
    """How many slices carry which window (center and width, HU; NaN where none), most first."""
    return _count(slices, ["window_center", "window_width"])


def rules_applied(store: Store) -> "pd.Series[int]":
    """How many slices each header rule changed, most first."""
    rules = pd.Series(store.manifest["rules"], name="slices", dtype=np.int64)
    rules.index.name = "rule"
    return rules.sort_values(ascending=False, kind="stable")


def slices_of_unknown_patients(store: Store) -> int:
    """How many slices are of a study that stands for its patient, who may have several."""
    return int(store.slices["rules"].str.contains(STUDY_AS_PATIENT, regex=False).sum())


def series_by_reason(store: Store) -> pd.DataFrame:
    """Why series are kept or passed over.

    Returns:
        A row a reason, the series that are kept first: `why`, `series`, `slices`, and of the most
        of these series `thickness` (mm, the median; NaN if unknown), `kernel` and `description`.
    """
    grouped = store.series.groupby(["kept", "why"], sort=False, dropna=False)
    table = grouped.agg(
        series=("slices", "size"),
        slices=("slices", "sum"),
        thickness=("thickness", "median"),
        kernel=("kernel", _most_frequent),
        description=("description", _most_frequent),
    ).reset_index()
    table = table.sort_values(["kept", "series"], ascending=False, kind="stable", ignore_index=True)
    return table.drop(columns="kept")


def _most_frequent(values: "pd.Series[str]") -> str:
    return str(values.mode().iloc[0]) or "unknown"


def rejects_by_reason(store: Store) -> pd.DataFrame:
    """Files that cannot be used, by reason: `reason` (of the first), `files`, the `first` file."""
    return _by_reason(store.rejects)


def set_aside_by_reason(store: Store) -> pd.DataFrame:
    """Files that are whole and something else, by reason; the columns of `rejects_by_reason`."""
    return _by_reason(store.set_aside)


def _by_reason(left_out: pd.DataFrame) -> pd.DataFrame:
    kind = left_out["reason"].map(kind_of_reason)
    grouped = left_out.groupby(kind, sort=False)
    table = grouped.agg(reason=("reason", "first"), files=("file", "size"), first=("file", "first"))
    return table.sort_values("files", ascending=False, kind="stable").reset_index(drop=True)


def label_issues(store: Store) -> pd.DataFrame:
    """What is odd about labels and files: `what`, `count` and the first `examples`."""
    issues = store.manifest["findings"]
    rows = [(issue["what"], issue["count"], ", ".join(issue["examples"])) for issue in issues]
    return pd.DataFrame(rows, columns=["what", "count", "examples"])


def _series(slices: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first row of each series, and the number of its series for each row."""
    return np.flatnonzero(series_starts(slices)), series_numbers(slices)


def _count(slices: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    counted: Any = slices.groupby(columns, dropna=False, sort=True).size()
    table: pd.DataFrame = counted.rename("slices").reset_index()
    return table.sort_values("slices", ascending=False, kind="stable", ignore_index=True)
