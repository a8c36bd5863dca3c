"""The reads of CQ500, `reads.csv`: what each of three radiologists sees in a scan.

Chilamkurthy et al., The Lancet 392 (2018) 2388. The truth is what two of the three say.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ichreport.data.labels.csv_columns import Head, read_columns, read_head, trimmed
from ichreport.data.labels.hospital import read_values
from ichreport.data.labels.studies import StudyLabels, first_lines
from ichreport.data.labels.table import UNLABELLED, LabelIssues
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import ANY, LABELS, SUBTYPES

NAME_COLUMN: Final = "name"
_READERS: Final = (1, 2, 3)
FINDINGS: Final = {
    "epidural": "EDH",
    "intraparenchymal": "IPH",
    "intraventricular": "IVH",
    "subarachnoid": "SAH",
    "subdural": "SDH",
    "any": "ICH",
}
"""How the files call the labels."""
_OTHER_FINDINGS: Final = (
    *("BleedLocation-Left", "BleedLocation-Right", "ChronicBleed", "MassEffect", "MidlineShift"),
    *("Fracture", "CalvarialFracture", "OtherFracture"),
)
NAME: Final = r"^(?i:CQ500-?CT-?)0*(?P<number>[0-9]{1,6})$"
SPELLINGS: Final = ("CQ500-CT-{}", "CQ500CT{}")
"""How the table, and how files write a scan's name."""


def _column(reader: int, label: str) -> str:
    """The file's column of a reader's votes, such as `R1:EDH`."""
    return f"R{reader}:{FINDINGS[label]}"


def is_reads(head: Head) -> bool:
    """Whether a head line is that of the reads: the scans' names and a reader's votes."""
    columns = (NAME_COLUMN, _column(_READERS[0], ANY))
    return all(head.index(name) is not None for name in columns)


def read_cq500_reads(path: Path, pseudonyms: Pseudonyms | None = None) -> StudyLabels:
    """Read the votes of the three readers, and what the majority of them says of each label.

    Each label has a majority of its own, `any` that of ICH. So it may be 1 with all five subtypes
    at 0, where readers agree that it bleeds and not on the kind; and 0 with a subtype at 1 only
    where a reader contradicts himself. Both are counted, and neither is altered. A vote that is
    missing is nobody's: the other two then have to agree.

    Identical repeats are dropped; contradictions, votes other than 0 and 1, and names of another
    form stop.

    Args:
        path: The CSV file.
        pseudonyms: With them, issues show no cell at all.

    Raises:
        ValueError: If a column is missing or anything in the file stops; all issues are listed.
    """
    head = read_head(path)
    columns = [_column(reader, label) for reader in _READERS for label in LABELS]
    table = read_columns(head, (NAME_COLUMN, *columns), few_values=columns)
    names = trimmed(table[NAME_COLUMN])
    lines = first_lines(names.to_pylist())
    issues = LabelIssues(path, pseudonyms, lines=lines, rows_are="scans")
    issues.add("columns that are no label", head.others((NAME_COLUMN, *columns, *_not_read())))
    named = pc.match_substring_regex(names, NAME).to_numpy(zero_copy_only=False)
    forms = [spelling.format("<number>") for spelling in SPELLINGS]
    issues.add_lines(f"names that are not {forms[0]}", ~named, lambda row: "", stops=True)
    cells = [read_values(table[column], column, issues) for column in columns]
    issues.stop()
    votes = np.stack(cells, axis=1).reshape(-1, len(_READERS), len(LABELS))
    first = _drop_repeats(names, votes, issues)
    issues.stop()
    names, votes = names.take(pa.array(first)), votes[first]
    labels = majority(votes)
    _note_contradictions(names, labels, issues)
    numbers = _numbers(names).to_pylist()
    return StudyLabels(
        identifier="patient_id",
        expected=f"PatientID, {' or '.join(forms)}",
        spellings=tuple(
            pa.array([spelling.format(number) for number in numbers], pa.string())
            for spelling in SPELLINGS
        ),
        lines=np.array([lines[name] for name in names.to_pylist()], dtype=np.int64),
        labels=labels,
        votes=votes,
        issues=issues.issues,
    )


def majority(votes: NDArray[np.int8]) -> NDArray[np.int8]:
    """What more than half of the readers say.

    Args:
        votes: int8 of shape (n, readers, labels): 0, 1, or -1 where there is no vote.

    Returns:
        int8 of shape (n, labels): 0, 1, or -1 where neither has more than half of all readers.
    """
    readers = votes.shape[1]
    labels = np.full((len(votes), votes.shape[2]), UNLABELLED, dtype=np.int8)
    for value in (0, 1):
        labels[2 * (votes == value).sum(axis=1) > readers] = value
    return labels


def _not_read() -> list[str]:
    """The columns that belong to the file and hold no label of ours."""
    others = [f"R{reader}:{finding}" for reader in _READERS for finding in _OTHER_FINDINGS]
    return ["Category", *others]


def _numbers(names: pa.StringArray) -> pa.StringArray:
    """The numbers in the scans' names; empty where a name has another form."""
    return pc.fill_null(pc.extract_regex(names, NAME).field("number"), "")


def _drop_repeats(
    names: pa.StringArray, votes: NDArray[np.int8], issues: LabelIssues
) -> NDArray[np.int64]:
    """The first row of each scan, in order; repeats that differ from it stop."""
    scan = _numbers(names).dictionary_encode().indices.to_numpy()
    _, first = np.unique(scan, return_index=True)
    repeated = first[scan] != np.arange(len(scan))
    differs = (votes != votes[first[scan]]).any(axis=(1, 2))
    issues.add_lines("repeats that contradict each other", differs, lambda row: "", stops=True)
    issues.add_lines("identical repeats dropped", repeated & ~differs, lambda row: "", stops=False)
    return first


def _note_contradictions(
    names: pa.StringArray, labels: NDArray[np.int8], issues: LabelIssues
) -> None:
    """Count the scans whose `any` is not the maximum of the five."""
    any_label, highest = labels[:, LABELS.index(ANY)], labels[:, : len(SUBTYPES)].max(axis=1)
    for what, says_any in (
        ("most readers see bleeding, but no kind has a majority", 1),
        ("a kind has a majority, but most readers see no bleeding", 0),
    ):
        contradicted = (any_label == says_any) & (highest == 1 - says_any)
        issues.add_names(what, names, contradicted, stops=False)
