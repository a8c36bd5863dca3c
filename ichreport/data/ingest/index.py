"""The index of a store: the shards' tables and the labels, merged, sorted and checked."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ichreport.data.ingest.shards import SCHEMA, table_name
from ichreport.data.labels.table import UNLABELLED, Finding, LabelTable
from ichreport.data.patient_groups import varies_within
from ichreport.labels import LABELS

ORDER: Final = (
    "patient_id",
    "study_instance_uid",
    "series_instance_uid",
    "z",
    "sop_instance_uid",
)
"""The columns by which a store's slices are sorted."""
SAME_SLICE: Final = "another file holds the same slice (SOPInstanceUID)"
SAME_NAME: Final = "another file holds other pixels under the same SOPInstanceUID"
RULE_EQUAL_Z: Final = "equal z, ordered by SOP Instance UID"
CONTRADICTING: Final = "slices whose pixels another slice has too, with other labels"
_SHOWN: Final = 5


@dataclass(frozen=True)
class Index:
    """What the shards of a store hold.

    Attributes:
        slices: One row a slice, sorted by `ORDER`.
        rejects: The columns `file` and `reason`, sorted by file.
        rules: How many slices each rule changed.
        findings: What was odd when labels and files were put together.
    """

    slices: pa.Table
    rejects: pa.Table
    rules: dict[str, int]
    findings: list[Finding] = field(default_factory=list)


SliceNames = Callable[[Sequence[str]], Sequence[str]]
"""From files, as a store names them, to the names of the slices that they are."""


def build_index(
    store: Path,
    numbers: Sequence[int],
    labels: LabelTable | None,
    *,
    slice_names: SliceNames | None,
) -> Index:
    """Merge the tables of shards with the labels.

    A slice that comes in several files is kept once, from the first file by path; the other files
    become rejects, with a reason of their own where their pixels are others.

    Args:
        store: The folder of the shards.
        numbers: The shards' numbers.
        labels: Labels by SOP Instance UID, pseudonymised like the shards; None leaves all at -1.
        slice_names: Tells which slices the rejected files are, so that their label rows are known;
            None where a file is not named by its slice.
    """
    merged = pa.concat_tables(_with_shard(store, number) for number in numbers)
    merged = merged.take(pc.sort_indices(merged, sort_keys=[("file", "ascending")]))
    made = pc.is_valid(merged["row"])
    slices, rejects = merged.filter(made), merged.filter(pc.invert(made))
    first = _first_of_name(slices["sop_instance_uid"])
    repeated = first != np.arange(len(first))
    if repeated.any():
        pixels = slices["pixel_hash"].to_numpy()
        reason = np.where(pixels == pixels[first], SAME_SLICE, SAME_NAME)[repeated]
        again = slices.filter(pa.array(repeated))
        column = again.schema.get_field_index("reason")
        again = again.set_column(column, "reason", pa.array(reason.astype(object), pa.string()))
        rejects = pa.concat_tables([rejects, again])
        rejects = rejects.take(pc.sort_indices(rejects, sort_keys=[("file", "ascending")]))
        slices = slices.filter(pa.array(~repeated))
    slices = slices.take(pc.sort_indices(slices, sort_keys=[(name, "ascending") for name in ORDER]))
    slices, findings = _label(slices, rejects, labels, slice_names)
    return Index(
        slices=slices.drop_columns(["file", "reason"]),
        rejects=rejects.select(["file", "reason"]),
        rules=_count_rules(slices),
        findings=findings,
    )


def _with_shard(store: Path, number: int) -> pa.Table:
    table = pq.read_table(store / table_name(number)).replace_schema_metadata(None)
    shard = pa.array(np.full(len(table), number, dtype=np.int32))
    return table.add_column(SCHEMA.get_field_index("row"), "shard", shard)


def _first_of_name(names: pa.ChunkedArray) -> NDArray[np.int64]:
    """For each row, the first row of the same name."""
    codes = pc.dictionary_encode(names.combine_chunks()).indices.to_numpy()
    _, first, own = np.unique(codes, return_index=True, return_inverse=True)
    rows: NDArray[np.int64] = first[own]
    return rows


def stems(files: Sequence[str]) -> list[str]:
    """The slices that the challenge's files are: their names without folder and ending."""
    return [PurePosixPath(file).stem for file in files]


def _label(
    slices: pa.Table,
    rejects: pa.Table,
    labels: LabelTable | None,
    slice_names: SliceNames | None,
) -> tuple[pa.Table, list[Finding]]:
    values = np.full((len(slices), len(LABELS)), UNLABELLED, dtype=np.int8)
    findings: list[Finding] = []
    if labels is not None:
        findings.extend(labels.findings)
        names = slices["sop_instance_uid"]
        place = pc.index_in(names, value_set=labels.ids)
        given = pc.is_valid(place).to_numpy()
        values[given] = labels.labels[pc.drop_null(place).to_numpy()]
        _note(findings, "files without a label row", names.filter(pa.array(~given)))
        missing = labels.ids.filter(pc.invert(pc.is_in(labels.ids, value_set=names)))
        if slice_names is not None:
            named = pa.array(slice_names(rejects["file"].to_pylist()), pa.string())
            rejected = pc.is_in(missing, value_set=named)
            _note(findings, "label rows whose file was rejected", missing.filter(rejected))
            missing = missing.filter(pc.invert(rejected))
        _note(findings, "label rows without a file", missing)
        _note(findings, CONTRADICTING, names.filter(pa.array(_contradicting(slices, values))))
    for column, label in enumerate(LABELS):
        slices = slices.append_column(label, pa.array(values[:, column]))
    return slices, findings


def _contradicting(slices: pa.Table, values: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which labelled slices have pixels that another has too, with other labels; no blank ones."""
    asked = (values != UNLABELLED).all(axis=1) & ~slices["blank"].to_numpy()
    pixels, _ = pd.factorize(slices["pixel_hash"].to_numpy()[asked])
    labels = values[asked].astype(np.int64) @ (1 << np.arange(len(LABELS)))
    found = np.zeros(len(slices), dtype=bool)
    found[asked] = varies_within(pixels, labels)
    return found


def _note(findings: list[Finding], what: str, names: Any) -> None:
    if len(names):
        examples = tuple(names[:_SHOWN].to_pylist())
        findings.append(Finding(what, len(names), examples, stops=False))


def _count_rules(slices: pa.Table) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for entry in pc.value_counts(slices["rules"]).to_pylist():
        for rule in filter(None, entry["values"].split("; ")):
            counts[rule] += entry["counts"]
    equal = np.zeros(len(slices), dtype=bool)
    if len(slices) > 1:
        same = np.ones(len(slices) - 1, dtype=bool)
        for name in ORDER[:-1]:
            column = slices[name].combine_chunks()
            same &= pc.equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
        equal[1:] |= same
        equal[:-1] |= same
    counts[RULE_EQUAL_Z] = int(equal.sum())
    return {rule: count for rule, count in sorted(counts.items()) if count}
