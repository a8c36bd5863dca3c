"""Where a run does well elsewhere: by the kind of series, and by whether readers agree."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from ichreport.data.dicom.acquisition import class_of_kernel
from ichreport.data.labels.reader_votes import count_readers, votes_on
from ichreport.data.store import OF_A_SERIES, OF_A_STUDY, Store
from ichreport.evaluation.external.measures import AUC, RECALL, SPECIFICITY, measure
from ichreport.evaluation.external.scored import Scale
from ichreport.labels import ANY, LABELS

READERS: Final = "readers"
UNANIMOUS: Final = "unanimous"
DIVIDED: Final = "divided"
_NOT_KNOWN: Final = "not known"
_BANDS: Final = {"below 2 mm": 2.0, "2 to 4 mm": 4.0, "4 mm and more": np.inf}
_SHOWN: Final = (AUC, RECALL, SPECIFICITY)


def strata_of_studies(store: Store) -> pd.DataFrame:
    """How each study's series was taken; of several series, the one with the most slices.

    Args:
        store: Where the studies are.

    Returns:
        A row a study: `patient_id`, `study_instance_uid`, and classes by `thickness` (where no file
        says it, by the distance between slices), `kernel` (`soft`, `sharp`) and `scanner`;
        `not known` where nothing says it.
    """
    kept = store.series[store.series["kept"]].sort_values("slices", kind="stable")
    series = kept.drop_duplicates(OF_A_STUDY, keep="last")[[*OF_A_SERIES, *_READ]]
    width = series["thickness"].fillna(series["step"]).to_numpy(dtype=np.float64)
    bands = pd.cut(width, [-np.inf, *_BANDS.values()], right=False, labels=list(_BANDS))
    names = (series["manufacturer"] + " " + series["model"]).str.strip()
    return series[OF_A_STUDY].assign(
        thickness=pd.Series(bands, index=series.index).astype(object).fillna(_NOT_KNOWN),
        kernel=series["kernel"].map(class_of_kernel).replace("", _NOT_KNOWN),
        scanner=names.where(names != "", _NOT_KNOWN),
    )


def _in_order(names: set[str]) -> list[str]:
    """Bands of thickness from thin to thick, and other names by the alphabet."""
    return [band for band in _BANDS if band in names] + sorted(names - _BANDS.keys())


_READ: Final = ["thickness", "step", "kernel", "manufacturer", "model"]


def agreement_of_studies(studies: pd.DataFrame) -> pd.DataFrame:
    """Whether the readers of each study agree, label by label.

    Args:
        studies: A store's studies, with the votes of two readers or more.

    Returns:
        `patient_id`, `study_instance_uid` and a column a label: `unanimous`, `divided`, or nothing
        where a vote is missing.
    """
    table = studies[OF_A_STUDY].copy()
    for label in LABELS:
        votes = votes_on(studies, label)
        agree = np.where((votes == votes[:, :1]).all(axis=1), UNANIMOUS, DIVIDED).astype(object)
        agree[(votes < 0).any(axis=1)] = None
        table[label] = agree
    return table


def stratum_table(outside: Scale, store: Store) -> pd.DataFrame:
    """The AUC, recall and specificity of studies in each stratum, at the frozen threshold.

    Args:
        outside: The studies.
        store: Where they are.

    Returns:
        One row for each kind of stratum, stratum, label and measure: `kind`, `stratum`, `label`,
        `measure`, `value`, `low`, `high`, `units`, `positives`. By the kind of series there is any
        bleeding alone; by readers, each label. A kind with one stratum is left out.
    """
    table: list[dict[str, Any]] = []
    for kind, label, classes in _classes(outside.rows, store):
        known = outside.known(label)
        scored, of_rows = outside.of(label), classes[known]
        names = _in_order(set(of_rows.dropna()))
        for name in names if len(names) > 1 else []:
            inside = scored.where((of_rows == name).to_numpy(dtype=bool, na_value=False))
            measured = measure(inside, outside.thresholds[label])
            keys = {"kind": kind, "stratum": name, "label": label}
            counts = {"units": len(inside), "positives": inside.positives}
            table += [{**keys, "measure": m, **measured[m], **counts} for m in _SHOWN]
    columns = ["kind", "stratum", "label", "measure", "value", "low", "high"]
    return pd.DataFrame(table, columns=[*columns, "units", "positives"])


def _classes(rows: pd.DataFrame, store: Store) -> Iterator[tuple[str, str, "pd.Series[Any]"]]:
    """For each kind of stratum and label, the stratum of each study, in the order of `rows`."""
    taken = rows[OF_A_STUDY].merge(strata_of_studies(store), on=OF_A_STUDY, how="left")
    for kind in ("thickness", "kernel", "scanner"):
        yield kind, ANY, taken[kind]
    if store.studies is not None and count_readers(store.studies) > 1:
        agreement = agreement_of_studies(store.studies)
        votes = rows[OF_A_STUDY].merge(agreement, on=OF_A_STUDY, how="left")
        for label in LABELS:
            yield READERS, label, votes[label]
