"""Pictures show the worst slices in the brain window, with heat and words on them."""

import numpy as np
import pytest

from ichreport.export.dicom.secondary_capture import picture
from tests.export.dicom.made_study import uid_of

GRAY = np.full((64, 64), 40, np.int16)
"""The middle of the brain window."""
STRIP = 64


def test_the_middle_of_the_window_is_middle_gray():
    drawn = picture(GRAY, None, "", sides=False)
    assert drawn.shape == (512 + STRIP, 512, 3)
    assert np.unique(drawn[STRIP:]).tolist() == [128]


@pytest.mark.parametrize(("hu", "gray"), [(0, 0), (80, 255), (-500, 0), (900, 255), (20, 64)])
def test_the_window_is_that_of_brain(hu, gray):
    drawn = picture(np.full((64, 64), hu, np.int16), None, "", sides=False)
    assert np.unique(drawn[STRIP:]).tolist() == [gray]


def test_strong_heat_is_yellow_weak_heat_is_red_and_none_leaves_the_slice():
    heat = np.zeros((64, 64), np.float32)
    heat[:20], heat[20:40] = 1.0, 0.5
    drawn = picture(GRAY, heat, "", sides=False)[STRIP:].astype(int)
    strong, weak, none = drawn[40, 256], drawn[240, 256], drawn[450, 256]
    # 0.6 of yellow and 0.4 of gray; 0.3 of half-way orange and 0.7 of gray; gray.
    np.testing.assert_allclose(strong, [0.6 * 255 + 0.4 * 127.5] * 2 + [0.4 * 127.5], atol=1)
    np.testing.assert_allclose(weak, [0.3 * 255 + 0.7 * 127.5, 127.5, 0.7 * 127.5], atol=1)
    assert none.tolist() == [128, 128, 128]


def test_words_are_burned_in_above_the_slice_and_never_on_it():
    drawn, other = (picture(GRAY, None, words, sides=False) for words in ("any 0.9", "any 0.1"))
    assert drawn[:34].max() > 200
    assert (drawn[34:STRIP] != other[34:STRIP]).any()
    np.testing.assert_array_equal(drawn[STRIP:], other[STRIP:])


def test_long_words_are_written_smaller_and_not_cut_off():
    words = "any hemorrhage 0.912 in slice 134 of 136, 0.988 in the study; no heat"
    drawn = picture(GRAY, None, words, sides=False)[:STRIP]
    assert drawn.any(axis=2)[:, -8:].sum() == 0
    assert drawn.any(axis=2)[34:, -60:-8].any()


def test_sides_are_marked_where_they_are_known():
    marked, bare = (picture(GRAY, None, "", sides=sides) for sides in (True, False))
    differs = np.flatnonzero((marked != bare).any(axis=(0, 2)))
    assert differs.min() < 20
    assert differs.max() > 490


def test_the_three_worst_slices_are_shown_the_worst_first(written):
    table = written.study.findings.slices
    worst = table.sort_values("probability_any", ascending=False)["sop_instance_uid"][:3]
    shown = [
        written.objects[f"capture-{number}"].SourceImageSequence[0].ReferencedSOPInstanceUID
        for number in (1, 2, 3)
    ]
    assert shown == worst.tolist()
    assert "capture-4" not in written.objects


def test_they_say_that_words_are_burned_in_and_how_the_patient_lies(written):
    for number in (1, 2, 3):
        made = written.objects[f"capture-{number}"]
        assert made.BurnedInAnnotation == "YES"
        assert made.PhotometricInterpretation == "RGB"
        assert list(made.PatientOrientation) == ["L", "P"]
        assert made.SeriesDescription.startswith("RESEARCH ONLY")
        assert made.pixel_array.shape == (512 + STRIP, 512, 3)


def test_the_slice_with_the_spot_shows_it_hot(written):
    made = {
        one.SourceImageSequence[0].ReferencedSOPInstanceUID: one.pixel_array.astype(int)
        for name, one in written.objects.items()
        if name.startswith("capture")
    }
    warmth = {uid: (pixels[..., 0] - pixels[..., 2]).max() for uid, pixels in made.items()}
    hot = {uid for uid, value in warmth.items() if value > 20}
    near = {uid_of(3), uid_of(4), uid_of(5)}
    assert hot
    assert hot == near & set(made)
