"""What a run finds in one study, and how several of them are written down as tables and JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.assessment import POSTER_RULE
from ichreport.evaluation.operating.decisions import CALIBRATED, Decisions
from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.files import without_nan
from ichreport.findings.intake import NewStudy
from ichreport.labels import ANY, LABELS
from ichreport.runs.saved_run import SavedRun

SCHEMA: Final = Path(__file__).with_name("findings.schema.json")
"""The JSON Schema of `findings.json`."""
FORMAT: Final = "ichreport-findings/1"
"""The form of `findings.json`; another number where a reader would have to change."""
NOTICE: Final = (
    "Research software, not a medical device. No finding of it may guide the care of a patient."
)
PREVALENCE: Final = 0.02
"""Share of studies with bleeding that probabilities are told for, if no other is given."""
_OF_SERIES: Final = ("slices", "length", "step", "thickness", "spacing", "kernel", "description")
_DIGITS: Final = 9
"""Decimals of a probability: a float32 has no more."""


@dataclass(frozen=True)
class LabelFinding:
    """What a run says of one label in a study.

    Attributes:
        probability: Pooled over its slices, in [0, 1].
        threshold: From which on it is called; NaN where validation defined none.
        is_called: Whether it is; None without a threshold.
        is_calibrated: Whether the probability is one that the pooling has learned.
        at_prevalence: What it means at the stated prevalence; NaN unless it is calibrated.
        known_prevalence: The share of studies with the label where it was calibrated.
    """

    probability: float
    threshold: float
    is_called: bool | None
    is_calibrated: bool
    at_prevalence: float
    known_prevalence: float


@dataclass(frozen=True)
class StudyFindings:
    """What a run finds in a study.

    Attributes:
        key: A name that tells nothing of the patient: `study-0001`.
        study: As it was taken in.
        labels: What is said of each label; empty if the study is refused.
        slices: One row a slice: `slice` (1 is the lowest), `z` (mm), `sop_instance_uid`, the
            columns of `PROBABILITIES` and of `CALIBRATED`; empty if the study is refused.
        problem: Why it could not be predicted, though it was whole; empty if it was.
    """

    key: str
    study: NewStudy
    labels: Mapping[str, LabelFinding]
    slices: pd.DataFrame
    problem: str = ""

    @property
    def status(self) -> Literal["read", "refused"]:
        """Whether the run says something of it."""
        return "read" if self.labels else "refused"

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why it says nothing, a sentence each."""
        return (*self.study.fitness.refusals, *([self.problem] if self.problem else []))

    @property
    def warnings(self) -> tuple[str, ...]:
        """How the study differs from what the run has learned from, a sentence each."""
        return self.study.fitness.warnings

    @property
    def called(self) -> list[str]:
        """The labels that are called."""
        return [label for label, one in self.labels.items() if one.is_called]

    @property
    def urgency(self) -> float:
        """The probability of any bleeding; below 0 where nothing is said."""
        return self.labels[ANY].probability if self.labels else -1.0


def found(
    key: str,
    study: NewStudy,
    heights: NDArray[np.float64],
    names: Sequence[str],
    probability: NDArray[np.float32],
    decisions: Decisions,
    *,
    prevalence: float = PREVALENCE,
    rule: str = POSTER_RULE,
) -> StudyFindings:
    """What a run's probabilities of a study's slices say of it.

    Args:
        key: The study's name.
        study: As it was taken in, and not refused.
        heights: z of its slices, mm, ascending.
        names: Their SOPInstanceUIDs.
        probability: (slices, 6).
        decisions: What the run has chosen on validation.
        prevalence: The share of studies with a label that its probability is told for.
        rule: The rule whose thresholds call it.
    """
    exact = probability.astype(np.float64)
    slices = pd.DataFrame(
        {"slice": np.arange(1, len(names) + 1), "z": heights, "sop_instance_uid": list(names)}
    )
    slices[list(PROBABILITIES)] = probability
    slices[list(CALIBRATED)] = decisions.calibrated(exact)
    labels = {
        label: LabelFinding(
            probability=value,
            threshold=decisions.study_thresholds[rule][label],
            is_called=decisions.is_called(label, value, rule),
            is_calibrated=decisions.learned[label],
            at_prevalence=decisions.at_prevalence(label, value, prevalence),
            known_prevalence=decisions.prevalence[label],
        )
        for label, value in decisions.of_study(exact).items()
    }
    return StudyFindings(key, study, labels, slices)


def refused(key: str, study: NewStudy, problem: str = "") -> StudyFindings:
    """A study of which nothing is said.

    Args:
        key: The study's name.
        study: As it was taken in.
        problem: Why it could not be predicted, if it was taken in.
    """
    columns = ["slice", "z", "sop_instance_uid", *PROBABILITIES, *CALIBRATED]
    return StudyFindings(key, study, {}, pd.DataFrame(columns=columns), problem)


