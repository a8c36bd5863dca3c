"""The tables of the report, each from one object that the notebooks hold."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ichreport import poster
from ichreport.data import summary
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.labels import ANY, LABELS
from ichreport.params import Experiment, Profile
from ichreport.report.captioned import Sentences, Table, number
from ichreport.splits import SPLITS

WHAT_IT_IS = (
    "sample", "split_by", "input", "network", "trainable_layers", "head", "dense_layers", "loss",
)  # fmt: skip
"""The parameters that make a run what it is, as its page and its notebook show them."""

_HOW_IT_RUNS = (
    "image_size", "backbone_size", "weights", "epochs", "patience", "batch_size", "seed",
    "sampa_share", "sampb_share",
)  # fmt: skip


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
        ["label", "here", "% here", "poster", "% poster"],
        rows,
        numeric=frozenset({1, 2, 3, 4}),
    )


def frame(table: pd.DataFrame, caption: str, *, digits: int = 3, index: str = "") -> Table:
    """A data frame as a table; `index` names its index where that is worth a column."""
    shown = table.reset_index(names=index) if index else table
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in shown.dtypes]
    rows = [[_counted(value, digits) for value in row] for row in shown.itertuples(index=False)]
    return Table(
        caption,
        [str(name).replace("_", " ") for name in shown.columns],
        rows,
        numeric=frozenset(np.flatnonzero(numeric).tolist()),
    )


def _counted(value: Any, digits: int) -> str:
    """As `in_words`; whole numbers, which are counts in a frame, with their thousands apart."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return f"{value:,}" if whole else in_words(value, digits)


def values_of(asked: Experiment) -> dict[str, Any]:
    """An experiment's parameters by name; what its sample is split by in effect."""
    return asked.model_dump() | {"split_by": asked.splits_by}


def experiment(asked: Experiment) -> Table:
    """What an experiment is, and where it runs."""
    values = values_of(asked)
    step_size, _ = asked.step_size
    names = [*WHAT_IT_IS, step_size, *_HOW_IT_RUNS]
    rows = [["asks", asked.question or "–"]]
    rows += [[name.replace("_", " "), in_words(values[name], 6)] for name in names]
    return Table(f"The experiment {asked.name}.", ["parameter", "value"], rows)


def machine(described: Mapping[str, Any]) -> Table:
    """The machine and the Keras backend that a run used."""
    rows = [[name.replace("_", " "), in_words(value, 0)] for name, value in described.items()]
    return Table("Backend and devices of this run.", ["what", "value"], rows)


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
        ["split", "slices", "groups", *LABELS],
        rows,
        numeric=frozenset(range(1, 3 + len(LABELS))),
    )


def leak_audit(audit: pd.DataFrame, sample: Sample | None = None) -> Table:
    """What stands on both sides of each pair of splits.

    Args:
        audit: As `data.samples.leak_audit` gives it.
        sample: The sample that was audited, to name it where a page has several.
    """
    of = f" of {sample.name}" if sample else ""
    patients = audit.loc[audit["kind"] == "patients", "shared"]
    torn = " Patients stand on both: it is split by slice." if patients.any() else ""
    return frame(
        audit,
        f"The leak audit{of}: patients, linked groups, studies, series and identical pixels (but "
        f"those of blank slices) that stand on both sides of two splits.{torn}",
    )


def rules(store: Store) -> Table:
    """How many slices each header rule changed."""
    rows = [[str(rule), f"{count:,}"] for rule, count in summary.rules_applied(store).items()]
    return Table(
        "Header rules that changed a slice, and how many each changed.",
        ["rule", "slices"],
        rows or [["none", "0"]],
        numeric=frozenset({1}),
    )


def parameters_of(profile: Profile) -> Table:
    """A profile's values, for the end of a page."""
    rows = [[name, in_words(value, 6)] for name, value in profile.model_dump().items()]
    return Table(f"The profile {profile.profile}.", ["parameter", "value"], rows)


def in_words(value: Any, digits: int = 6) -> str:
    """A value of any kind as a text; floats with so many decimals, or as they are from 6 on."""
    if value is None or (isinstance(value, list) and not value):
        return "none"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:g}" if digits >= 6 else number(float(value), digits)
    if isinstance(value, int | np.integer):
        return f"{int(value):,}" if abs(int(value)) >= 10_000 else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(in_words(item, digits) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value)
