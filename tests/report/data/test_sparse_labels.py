"""Where slices have no labels, the page of the data shows studies, or says what is missing."""

from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from ichreport.data.labels.reader_votes import vote_column
from ichreport.labels import LABELS
from ichreport.report.data import figures as data_figures
from ichreport.report.data import splits
from ichreport.report.data import tables as data_tables
from ichreport.report.data.reader_agreement import reader_agreement
from ichreport.report.html import slice_images
from ichreport.report.html.blocks import Drawing, Sentences, Table
from ichreport.report.viewer import viewer

UNSEEN = "FullID: no patient of test has slices in train."
UNLABELLED = "Nothing here is labelled: the store was made without a label file."


@pytest.fixture
def unlabelled(store):
    store.slices = store.slices.assign(**dict.fromkeys(LABELS, -1))
    return store


@pytest.fixture
def of_studies(unlabelled):
    """Of eight studies two bleed, both subdurally and one epidurally too; one is not labelled."""
    labels = np.zeros((8, len(LABELS)), dtype=np.int8)
    labels[:2, [LABELS.index("subdural"), LABELS.index("any")]] = 1
    labels[0, LABELS.index("epidural")] = 1
    labels[7] = -1
    unlabelled.studies = pd.DataFrame(labels, columns=list(LABELS)).assign(
        patient_id=[f"p{number}" for number in range(8)]
    )
    return unlabelled


@pytest.mark.parametrize(
    "show",
    [
        data_tables.label_counts,
        data_tables.prevalence,
        data_figures.co_occurrence,
        data_figures.bleed_positions,
    ],
)
def test_without_any_label_a_sentence_says_so(unlabelled, show):
    assert str(show(unlabelled)) == UNLABELLED
    assert dict(data_tables.data_set(unlabelled).rows)["labels of"] == "nothing"


def test_studies_are_counted_where_they_are_labelled(of_studies):
    table = data_tables.label_counts(of_studies)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["subdural"] == rows["any"] == ["2", "28.57", "7"]
    assert rows["epidural"] == ["1", "14.29", "7"]
    assert "8 studies" in table.caption
    assert str(data_tables.prevalence(of_studies)).startswith(
        "28.6 % of the labelled studies (7 of 8) bleed."
    )
    assert dict(data_tables.data_set(of_studies).rows)["labels of"] == "studies"


def test_kinds_that_come_together_are_those_of_studies(of_studies):
    drawing = data_figures.co_occurrence(of_studies)
    assert "the share of the studies" in drawing.caption
    assert "epidural comes most often with subdural, in 100% of its studies" in drawing.alternative
    of_studies.studies["epidural"] = 0
    assert "no two labels come together" in data_figures.co_occurrence(of_studies).alternative


def test_shares_of_a_label_that_nothing_has_are_no_zeros(of_studies):
    drawing = data_figures.co_occurrence(of_studies)
    shown = [
        text for panel in drawing.panels
        for element in ElementTree.fromstring(panel).iter("text")
        if (text := "".join(element.itertext()).strip()) == "–"
    ]  # fmt: skip
    assert len(shown) == 3 * len(LABELS)  # no study bleeds in the three other kinds


def test_a_bleeding_study_does_not_say_where_along_the_head_it_bleeds(of_studies):
    assert "do not say in which of their slices" in str(data_figures.bleed_positions(of_studies))


def test_series_of_one_slice_have_no_heights(store):
    store.slices = store.slices.groupby("series_instance_uid", sort=False).head(1)
    assert "none has a height within it" in str(data_figures.bleed_positions(store))


def test_a_histogram_of_what_nothing_tells_is_named_and_not_drawn(unlabelled):
    unlabelled.slices = unlabelled.slices.assign(spacing=np.nan, tilt=np.nan)
    drawing = data_figures.series_shape(unlabelled)
    assert isinstance(drawing, Drawing)
    assert len(drawing.panels) == 1
    assert "subtypes a slice, pixel spacing (mm), tilt (degrees)." in drawing.caption
    assert "nan" not in drawing.alternative


