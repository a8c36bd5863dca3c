"""A page says nothing of the machine that made it."""

from pathlib import Path

import pytest

from ichreport.params.profile import Profile
from ichreport.params.yaml import project_path
from ichreport.report.layout.private_paths import without_private_paths

PROFILE = Profile(
    source="/data/ward 7 & 8/export",
    labels="/data/ward 7 & 8/labels.csv",
    store="/scratch/ward7/store",
    phantom=None,
)
ROOT = project_path(".").resolve()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/data/ward 7 &amp; 8/export/a/IM1 is cut", "…/export/a/IM1 is cut"),
        ("/data/ward 7 & 8/labels.csv", "…/labels.csv"),
        ("/scratch/ward7/store/hu-00001.npy", "…/store/hu-00001.npy"),
        ("/scratch/ward7/store", "…/store"),
        (f"{ROOT}/reports/demo/runs", "reports/demo/runs"),
        (f"in {ROOT}.", "in .."),
        (f"{Path.home()}/secret/a.py", "~/secret/a.py"),
        (f"{Path.home()}less", f"{Path.home()}less"),
        ("data/demo/store", "data/demo/store"),
        ('<a href="experiments/a.html">', '<a href="experiments/a.html">'),
        (f"base64,AAA{Path.home()}/BBB", f"base64,AAA{Path.home()}/BBB"),
    ],
)
def test_folders_of_the_machine_are_left_out(text, shown):
    assert without_private_paths(text, PROFILE) == shown
