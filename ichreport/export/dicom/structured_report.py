"""The findings of a study as a Structured Report: a Measurement Report (PS3.16 TID 1500)."""

import math
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    ImageContentItem,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurement,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes

from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.export.dicom import coded_concepts
from ichreport.export.dicom.origin import MAKER, Origin, digest, stand_in
from ichreport.export.dicom.source_series import SourceSeries, SourceSlice
from ichreport.findings.study_findings import NOTICE, LabelFinding, StudyFindings
from ichreport.labels import LABELS

_COLUMNS: Final = dict(zip(LABELS, PROBABILITIES, strict=True))
_SYNTHETIC: Final = "The run has learned from synthetic heads and not from patients."


def structured_report(findings: StudyFindings, origin: Origin) -> Dataset:
    """Write a study's findings as a report.

    Args:
        findings: Of a study that was read.
        origin: What it is made from.

    Returns:
        A Comprehensive 3D SR: a measurement group a label with its probability, threshold and
        whether it was detected, and references to all slices. It is complete and not verified.
    """
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(origin)),
        procedure_reported=coded_concepts.CT_OF_HEAD,
        imaging_measurements=[
            _group(label, finding, findings, origin) for label, finding in findings.labels.items()
        ],
    )
    root = content[0].ContentSequence
    # In the template's order: the images, then the measurements, then what is said in words.
    root.insert(len(root) - 1, _image_library(origin.series))
    synthetic = [_SYNTHETIC] if origin.run.is_synthetic else []
    root.append(_remarks([NOTICE, *synthetic, *findings.warnings]))
    report = Comprehensive3DSR(
        evidence=[stand_in(header) for header in origin.series.headers],
        content=content[0],
        sop_instance_uid=origin.uid("report", digest(content[0].to_json().encode())),
        instance_number=1,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="findings",
        coding_schemes=[coded_concepts.own_scheme()],
        **origin.series_of("report", origin.rule),
        **origin.equipment,
    )
    origin.finish(report)
    return report


def _observer(origin: Origin) -> ObserverContext:
    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=origin.device_uid,
            name=MAKER,
            manufacturer_name=MAKER,
            model_name=origin.run.name,
            serial_number=origin.device,
        ),
    )


def _group(
    label: str, finding: LabelFinding, findings: StudyFindings, origin: Origin
) -> MeasurementsAndQualitativeEvaluations:
    """All that is said of a label (TID 1501)."""
    code = coded_concepts.OF_LABELS[label]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(origin.uid("tracked", label), identifier=label),
        finding_type=code.finding,
        finding_sites=None if code.site is None else [FindingSite(code.site)],
        algorithm_id=AlgorithmIdentification(
            name=f"{MAKER}: {origin.run.name}",
            version=version(MAKER),
            parameters=[f"run {origin.run.identity}", f"thresholds by the rule {origin.rule}"],
        ),
        measurements=_measurements(label, finding, findings, origin.series),
        qualitative_evaluations=_presence(finding),
    )
    group[0].ContentSequence.append(_comment(_calibration(finding)))
    if finding.is_called is None:
        group[0].ContentSequence.append(_comment("No threshold is known."))
    return group


def _measurements(
    label: str, finding: LabelFinding, findings: StudyFindings, series: SourceSeries
) -> list[Measurement]:
    """The study's probability, its threshold, and the highest probability of a slice."""
    of_slices = findings.slices[_COLUMNS[label]].to_numpy()
    highest = int(of_slices.argmax())
    measurements = [_number(coded_concepts.PROBABILITY, finding.probability)]
    if not math.isnan(finding.threshold):
        measurements.append(_number(coded_concepts.THRESHOLD, finding.threshold))
    measurements.append(
        Measurement(
            name=coded_concepts.PROBABILITY,
            value=float(of_slices[highest]),
            unit=coded_concepts.NO_UNITS,
            derivation=coded_concepts.MAXIMUM,
            referenced_images=[_measured_in(series.slices[highest])],
        )
    )
    return measurements


def _number(name: CodedConcept, value: float) -> Measurement:
    return Measurement(name=name, value=float(value), unit=coded_concepts.NO_UNITS)


def _measured_in(one: SourceSlice) -> SourceImageForMeasurement:
    frames = None if one.frame is None else [one.frame]
    return SourceImageForMeasurement(
        one.header.SOPClassUID, one.header.SOPInstanceUID, referenced_frame_numbers=frames
    )


def _presence(finding: LabelFinding) -> list[QualitativeEvaluation]:
    """Whether the label is called; nothing where validation defined no threshold."""
    if finding.is_called is None:
        return []
    said = coded_concepts.DETECTED if finding.is_called else coded_concepts.NOT_DETECTED
    return [QualitativeEvaluation(name=coded_concepts.PRESENCE, value=said)]


def _calibration(finding: LabelFinding) -> str:
    if not finding.is_calibrated:
        return "The probability is that of the most suspicious slice, and not calibrated."
    return (
        f"The probability is calibrated where {_percent(finding.known_prevalence)} of studies have "
        "the label."
    )


def _percent(share: float) -> str:
    """A share with as many decimals, one at least, as keep some from none and most from all."""
    rest = 100 * min(share, 1 - share)
    digits = max(1, math.ceil(-math.log10(rest))) if rest > 0 else 1
    return f"{100 * share:.{digits}f}%"


def _comment(text: str) -> TextContentItem:
    return TextContentItem(
        name=coded_concepts.COMMENT,
        value=text,
        relationship_type=RelationshipTypeValues.CONTAINS,
    )


def _remarks(sentences: list[str]) -> ContainerContentItem:
    comments = [_comment(sentence) for sentence in sentences]
    return _container(coded_concepts.QUALITATIVE_EVALUATIONS, comments)


def _image_library(series: SourceSeries) -> ContainerContentItem:
    """The slices that all was found in (TID 1600)."""
    images = [
        ImageContentItem(
            name=coded_concepts.SOURCE,
            referenced_sop_class_uid=one.header.SOPClassUID,
            referenced_sop_instance_uid=one.header.SOPInstanceUID,
            referenced_frame_numbers=one.frame,
            relationship_type=RelationshipTypeValues.CONTAINS,
        )
        for one in series.slices
    ]
    group = _container(codes.DCM.ImageLibraryGroup, images)
    return _container(codes.DCM.ImageLibrary, [group])


def _container(name: CodedConcept, items: Sequence[ContentItem]) -> ContainerContentItem:
    container = ContainerContentItem(name=name, relationship_type=RelationshipTypeValues.CONTAINS)
    container.ContentSequence = ContentSequence(items)
    return container
