"""The index of a store: the shards' tables and the labels, merged, sorted and checked."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ichreport.data.dicom.reject import is_set_aside, reason_of_set_aside
from ichreport.data.ingest.series_selection import NEEDED, choose, keep_all, series_table
from ichreport.data.ingest.shards.make_shard import SCHEMA
from ichreport.data.ingest.sources import Source, slice_of_file
from ichreport.data.labels.table import UNLABELLED, LabelIssue, LabelTable
from ichreport.data.patient_groups import varies_within
from ichreport.data.shards.shard_files import table_name
from ichreport.data.store import OF_A_SERIES, OF_A_STUDY, series_numbers
from ichreport.labels import LABELS

_ORDER: Final = (
    "patient_id",
    "study_instance_uid",
    "series_instance_uid",
    "z",
    "sop_instance_uid",
)
"""The columns by which a store's slices are sorted."""
SAME_SLICE: Final = "set aside: another file holds the same slice (SOPInstanceUID)"
_PASSED_OVER: Final = "set aside: of a series that is passed over: "
_OTHER_PIXELS: Final = "another file holds other pixels under the same SOPInstanceUID"
_RULE_EQUAL_Z: Final = "equal z, ordered by SOP Instance UID"
_CONTRADICTING: Final = "slices whose pixels another slice has too, with other labels"
_MANY_STUDIES: Final = 5
"""Studies of one patient from which on it is asked whether they are of several."""
_BY_STUDY: Final = (
    "if they are of several patients who share an ID, `group_by: study` keeps them apart"
)
_SHOWN: Final = 5


@dataclass(frozen=True)
class SliceIndex:
    """What the shards of a store hold.

    Attributes:
        slices: One row a slice, sorted by `_ORDER`.
        series: One row a series, kept or passed over, as `series_selection` gives it.
        rejects: Files that cannot be used: `file` and `reason`, sorted by file.
        set_aside: Files that are whole and something else, or of a series that is passed over; the
            same columns.
        rules: How many slices each rule changed.
        studies: One row a study, sorted likewise, where studies are labelled.
        issues: What is odd about labels and files.
    """

    slices: pa.Table
    series: pa.Table
    rejects: pa.Table
    set_aside: pa.Table
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
    all_series: bool = True,
) -> SliceIndex:
    """Merge the tables of shards with the labels, and choose the series to keep.

    A slice that comes in several files is kept once, from the first file by path; the other files
    are set aside, or become rejects where their pixels differ.

    Args:
        store: The folder of the shards.
        numbers: The shards' numbers.
        labels: Labels by SOP Instance UID, pseudonymised like the shards; None leaves all at -1.
        slice_names: Gives the slices of rejected files, so that their label rows are known; None
            where a file is not named by its slice.
        all_series: Whether to keep all series, or one head of each study.
    """
    merged = pa.concat_tables(_with_shard(store, number) for number in numbers)
    merged = merged.take(pc.sort_indices(merged, sort_keys=[("file", "ascending")]))
    is_slice = pc.is_valid(merged["row"])
    slices = merged.filter(is_slice)
    left_out = [merged.filter(pc.invert(is_slice)).select(["file", "reason"])]
    slices, repeats = _without_repeats(slices)
    left_out.append(repeats)
    slices = slices.take(
        pc.sort_indices(slices, sort_keys=[(name, "ascending") for name in _ORDER])
    )
    slices = _labelled(slices, labels)
    series = series_table(slices.select(NEEDED).to_pandas())
    series = keep_all(series) if all_series else choose(series)
    slices, passed_over = _of_kept_series(slices, series)
    left_out.append(passed_over)
    rejects, set_aside = _by_kind(pa.concat_tables(left_out))
    issues = [] if labels is None else labels.issues.copy()
    if labels is not None:
        files = pa.concat_tables([rejects, set_aside])["file"].to_pylist()
        issues += _label_issues(slices, labels, slice_names(files) if slice_names else [])
    return SliceIndex(
        slices=slices.drop_columns(["file", "reason"]),
        series=pa.Table.from_pandas(series, preserve_index=False),
        rejects=rejects,
        set_aside=set_aside,
        rules=_count_rules(slices),
        issues=[*issues, *_series_issues(slices, series)],
    )


