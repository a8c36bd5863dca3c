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

from ichreport.data.ingest.make_shard import SCHEMA
from ichreport.data.ingest.sources import Source
from ichreport.data.labels.table import UNLABELLED, LabelIssue, LabelTable
from ichreport.data.patient_groups import varies_within
from ichreport.data.shard_files import table_name
from ichreport.labels import LABELS

_ORDER: Final = (
    "patient_id",
    "study_instance_uid",
    "series_instance_uid",
    "z",
    "sop_instance_uid",
)
"""The columns by which a store's slices are sorted."""
SAME_SLICE: Final = "another file holds the same slice (SOPInstanceUID)"
_OTHER_PIXELS: Final = "another file holds other pixels under the same SOPInstanceUID"
_RULE_EQUAL_Z: Final = "equal z, ordered by SOP Instance UID"
_CONTRADICTING: Final = "slices whose pixels another slice has too, with other labels"
_SHOWN: Final = 5


@dataclass(frozen=True)
class SliceIndex:
    """What the shards of a store hold.

    Attributes:
        slices: One row a slice, sorted by `_ORDER`.
        rejects: The columns `file` and `reason`, sorted by file.
        rules: How many slices each rule changed.
        studies: One row a study, sorted likewise, where studies are labelled.
        issues: What is odd about labels and files.
    """

    slices: pa.Table
    rejects: pa.Table
    rules: dict[str, int]
    studies: pa.Table | None = None
    issues: list[LabelIssue] = field(default_factory=list)


SliceNames = Callable[[Sequence[str]], Sequence[str]]
"""From files, as a store names them, to the names of their slices."""


def build_index(
    store: Path,
    numbers: Sequence[int],
    labels: LabelTable | None,
    *,
    slice_names: SliceNames | None,
) -> SliceIndex:
    """Merge the tables of shards with the labels.

    A slice that comes in several files is kept once, from the first file by path; the other files
    become rejects, with another reason where their pixels differ.

    Args:
        store: The folder of the shards.
        numbers: The shards' numbers.
        labels: Labels by SOP Instance UID, pseudonymised like the shards; None leaves all at -1.
        slice_names: Gives the slices of rejected files, so that their label rows are known; None
            where a file is not named by its slice.
    """
    merged = pa.concat_tables(_with_shard(store, number) for number in numbers)
    merged = merged.take(pc.sort_indices(merged, sort_keys=[("file", "ascending")]))
    is_slice = pc.is_valid(merged["row"])
    slices, rejects = merged.filter(is_slice), merged.filter(pc.invert(is_slice))
    first = _first_of_name(slices["sop_instance_uid"])
    repeated = first != np.arange(len(first))
    if repeated.any():
        pixels = slices["pixel_hash"].to_numpy()
        reason = np.where(pixels == pixels[first], SAME_SLICE, _OTHER_PIXELS)[repeated]
        repeats = slices.filter(pa.array(repeated))
        column = repeats.schema.get_field_index("reason")
        repeats = repeats.set_column(column, "reason", pa.array(reason.astype(object), pa.string()))
        rejects = pa.concat_tables([rejects, repeats])
        rejects = rejects.take(pc.sort_indices(rejects, sort_keys=[("file", "ascending")]))
        slices = slices.filter(pa.array(~repeated))
    slices = slices.take(
        pc.sort_indices(slices, sort_keys=[(name, "ascending") for name in _ORDER])
    )
    slices, issues = _label(slices, rejects, labels, slice_names)
    return SliceIndex(
        slices=slices.drop_columns(["file", "reason"]),
        rejects=rejects.select(["file", "reason"]),
        rules=_count_rules(slices),
        issues=issues,
    )


