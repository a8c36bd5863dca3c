"""Other people's programs find nothing against the standard in the objects."""

import copy
import logging
import shutil
import subprocess

import pytest
from dicom_validator.validator.iod_validator import IODValidator
from dicom_validator.validator.validation_result import Status
from pydicom.datadict import keyword_for_tag

from tests.export.dicom.standard import standard_of

NAMES = ["report", "capture-1", "heat-1-any"]


def run(program, *words):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    return subprocess.run(
        [program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60
    )


def complaints(path):
    done = run("dciodvfy", "-new", path)
    return [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]


@pytest.mark.parametrize("name", NAMES)
def test_dciodvfy_finds_no_error(written, name):
    assert complaints(written.folder / f"{name}.dcm") == []


@pytest.mark.parametrize("name", NAMES)
def test_dciodvfy_would_find_one(written, name, tmp_path):
    broken = copy.deepcopy(written.objects[name])
    del broken.SOPInstanceUID
    broken.save_as(tmp_path / "broken.dcm")
    assert any("SOPInstanceUID" in line for line in complaints(tmp_path / "broken.dcm"))


def test_dcmtk_reads_the_report(written):
    done = run("dsrdump", "--print-template-id", written.folder / "report.dcm")
    assert done.returncode == 0, done.stderr
    assert "# TID 1500 (DCMR)" in done.stdout
    for said in ('"Probability"', '(1386000,SCT,"Intracranial hemorrhage")', '"Detected"'):
        assert said in done.stdout


def found_by_validator(made):
    """What dicom-validator finds wrong, by module and attribute."""
    silent = logging.CRITICAL
    standard = standard_of(str(made.SOPClassUID))
    result = IODValidator(made, standard, log_level=silent).validate()
    assert result.status in (Status.Passed, Status.Failed)
    return {
        (module, keyword_for_tag(tag.tag)): error.code.name
        for module, errors in result.module_errors.items()
        for tag, error in errors.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_dicom_validator_finds_no_error(written, name):
    assert found_by_validator(written.objects[name]) == {}


@pytest.mark.parametrize(
    ("name", "keyword", "module"),
    [
        ("report", "CompletionFlag", "sr-document-general"),
        ("report", "ValueType", "sr-document-content"),
        ("capture-1", "ConversionType", "sc-equipment"),
        ("heat-1-any", "ContentLabel", "parametric-map-image"),
    ],
)
def test_dicom_validator_would_find_one(written, name, keyword, module):
    broken = copy.deepcopy(written.objects[name])
    delattr(broken, keyword)
    assert found_by_validator(broken)[module, keyword] == "TagMissing"


def test_dicom_validator_looks_into_the_items_of_a_report_and_of_a_map(written):
    report = copy.deepcopy(written.objects["report"])
    numbers = [item for item in items_of(report) if item.ValueType == "NUM"]
    del numbers[0].MeasuredValueSequence
    found = found_by_validator(report)
    assert found == {("sr-document-content", "MeasuredValueSequence"): "TagMissing"}
    heat = copy.deepcopy(written.objects["heat-1-any"])
    del heat.SharedFunctionalGroupsSequence[0].FrameAnatomySequence[0].FrameLaterality
    assert found_by_validator(heat) == {("frame-anatomy", "FrameLaterality"): "TagMissing"}


def items_of(item):
    """The items of a report's content, with those within them."""
    for inner in item.get("ContentSequence", ()):
        yield inner
        yield from items_of(inner)
