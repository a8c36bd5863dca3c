"""The report says what was found, in codes, and of which slices; read by pydicom alone."""

import math
from dataclasses import replace

import pytest
from pydicom import dcmread

from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.export.dicom.write import DicomExport
from ichreport.findings.study_findings import NOTICE
from ichreport.labels import LABELS
from tests.export.dicom.made_study import (
    CT_IMAGE,
    FRAME_OF_REFERENCE,
    RUN,
    SERIES,
    made_run,
    uid_of,
)

PROBABILITY, THRESHOLD, DERIVATION = "122157", "122411", "121401"
PRESENCE, DETECTED, NOT_DETECTED = "705057003", "260373001", "260415000"
FINDINGS = {
    "epidural": ("epidural", "99ICHREPORT"),
    "intraparenchymal": ("274100004", "SCT"),
    "intraventricular": ("50960005", "SCT"),
    "subarachnoid": ("21454007", "SCT"),
    "subdural": ("35486000", "SCT"),
    "any": ("1386000", "SCT"),
}


def name_of(item):
    return item.ConceptNameCodeSequence[0].CodeValue


def items(parent, name, kind=None):
    found = [item for item in parent.get("ContentSequence", ()) if name_of(item) == name]
    return [item for item in found if kind is None or item.ValueType == kind]


def groups(report):
    """Measurement groups (125007) by what they are tracked as (112039)."""
    (measured,) = items(report, "126010")
    return {
        items(group, "112039")[0].TextValue: group for group in items(measured, "125007")
    }  # fmt: skip


def number(item):
    measured = item.MeasuredValueSequence[0]
    unit = measured.MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("1", "UCUM")
    return float(measured.NumericValue)


def code(item):
    return item.ConceptCodeSequence[0].CodeValue


@pytest.fixture(name="report")
def report_(written):
    return written.objects["report"]


def test_it_is_a_measurement_report_that_nobody_has_verified(report):
    template = report.ContentTemplateSequence[0]
    assert (template.MappingResource, template.TemplateIdentifier) == ("DCMR", "1500")
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.PreliminaryFlag == "PRELIMINARY"
    assert report.CompletionFlag == "COMPLETE"


def test_each_label_is_a_finding_by_its_code(report):
    found = {}
    for label, group in groups(report).items():
        concept = items(group, "121071")[0].ConceptCodeSequence[0]
        found[label] = (concept.CodeValue, concept.CodingSchemeDesignator)
    assert found == FINDINGS
    site = items(groups(report)["intraventricular"], "363698007")
    assert [code(item) for item in site] == ["35764002"]


def test_probabilities_and_thresholds_are_those_of_the_findings(report, written):
    for label, group in groups(report).items():
        finding = written.study.findings.labels[label]
        of_study = [item for item in items(group, PROBABILITY) if not items(item, DERIVATION)]
        assert [number(item) for item in of_study] == [pytest.approx(finding.probability, abs=1e-6)]
        thresholds = [number(item) for item in items(group, THRESHOLD)]
        known = [] if math.isnan(finding.threshold) else [pytest.approx(finding.threshold)]
        assert thresholds == known


def test_the_highest_probability_names_its_slice(report, written):
    table = written.study.findings.slices
    for label, group in groups(report).items():
        column = PROBABILITIES[LABELS.index(label)]
        worst = table.loc[table[column].idxmax()]
        (highest,) = [item for item in items(group, PROBABILITY) if items(item, DERIVATION)]
        assert number(highest) == pytest.approx(worst[column], abs=1e-6)
        (source,) = items(highest, "121112", "IMAGE")
        reference = source.ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == worst["sop_instance_uid"]


def test_a_label_is_detected_where_it_is_called_and_only_where_there_is_a_threshold(
    report, written
):
    labels = written.study.findings.labels
    said = {
        label: [code(item) for item in items(group, PRESENCE)]
        for label, group in groups(report).items()
    }
    words = {True: [DETECTED], False: [NOT_DETECTED], None: []}
    assert said == {label: words[finding.is_called] for label, finding in labels.items()}
    assert said["epidural"] == []


def test_it_says_whether_a_probability_is_calibrated(report):
    said = {label: items(group, "121106")[0].TextValue for label, group in groups(report).items()}
    assert "calibrated where 25.0% of studies" in said["any"]
    assert "not calibrated" in said["subdural"]


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "0.0%"), (0.25, "25.0%"), (0.0002, "0.02%"), (0.9998, "99.98%"), (1.0, "100.0%")],
)
def test_a_rare_label_is_not_said_to_be_in_no_study_nor_a_frequent_one_in_all(
    written, tmp_path, share, said
):
    study = written.study
    labels = dict(study.findings.labels)
    labels["any"] = replace(labels["any"], known_prevalence=share)
    findings = replace(study.findings, labels=labels)
    DicomExport(study.source, RUN).write(findings, [], study.store, tmp_path)
    group = groups(dcmread(tmp_path / "report.dcm"))["any"]
    assert f"calibrated where {said} of studies" in items(group, "121106")[0].TextValue


def test_the_run_is_named_by_name_and_hash(report):
    for group in groups(report).values():
        (name,), (parameter, rule) = items(group, "111001"), items(group, "111002")
        assert name.TextValue == f"ichreport: {RUN.name}"
        assert parameter.TextValue == f"run {RUN.identity}"
        assert rule.TextValue == "thresholds by the rule recall-85"
    assert report.DeviceSerialNumber == RUN.identity


def test_all_slices_are_referred_to(report, written):
    expected = {uid_of(number) for number in range(9)}
    (library,) = items(report, "111028")
    (group,) = items(library, "126200")
    named = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in group.ContentSequence
    }
    assert named == expected
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == SERIES
    evidence = {item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence}
    assert evidence == expected
    assert {item.ReferencedSOPClassUID for item in series.ReferencedSOPSequence} == {CT_IMAGE}
    assert written.objects["heat-1-any"].FrameOfReferenceUID == FRAME_OF_REFERENCE


def test_the_notice_and_the_warnings_stand_in_it(report, written):
    (remarks,) = items(report, "C0034375")
    said = [item.TextValue for item in remarks.ContentSequence]
    assert said == [NOTICE, *written.study.findings.warnings]


def test_a_run_of_synthetic_heads_says_so(written, tmp_path):
    study = written.study
    export = DicomExport(study.source, made_run(is_synthetic=True))
    export.write(study.findings, [], study.store, tmp_path)
    (remarks,) = items(dcmread(tmp_path / "report.dcm"), "C0034375")
    assert "synthetic heads" in remarks.ContentSequence[1].TextValue


def test_our_own_codes_name_their_scheme(report):
    (scheme,) = report.CodingSchemeIdentificationSequence
    assert scheme.CodingSchemeDesignator == "99ICHREPORT"
    assert scheme.CodingSchemeResponsibleOrganization == "ichreport"
