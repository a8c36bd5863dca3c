import os
from pathlib import Path

import numpy as np
import pydicom
import pytest

from ichreport.data.dicom.reject import RejectError
from ichreport.data.dicom.slice_reader import FileReader, read_slice, slice_from_bytes


def test_a_file_cut_in_its_pixels_is_refused(dicom_bytes, no_decode):
    content = dicom_bytes(np.zeros((512, 512)))
    with pytest.raises(RejectError, match=r"cut: 153,710 of 524,288 bytes are there"):
        slice_from_bytes(memoryview(content[: len(content) - 524_288 + 153_710]), decode=no_decode)


@pytest.mark.parametrize("end", range(0, 700, 7))
def test_a_file_cut_anywhere_in_its_header_is_refused(dicom_bytes, no_decode, end):
    content = dicom_bytes()
    with pytest.raises(RejectError):
        slice_from_bytes(memoryview(content[: min(end, len(content) - 1)]), decode=no_decode)


def test_what_is_no_regular_file_is_refused(tmp_path, no_decode):
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "none", "cannot be opened: No such file"),
    ]:
        with pytest.raises(RejectError, match=reason):
            read_slice(path, decode=no_decode)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path, no_decode):
    huge = tmp_path / "huge.dcm"
    with huge.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(RejectError, match="a slice has at most"):
        read_slice(huge, decode=no_decode)


def test_a_reader_gives_each_file_whole(tmp_path):
    reader = FileReader()
    for size in (10, 2**21, 3, 0):
        (tmp_path / "f").write_bytes(os.urandom(size))
        assert bytes(reader.read(tmp_path / "f")) == (tmp_path / "f").read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_of_pydicoms_own_files_only_ct_becomes_slices():
    def decode(syntax, pixels, header):
        raise RejectError("compressed")

    taken = {}
    for path in sorted(Path(pydicom.data.__file__).parent.glob("test_files/*.dcm")):
        try:
            taken[path.name] = read_slice(path, decode=decode).hu
        except RejectError:
            continue
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    reference = dataset.pixel_array.astype(int) + int(dataset.RescaleIntercept)
    np.testing.assert_array_equal(taken["CT_small.dcm"], reference.clip(-1024, 3071))
    assert all("CT" in name or "ExplVR" in name or "explicit" in name for name in taken)