def _without_repeats(slices: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Each slice once, and those that another file holds too, with the reason."""
    first = _first_of_name(slices["sop_instance_uid"])
    repeated = first != np.arange(len(first))
    pixels = slices["pixel_hash"].to_numpy()
    reasons = np.where(pixels == pixels[first], SAME_SLICE, _OTHER_PIXELS)
    return slices.filter(pa.array(~repeated)), _with_reasons(slices, repeated, reasons)


def _of_kept_series(slices: pa.Table, series: pd.DataFrame) -> tuple[pa.Table, pa.Table]:
    """The slices of series that are kept, and those of series that are not, with the reason."""
    number = series_numbers(slices.select(OF_A_SERIES).to_pandas())
    kept = series["kept"].to_numpy()[number]
    reasons = (_PASSED_OVER + series["why"]).to_numpy()[number]
    return slices.filter(pa.array(kept)), _with_reasons(slices, ~kept, reasons)


def _with_reasons(slices: pa.Table, where: NDArray[np.bool_], reasons: NDArray[Any]) -> pa.Table:
    """The files of some slices, with the reasons why they are left out."""
    files = slices["file"].filter(pa.array(where))
    return pa.table({"file": files, "reason": pa.array(reasons[where].astype(object), pa.string())})


def _by_kind(left_out: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Files that cannot be used, and those that are set aside, each sorted by file."""
    left_out = left_out.group_by(["file", "reason"]).aggregate([])  # several slices of a file
    by_file = [("file", "ascending"), ("reason", "ascending")]
    left_out = left_out.take(pc.sort_indices(left_out, sort_keys=by_file))
    aside = pa.array(map(is_set_aside, left_out["reason"].to_pylist()), pa.bool_())
    set_aside = left_out.filter(aside)
    reasons = pa.array(map(reason_of_set_aside, set_aside["reason"].to_pylist()), pa.string())
    return left_out.filter(pc.invert(aside)), set_aside.set_column(1, "reason", reasons)


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
    """The slices of the challenge's files."""
    return [slice_of_file(file) for file in files]


def _labelled(slices: pa.Table, labels: LabelTable | None) -> pa.Table:
    """The slices with their labels, -1 where they have none."""
    values = np.full((len(slices), len(LABELS)), UNLABELLED, dtype=np.int8)
    if labels is not None:
        indices = pc.index_in(slices["sop_instance_uid"], value_set=labels.ids)
        labelled = pc.is_valid(indices).to_numpy()
        values[labelled] = labels.labels[pc.drop_null(indices).to_numpy()]
    for column, label in enumerate(LABELS):
        slices = slices.append_column(label, pa.array(values[:, column]))
    return slices


def _label_issues(
    slices: pa.Table, labels: LabelTable, left_out: Sequence[str]
) -> list[LabelIssue]:
    """What does not fit between slices and labels.

    Args:
        slices: With their labels.
        labels: The labels.
        left_out: The names of slices whose files were left out, where they are known.
    """
    issues: list[LabelIssue] = []
    names = slices["sop_instance_uid"]
    known = pc.is_in(names, value_set=labels.ids)
    _note(issues, "files without a label row", names.filter(pc.invert(known)))
    missing = labels.ids.filter(pc.invert(pc.is_in(labels.ids, value_set=names)))
    rejected = pc.is_in(missing, value_set=pa.array(left_out, pa.string()))
    _note(issues, "labelled slices whose file was left out", missing.filter(rejected))
    _note(issues, "labelled slices without a file", missing.filter(pc.invert(rejected)))
    values = np.stack([slices[label].to_numpy() for label in LABELS], axis=1)
    _note(issues, _CONTRADICTING, names.filter(pa.array(_contradicting(slices, values))))
    return issues


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


def _series_issues(slices: pa.Table, series: pd.DataFrame) -> list[LabelIssue]:
    """What is odd about the series that are kept, and about whom they are of."""
    kept = series[series["kept"]]
    counts = {
        "series with uneven steps between their slices": int(kept["uneven"].sum()),
        "series with gaps between their slices": int((kept["gaps"] > 0).sum()),
        "series with several slices at one position": int((kept["repeated"] > 0).sum()),
        "slices of face, neck or air beyond the skull's vault, kept with their heads": int(
            pc.sum(pc.equal(slices["shows_head"], False)).as_py() or 0
        ),
    }
    studies = kept.drop_duplicates(OF_A_STUDY)["patient_id"]
    most = int(studies.value_counts().max()) if len(studies) else 0
    if most >= _MANY_STUDIES and 2 * most > len(studies):
        what = f"one patient has so many of the {len(studies):,} studies; {_BY_STUDY}"
        counts[what] = most
    return [LabelIssue(what, count, (), stops=False) for what, count in counts.items() if count]


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
