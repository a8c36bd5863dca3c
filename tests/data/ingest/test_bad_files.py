"""Every bad input of the real world through a whole ingest."""

import os
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from ichreport.data.ingest.make_store import ingest

TEST_FILES = Path(pydicom.data.__file__).parent / "test_files"


def table_of_bad_inputs(dicom_bytes, element):
    """Name to (bytes, a part of the reason)."""

    def us(number):
        return ("US", struct.pack("<H", number))

    good = dicom_bytes(np.zeros((64, 64)))
    rows, bits, samples = 0x00280010, 0x00280100, 0x00280002
    huge = {rows: us(60_000), 0x00280011: us(60_000)}

    def taken(name):
        return (TEST_FILES / name).read_bytes()

    return {
        "no preamble": (good[128:], "no DICM mark"),
        "text": (b"not an image\n" * 50, "a text and no DICOM file"),
        "png": (b"\x89PNG\r\n\x1a\n" + bytes(300), "no DICM mark"),
        "empty": (b"", "the file is empty"),
        "cut in the header": (good[:400], "BitsAllocated is missing"),
        "cut in the pixels": (good[:-1000], "pixel data are cut: 7,192 of 8,192 bytes are there"),
        "no Rows": (dicom_bytes(drop=[rows]), "Rows is missing"),
        "no BitsAllocated": (dicom_bytes(drop=[bits]), "BitsAllocated is missing"),
        "no SamplesPerPixel": (dicom_bytes(drop=[samples]), "SamplesPerPixel is missing"),
        "no RescaleSlope": (dicom_bytes(drop=[0x00281053]), "RescaleSlope is missing"),
        "no RescaleIntercept": (dicom_bytes(drop=[0x00281052]), "RescaleIntercept is missing"),
        "slope nan": (dicom_bytes(slope="nan"), "RescaleSlope is not finite"),
        "slope inf": (dicom_bytes(slope="inf"), "RescaleSlope is not finite"),
        "slope 1e999": (dicom_bytes(slope="1e999"), "RescaleSlope is not finite"),
        "Rows too small": (dicom_bytes(replace={rows: us(4)}), "expected 64 for 4 x 8 pixels"),
        "Rows of a wrong VR": (dicom_bytes(replace={rows: ("DS", "8")}), "Rows is of type DS"),
        "60000 x 60000 RLE": (
            dicom_bytes(replace=huge, syntax="1.2.840.10008.1.2.5"),
            "the matrix is 60000 x 60000",
        ),
        "deflated": (taken("image_dfl.dcm"), "deflated files are refused"),
        "RGB": (taken("SC_rgb_small_odd.dcm"), "not CT"),
        "RGB CT": (
            dicom_bytes(replace={samples: us(3), 0x00280004: ("CS", "RGB")}),
            "SamplesPerPixel is 3, expected 1",
        ),
        "multi-frame": (
            dicom_bytes(extra=[(0x00280008, "IS", "5")]),
            "a file of 5 frames that",
        ),
        "MONOCHROME1": (
            dicom_bytes(replace={0x00280004: ("CS", "MONOCHROME1")}),
            "is MONOCHROME1, expected MONOCHROME2",
        ),
        "MR": (taken("MR_small.dcm"), "the modality is not CT"),
        "a report": (taken("test-SR.dcm"), "the modality is not CT"),
    }


def test_every_bad_input_becomes_a_reject_with_its_own_reason(tmp_path, dicom_bytes, element):
    tree = tmp_path / "tree"
    tree.mkdir()
    bad = table_of_bad_inputs(dicom_bytes, element)
    for name, (content, _) in bad.items():
        (tree / name).write_bytes(content)
    os.mkfifo(tree / "pipe")
    with (tree / "too large").open("wb") as stream:
        stream.truncate(2**37)
    (tree / "good").write_bytes(dicom_bytes(sop="ID_good"))
    words = {"image_size": 8, "progress": False, "pseudonymise": False, "series": "all"}
    with pytest.raises(ValueError, match="too many files cannot be used: 21 of 27"):
        ingest(tree, tmp_path / "store", **words)
    store = ingest(tree, tmp_path / "store", max_reject_share=1.0, **words)
    assert store.slices["sop_instance_uid"].to_list() == ["ID_good"]
    left_out = pd.concat([store.rejects, store.set_aside])
    reasons = dict(zip(left_out["file"], left_out["reason"], strict=True))
    expected = {name: reason for name, (_, reason) in bad.items()}
    expected |= {"pipe": "not a regular file", "too large": "a DICOM file may have"}
    assert set(reasons) == set(expected)
    assert {name for name, part in expected.items() if part not in reasons[name]} == set()
