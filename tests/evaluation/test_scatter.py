"""How far the thresholds of studies and of the derived label scatter, beside those of slices."""

import numpy as np
import pytest

from ichreport.evaluation.extra_axial import EXTRA_AXIAL, derived_levels, extra_axial_table
from ichreport.evaluation.operating.thresholds import RULES
from ichreport.evaluation.scatter import scatter_table
from ichreport.evaluation.studies import PooledStudies, study_table, whole_studies
from ichreport.labels import LABELS

KEYS = ["level", "pooling", "label", "rule"]


@pytest.fixture
def many(draw_predictions):
    return draw_predictions(seed=5, patients=300)


@pytest.fixture
def table(many):
    return scatter_of(many, replicates=200).set_index(KEYS)


def scatter_of(predictions, *, replicates):
    studies = PooledStudies.of(predictions)
    derived = derived_levels(predictions, studies.slices)
    return scatter_table(predictions, studies, derived, replicates=replicates)


def test_every_threshold_of_a_page_has_a_row(table):
    assert not table.index.duplicated().any()
    assert len(table.loc["slice", "", list(LABELS)]) == len(RULES) * len(LABELS)
    for pooling in ("maximum", "learned"):
        assert len(table.loc["study", pooling, list(LABELS)]) == len(LABELS)
    assert len(table) == (len(RULES) + 2) * len(LABELS) + 2


def test_a_frozen_threshold_lies_among_those_of_other_draws(many, table):
    studies = study_table(PooledStudies.of(many)).set_index(["score", "pooling", "label"])
    levels = derived_levels(many, whole_studies(many))
    derived = extra_axial_table(levels).set_index(["score", "level"])
    frozen = {
        **{
            ("study", pooling, "any"): studies.loc[("recall", pooling, "any")]
            for pooling in ("maximum", "learned")
        },
        ("slice", "", EXTRA_AXIAL): derived.loc[("recall", "slice")],
        ("study", "maximum", EXTRA_AXIAL): derived.loc[("recall", "study")],
    }
    for key, own in frozen.items():
        row = table.loc[(*key, "recall-85")]
        assert row["low"] <= own["threshold"] <= row["high"], key
        assert row["rate_low"] <= own["value"] <= row["rate_high"], key


def test_what_is_undefined_has_no_range(many):
    healthy = many.assign(**dict.fromkeys(["truth_epidural", "truth_subdural"], 0))
    table = scatter_of(healthy, replicates=5).set_index(KEYS)
    assert PooledStudies.of(healthy).poolings["epidural"] is None
    assert ("study", "learned", "epidural", "recall-85") not in table.index
    assert table.loc[("study", "maximum", "epidural", "recall-85"), "undefined"] == 5
    assert np.isnan(table.loc[("slice", "", EXTRA_AXIAL, "recall-85"), "rate_low"])
    single = scatter_of(many.assign(study_slices=10_000), replicates=5)
    assert single.loc[single["level"] == "study", "rate_low"].isna().all()
