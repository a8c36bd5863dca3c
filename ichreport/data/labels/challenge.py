"""The challenge's label CSV: one row for each slice and subtype."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from ichreport.data.labels.table import UNLABELLED, LabelIssues, LabelTable
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS


def read_challenge_labels(path: Path, pseudonyms: Pseudonyms | None = None) -> LabelTable:
    """Read `stage_2_train.csv`: columns `ID,Label`, IDs `ID_<9 hex>_<subtype>`.

    Identical repeats are dropped and counted. Slices that lack some of the six rows keep -1 there
    and are counted. Contradicting repeats, unknown subtypes, labels other than 0 and 1, and an
    `any` that is not the maximum of the five stop.

    Args:
        path: The CSV file.
        pseudonyms: With them, issues show slices by their pseudonyms.

    Returns:
        The labels by SOP Instance UID as the file has it.

    Raises:
        ValueError: If the file is not such a CSV, or anything in it stops; all issues are listed.
    """
    issues = LabelIssues(path, pseudonyms)
    names, words = _read_columns(path)
    values = _binary_values(names, words, issues)
    columns = _split_by_label(names, values, issues)
    return LabelTable.from_columns(columns, issues, complete=False)


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
    names: pa.StringArray, words: pa.DictionaryArray, issues: LabelIssues
) -> NDArray[np.int8]:
    meaning = [{"0": 0, "1": 1}.get(w.strip(), UNLABELLED) for w in words.dictionary.to_pylist()]
    values: NDArray[np.int8] = np.array(meaning, np.int8)[words.indices.to_numpy()]
    issues.add_lines(
        "labels other than 0 and 1",
        values == UNLABELLED,
        lambda row: f"{names[row]} is {words[row].as_py()!r}",
        stops=True,
    )
    return values


def _split_by_label(
    names: pa.StringArray, values: NDArray[np.int8], issues: LabelIssues
) -> dict[str, tuple[pa.StringArray, NDArray[np.int8]]]:
    columns: dict[str, tuple[Any, NDArray[np.int8]]] = {}
    unknown = np.ones(len(names), dtype=bool)
    for label in LABELS:
        ending = f"_{label}"
        ends_so = pc.ends_with(names, pattern=ending)
        where = ends_so.to_numpy(zero_copy_only=False)
        unknown &= ~where
        ids = pc.utf8_slice_codeunits(names.filter(ends_so), 0, -len(ending))
        columns[label] = ids, values[where]
    issues.add_lines(
        "IDs that end in no known subtype", unknown, lambda row: str(names[row]), stops=True
    )
    return columns