def check_labels_fit(index: SliceIndex, source: Source) -> None:
    """Refuse labels of which none is of any slice.

    Raises:
        ValueError: If the source has labels, and no slice of the index has one.
    """
    if source.labels is None:
        return
    zero = pa.scalar(0, pa.int8())
    labelled = (pc.any(pc.greater_equal(index.slices[label], zero)).as_py() for label in LABELS)
    if not any(labelled):
        raise ValueError(
            f"{source.labels}: no label row fits any slice of {source.folder}. Expected the "
            f"slices' SOP Instance UIDs."
        )


def _with_shard(store: Path, number: int) -> pa.Table:
    table = pq.read_table(store / table_name(number)).replace_schema_metadata(None)
    shard = pa.array(np.full(len(table), number, dtype=np.int32))
    return table.add_column(SCHEMA.get_field_index("row"), "shard", shard)


def _first_of_name(names: pa.ChunkedArray) -> NDArray[np.int64]:
    """For each row, the first row of the same name."""
    codes = pc.dictionary_encode(names.combine_chunks()).indices.to_numpy()
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    rows: NDArray[np.int64] = first[inverse]
    return rows


def slice_names_from_files(files: Sequence[str]) -> list[str]:
    """The slices of the challenge's files: file names without folder and ending."""
    return [PurePosixPath(file).stem for file in files]


def _label(
    slices: pa.Table,
    rejects: pa.Table,
    labels: LabelTable | None,
    slice_names: SliceNames | None,
) -> tuple[pa.Table, list[LabelIssue]]:
    values = np.full((len(slices), len(LABELS)), UNLABELLED, dtype=np.int8)
    issues: list[LabelIssue] = []
    if labels is not None:
        issues.extend(labels.issues)
        names = slices["sop_instance_uid"]
        indices = pc.index_in(names, value_set=labels.ids)
        labelled = pc.is_valid(indices).to_numpy()
        values[labelled] = labels.labels[pc.drop_null(indices).to_numpy()]
        _note(issues, "files without a label row", names.filter(pa.array(~labelled)))
        missing = labels.ids.filter(pc.invert(pc.is_in(labels.ids, value_set=names)))
        if slice_names is not None:
            named = pa.array(slice_names(rejects["file"].to_pylist()), pa.string())
            rejected = pc.is_in(missing, value_set=named)
            _note(issues, "label rows whose file was rejected", missing.filter(rejected))
            missing = missing.filter(pc.invert(rejected))
        _note(issues, "label rows without a file", missing)
        _note(issues, _CONTRADICTING, names.filter(pa.array(_contradicting(slices, values))))
    for column, label in enumerate(LABELS):
        slices = slices.append_column(label, pa.array(values[:, column]))
    return slices, issues


def _contradicting(slices: pa.Table, values: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which labelled slices have pixels that another has too, with other labels; no blank ones."""
    compared = (values != UNLABELLED).all(axis=1) & ~slices["blank"].to_numpy()
    pixels, _ = pd.factorize(slices["pixel_hash"].to_numpy()[compared])
    labels = values[compared].astype(np.int64) @ (1 << np.arange(len(LABELS)))
    contradicting = np.zeros(len(slices), dtype=bool)
    contradicting[compared] = varies_within(pixels, labels)
    return contradicting


def _note(issues: list[LabelIssue], what: str, names: Any) -> None:
    if len(names):
        examples = tuple(names[:_SHOWN].to_pylist())
        issues.append(LabelIssue(what, len(names), examples, stops=False))


def _count_rules(slices: pa.Table) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for entry in pc.value_counts(slices["rules"]).to_pylist():
        for rule in filter(None, entry["values"].split("; ")):
            counts[rule] += entry["counts"]
    equal = np.zeros(len(slices), dtype=bool)
    if len(slices) > 1:
        same = np.ones(len(slices) - 1, dtype=bool)
        for name in _ORDER[:-1]:
            column = slices[name].combine_chunks()
            same &= pc.equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
        equal[1:] |= same
        equal[:-1] |= same
    counts[_RULE_EQUAL_Z] = int(equal.sum())
    return {rule: count for rule, count in sorted(counts.items()) if count}
