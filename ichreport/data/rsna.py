"""The challenge's label CSV: one row a slice and subtype, as a table with one row a slice."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import ANY, LABELS, SUBTYPES

UNLABELLED: Final = -1
_SHOWN: Final = 5


@dataclass(frozen=True)
class Finding:
    """Something odd in a label file: how often, the first examples, and whether it stops."""

    what: str
    count: int
    examples: tuple[str, ...]
    stops: bool

    def __str__(self) -> str:
        shown = ", ".join(self.examples)
        return f"{self.what}: {self.count:,}" + (f" (first: {shown})" if shown else "")


@dataclass(frozen=True)
class LabelTable:
    """Labels by slice.

    Attributes:
        ids: The slices' SOP Instance UIDs, unique, in the order of the file.
        labels: int8 of shape (len(ids), 6) in the order of `LABELS`: 0, 1, or -1 where not given.
        findings: What was odd, none of which stops.
    """

    ids: pa.StringArray
    labels: NDArray[np.int8]
    findings: list[Finding] = field(default_factory=list)

    def pseudonymised(self, pseudonyms: Pseudonyms) -> Self:
        """The same labels by the slices' pseudonyms, in the findings' examples too."""
        ids = [pseudonyms.of("sop_instance_uid", name) for name in self.ids.to_pylist()]
        return replace(self, ids=pa.array(ids, pa.string()))

    def frame(self) -> pd.DataFrame:
        """The labels as a table, indexed by `sop_instance_uid`."""
        index = pd.Index(self.ids.to_pandas(), name="sop_instance_uid")
        return pd.DataFrame(self.labels, index=index, columns=list(LABELS))


def read_labels(path: Path) -> LabelTable:
    """Read `stage_2_train.csv`: columns `ID,Label`, IDs `ID_<9 hex>_<subtype>`.

    Identical repeats are dropped and counted. Slices that lack some of the six rows keep -1 there
    and are counted. Contradicting repeats, unknown subtypes, labels other than 0 and 1, and an
    `any` that is not the maximum of the five stop.

    Args:
        path: The CSV file.

    Raises:
        ValueError: If the file is not such a CSV, or anything in it stops; all findings are listed.
    """
    names, labels = _read_columns(path)
    findings: list[Finding] = []
    labels = _binary_values(names, labels, findings)
    by_label = _split_by_label(names, labels, findings)
    ids = pc.unique(pa.chunked_array([part for part, _ in by_label.values()], pa.string()))
    values = np.full((len(ids), len(LABELS)), UNLABELLED, dtype=np.int8)
    repeats, contradicted = 0, np.zeros(len(ids), dtype=bool)
    repeated = np.zeros(len(ids), dtype=bool)
    for column, label in enumerate(LABELS):
        part, given = by_label[label]
        place = pc.index_in(part, value_set=ids).to_numpy(zero_copy_only=False)
        values[place, column] = given
        differs = np.zeros(len(ids), dtype=bool)
        differs[place[values[place, column] != given]] = True
        surplus = np.where(differs, 0, (np.bincount(place, minlength=len(ids)) - 1).clip(0))
        contradicted |= differs
        repeated |= surplus > 0
        repeats += int(surplus.sum())
    note = _Notes(ids, findings)
    note.add("repeats that contradict each other", contradicted, stops=True)
    if repeats:
        findings.append(
            Finding("identical repeats dropped", repeats, note.examples(repeated), stops=False)
        )
    _check_any(values, note)
    note.add("slices without all six labels", (values == UNLABELLED).any(axis=1), stops=False)
    stop_on(findings, path)
    return LabelTable(ids, values, findings)


class _Notes:
    """Collects findings about slices."""

    def __init__(self, ids: pa.StringArray, findings: list[Finding]) -> None:
        self._ids, self.findings = ids, findings

    def add(self, what: str, where: NDArray[np.bool_], *, stops: bool) -> None:
        if where.any():
            self.findings.append(Finding(what, int(where.sum()), self.examples(where), stops))

    def examples(self, where: NDArray[np.bool_]) -> tuple[str, ...]:
        return tuple(self._ids.take(np.flatnonzero(where)[:_SHOWN]).to_pylist())


def _check_any(values: NDArray[np.int8], note: _Notes) -> None:
    subtypes, any_label = values[:, : len(SUBTYPES)], values[:, LABELS.index(ANY)]
    highest = subtypes.max(axis=1)
    known = (any_label != UNLABELLED) & (subtypes != UNLABELLED).all(axis=1)
    wrong = (known & (any_label != highest)) | ((any_label == 0) & (highest == 1))
    note.add("`any` is not the maximum of the five subtypes", wrong, stops=True)


def stop_on(findings: list[Finding], path: Path) -> None:
    """Raise if any finding stops.

    Raises:
        ValueError: With every finding, a line each.
    """
    if any(finding.stops for finding in findings):
        lines = [f"  {finding}{'' if finding.stops else ' - allowed'}" for finding in findings]
        raise ValueError(f"{path}: the labels cannot be used.\n" + "\n".join(lines))


def _read_columns(path: Path) -> tuple[pa.StringArray, pa.DictionaryArray]:
    kinds = {"ID": pa.string(), "Label": pa.dictionary(pa.int32(), pa.string())}
    try:
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(block_size=2**24),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=kinds, include_columns=list(kinds), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise ValueError(f"{path}: expected a CSV with the columns ID,Label; {error}") from None
    return (
        table["ID"].combine_chunks(),
        table["Label"].unify_dictionaries().combine_chunks(),
    )


def _binary_values(
    names: pa.StringArray, labels: pa.DictionaryArray, findings: list[Finding]
) -> NDArray[np.int8]:
    words = labels.dictionary.to_pylist()
    meaning = np.array([{"0": 0, "1": 1}.get(word.strip(), UNLABELLED) for word in words], np.int8)
    values: NDArray[np.int8] = meaning[labels.indices.to_numpy()]
    bad = values == UNLABELLED
    if bad.any():
        rows = np.flatnonzero(bad)[:_SHOWN]
        examples = tuple(f"{names[row]} is {labels[row].as_py()!r}" for row in rows.tolist())
        findings.append(Finding("labels other than 0 and 1", int(bad.sum()), examples, stops=True))
    return values


def _split_by_label(
    names: pa.StringArray, values: NDArray[np.int8], findings: list[Finding]
) -> dict[str, tuple[pa.StringArray, NDArray[np.int8]]]:
    parts: dict[str, tuple[Any, NDArray[np.int8]]] = {}
    unknown = np.ones(len(names), dtype=bool)
    for label in LABELS:
        ending = f"_{label}"
        mine = pc.ends_with(names, pattern=ending)
        where = mine.to_numpy(zero_copy_only=False)
        unknown &= ~where
        ids = pc.utf8_slice_codeunits(names.filter(mine), 0, -len(ending))
        parts[label] = ids, values[where]
    if unknown.any():
        rows = np.flatnonzero(unknown)[:_SHOWN]
        examples = tuple(str(names[row]) for row in rows.tolist())
        findings.append(
            Finding("IDs that end in no known subtype", int(unknown.sum()), examples, stops=True)
        )
    return parts
