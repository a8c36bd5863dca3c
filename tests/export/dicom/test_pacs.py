"""A PACS takes the objects beside the study, finds them, and gives them back as they were."""

import io

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from tests.export.dicom.made_study import SERIES, STUDY
from tests.export.dicom.orthanc import orthanc

MODALITY, SERIES_UID, INSTANCE_UID = "00080060", "0020000E", "00080018"


@pytest.fixture(name="pacs", scope="module")
def pacs_(written, tmp_path_factory):
    """A PACS that holds the source's study and what was found in it."""
    with orthanc(tmp_path_factory.mktemp("orthanc")) as started:
        sources = sorted((written.folder.parent / "source").iterdir())
        stored = started.store([*sources, *written.made.files])
        assert len(stored["00081199"]["Value"]) == len(sources) + len(written.made.files)
        assert not stored.get("00081198", {}).get("Value")  # what was refused
        yield started


def values(found, tag):
    return [one[tag]["Value"][0] for one in found]


def path_of(made):
    return f"studies/{STUDY}/series/{made.SeriesInstanceUID}/instances/{made.SOPInstanceUID}"


def test_there_is_one_study_with_the_sources_series_and_three_more(pacs, written):
    assert len(pacs.query("studies")) == 1
    found = pacs.query(f"studies/{STUDY}/series")
    expected = {one.SeriesInstanceUID: one.Modality for one in written.objects.values()}
    expected[SERIES] = "CT"
    assert len(expected) == 4
    found = dict(zip(values(found, SERIES_UID), values(found, MODALITY), strict=True))
    assert found == expected


def test_the_report_is_found_by_its_modality(pacs, written):
    found = pacs.query(f"studies/{STUDY}/instances?Modality=SR")
    assert values(found, INSTANCE_UID) == [written.objects["report"].SOPInstanceUID]


@pytest.mark.parametrize("name", ["report", "capture-1", "capture-3", "heat-1-any"])
def test_each_object_comes_back_as_it_was(pacs, written, name):
    (content,) = pacs.fetch(path_of(written.objects[name]))
    assert content == (written.folder / f"{name}.dcm").read_bytes()


def test_a_picture_is_shown_as_it_was_drawn(pacs, written):
    made = written.objects["capture-1"]
    shown = Image.open(io.BytesIO(pacs.rendered(path_of(made))))
    np.testing.assert_array_equal(np.asarray(shown.convert("RGB")), made.pixel_array)


def test_the_heat_is_shown_frame_by_frame(pacs, written):
    made = written.objects["heat-1-any"]
    frames = made.pixel_array.astype(float)
    strongest = int(frames.sum(axis=(1, 2)).argmax())
    content = pacs.rendered(f"{path_of(made)}/frames/{strongest + 1}")
    shown = np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(float)
    # It stretches grays to the frame's own range.
    expected = 255 * frames[strongest] / frames[strongest].max()
    np.testing.assert_allclose(shown, expected, atol=1.5)


def test_storing_it_again_changes_nothing(pacs, written):
    pacs.store(written.made.files)
    found = pacs.query(f"studies/{STUDY}/instances")
    assert len(found) == len(written.sources) + len(written.made.files)
    (content,) = pacs.fetch(path_of(written.objects["report"]))
    assert dcmread(io.BytesIO(content)) == written.objects["report"]