def test_slices_are_shown_as_not_labelled(unlabelled):
    sheet = slice_images.by_label(unlabelled)
    [(name, tiles)] = sheet.rows
    assert (name, len(tiles)) == ("not labelled", 6)
    assert tiles[0].alternatives[0] == "brain window: not labelled."
    shown = viewer.of_data(unlabelled)
    assert shown.caption.startswith("The longest series")
    assert shown.alternative.endswith("not labelled.")


def test_bleeding_of_an_unlabelled_kind_is_not_called_none(unlabelled):
    unlabelled.slices = unlabelled.slices.assign(any=1)
    assert slice_images.truth_in_words(unlabelled, 0) == "bleeding, its kind not labelled."


def test_a_kind_that_no_slice_has_is_named(store):
    store.slices = store.slices.assign(epidural=0)
    assert slice_images.by_label(store).caption.endswith("No slice shows: epidural.")


def test_a_sample_that_cannot_be_drawn_is_a_sentence(store):
    sampling = {"seed": 1, "sampa_share": 1.0, "sampb_share": 1.0}
    store.slices = store.slices.iloc[:2]
    drawn = splits.audited(store, "fullid", sampling)
    for shown in (splits.leak_audit(drawn), splits.labels(store, drawn)):
        assert isinstance(shown, Sentences)
        assert str(shown) == (
            "fullid cannot be shown: each of its splits needs a slice, and one gets none of this "
            "store's 2 slices (1 patient, 1 linked group) with seed 1."
        )
    expected = "No sample can be drawn here that has a slice in each split."
    assert str(splits.verdict(store, [drawn])) == expected


def test_many_patients_who_are_all_linked_are_not_said_to_be_too_few_slices(store):
    uids, patients = store.slices["series_instance_uid"], store.slices["patient_id"].nunique()
    first = ~uids.duplicated().to_numpy()
    store.slices = store.slices.assign(pixel_hash=store.slices["pixel_hash"].where(~first, "same"))
    drawn = splits.audited(store, "fullid", {"seed": 1})
    assert f"{len(store)} slices ({patients} patients, 1 linked group)" in str(
        splits.leak_audit(drawn)
    )


def test_a_sample_that_can_be_drawn_is_audited_and_counted(store):
    sampling = {"seed": 1, "sampa_share": 1.0, "sampb_share": 1.0}
    drawn = splits.audited(store, "sampa", sampling)
    assert isinstance(splits.leak_audit(drawn), Table)
    assert str(splits.labels(store, drawn)) == str(data_tables.sample_labels(store, drawn.sample))


def test_the_verdict_on_splits_names_those_whose_test_patients_are_seen_and_only_those(store):
    sampling = {"seed": 0, "sampa_share": 1.0, "sampb_share": 1.0}
    by_slice, by_group = (splits.audited(store, name, sampling) for name in ("sampa", "fullid"))
    patients = store.slices["patient_id"].to_numpy()
    in_test, in_train = (
        patients[by_slice.sample.rows[by_slice.sample.split == split]]
        for split in ("test", "train")
    )
    share = f"{100 * np.isin(in_test, in_train).mean():.1f} % of the test slices of SampA"
    said = str(splits.verdict(store, [by_slice, by_group]))
    assert said == f"{share} are of patients who have slices in train. " + UNSEEN
    assert str(splits.verdict(store, [by_group])) == UNSEEN
    assert "no patient" not in str(splits.verdict(store, [by_slice]))


def test_that_no_patient_is_on_both_sides_is_not_said_of_persons_whose_studies_are_patients(store):
    sampling = {"seed": 0, "sampa_share": 1.0, "sampb_share": 1.0}
    by_slice, by_group = (splits.audited(store, name, sampling) for name in ("sampa", "fullid"))
    assert "a person" not in str(splits.verdict(store, [by_group]))
    store.slices = store.slices.assign(rules="the study stands for the patient, as group_by asks")
    assert str(splits.verdict(store, [by_group])) == (
        f"{UNSEEN} Where the study stands for the patient, a person of several studies may still "
        "be in both."
    )
    assert "a person" not in str(splits.verdict(store, [by_slice]))


