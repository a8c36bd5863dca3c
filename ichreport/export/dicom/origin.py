"""What all objects of an export share: their maker, their date, their patient, their names."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

from pydicom import Dataset
from pydicom.uid import UID, generate_uid
from pydicom.valuerep import DA, DT, TM

from ichreport.evaluation.assessment import POSTER_RULE
from ichreport.export.dicom.source_series import OF_PATIENT_AND_STUDY, SourceSeries
from ichreport.runs.saved_run import SavedRun

MAKER: Final = "ichreport"
SERIES_NUMBERS: Final = {"report": 9801, "capture": 9802, "heat": 9803}
"""High ones, which no scanner gives."""
BODY_PART: Final = "HEAD"
OF_TYPE_2: Final = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
"""What must be there, be it empty (PS3.3 sections C.7.1.1 and C.7.2.1)."""
_UTF_8: Final = "ISO_IR 192"
_LONGEST: Final = 64
"""Characters of a value of type LO."""


@dataclass(frozen=True)
class Origin:
    """Who makes the objects of a study, from what, and when.

    Attributes:
        run: The run whose findings they hold.
        series: The study's slices as they came.
        made: When they are made.
        rule: Whose thresholds call labels.
    """

    run: SavedRun
    series: SourceSeries
    made: datetime
    rule: str = POSTER_RULE

    @property
    def device(self) -> str:
        """The serial number of this maker: the run's hash, as far as it fits."""
        return self.run.identity[:_LONGEST]

    @property
    def device_uid(self) -> UID:
        """The identifier of this maker: the same for all studies of a run and a version."""
        return generate_uid(entropy_srcs=["\0".join([*self._maker, "device"])])

    @property
    def _maker(self) -> list[str]:
        return [MAKER, version(MAKER), self.run.identity]

    @property
    def equipment(self) -> dict[str, Any]:
        """Arguments of highdicom's objects: the maker, and when it made them."""
        return {
            "manufacturer": MAKER,
            "manufacturer_model_name": shortened(f"{MAKER}: {self.run.name}"),
            "software_versions": version(MAKER),
            "device_serial_number": self.device,
            "specific_character_set": _UTF_8,
        }

    def uid(self, *parts: object) -> UID:
        """A new identifier, always the same for the same run, source, version and parts."""
        sources = [*self._maker, *self.series.uids, *map(str, parts)]
        return generate_uid(entropy_srcs=["\0".join(sources)])

    def series_of(self, kind: str, *parts: object) -> dict[str, Any]:
        """Arguments of highdicom's objects: the series of a kind, and of what else tells it."""
        return {
            "series_instance_uid": self.uid("series", kind, *parts),
            "series_number": SERIES_NUMBERS[kind],
        }

    def finish(self, made: Dataset) -> None:
        """Give an object its patient, study and date, as they are and not as a library checks them.

        Text is written as UTF-8, whatever the source's characters are.
        """
        header = self.series.first
        for keyword in OF_PATIENT_AND_STUDY:
            if keyword in header:
                setattr(made, keyword, _text(header[keyword].value))
            elif keyword in OF_TYPE_2:
                setattr(made, keyword, "")
            elif keyword in made:
                delattr(made, keyword)
        made.SpecificCharacterSet = _UTF_8
        for keyword in ("InstanceCreation", "Content", "Series"):
            setattr(made, f"{keyword}Date", DA(self.made.date()))
            setattr(made, f"{keyword}Time", TM(self.made.time().replace(microsecond=0)))
        for equipment in made.get("ContributingEquipmentSequence", ()):
            equipment.ContributionDateTime = DT(self.made.replace(tzinfo=None, microsecond=0))
        made.SeriesDescription = shortened(f"RESEARCH ONLY {made.SeriesDescription}")


def stand_in(header: Dataset) -> Dataset:
    """What highdicom has to know of a file that it refers to: its names, and nothing of a patient.

    It would check the patient's attributes, and refuse what hospitals write; `Origin.finish` copies
    them as they are.
    """
    known = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(known, keyword, header[keyword].value)
    for keyword in OF_TYPE_2:
        setattr(known, keyword, "")
    return known


def digest(content: bytes) -> str:
    """A hash that tells one content from another."""
    return hashlib.sha256(content).hexdigest()


def shortened(text: str) -> str:
    """A text as long as a value of type LO may be."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _text(value: Any) -> Any:
    """A value without the characters that its file had, for pydicom to encode anew."""
    return str(value) if value.__class__.__name__ == "PersonName" else value