def by_urgency(findings: Sequence[StudyFindings]) -> list[StudyFindings]:
    """The most suspicious study first; what is refused comes last, in the order of its names."""
    return sorted(findings, key=lambda one: (-one.urgency, one.key))


def as_table(findings: Sequence[StudyFindings]) -> pd.DataFrame:
    """All findings as one table, with original identifiers: for this machine only.

    Returns:
        A row a study and a row a slice: `level` (`study` or `slice`), `key`, `status`, `reason`,
        `patient_id`, `study_instance_uid`, `series_instance_uid`, `sop_instance_uid`, `folder`,
        `slice`, `z`, the probabilities, recalibrated ones (`calibrated_…`; of a study the same
        where pooling was learned), and `called_…` for each label of a study.
    """
    rows: list[dict[str, Any]] = []
    for one in by_urgency(findings):
        named = {
            "key": one.key,
            "status": one.status,
            **{name: one.study.identifiers.get(name, "") for name in _IDENTIFIERS},
            "folder": one.study.folder,
        }
        rows.append(
            {
                **{"level": "study", **named, "reason": " ".join(one.refusals)},
                **{f"probability_{name}": said.probability for name, said in one.labels.items()},
                **{
                    f"calibrated_{name}": said.probability if said.is_calibrated else math.nan
                    for name, said in one.labels.items()
                },
                **{f"called_{name}": said.is_called for name, said in one.labels.items()},
            }
        )
        of_slices = one.slices.assign(level="slice", **named)
        rows += [{str(name): row[name] for name in row} for row in of_slices.to_dict("records")]
    return pd.DataFrame(rows, columns=_COLUMNS)


_IDENTIFIERS: Final = ("patient_id", "study_instance_uid", "series_instance_uid")
_COLUMNS: Final = [
    *("level", "key", "status", "reason", *_IDENTIFIERS, "sop_instance_uid", "folder"),
    *("slice", "z", *PROBABILITIES, *CALIBRATED, *(f"called_{label}" for label in LABELS)),
]


def as_json(
    findings: Sequence[StudyFindings],
    run: SavedRun,
    *,
    prevalence: float = PREVALENCE,
    rule: str = POSTER_RULE,
    identifiers: bool = False,
    dicom: Mapping[str, Mapping[str, list[str]]] | None = None,
    **made: Any,
) -> dict[str, Any]:
    """All findings as JSON takes them; docs/new-studies.md says what each means.

    Args:
        findings: Of the studies.
        run: What found them.
        prevalence: As in `found`.
        rule: As in `found`.
        identifiers: Whether to name patients, studies, series and slices.
        dicom: By key, the `files` that were written of a study as DICOM, and what was `left_out`.
        made: What else to say of how they were made: `made` (when) and `software`.
    """
    told: dict[str, Any] = without_nan(
        {
            "format": FORMAT,
            "notice": NOTICE,
            **made,
            "run": {
                "name": run.name,
                "identity": run.identity,
                "learned_from_synthetic_heads": run.is_synthetic,
                "image_size": run.image_size,
                "finished": run.provenance["finished"],
            },
            "rule": rule,
            "prevalence": prevalence,
            "studies": [
                _study_as_json(one, identifiers=identifiers, dicom=(dicom or {}).get(one.key))
                for one in by_urgency(findings)
            ],
        }
    )
    return told


def _study_as_json(
    one: StudyFindings, *, identifiers: bool, dicom: Mapping[str, list[str]] | None
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "key": one.key,
        "status": one.status,
        "refusals": list(one.refusals),
        "warnings": list(one.warnings),
        "left_out": dict(one.study.left_out),
        "series": {name: _plain(one.study.series.get(name)) for name in _OF_SERIES},
        "labels": {
            label: {
                "probability": round(said.probability, _DIGITS),
                "threshold": said.threshold,
                "called": said.is_called,
                "calibrated": said.is_calibrated,
                "at_prevalence": said.at_prevalence,
                "known_prevalence": said.known_prevalence,
            }
            for label, said in one.labels.items()
        },
        "slices": [
            {
                "slice": int(row["slice"]),
                "z": float(row["z"]),
                **{
                    kind: {
                        label: round(float(row[column]), _DIGITS)
                        for label, column in zip(LABELS, columns, strict=True)
                    }
                    for kind, columns in _KINDS.items()
                },
                **({"sop_instance_uid": row["sop_instance_uid"]} if identifiers else {}),
            }
            for row in one.slices.to_dict("records")
        ],
    }
    if dicom is not None:
        told["dicom"] = dict(dicom)
    if identifiers:
        told["identifiers"] = {**one.study.identifiers, "folder": one.study.folder}
    return told


_KINDS: Final = {"probabilities": PROBABILITIES, "calibrated": CALIBRATED}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
