"""Labels by slice or study, whatever file they come from, and what is odd in that file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import ANY, LABELS, SUBTYPES

UNLABELLED: Final = -1

UNKNOWN: Final = 2
"""Stands for a cell that is neither 0, 1 nor empty, which stops: no table holds it."""
_SHOWN: Final = 5
_ANY: Final = LABELS.index(ANY)

LabelColumns = Mapping[str, tuple[pa.StringArray, NDArray[np.int8]]]
"""For each label the names of the slices that have it, with repeats, and their values."""


@dataclass(frozen=True)
class LabelIssue:
    """Something odd in a label file: how often, the first examples, and whether it stops."""

    what: str
    count: int
    examples: tuple[str, ...]
    stops: bool

    def __str__(self) -> str:
        shown = ", ".join(self.examples)
        return f"{self.what}: {self.count:,}" + (f" (first: {shown})" if shown else "")


class LabelIssues:
    """Collects what is odd in one label file.

    Args:
        path: The file, named when it stops.
        pseudonyms: With them, slices are shown by their pseudonyms and values not at all.
        lines: The line that names each study or patient first; they are shown by it. None where
            the file names slices.
        rows_are: What a row is of.
    """

    def __init__(
        self,
        path: Path,
        pseudonyms: Pseudonyms | None = None,
        *,
        lines: Mapping[str, int] | None = None,
        rows_are: str = "slices",
    ) -> None:
        self._path, self._pseudonyms, self._lines = path, pseudonyms, lines
        self.rows_are = rows_are
        self.issues: list[LabelIssue] = []

    def add_names(
        self,
        what: str,
        ids: pa.StringArray,
        where: NDArray[np.bool_],
        *,
        stops: bool,
        count: int | None = None,
    ) -> None:
        """Note the slices, studies or patients where something is odd, if there are any.

        Args:
            what: What is odd.
            ids: Their names.
            where: Which of them.
            stops: Whether it stops.
            count: How often it occurs; by default once in each of them.
        """
        if where.any():
            names = ids.take(pa.array(np.flatnonzero(where)[:_SHOWN])).to_pylist()
            count = int(where.sum()) if count is None else count
            self.issues.append(LabelIssue(what, count, self._shown(names), stops))

    def add_lines(
        self,
        what: str,
        where: NDArray[np.bool_],
        text: Callable[[int], str],
        *,
        stops: bool,
        name: Callable[[int], str] | None = None,
    ) -> None:
        """Note the rows of the file where something is odd, if there are any.

        Args:
            what: What is odd.
            where: Which rows, counted after the head line.
            text: What a row says, harmless to show.
            name: Whom a row speaks of, left out where pseudonyms stand in place of names.
            stops: Whether it stops.
        """
        if where.any():
            rows = np.flatnonzero(where)[:_SHOWN].tolist()
            named = name if name is not None and self._pseudonyms is None else lambda _: ""
            texts = [f"{named(row)} {text(row)}".strip() for row in rows]
            shown = [
                f"line {row + 2} {said}".rstrip() for row, said in zip(rows, texts, strict=True)
            ]
            self.issues.append(LabelIssue(what, int(where.sum()), tuple(shown), stops))

    def add(self, what: str, examples: list[str]) -> None:
        """Note something about the file itself, which does not stop."""
        if examples:
            self.issues.append(
                LabelIssue(what, len(examples), tuple(examples[:_SHOWN]), stops=False)
            )

    def _shown(self, names: list[str]) -> tuple[str, ...]:
        if self._lines is not None:
            return tuple(f"line {self._lines[name]}" for name in names)
        if self._pseudonyms is None:
            return tuple(names)
        return tuple(self._pseudonyms.pseudonym("sop_instance_uid", name) for name in names)

    def stop(self) -> None:
        """Raise if any issue stops.

        Raises:
            ValueError: With a line for each issue.
        """
        if any(issue.stops for issue in self.issues):
            lines = [f"  {f}{'' if f.stops else ' - allowed'}" for f in self.issues]
            raise ValueError(
                f"{self._path}: the labels cannot be used.\n"
                + "\n".join(lines)
                + "\nMend the file."
            )


@dataclass(frozen=True)
class LabelTable:
    """Labels by slice, or by what else the rows of a file name.

    Attributes:
        ids: The slices' SOP Instance UIDs, unique, in the order of the file.
        labels: int8 of shape (len(ids), 6) in the order of `LABELS`: 0, 1, or -1 where unlabelled.
        issues: What is odd, none of which stops.
    """

    ids: pa.StringArray
    labels: NDArray[np.int8]
    issues: list[LabelIssue] = field(default_factory=list)

    @classmethod
    def from_columns(cls, columns: LabelColumns, issues: LabelIssues, *, wide: bool) -> Self:
        """Put the labels together, drop identical repeats and check the rest.

        Args:
            columns: For each label its slices and values.
            issues: Takes what is odd: contradicting repeats and an `any` that is not the maximum
                of the five, which stop; identical repeats and missing labels, which do not.
            wide: Whether a row of the file has all labels, and not one. Then a repeated row counts
                once, and labels that follow from others are filled in: no bleed at all means none
                of any subtype, and the other way round.

        Raises:
            ValueError: If any issue stops.
        """
        ids, positions = _unique_slices([names for names, _ in columns.values()])
        labels = np.full((len(ids), len(LABELS)), UNLABELLED, dtype=np.int8)
        contradicted = np.zeros(len(ids), dtype=bool)
        repeated = np.zeros(len(ids), dtype=np.int64)
        for (label, (_, values)), rows in zip(columns.items(), positions, strict=True):
            column = LABELS.index(label)
            labels[rows, column] = values
            differs = np.zeros(len(ids), dtype=bool)
            differs[rows[labels[rows, column] != values]] = True
            contradicted |= differs
            surplus = (np.bincount(rows, minlength=len(ids)) - 1).clip(0)
            surplus[differs] = 0
            repeated = np.maximum(repeated, surplus) if wide else repeated + surplus
        issues.add_names("repeats that contradict each other", ids, contradicted, stops=True)
        issues.add_names(
            "identical repeats dropped", ids, repeated > 0, stops=False, count=int(repeated.sum())
        )
        labels[labels == UNKNOWN] = UNLABELLED  # which is told; what follows is not to be judged by
        if wide:
            _complete(labels)
        _check_any(labels, ids, issues)
        partly = (labels == UNLABELLED).any(axis=1)
        issues.add_names(f"{issues.rows_are} without all six labels", ids, partly, stops=False)
        issues.stop()
        return cls(ids, labels, issues.issues)

    def pseudonymised(self, pseudonyms: Pseudonyms) -> Self:
        """The same labels by the slices' pseudonyms."""
        ids = [pseudonyms.pseudonym("sop_instance_uid", name) for name in self.ids.to_pylist()]
        return type(self)(pa.array(ids, pa.string()), self.labels, self.issues)


