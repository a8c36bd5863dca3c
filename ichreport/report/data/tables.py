"""The tables of the page of the data."""

import math
from typing import Final

import pandas as pd

from ichreport import poster
from ichreport.data import summary
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.labels import ANY, LABELS
from ichreport.report.data import missing
from ichreport.report.html import data_frame
from ichreport.report.html.blocks import Sentences, Table, Verdict, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import capital, counted, number, percent
from ichreport.splits import SPLITS

_CAPTIONS: Final = Captions.beside(__file__)


def data_set(store: Store) -> Table:
    """What a store holds, from its manifest."""
    manifest = store.manifest
    kind = "synthetic heads" if manifest["synthetic"] else "the challenge's or a hospital's slices"
    rows = [["source", kind]]
    rows += [[name.replace("_", " "), f"{count:,}"] for name, count in manifest["counts"].items()]
    rows += [
        ["pixels a side", str(store.image_size)],
        ["labels of", store.labelled],
        ["truth masks", "yes" if store.has_truth else "no"],
        ["store hash", str(manifest["store_hash"])[:16]],
    ]
    return Table("The store: what was read, and how it is kept.", ["what", "value"], rows)


def prevalence(store: Store) -> Verdict:
    """How often slices bleed here, against the poster's."""
    bleeding = _share_that_bleeds(store.slices)
    if math.isnan(bleeding):
        return _prevalence_of_studies(store)
    on_poster = poster.label_counts()[ANY] / poster.SLICES
    sentence = f"{_bleed(store.slices, 'slices')}; of the poster's, {percent(on_poster, 1)} %."
    if store.manifest["synthetic"] and bleeding > on_poster:
        sentence += " " + _CAPTIONS.fill("synthetic_prevalence")
    return Verdict(sentence)


def _prevalence_of_studies(store: Store) -> Verdict:
    """How often studies bleed where nobody has labelled slices."""
    if store.studies is None or math.isnan(_share_that_bleeds(store.studies)):
        if store.labelled == "nothing":
            return Verdict(str(missing.no_labels()))
        rows = store.slices if store.studies is None else store.studies
        if (rows[ANY] >= 0).any():
            return Verdict(_CAPTIONS.fill("any_follows"))
        return Verdict(_CAPTIONS.fill("any_unknown"))
    return Verdict(f"{_bleed(store.studies, 'studies')}. The poster counts slices.")


def _bleed(rows: pd.DataFrame, units: str) -> str:
    """How many of the labelled slices or studies bleed, in a clause."""
    labelled = int((rows[ANY] >= 0).sum())
    of_all = f"these {units}"
    if labelled < len(rows):
        of_all = f"the labelled {units} ({labelled:,} of {len(rows):,})"
    return capital(f"{percent(_share_that_bleeds(rows), 1)} % of {of_all} bleed")


def _share_that_bleeds(rows: pd.DataFrame) -> float:
    """The share of labelled slices or studies that bleed; NaN where labels do not tell it."""
    return float(summary.label_counts(rows)["share"].to_dict()[ANY])


def label_counts(store: Store) -> Table | Sentences:
    """Slices of each label, beside the poster's counts; studies where those are labelled."""
    counts = summary.label_counts(store.slices)
    if not counts["labelled"].any():
        return _label_counts_of_studies(store)
    positive, share, labelled = (
        counts[name].to_dict() for name in ("positive", "share", "labelled")
    )
    on_poster = poster.label_counts()
    rows = [
        [
            label,
            f"{positive[label]:,}",
            percent(share[label], 2),
            f"{on_poster[label]:,}",
            percent(on_poster[label] / poster.SLICES, 2),
            f"{labelled[label]:,}",
        ]
        for label in LABELS
    ]
    return Table(
        _CAPTIONS.fill(
            "label_counts",
            slices=counted(len(store), "slice"),
            poster_slices=f"{poster.SLICES:,}",
            dashes=_dashes(counts),
        ),
        ["label", *numbers("here", "% here", "poster", "% poster", "labelled here")],
        rows,
    )


