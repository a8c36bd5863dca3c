"""Other people's programs find nothing against the standard in the objects."""

import copy
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ["report", "capture-1", "heat-1-any"]
EDITIONS = Path.home() / "dicom-validator"
"""Where dicom-validator keeps the editions of the standard that it has fetched."""


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


@pytest.mark.parametrize("name", NAMES)
def test_dicom_validator_finds_no_error(written, name):
    if not any(EDITIONS.glob("*/docbook/part03.xml")):
        pytest.skip(f"dicom-validator has no edition of the standard in {EDITIONS}")
    done = run("validate_iods", "--edition", "local", written.folder / f"{name}.dcm")
    assert done.returncode == 0, done.stdout + done.stderr
