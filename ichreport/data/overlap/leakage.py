"""What the splits of a sample share: patients, studies, series, identical pixels."""

from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd

from ichreport.data.samples import Sample
from ichreport.data.store import series_numbers
from ichreport.splits import SPLITS

_AUDITED: Final = {
    "patients": "patient_id",
    "groups": "group",
    "studies": "study_instance_uid",
    "series": "series_instance_uid",
    "identical pixels": "pixel_hash",
}


def leak_audit(slices: pd.DataFrame, sample: Sample) -> pd.DataFrame:
    """Count what each pair of a sample's splits shares.

    Args:
        slices: The store's slices.
        sample: A sample of them.

    Returns:
        A row for each pair of splits and each kind (patients, groups, studies, series, identical
        pixels but those of blank slices): `first` and `second` (the splits), `kind`, `shared` (how
        many of that kind both have), `slices_in_first` and `slices_in_second` (how many slices
        these make up).
    """
    sampled = slices.iloc[sample.rows]
    members = {name: np.asarray(sample.split) == name for name in SPLITS}
    audit = []
    for kind, column in _AUDITED.items():
        values = _values(slices, sample, column)
        codes, uniques = pd.factorize(pd.Series(values))
        counted = codes >= 0
        if kind == "identical pixels" and "blank" in sampled:
            counted &= ~sampled["blank"].to_numpy(dtype=bool)
        slices_in = {
            name: np.bincount(codes[member & counted], minlength=len(uniques))
            for name, member in members.items()
        }
        for first, second in combinations(SPLITS, 2):
            shared = (slices_in[first] > 0) & (slices_in[second] > 0)
            audit.append(
                {
                    "first": first,
                    "second": second,
                    "kind": kind,
                    "shared": int(shared.sum()),
                    "slices_in_first": int(slices_in[first][shared].sum()),
                    "slices_in_second": int(slices_in[second][shared].sum()),
                }
            )
    return pd.DataFrame(audit)


def _values(slices: pd.DataFrame, sample: Sample, column: str) -> Any:
    """What the slices of a sample have in a column; of series, their numbers."""
    if column == "group":
        return sample.group
    if column == "series_instance_uid":
        return series_numbers(slices)[sample.rows]
    return slices[column].to_numpy()[sample.rows]
