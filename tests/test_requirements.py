"""The lock files give every Python that README names the same versions, and name no registry."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def versions(name):
    """The pinned versions of each package."""
    found = defaultdict(set)
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        pinned = re.match(r"([A-Za-z0-9_.-]+)==([^ ;\\]+)", line)
        if pinned:
            found[pinned[1]].add(pinned[2])
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_no_package_has_two_versions(name):
    found = versions(name)
    assert len(found) > 100
    assert {package: sorted(v) for package, v in found.items() if len(v) > 1} == {}


def test_what_a_report_needs_is_of_the_same_version_where_tests_run():
    for package, pinned in versions("requirements.lock").items():
        assert versions_of_development[package] == pinned, package


versions_of_development = versions("requirements-dev.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_registry(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?://|--index-url|--find-links", text)
