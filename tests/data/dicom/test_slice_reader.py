from pathlib import Path

import numpy as np
import pydicom
import pytest

from ichreport.data.dicom.reject import RejectError
from tests.data.dicom.reading import slice_from_bytes


def test_a_file_cut_in_its_pixels_is_refused(dicom_bytes, no_decode):
    content = dicom_bytes(np.zeros((512, 512)))
    with pytest.raises(RejectError, match=r"cut: 153,710 of 524,288 bytes are there"):
        slice_from_bytes(memoryview(content[: len(content) - 524_288 + 153_710]), decode=no_decode)


@pytest.mark.parametrize("end", range(0, 700, 7))
def test_a_file_cut_anywhere_in_its_header_is_refused(dicom_bytes, no_decode, end):
    content = dicom_bytes()
    with pytest.raises(RejectError):
        slice_from_bytes(memoryview(content[: min(end, len(content) - 1)]), decode=no_decode)


@pytest.mark.filterwarnings("ignore")
def test_of_pydicoms_own_files_only_ct_becomes_slices():
    def decode(syntax, pixels, header):
        raise RejectError("compressed")

    taken = {}
    for path in sorted(Path(pydicom.data.__file__).parent.glob("test_files/*.dcm")):
        try:
            taken[path.name] = slice_from_bytes(memoryview(path.read_bytes()), decode=decode).hu
        except RejectError:
            continue
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    reference = dataset.pixel_array.astype(int) + int(dataset.RescaleIntercept)
    np.testing.assert_array_equal(taken["CT_small.dcm"], reference.clip(-1024, 3071))
    assert all("CT" in name or "ExplVR" in name or "explicit" in name for name in taken)
