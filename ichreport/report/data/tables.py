"""The tables of the report, each from one object that the notebooks hold."""

import pandas as pd

from ichreport import poster
from ichreport.data import summary
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.labels import ANY, LABELS
from ichreport.report.html import data_frame
from ichreport.report.html.blocks import Sentences, Table, numbers
from ichreport.report.html.formats import number
from ichreport.splits import SPLITS


def data_set(store: Store) -> Table:
    """What a store holds, from its manifest."""
    manifest = store.manifest
    kind = "synthetic heads" if manifest["synthetic"] else "the challenge's or a hospital's slices"
    rows = [["source", kind]]
    rows += [[name, f"{count:,}"] for name, count in manifest["counts"].items()]
    rows += [
        ["pixels a side", str(store.image_size)],
        ["truth masks", "yes" if store.has_truth else "no"],
        ["store hash", str(manifest["store_hash"])[:16]],
    ]
    return Table("The store: what was read, and how it is kept.", ["what", "value"], rows)


def prevalence(store: Store) -> Sentences:
    """How often slices bleed here, against the poster's."""
    bleeding = float(summary.label_counts(store.slices)["share"].to_dict()[ANY])
    theirs = poster.label_counts()[ANY] / poster.SLICES
    said = f"{100 * bleeding:.1f} % of these slices bleed; of the poster's, {100 * theirs:.1f} %."
    if store.manifest["synthetic"] and bleeding > theirs:
        said += " Synthetic heads may bleed more often, so that few of them hold every label."
    return Sentences([said])


def label_counts(store: Store) -> Table:
    """Slices of each label, beside the poster's counts."""
    counts = summary.label_counts(store.slices)
    positive, share = counts["positive"].to_dict(), counts["share"].to_dict()
    theirs = poster.label_counts()
    rows = [
        [
            label,
            f"{positive[label]:,}",
            number(100 * share[label], 2),
            f"{theirs[label]:,}",
            number(100 * theirs[label] / poster.SLICES, 2),
        ]
        for label in LABELS
    ]
    return Table(
        f"Positive slices of each label, here among {len(store):,} slices and on the poster among "
        f"{poster.SLICES:,}.",
        ["label", *numbers("here", "% here", "poster", "% poster")],
        rows,
    )


def sample_labels(store: Store, sample: Sample) -> Table:
    """How many slices of each label fall into each split of a sample."""
    truth = store.slices[list(LABELS)].to_numpy()[sample.rows]
    rows = []
    for split in SPLITS:
        own = truth[sample.split == split]
        groups = len(set(sample.group[sample.split == split]))
        rows.append([split, f"{len(own):,}", f"{groups:,}", *(f"{n:,}" for n in (own > 0).sum(0))])
    return Table(
        f"The sample {sample.name}: slices, linked patient groups and positive slices of each "
        "split.",
        ["split", *numbers("slices", "groups", *LABELS)],
        rows,
    )


def leak_audit(audit: pd.DataFrame, sample: Sample | None = None) -> Table:
    """What stands on both sides of each pair of splits.

    Args:
        audit: As `data.leakage.leak_audit` gives it.
        sample: The sample that was audited, to name it where a page has several.
    """
    of = f" of {sample.name}" if sample else ""
    patients = audit.loc[audit["kind"] == "patients", "shared"]
    torn = " Patients stand on both: it is split by slice." if patients.any() else ""
    return data_frame.frame(
        audit,
        f"The leak audit{of}: patients, linked groups, studies, series and identical pixels (but "
        f"those of blank slices) that stand on both sides of two splits.{torn}",
    )


def rules(store: Store) -> Table:
    """How many slices each header rule changed."""
    rows = [[str(rule), f"{count:,}"] for rule, count in summary.rules_applied(store).items()]
    return Table(
        "Header rules that changed a slice, and how many each changed.",
        ["rule", *numbers("slices")],
        rows or [["none", "0"]],
    )
