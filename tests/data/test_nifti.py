"""NIfTI volumes become slices that lie as a radiologist sees them, whatever their own axes are."""

import itertools
import struct
import sys

import nibabel
import numpy as np
import pytest

from ichreport.data.dicom.hounsfield import RULE_ABOVE, RULE_BELOW, RULE_SCALED
from ichreport.data.dicom.reject import RejectError, is_set_aside
from ichreport.data.labels.label_file import read_label_file
from ichreport.data.nifti import RULE_NO_ORIENTATION, read_mask, read_volume
from ichreport.labels import LABELS

SHAPE = (5, 4, 3)
"""Places from right to left, front to back and feet to head, in other words x, y and z."""
SIZES = np.array([0.5, 0.5, 5.0])
FIRST = np.array([-60.0, -80.0, 20.0])
"""The lowest x, y and z of a voxel's middle, in mm towards right... front, and head (RAS+)."""
AXES = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
AXIAL = [
    (*in_plane, along)
    for pair in itertools.product("RL", "AP")
    for in_plane in (pair, pair[::-1])
    for along in "SI"
]
SLOPE_AT = 112
"""Where the header has scl_slope, and after it scl_inter (nifti1.h)."""
CODES_AT = 252
"""Where the header has qform_code and sform_code, 0 where it does not say how the volume lies."""
AFFINE_AT = 280
"""Where the header has srow_x, srow_y and srow_z, four numbers each."""


def world():
    """A distinct value in HU for each place, (x, y, z) rising."""
    return np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE) * 10 - 100


def in_mm(x, y, z):
    return FIRST + SIZES * (x, y, z)


def write(path, codes=("L", "P", "S"), values=None):
    """The world stored along other axes, by hand: transposed, flipped, and with its affine."""
    values = world() if values is None else values
    order = [AXES[code][0] for code in codes]
    signs = [AXES[code][1] for code in codes]
    stored = values.transpose(order)
    affine, corner = np.eye(4), [0, 0, 0]
    for axis, (of_world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[:3, axis] = 0
        affine[of_world, axis] = sign * SIZES[of_world]
        if sign < 0:
            stored = np.flip(stored, axis)
            corner[of_world] = values.shape[of_world] - 1
    affine[:3, 3] = in_mm(*corner)
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(stored), affine), path)
    return path


def overwrite(path, at, *numbers):
    """Set numbers in the bytes of a file's header."""
    content = bytearray(path.read_bytes())
    content[at : at + 4 * len(numbers)] = struct.pack(f"<{len(numbers)}f", *numbers)
    path.write_bytes(content)


@pytest.mark.parametrize("codes", AXIAL, ids="".join)
def test_each_place_of_the_world_is_where_it_must_be(tmp_path, codes):
    slices = read_volume(write(tmp_path / "049.nii", codes))
    assert len(slices) == SHAPE[2]
    for z, one in enumerate(slices):
        assert one.hu.shape == (SHAPE[1], SHAPE[0])
        assert one.hu.dtype == np.int16
        for row, column in np.ndindex(one.hu.shape):
            # Rows run to the back, from the highest y; columns to the left, from the highest x.
            x, y = SHAPE[0] - 1 - column, SHAPE[1] - 1 - row
            assert one.hu[row, column] == world()[x, y, z]
        assert one.z == pytest.approx(in_mm(0, 0, z)[2])
        assert one.spacing == pytest.approx(SIZES[1])
        assert one.tilt == pytest.approx(0)
        assert one.rules == ()


@pytest.mark.parametrize(("codes", "numbers"), [("LPS", [1, 2, 3]), ("ARI", [3, 2, 1])])
def test_slices_are_numbered_as_the_file_stores_them_and_ordered_from_the_feet(
    tmp_path, codes, numbers
):
    slices = read_volume(write(tmp_path / "049.nii", codes))
    assert [one.sop_instance_uid for one in slices] == [f"049:{number}" for number in numbers]
    assert np.all(np.diff([one.z for one in slices]) > 0)
    [name] = {
        name
        for one in slices
        for name in (one.patient_id, one.study_instance_uid, one.series_instance_uid)
    }
    assert name == "049"


def test_the_slices_of_ct_ich_meet_their_labels(tmp_path):
    path = tmp_path / "hemorrhage_diagnosis_raw_ct.csv"
    path.write_text(
        "PatientNumber,SliceNumber,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,"
        "Subdural,No_Hemorrhage,Fracture_Yes_No\n"
        "49,1,0,0,0,0,0,1,0\n49,2,0,0,0,0,0,1,0\n49,3,0,0,0,1,0,0,0\n"
    )
    table = read_label_file(path)
    any_of = dict(zip(table.ids.to_pylist(), table.labels[:, LABELS.index("any")], strict=True))
    slices = read_volume(write(tmp_path / "049.nii.gz", "LPI"))
    assert [any_of[one.sop_instance_uid] for one in slices] == [1, 0, 0]  # the third is the lowest