def _unique_slices(names: list[pa.StringArray]) -> tuple[pa.StringArray, list[NDArray[np.int32]]]:
    """The slices of all labels, each once, and the positions of each label's slices among them."""
    if all(column.equals(names[0]) for column in names[1:]):  # as in the challenge: hash a sixth
        encoded = names[0].dictionary_encode()
        return encoded.dictionary, [encoded.indices.to_numpy()] * len(names)
    encoded = pa.concat_arrays(names).dictionary_encode()
    ends = np.cumsum([len(column) for column in names])[:-1]
    return encoded.dictionary, np.split(encoded.indices.to_numpy(), ends)


def _complete(labels: NDArray[np.int8]) -> None:
    subtypes, any_label = labels[:, : len(SUBTYPES)], labels[:, _ANY]
    subtypes[(any_label == 0)[:, None] & (subtypes == UNLABELLED)] = 0
    highest = subtypes.max(axis=1)
    follows = (highest == 1) | (subtypes == 0).all(axis=1)
    any_label[:] = np.where((any_label == UNLABELLED) & follows, highest, any_label)


def _check_any(labels: NDArray[np.int8], ids: pa.StringArray, issues: LabelIssues) -> None:
    subtypes, any_label = labels[:, : len(SUBTYPES)], labels[:, _ANY]
    highest = subtypes.max(axis=1)
    known = (any_label != UNLABELLED) & (subtypes != UNLABELLED).all(axis=1)
    wrong = (known & (any_label != highest)) | ((any_label == 0) & (highest == 1))
    issues.add_names("`any` is not the maximum of the five subtypes", ids, wrong, stops=True)
