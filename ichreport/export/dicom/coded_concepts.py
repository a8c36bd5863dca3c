"""The codes by which other programs know what an object says.

A code of SNOMED CT stands here where it was seen in public: in DICOM's own context groups, in an
expansion by a terminology server, or in other projects' tables (subdural, presence). Nobody has
checked them against SNOMED CT itself. What has none is of our own scheme, and says so: a wrong
clinical code would be worse than a local one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

OWN_SCHEME: Final = "99ICHREPORT"
"""By their beginning, 99, DICOM knows schemes that are local (PS3.16 section 8.2)."""


@dataclass(frozen=True)
class FindingCode:
    """What a label is called.

    Attributes:
        finding: The kind of finding.
        site: Where, if the kind does not say.
    """

    finding: CodedConcept
    site: CodedConcept | None = None


def _snomed(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, "SCT", meaning)


OF_LABELS: Final[Mapping[str, FindingCode]] = {
    "epidural": FindingCode(CodedConcept("epidural", OWN_SCHEME, "Epidural hemorrhage")),
    "intraparenchymal": FindingCode(_snomed("274100004", "Cerebral hemorrhage")),
    "intraventricular": FindingCode(
        _snomed("50960005", "Hemorrhage"), _snomed("35764002", "Brain ventricle")
    ),
    "subarachnoid": FindingCode(_snomed("21454007", "Subarachnoid intracranial hemorrhage")),
    "subdural": FindingCode(_snomed("35486000", "Subdural intracranial hemorrhage")),
    "any": FindingCode(_snomed("1386000", "Intracranial hemorrhage")),
}
PRESENCE: Final = _snomed("705057003", "Presence")
DETECTED: Final = _snomed("260373001", "Detected")
NOT_DETECTED: Final = _snomed("260415000", "Not detected")
HEAD: Final = CodedConcept.from_code(codes.SCT.Head)
CT_OF_HEAD: Final = _snomed("303653007", "Computed tomography of head")
PROBABILITY: Final = CodedConcept.from_code(codes.DCM.Probability)
THRESHOLD: Final = CodedConcept.from_code(codes.DCM.ThresholdValue)
MAXIMUM: Final = CodedConcept.from_code(codes.SCT.Maximum)
COMMENT: Final = CodedConcept.from_code(codes.DCM.Comment)
SALIENCY: Final = CodedConcept.from_code(codes.DCM.Saliency)
NO_UNITS: Final = CodedConcept.from_code(codes.UCUM.NoUnits)
QUALITATIVE_EVALUATIONS: Final = CodedConcept("C0034375", "UMLS", "Qualitative Evaluations")
SOURCE: Final = _snomed("260753009", "Source")
SOURCE_IMAGE: Final = CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
UNSPECIFIED_METHOD: Final = CodedConcept.from_code(codes.DCM.UnspecifiedMethodOfCalculation)


def own_scheme() -> CodingSchemeIdentificationItem:
    """What an object says of our own scheme where it uses it."""
    return CodingSchemeIdentificationItem(
        designator=OWN_SCHEME,
        name="ichreport's own codes",
        responsible_organization="ichreport",
    )
