"""What may make a run miss bleeding or raise a false alarm, as classes of slices and of studies.

The classes of a cause are ordered: the first and the last of them are compared with each other.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.data.measures.bleeds import REACH
from ichreport.data.store import OF_A_STUDY, Store, series_numbers
from ichreport.data.summary import relative_z, series_geometry
from ichreport.data.synthetic.look_alikes import LookAlike
from ichreport.labels import ANY

Causes = Mapping[str, "pd.Series[Any]"]
"""By cause, the class of each slice or study: an ordered categorical, missing where it has none."""

_THIRDS: Final = ("lower third", "middle third", "upper third")
_PLACE: Final = ("at its end", "inside it")
_NEIGHBOURS: Final = ("one missing", "both there")
_DEPTH: Final = (f"within {REACH:g} mm of bone", "deeper")
_SHOWN: Final = ("with it", "without it, as high")
_GAP: Final = 1.5
"""Usual steps from one slice to the next above which slices are missing between them."""


def classes_of(numbers: ArrayLike, edges: Sequence[float], names: Sequence[str]) -> pd.Categorical:
    """Classes of numbers, each from its edge up to below the next; missing where they are NaN.

    Args:
        numbers: (n,) numbers.
        edges: Ascending, one fewer than the names.
        names: The classes, from the lowest on.
    """
    return pd.cut(np.asarray(numbers, float), [-np.inf, *edges, np.inf], right=False, labels=names)


_MOST_DIGITS: Final = 6


def thirds(numbers: ArrayLike, unit: str) -> pd.Categorical:
    """Classes of about a third of the numbers each, named by their ends.

    Ends are rounded before numbers are sorted in, to two digits, or to more where classes would
    differ from thirds by more than a tenth of the numbers, or by more than one. Equal numbers share
    a class, so there may be fewer than three.

    Args:
        numbers: (n,) numbers, NaN where there is none.
        unit: Their unit, such as `cm²`.
    """
    values = np.asarray(numbers, dtype=np.float64)
    known = values[~np.isnan(values)]
    if not len(known):
        return pd.Categorical([None] * len(values))
    quantiles = np.quantile(known, (1 / 3, 2 / 3), method="higher")
    spare = max(len(known) / 10, 1)  # numbers that may stand in the class beside theirs
    below = (known[:, None] < quantiles).sum(axis=0)
    for digits in range(2, _MOST_DIGITS + 1):
        cuts = np.array([float(f"{cut:.{digits}g}") for cut in quantiles])
        if (np.abs((known[:, None] < cuts).sum(axis=0) - below) <= spare).all():
            break
    edges = sorted({float(cut) for cut in cuts if known.min() < cut <= known.max()})
    ends = [f"{edge:g}".replace("-", "−") for edge in edges]
    if not ends:
        return classes_of(values, [], [f"all {unit}"])
    middle = [f"{low} to {high} {unit}" for low, high in pairwise(ends)]
    return classes_of(
        values, edges, [f"below {ends[0]} {unit}", *middle, f"{ends[-1]} {unit} and more"]
    )


def of_every_slice(store: Store, rows: NDArray[np.int64]) -> Causes:
    """Causes that need neither masks nor labels.

    Args:
        store: The store.
        rows: Row numbers of its slices, (n,).

    Returns:
        `height in the head`: thirds of the way from the lowest slice of the series to the highest.
        `neighbours`: whether a slice is the first or the last of its series, or has a gap beside
        it of more than 1.5 usual steps.
    """
    height = classes_of(relative_z(store.slices)[rows], (1 / 3, 2 / 3), _THIRDS)
    missing = neighbour_missing(store.slices)[rows]
    neighbours = _ordered(np.where(missing, 0, 1), _NEIGHBOURS)
    return _named({"height in the head": height, "neighbours": neighbours}, store, rows)


def of_labels(store: Store, rows: NDArray[np.int64]) -> Causes:
    """Causes that labels of slices tell, by any bleeding.

    Args:
        store: The store.
        rows: Row numbers of slices that bleed, (n,).

    Returns:
        `place in the bleed`: at its end, where a neighbour in the series does not bleed;
        inside it, where both do. Others are in no class.
        `slices with it in the series`: thirds.
    """
    truth = store.slices[ANY].to_numpy()
    around = truth[store.adjacent_rows(rows)]
    inside = (around == 1).all(axis=1) & ~neighbour_missing(store.slices)[rows]
    at_end = (around == 0).any(axis=1)
    place = np.select([at_end, inside], [0, 1], default=-1)
    total = pd.Series(truth == 1).groupby(series_numbers(store.slices)).transform("sum")
    of_bleed = {
        "place in the bleed": _ordered(place, _PLACE),
        "slices with it in the series": thirds(total.to_numpy()[rows], "slices"),
    }
    return _named(of_bleed, store, rows)


def of_masks(store: Store, measures: pd.DataFrame) -> Causes:
    """Causes that masks of the bleeds tell.

    Args:
        store: A store with masks.
        measures: Of `bleeds.measure_bleeds`.

    Returns:
        `area of the bleed` and `contrast to the brain around it`: thirds.
        `depth`: near bone, as at the skull's rim and at its base, or deeper.
    """
    of_mask = {
        "area of the bleed": thirds(measures["area"], "cm²"),
        "contrast to the brain around it": thirds(measures["contrast"], "HU"),
        "depth": classes_of(measures["from_bone"], (REACH,), _DEPTH),
    }
    return _named(of_mask, store, measures.index.to_numpy())


def of_studies(store: Store, rows: NDArray[np.int64], measures: pd.DataFrame | None) -> Causes:
    """Causes of studies, by `patient_id` and `study_instance_uid`.

    Args:
        store: The store.
        rows: Row numbers of the slices that have the label, (n,).
        measures: Of `bleeds.measure_bleeds` for these; None where there are no masks.

    Returns:
        `slices with it in the study`, and of masks `volume of the bleed` (area times the usual step
        of the series; of several series, the largest) and `contrast to the brain around it` (the
        mean of the slices that have one, weighted by area): thirds.
    """
    slices = store.slices.iloc[rows]
    studies = pd.MultiIndex.from_frame(slices[OF_A_STUDY])
    count = pd.Series(1, index=studies).groupby(level=[0, 1]).sum()
    causes = {"slices with it in the study": thirds(count, "slices")}
    if measures is not None:
        area = pd.Series(measures["area"].to_numpy(), index=studies)
        causes["volume of the bleed"] = thirds(_volumes(store, rows, area), "ml")
        contrast = pd.Series(measures["contrast"].to_numpy(), index=studies)
        weight = area.where(contrast.notna())
        sums = ((weight * contrast), weight)
        weighted, weights = (each.groupby(level=[0, 1]).sum(min_count=1) for each in sums)
        causes["contrast to the brain around it"] = thirds(weighted / weights, "HU")
    return {name: pd.Series(classes, index=count.index) for name, classes in causes.items()}


def _volumes(store: Store, rows: NDArray[np.int64], area: "pd.Series[float]") -> Any:
    """The volume of the bleed in each study (ml), in the order of the studies.

    That of the series where it is largest; NaN where the area or the step of a slice is not known.
    """
    series = series_numbers(store.slices)[rows]
    step = series_geometry(store.slices)["step"].to_numpy()[series]
    known = pd.DataFrame({"series": series, "volume": area.to_numpy() * step / 10})
    known[["patient", "study"]] = area.index.to_frame().to_numpy()
    by_series = known.groupby(["patient", "study", "series"])["volume"]
    return by_series.sum(skipna=False).groupby(level=[0, 1]).max()


def of_look_alikes(
    store: Store, rows: NDArray[np.int64], look_alikes: Sequence[LookAlike]
) -> Causes:
    """Slices that show a kind of look-alike, and others at the same heights without it.

    Look-alikes lie where they lie, and false alarms depend on the height in the head. So the slices
    of studies without the kind count between the lowest and the highest slice that shows a
    look-alike of one name.

    Args:
        store: The store.
        rows: Row numbers of slices without bleeding, (n,).
        look_alikes: Of `data.synthetic.look_alikes.read_look_alikes`.

    Returns:
        By kind; `with it` first. Slices of a study with the kind that show less of it are in none.
    """
    slices, height = store.slices.iloc[rows], relative_z(store.slices)[rows]
    causes: dict[str, pd.Categorical] = {}
    for kind in sorted({each.kind for each in look_alikes}):
        of_kind = [each for each in look_alikes if each.kind == kind]
        shows, as_high = np.zeros((2, len(rows)), dtype=bool)
        for name in {each.name for each in of_kind}:
            of_name = _shows(slices, [each for each in of_kind if each.name == name])
            shows |= of_name
            as_high |= _between(height, height[of_name])
        if shows.any():
            studies = {each.study_instance_uid for each in of_kind}
            beside = as_high & ~slices["study_instance_uid"].isin(studies).to_numpy()
            causes[kind] = _ordered(np.select([shows, beside], [0, 1], default=-1), _SHOWN)
    return _named(causes, store, rows)


def _shows(slices: pd.DataFrame, look_alikes: Sequence[LookAlike]) -> NDArray[np.bool_]:
    """Which slices show one of some look-alikes."""
    named = {uid for each in look_alikes for uid in each.sop_instance_uids}
    everywhere = {each.study_instance_uid for each in look_alikes if not each.sop_instance_uids}
    is_shown = slices["sop_instance_uid"].isin(named)
    is_shown |= slices["study_instance_uid"].isin(everywhere)
    return is_shown.to_numpy()


def _between(height: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which heights lie between the least and the greatest of others; none where there are none."""
    if not len(ends):
        return np.zeros(len(height), dtype=bool)
    inside: NDArray[np.bool_] = (height >= np.fmin.reduce(ends)) & (height <= np.fmax.reduce(ends))
    return inside


def neighbour_missing(slices: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether a slice lacks a neighbour: at an end of its series, or beside a gap.

    Args:
        slices: A store's slices, sorted as they are there.

    Returns:
        (n,); a gap is a step of more than 1.5 times the series' median.
    """
    number = series_numbers(slices)
    step = np.diff(slices["z"].to_numpy(dtype=np.float64))
    usual = series_geometry(slices)["step"].to_numpy()[number]
    apart = (number[1:] != number[:-1]) | (step > _GAP * usual[1:])
    missing = np.zeros(len(slices), dtype=bool)
    missing[:1] = missing[-1:] = True
    missing[1:] |= apart
    missing[:-1] |= apart
    return missing


def _ordered(codes: NDArray[np.int64], names: Sequence[str]) -> pd.Categorical:
    """Ordered classes by their numbers; -1 is none."""
    classes: Any = pd.Categorical.from_codes(codes, pd.Index(names), ordered=True)
    return pd.Categorical(classes)


def _named(causes: Mapping[str, pd.Categorical], store: Store, rows: NDArray[np.int64]) -> Causes:
    uids = pd.Index(store.slices["sop_instance_uid"].iloc[rows])
    return {name: pd.Series(classes, index=uids) for name, classes in causes.items()}