@pytest.mark.parametrize("degrees", [12.0, -20.0])
def test_the_tilt_of_the_gantry_and_the_place_of_tilted_slices_are_those_of_the_affine(
    tmp_path, degrees
):
    """Slices tilted about the axis from right to left, moved along the patient's axis."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    affine = np.eye(4)
    affine[:3, 0] = -0.5, 0, 0
    affine[:3, 1] = 0, -0.5 * cosine, -0.5 * sine
    affine[:3, 2] = 0, 0, 5
    affine[:3, 3] = 60, 80, 20
    stored = world().transpose(0, 1, 2)
    nibabel.save(nibabel.Nifti1Image(stored, affine), tmp_path / "1.nii")
    for index, one in enumerate(read_volume(tmp_path / "1.nii")):
        assert one.tilt == pytest.approx(abs(degrees), abs=1e-4)
        assert one.z == pytest.approx(20 + 5 * index)
        np.testing.assert_array_equal(one.hu, stored[:, :, index].T)


def test_slope_and_intercept_make_hu_of_stored_values(tmp_path):
    stored = np.array([0, 500, 1024, 3000], dtype=np.int16).reshape(2, 2, 1)
    path = write(tmp_path / "1.nii", values=stored)
    overwrite(path, SLOPE_AT, 0.5, -512.0)
    [one] = read_volume(path)
    assert sorted(one.hu.ravel()) == [-512, -262, 0, 988]
    assert one.rules == (RULE_SCALED,)
    assert one.intercept == -512.0
    overwrite(path, SLOPE_AT, 1.0, -1024.0)
    [one] = read_volume(path)
    assert sorted(one.hu.ravel()) == [-1024, -524, 0, 1976]
    assert one.rules == ()
    overwrite(path, SLOPE_AT, 0.0, -512.0)  # a slope of 0 stands for none (nifti1.h)
    [one] = read_volume(path)
    assert sorted(one.hu.ravel()) == [0, 500, 1024, 3000]


def test_hu_are_clipped_and_rounded_and_the_rules_are_told(tmp_path):
    values = np.array([-3024.0, 10.4, 10.6, 4000.0], dtype=np.float32).reshape(2, 2, 1)
    [one] = read_volume(write(tmp_path / "1.nii", values=values))
    assert sorted(one.hu.ravel()) == [-1024, 10, 11, 3071]
    assert one.rules == (RULE_SCALED, RULE_BELOW, RULE_ABOVE)
    assert one.family == "NIfTI float32"


def test_a_file_that_does_not_say_how_it_lies_is_told_by_a_rule(tmp_path):
    path = write(tmp_path / "1.nii")
    content = bytearray(path.read_bytes())
    content[CODES_AT : CODES_AT + 4] = bytes(4)
    path.write_bytes(content)
    slices = read_volume(path)
    assert {one.rules for one in slices} == {(RULE_NO_ORIENTATION,)}


def test_a_mask_lies_as_its_volume_does(tmp_path):
    bleeds = np.zeros(SHAPE, dtype=np.uint8)
    bleeds[1, 2, 0] = 255
    volume = write(tmp_path / "049.nii", "PRI")
    masks = read_mask(write(tmp_path / "mask.nii", "PRI", bleeds), volume)
    assert np.argwhere(masks[0]).tolist() == [[SHAPE[1] - 1 - 2, SHAPE[0] - 1 - 1]]
    assert masks[0].max() == 1
    assert not any(mask.any() for mask in masks[1:])


@pytest.mark.parametrize("stored", AXIAL, ids="".join)
@pytest.mark.parametrize("codes", ["LPS", "PRI"])
def test_a_mask_that_is_stored_otherwise_is_matched_by_place(tmp_path, codes, stored):
    bleeds = np.zeros(SHAPE, dtype=np.uint8)
    bleeds[1, 2, 0] = 1  # in the world: the lowest slice
    volume = write(tmp_path / "049.nii", codes)
    expected = read_mask(write(tmp_path / "same.nii", codes, bleeds), volume)
    other = read_mask(write(tmp_path / "other.nii", stored, bleeds), volume)
    np.testing.assert_array_equal(other, expected)


def test_a_mask_without_a_geometry_is_taken_voxel_by_voxel(tmp_path):
    bleeds = np.zeros(SHAPE, dtype=np.uint8)
    bleeds[1, 2, 0] = 1
    volume = write(tmp_path / "049.nii", "LPI")
    own = write(tmp_path / "own.nii", "LPI", bleeds)
    expected = read_mask(own, volume)
    plain = nibabel.Nifti1Image(np.asarray(nibabel.load(own).dataobj), np.eye(4))
    nibabel.save(plain, tmp_path / "plain.nii")
    np.testing.assert_array_equal(read_mask(tmp_path / "plain.nii", volume), expected)
    assert expected[0].any()


def test_a_mask_of_another_size_is_refused(tmp_path):
    volume = write(tmp_path / "049.nii", "LPS")
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4)), tmp_path / "m.nii")
    with pytest.raises(RejectError, match="other slices or another size than its volume"):
        read_mask(tmp_path / "m.nii", volume)


def test_a_last_dimension_of_one_is_none_and_pixels_must_be_square(tmp_path):
    values = np.zeros((4, 4, 3, 1), np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1, 1, 5, 1])), tmp_path / "1.nii")
    assert len(read_volume(tmp_path / "1.nii")) == 3
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1, 2, 5, 1])), tmp_path / "2.nii")
    with pytest.raises(RejectError, match=r"2\.000 x 1\.000 mm, expected square ones"):
        read_volume(tmp_path / "2.nii")


@pytest.mark.parametrize("codes", ["RSA", "PSR", "SLA"])
def test_volumes_that_are_not_stored_in_axial_slices_are_set_aside(tmp_path, codes):
    with pytest.raises(RejectError, match="not stored in axial slices") as refused:
        read_volume(write(tmp_path / "1.nii", codes))
    assert is_set_aside(str(refused.value))


def damaged(folder):
    """Files that are no volume in HU, by what is said of them."""
    whole = np.zeros((4, 4, 2), dtype=np.int16)

    def save(values):
        path = folder / "1.nii"
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
        return path

    yield "has 4 dimensions, expected 3", save(np.zeros((4, 4, 2, 2), dtype=np.int16))
    yield "has 2 dimensions, expected 3", save(np.zeros((4, 4), dtype=np.int16))
    yield "no finite numbers", save(np.full((4, 4, 2), np.nan, dtype=np.float32))
    yield "no finite numbers", save(np.full((4, 4, 2), np.inf, dtype=np.float64))
    colours = np.zeros((4, 4, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    yield "colours or complex values", save(colours)
    yield "colours or complex values", save(np.zeros((4, 4, 2), dtype=np.complex64))
    path = save(whole)
    overwrite(path, AFFINE_AT + 16, 0.0, 0.0, 0.0, 0.0)
    yield "folds an axis away", path
    overwrite(path, AFFINE_AT, np.nan)
    yield "not finite", path
    path = save(whole)
    path.write_bytes(path.read_bytes()[:-1])
    yield "may be cut or damaged", path
    path.write_bytes(path.read_bytes()[:300])
    yield "may be cut or damaged", path
    path.write_text("CANARY is no volume")
    yield "may be cut or damaged", path
    path = save(whole)
    for slope in (float("inf"), float("nan"), -1.0):
        overwrite(path, SLOPE_AT, slope, 0.0)
        yield "slope and intercept must be finite", path
    packed = folder / "1.nii.gz"
    noise = np.random.default_rng(0).integers(0, 99, (32, 32, 9), np.int16)
    nibabel.save(nibabel.Nifti1Image(noise, np.eye(4)), packed)
    packed.write_bytes(packed.read_bytes()[:-400])
    yield "may be cut or damaged", packed
    yield "cannot be opened", folder / "missing.nii"


def test_what_cannot_become_slices_says_why_and_nothing_out_of_the_file(tmp_path):
    checked = 0
    for reason, path in damaged(tmp_path):
        with pytest.raises(RejectError, match=reason) as refused:
            read_volume(path)
        assert "CANARY" not in str(refused.value)
        assert str(tmp_path) not in str(refused.value)
        checked += 1
    assert checked == 16


def test_slices_that_are_too_steep_are_set_aside(tmp_path):
    sine, cosine = np.sin(np.radians(44.0)), np.cos(np.radians(44.0))
    turned = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    both = turned @ np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    affine = np.eye(4)
    affine[:3, :3] = both * (1, 1, 5)
    nibabel.save(nibabel.Nifti1Image(world(), affine), tmp_path / "1.nii")
    with pytest.raises(RejectError, match=r"degrees off the axial plane|axial slices") as refused:
        read_volume(tmp_path / "1.nii")
    assert is_set_aside(str(refused.value))


def test_without_nibabel_the_cure_is_named_and_the_file_is_tried_again(tmp_path, monkeypatch):
    path = write(tmp_path / "1.nii")
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(RejectError, match="install ichreport with the extra `nifti`") as refused:
        read_volume(path)
    assert refused.value.passing
