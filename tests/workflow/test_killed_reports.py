"""A report that was killed ends with the bytes of one that was not; killing.py kills more often."""

import os
import shutil

import pytest

from tests.small_report import EXPERIMENTS, PROFILE
from tests.workflow.killing import kill_often, predictions

pytestmark = pytest.mark.slow

KILLS = 1
SEED = 12


def test_kills_at_random_moments_change_nothing_of_what_a_report_says(
    tmp_path, make_project, small_report
):
    profile = {name: value for name, value in PROFILE.items() if name != "external"}
    killed = make_project(tmp_path, profile, {"plain": EXPERIMENTS["plain"]})
    shutil.copytree(small_report.root / "pacs", tmp_path / "pacs", copy_function=os.link)
    shutil.copy(small_report.root / "findings.csv", tmp_path)
    expected = {"plain": predictions(small_report.report)["plain"]}
    assert kill_often(killed, expected, KILLS, SEED) == []
    last = killed.make_report()
    assert last.returncode == 0, last.stdout + last.stderr
    assert predictions(killed.report) == expected
