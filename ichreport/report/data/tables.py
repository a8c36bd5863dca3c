"""The tables of the page of the data."""

from typing import Final

import pandas as pd

from ichreport import poster
from ichreport.data import summary
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.labels import ANY, LABELS
from ichreport.report.html import data_frame
from ichreport.report.html.blocks import Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number
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
        ["truth masks", "yes" if store.has_truth else "no"],
        ["store hash", str(manifest["store_hash"])[:16]],
    ]
    return Table("The store: what was read, and how it is kept.", ["what", "value"], rows)


def prevalence(store: Store) -> Sentences:
    """How often slices bleed here, against the poster's."""
    bleeding = float(summary.label_counts(store.slices)["share"].to_dict()[ANY])
    on_poster = poster.label_counts()[ANY] / poster.SLICES
    sentence = (
        f"{100 * bleeding:.1f} % of these slices bleed; of the poster's, {100 * on_poster:.1f} %."
    )
    if store.manifest["synthetic"] and bleeding > on_poster:
        sentence += " " + _CAPTIONS.fill("synthetic_prevalence")
    return Sentences([sentence])


def label_counts(store: Store) -> Table:
    """Slices of each label, beside the poster's counts."""
    counts = summary.label_counts(store.slices)
    positive, share = counts["positive"].to_dict(), counts["share"].to_dict()
    on_poster = poster.label_counts()
    rows = [
        [
            label,
            f"{positive[label]:,}",
            number(100 * share[label], 2),
            f"{on_poster[label]:,}",
            number(100 * on_poster[label] / poster.SLICES, 2),
        ]
        for label in LABELS
    ]
    return Table(
        _CAPTIONS.fill(
            "label_counts", slices=f"{len(store):,}", poster_slices=f"{poster.SLICES:,}"
        ),
        ["label", *numbers("here", "% here", "poster", "% poster")],
        rows,
    )


def sample_labels(store: Store, sample: Sample) -> Table:
    """How many slices of each label fall into each split of a sample."""
    truth = store.slices[list(LABELS)].to_numpy()[sample.rows]
    rows = []
    for split in SPLITS:
        inside = sample.split == split
        positives = (truth[inside] > 0).sum(axis=0)
        groups = len(set(sample.group[inside]))
        rows.append([split, *(f"{count:,}" for count in (inside.sum(), groups, *positives))])
    return Table(
        _CAPTIONS.fill("sample_labels", sample=sample.name),
        ["split", *numbers("slices", "groups", *LABELS)],
        rows,
    )


def leak_audit(audit: pd.DataFrame, sample: Sample | None = None) -> Table:
    """What each pair of splits shares.

    Args:
        audit: As `data.leakage.leak_audit` gives it.
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
