"""Limits of time and memory, and every bad input of the real world through a whole ingest."""

import multiprocessing
import os
import signal
import struct
import threading
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest

from ichreport.data.dicom.elements import RejectError
from ichreport.data.dicom.time_limit import time_limit
from ichreport.data.ingest.ingest import ingest
from ichreport.data.ingest.workers import limit_memory, run_parallel

TEST_FILES = Path(pydicom.data.__file__).parent / "test_files"


def test_a_file_that_takes_too_long_is_rejected():
    with pytest.raises(RejectError, match=r"longer than 0.05 s") as stopped, time_limit(0.05):
        sum(1 for _ in range(10**9))  # ends by itself after a minute
    assert stopped.value.passing


def test_a_file_in_time_is_not_disturbed_afterwards():
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before


def test_outside_the_main_thread_there_is_no_limit():
    done = []

    def work():
        with time_limit(0.01):
            time.sleep(0.05)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_worker_cannot_take_more_memory_than_its_limit():
    process = multiprocessing.get_context("spawn").Process(target=limit_memory, args=(2**28,))
    process.start()
    process.join()
    assert process.exitcode == 0
    with pytest.raises(MemoryError):
        list(run_parallel(bytearray, [2**33, 2**33], workers=2))


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
        "no preamble": (good[132:], "no DICM mark"),
        "text": (b"not an image\n" * 50, "no DICM mark"),
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
        "multi-frame": (dicom_bytes(extra=[(0x00280008, "IS", "5")]), "NumberOfFrames is 5"),
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
    words = {"image_size": 8, "progress": False, "pseudonymise": False}
    with pytest.raises(ValueError, match="too many files cannot be used: 26 of 27"):
        ingest(tree, tmp_path / "store", **words)
    store = ingest(tree, tmp_path / "store", max_reject_share=1.0, **words)
    assert store.slices["sop_instance_uid"].to_list() == ["ID_good"]
    reasons = dict(zip(store.rejects["file"], store.rejects["reason"], strict=True))
    expected = {name: reason for name, (_, reason) in bad.items()}
    expected |= {"pipe": "not a regular file", "too large": "a slice has at most"}
    assert set(reasons) == set(expected)
    assert {name for name, part in expected.items() if part not in reasons[name]} == set()
