"""What is read of the files of a report, and what is not: damaged ones, and other versions'."""

import pytest

from ichreport.files import write_sealed_json
from ichreport.runs.record_format import MAPS, MAPS_FORMAT, read_maps


def test_measured_maps_read_back(tmp_path):
    assert read_maps(tmp_path) is None
    write_sealed_json(tmp_path / MAPS, {"format": MAPS_FORMAT, "run": "a"})
    assert read_maps(tmp_path) == {"format": MAPS_FORMAT, "run": "a"}


@pytest.mark.parametrize("other", [0, MAPS_FORMAT - 1, MAPS_FORMAT + 1, "3"])
def test_those_of_another_version_are_as_if_they_were_not_there(tmp_path, other):
    write_sealed_json(tmp_path / MAPS, {"format": other, "run": "a"})
    assert read_maps(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    ["", "[]", "3", "{}", f'{{"format": {MAPS_FORMAT}, "seal": "0"}}', "[" * 9000],
)
def test_damaged_ones_are_named(tmp_path, content):
    (tmp_path / MAPS).write_text(content)
    with pytest.raises(ValueError, match=r"cam\.json is (damaged|not readable)"):
        read_maps(tmp_path)
