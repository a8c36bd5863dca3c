"""Failures by cause: each sentence where it must appear and where it must not, and the tables."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ichreport.evaluation.assessment import assess
from ichreport.evaluation.failures.by_cause import FailuresByCause, failures_by_cause
from ichreport.evaluation.failures.failure_rates import (
    failure_rate,
    failure_table,
    with_adjusted,
)
from ichreport.report.html.blocks import Sentences, Table
from ichreport.report.html.sanitise import clean
from ichreport.report.run import failures

GROUPS = np.repeat(np.arange(60), 4)
"""Four slices of each of sixty patients, in the order of two classes, small and large."""


def classes(names=("small", "large"), every=2):
    codes = np.arange(len(GROUPS)) // every % len(names)
    return pd.Series(pd.Categorical.from_codes(codes, names, ordered=True))


def shares(*of_classes):
    """Slices of which so many tenths fail, by class, spread over the patients."""
    rank = np.arange(len(GROUPS)) // 4 % 10
    return rank < 10 * np.take(of_classes, classes().cat.codes)


def made(missed, alarmed=None, **changed):
    """Failures by size and by a cause of no effect, of slices that fail as given."""
    alarmed = np.zeros(len(GROUPS), dtype=bool) if alarmed is None else alarmed
    noise = classes(("left", "right"), every=1)
    tables = [
        with_adjusted(failure_table(failed, GROUPS, {"size": classes(), "side": noise}))
        for failed in (missed, alarmed)
    ]
    values = FailuresByCause(
        threshold=0.5,
        misses=tables[0],
        subtypes=tables[0].assign(label="subdural"),
        studies=tables[0],
        false_alarms=tables[1],
        missed=failure_rate(missed, GROUPS),
        alarmed=failure_rate(alarmed, GROUPS),
        has_masks=True,
        lists_look_alikes=True,
        half_in=3,
        series=60,
    )
    return dataclasses.replace(values, **changed)


def said(failures_found):
    return str(failures.verdict(failures_found))


def test_the_verdict_names_the_cause_by_which_misses_differ():
    text = said(made(shares(0.6, 0.1)))
    assert text.startswith("The run misses 84 of 240 slices with bleeding on test, 0.35 (")
    assert (
        "the share missed differs most by size: 0.60 (small) against 0.10 (large) "
        "(p <0.001, 2 causes compared)." in text
    )
    assert "side" not in text
    assert "also by" not in text


def test_where_nothing_differs_no_cause_is_named():
    text = said(made(shares(0.3, 0.3)))
    assert "the share missed differs clearly by none of the 2 causes compared (least" in text
    assert "differs most" not in text


def test_further_causes_are_named_after_the_one_with_the_largest_difference():
    missed = shares(0.6, 0.1)
    both = {"less": classes(), "size": classes()}
    table = with_adjusted(failure_table(missed, GROUPS, both))
    table.loc[table["cause"] == "less", "difference"] = 0.2
    text = said(made(missed, misses=table))
    assert "differs most by size" in text
    assert text.splitlines()[0].endswith(", and also by less.")


def test_a_p_value_that_is_not_tiny_is_given():
    table = made(shares(0.6, 0.1)).misses
    table.loc[(table["cause"] == "size") & table["p"].notna(), "p_adjusted"] = 0.02
    assert "(p = 0.020, 2 causes compared)" in said(made(shares(0.6, 0.1), misses=table))


def test_alarms_have_a_verdict_of_their_own():
    text = said(made(shares(0.3, 0.3), shares(0.1, 0.5)))
    assert "The run raises an alarm on 72 of 240 slices without bleeding, 0.30 (" in text
    assert "the share with an alarm differs most by size: 0.10 (small) against 0.50" in text
    quiet = said(made(shares(0.3, 0.3)))
    assert "The run raises an alarm on 0 of 240 slices without bleeding" in quiet
    assert "the share with an alarm differs clearly by none" in quiet


def test_too_few_patients_are_said_to_be_too_few():
    few = made(shares(0.3, 0.3))
    table = few.misses.assign(p=np.nan, p_adjusted=np.nan)
    assert "too few patients are in the classes of any cause" in said(
        made(shares(0.3, 0.3), misses=table)
    )
    assert "too few" not in said(few)


def test_the_series_that_hold_half_of_the_misses_are_counted():
    assert "At least half of the missed slices lie in 3 of the 60 series with bleeding." in said(
        made(shares(0.3, 0.3))
    )
    assert "Half of" not in said(made(shares(0, 0)))


@pytest.mark.parametrize(
    ("has_masks", "lists", "told"),
    [
        (True, True, ""),
        (True, False, "The data do not tell which look-alikes raise false alarms."),
        (
            False,
            False,
            "The data do not tell the size, contrast and depth of what is missed nor which "
            "look-alikes raise false alarms.",
        ),
    ],
)
def test_what_the_data_do_not_tell_is_said_in_one_line(has_masks, lists, told):
    text = said(made(shares(0.3, 0.3), has_masks=has_masks, lists_look_alikes=lists))
    assert ("The data do not tell" in text) == bool(told)
    assert text.endswith(told)


def test_without_a_threshold_nothing_is_said_to_be_missed():
    text = said(made(shares(0.3, 0.3), threshold=np.nan))
    assert text == (
        "Validation defines no threshold of 85 % recall for any bleeding, so nothing counts as "
        "missed."
    )


def test_a_test_split_of_one_class_is_said_to_be_so():
    nothing = failure_rate(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.intp))
    text = said(dataclasses.replace(made(shares(0.3, 0.3)), missed=nothing, alarmed=nothing))
    assert "The test split has no slice with bleeding" in text
    assert "The test split has no slice without bleeding." in text
    none = dataclasses.replace(made(shares(0.3, 0.3), shares(0.1, 0.5)), missed=nothing)
    assert "\nThe run raises an alarm on 72 of 240 slices" in said(none)


def test_a_single_slice_and_a_single_series_are_said_as_one():
    one = failure_rate(np.ones(1, dtype=bool), np.zeros(1, dtype=np.intp))
    text = said(dataclasses.replace(made(shares(0.3, 0.3)), missed=one, alarmed=one))
    assert "misses 1 of 1 slice with bleeding on test" in text
    assert "an alarm on 1 of 1 slice without bleeding" in text
    assert "At least half" not in said(made(shares(0.3, 0.3), series=1, half_in=1))


@pytest.mark.parametrize(
    ("shares_missed", "ends"),
    [
        ((0.001, 0.004), "0.001 (small) against 0.004 (large)"),
        ((0.0, 0.0004), "0.0000 (small) against 0.0004 (large)"),
        ((0.1, 0.6), "0.10 (small) against 0.60 (large)"),
    ],
)
def test_shares_that_differ_are_not_printed_as_equal(shares_missed, ends):
    table = made(shares(0.6, 0.1)).misses
    table.loc[table["cause"] == "size", "value"] = shares_missed
    assert f"differs most by size: {ends} (p" in said(made(shares(0.6, 0.1), misses=table))


def test_tables_show_each_class_and_mark_what_differs():
    table = failures.misses(made(shares(0.6, 0.1)))
    small, large, left, right = table.lines
    assert small.cells[0] == "size: small"
    assert small.cells[1:3] == ["120", "72"]
    assert small.cells[3].startswith("0.60 (")
    assert small.cells[4:6] == ["", ""]
    assert large.cells[4].startswith("0.50 (")
    assert large.cells[5] == "<0.001"
    assert [row.kind for row in (small, large, left, right)] == ["", "marked", "", ""]
    assert "subdural, size: small" in str(failures.misses_of_subtypes(made(shares(0.6, 0.1))))


@pytest.mark.parametrize(
    ("show", "field"),
    [
        (failures.misses, "misses"),
        (failures.misses_of_subtypes, "subtypes"),
        (failures.missed_studies, "studies"),
        (failures.false_alarms, "false_alarms"),
    ],
)
def test_a_table_without_rows_is_a_sentence(show, field):
    found = made(shares(0.6, 0.1))
    assert isinstance(show(found), Table)
    assert isinstance(show(dataclasses.replace(found, **{field: pd.DataFrame()})), Sentences)


def test_the_page_keeps_the_section(store, store_folder, predictions):
    predictions = predictions.assign(
        study_instance_uid=store.slices["study_instance_uid"], group=store.slices["patient_id"]
    )
    assessed = assess(predictions, replicates=20)
    found = failures_by_cause(store, predictions, assessed, store_folder.parent / "rsna")
    html = "".join(
        show(found)._repr_html_()
        for show in (
            failures.verdict,
            failures.misses,
            failures.misses_of_subtypes,
            failures.missed_studies,
            failures.false_alarms,
        )
    )
    kept = clean(html, where="page").html
    assert kept.count("<table") == 4
    assert "Causes go together" in kept