def _label_counts_of_studies(store: Store) -> Table | Sentences:
    if store.studies is None:
        return missing.no_labels()
    counts = summary.label_counts(store.studies)
    positive, share, labelled = (
        counts[name].to_dict() for name in ("positive", "share", "labelled")
    )
    rows = [
        [label, f"{positive[label]:,}", percent(share[label], 2), f"{labelled[label]:,}"]
        for label in LABELS
    ]
    caption = _CAPTIONS.fill(
        "label_counts_of_studies",
        studies=counted(len(store.studies), "study", "studies"),
        dashes=_dashes(counts),
    )
    return Table(caption, ["label", *numbers("positive", "% of labelled", "labelled")], rows)


def _dashes(counts: pd.DataFrame) -> str:
    """What a dash among the shares of labels stands for, where there is one."""
    return _CAPTIONS.fill("frequency_not_told") if counts["share"].isna().any() else ""


def sample_labels(store: Store, sample: Sample) -> Table:
    """How many slices of each label fall into each split of a sample."""
    truth = store.slices[list(LABELS)].to_numpy()[sample.rows]
    rows = []
    for split in SPLITS:
        inside = sample.split == split
        positives = [
            f"{(column > 0).sum():,}" if (column >= 0).any() else number(None)
            for column in truth[inside].T
        ]
        groups = len(set(sample.group[inside]))
        rows.append([split, f"{inside.sum():,}", f"{groups:,}", *positives])
    unlabelled = "" if (truth >= 0).any() else "; no slice is labelled"
    return Table(
        _CAPTIONS.fill("sample_labels", sample=sample.name, unlabelled=unlabelled),
        ["split", *numbers("slices", "groups", *LABELS)],
        rows,
    )


def leak_audit(audit: pd.DataFrame, sample: Sample | None = None) -> Table:
    """What each pair of splits shares.

    Args:
        audit: As `data.overlap.leakage.leak_audit` gives it.
        sample: The sample that was audited, to name it where a page has several.
    """
    patients = audit.loc[audit["kind"] == "patients", "shared"]
    caption = _CAPTIONS.fill(
        "leak_audit",
        sample=f" of {sample.name}" if sample else "",
        split=_CAPTIONS.fill("leak_audit_split_by_slice") if patients.any() else "",
    )
    return data_frame.frame(audit, caption)


def rules(store: Store) -> Table:
    """How many slices each header rule changed."""
    rows = [[str(rule), f"{count:,}"] for rule, count in summary.rules_applied(store).items()]
    return Table(
        "Header rules that changed a slice, and how many each changed.",
        ["rule", *numbers("slices")],
        rows or [["none", "0"]],
    )


def series(store: Store) -> Table:
    """Series by why they are kept or passed over."""
    return data_frame.frame(summary.series_by_reason(store), _CAPTIONS.fill("series"), digits=1)


def set_aside(store: Store) -> Table | Sentences:
    """The files that are whole and no slice of a head that is kept, by reason."""
    table = summary.set_aside_by_reason(store)
    if table.empty:
        return Sentences([_CAPTIONS.fill("none_set_aside")])
    return data_frame.frame(table, "Files that are set aside, by reason.")


def rejects(store: Store) -> Table | Sentences:
    """The files that cannot be used, by reason."""
    table = summary.rejects_by_reason(store)
    if table.empty:
        return Sentences([_CAPTIONS.fill("no_rejects")])
    return data_frame.frame(table, "Rejected files by reason.")


def label_issues(store: Store) -> Table | Sentences:
    """What was odd about the labels."""
    table = summary.label_issues(store)
    if table.empty:
        if store.labelled == "nothing":
            return missing.no_labels()
        return Sentences([_CAPTIONS.fill("no_label_issues")])
    caption = (
        "What was odd about series and labels, and how often. What cannot be right stops an ingest "
        "instead."
    )
    return data_frame.frame(table, caption)