@pytest.mark.parametrize(
    ("seen", "said"), [(1, "Less than 0.1 %"), (4999, "More than 99.9 %"), (5000, "100.0 %")]
)
def test_a_sentence_on_nearly_none_or_all_starts_with_a_capital(store, seen, said):
    pair = {"first": "train", "second": "test", "kind": "patients", "slices_in_second": seen}
    sample = SimpleNamespace(split=np.repeat("test", 5000))
    drawn = splits.AuditedSample("sampa", sample, pd.DataFrame([pair]))
    assert str(splits.verdict(store, [drawn])).startswith(
        f"{said} of the test slices of SampA are of"
    )


def test_splits_without_labels_have_no_counts_of_them(unlabelled):
    sampling = {"seed": 1, "sampa_share": 1.0, "sampb_share": 1.0}
    table = splits.labels(unlabelled, splits.audited(unlabelled, "sampa", sampling))
    assert all(row[3:] == ["–"] * len(LABELS) for row in table.rows)
    assert table.caption.endswith("; no slice is labelled.")


def test_nothing_odd_and_nothing_rejected_are_sentences(store):
    store.manifest["findings"] = []
    assert "Nothing was odd" in str(data_tables.label_issues(store))
    assert "No file was rejected" in str(data_tables.rejects(store))


def test_labels_of_any_bleeding_may_be_all_that_is_missing(store):
    store.slices = store.slices.assign(any=-1)
    expected = "No label says whether there is any bleeding."
    assert str(data_tables.prevalence(store)) == expected


def test_bleeding_that_only_follows_from_a_kind_has_no_frequency(store):
    """Of a file of subdurals alone, any bleeding is known where there is one."""
    subdural = store.slices["subdural"]
    assert 0 < subdural.sum() < len(subdural)
    assert "A dash" not in data_tables.label_counts(store).caption
    store.slices = store.slices.assign(
        **dict.fromkeys(LABELS, -1)
        | {"subdural": subdural, "any": subdural.where(subdural == 1, -1)}
    )
    assert str(data_tables.prevalence(store)).startswith("How often there is any bleeding is not")
    table = data_tables.label_counts(store)
    rows = {row[0]: row for row in table.rows}
    assert rows["any"][1:3] == [str(subdural.sum()), "–"]
    assert rows["subdural"][2] == f"{100 * subdural.mean():.2f}"
    assert table.caption.endswith(
        "A dash stands where no label says how often, or all that have "
        "it labelled are labelled alike, as where it follows from other "
        "labels."
    )
    said = data_figures.bleed_positions(store).alternative
    assert "subdural near" in said
    assert "any near" not in said


def test_the_readers_agreement_stands_in_a_row_a_label(of_studies):
    votes = {
        vote_column(reader, label): of_studies.studies[label].to_numpy() for reader in (1, 2, 3)
        for label in LABELS
    }  # fmt: skip
    votes[vote_column(3, "subdural")] = np.array([1, 0, 0, 0, 0, 0, 0, -1])
    of_studies.studies = of_studies.studies.assign(**votes)
    table = reader_agreement(of_studies)
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == list(LABELS)
    assert rows["any"][:4] == ["7", "2", "100.0", rows["any"][3]]
    assert rows["any"][3].startswith("1.00 (")
    assert rows["subdural"][2] == "90.5"  # of 21 pairs of votes two differ
    kappa = (6 / 7 - (2 * 1 + 5 * 6) / 49) / (1 - (2 * 1 + 5 * 6) / 49)
    assert rows["subdural"][7].startswith(f"{kappa:.2f}")  # readers 1 and 3
    assert rows["intraventricular"] == ["7", "0", "100.0", "–", *["100.0", "–"] * 3]
    assert [column.group for column in table.head[3::2]] == [
        "all readers", "readers 1 and 2", "readers 1 and 3", "readers 2 and 3",
    ]  # fmt: skip
    assert "How far 3 readers agree" in table.caption


def test_without_votes_a_sentence_says_so(store, of_studies):
    assert "without readers' votes" in str(reader_agreement(of_studies))
    store.studies = None
    assert "without readers' votes" in str(reader_agreement(store))
