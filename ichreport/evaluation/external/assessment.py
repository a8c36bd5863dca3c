"""All that is measured of a run on another hospital's data."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ichreport.data.store import OF_A_STUDY, Store
from ichreport.evaluation.agreement import agreement_table
from ichreport.evaluation.external.assessed import ExternalAssessment
from ichreport.evaluation.external.comparison import compare_places
from ichreport.evaluation.external.local_fit import local_recalibration_table
from ichreport.evaluation.external.other_system import other_system_table
from ichreport.evaluation.external.scored import (
    UNKNOWN,
    Scale,
    scale_of_slices,
    scale_of_studies,
)
from ichreport.evaluation.external.strata import stratum_table
from ichreport.evaluation.operating.decisions import Decisions
from ichreport.evaluation.predictions import TRUTHS, select_split
from ichreport.evaluation.studies import whole_studies
from ichreport.labels import LABELS


def assess_elsewhere(
    inside: pd.DataFrame,
    outside: pd.DataFrame,
    store: Store,
    decisions: Decisions,
    *,
    other_system: pd.DataFrame | None = None,
) -> ExternalAssessment:
    """Measure a run on another hospital's data, with all that it decides frozen.

    Args:
        inside: The run's own predictions, of which test is compared.
        outside: Its predictions there: one row a slice of whole studies; see `with_truths`.
        store: The store of the other hospital.
        decisions: What the run has chosen on its validation.
        other_system: As `other_system_table` takes it.
    """
    test = select_split(inside, "test")
    studies = _studies_outside(outside, store, decisions)
    tables = [
        compare_places(
            scale_of_studies(whole_studies(inside).pipe(select_split, "test"), decisions),
            studies,
        )
    ]
    if store.labelled == "slices":
        slices = scale_of_slices(outside, decisions)
        tables.append(compare_places(scale_of_slices(test, decisions), slices))
    votes = store.studies
    return ExternalAssessment(
        comparison=pd.concat(tables, ignore_index=True),
        strata=stratum_table(studies, store),
        local=local_recalibration_table(studies),
        other_system=pd.DataFrame()
        if other_system is None
        else other_system_table(studies, other_system),
        agreement=pd.DataFrame() if votes is None else agreement_table(votes),
    )


def _studies_outside(outside: pd.DataFrame, store: Store, decisions: Decisions) -> Scale:
    """The studies there, with the truths that readers gave them or that their slices have."""
    pooled = scale_of_studies(outside, decisions)
    if store.studies is None:
        rows = pooled.rows.copy()
        lowest = outside.groupby(OF_A_STUDY)[list(TRUTHS)].min()
        keys = pd.MultiIndex.from_frame(rows[OF_A_STUDY])
        some_unknown = lowest.reindex(keys).to_numpy() == UNKNOWN
        truth = rows[list(TRUTHS)].to_numpy()
        rows[list(TRUTHS)] = np.where(some_unknown & (truth != 1), UNKNOWN, truth)
        return replace(pooled, rows=rows)
    named = store.studies[[*OF_A_STUDY, *LABELS]].rename(
        columns=dict(zip(LABELS, TRUTHS, strict=True))
    )
    rows = pooled.rows.drop(columns=list(TRUTHS)).merge(named, on=OF_A_STUDY, how="left")
    rows[list(TRUTHS)] = rows[list(TRUTHS)].fillna(UNKNOWN).astype(np.int64)
    return replace(pooled, rows=rows)
