"""Mutated files: each gives a valid slice or a reject.

More than the usual 20,000: `ICHREPORT_MUTATIONS=1000000 pytest tests/data/dicom/test_fuzz.py`.
"""

import json
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ichreport.data.dicom.pixel_decoder import IsolatedDecoder
from tests.data.dicom.reading import slice_from_bytes

MUTATIONS = int(os.environ.get("ICHREPORT_MUTATIONS", "20000"))


def rle_frame(pixels):
    """PackBits in literal runs of up to 128 bytes (PS3.5 annex G): high bytes, then low bytes."""
    segments = []
    for plane in (pixels >> 8, pixels & 255):
        content = plane.astype(np.uint8).tobytes()
        runs = [content[i : i + 128] for i in range(0, len(content), 128)]
        segments.append(b"".join(bytes([len(run) - 1]) + run for run in runs))
    offsets = [64, 64 + len(segments[0])]
    return struct.pack("<16L", 2, *offsets, *[0] * 13) + b"".join(segments)


def multi_frame(dicom_bytes, element, pixels):
    """A file of one frame, whose place stands in sequences, of undefined length and of defined."""
    position = element(0x00200032, "DS", "1\\2\\3 ")
    inner = struct.pack("<HHL", 0xFFFE, 0xE000, len(position)) + position
    place = element(0x00209113, "SQ", inner)
    end = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + place
    groups = element(0x52009230, "SQ", b"", length=0xFFFFFFFF) + item + end
    plain = dicom_bytes(pixels, drop=[0x00200032], extra=[(0x00280008, "IS", "1")])
    start = plain.index(struct.pack("<HH", 0x7FE0, 0x0010))
    return plain[:start] + groups + plain[start:]


@pytest.fixture(scope="module")
def files(dicom_bytes, element):
    """Valid files of every kind that is read, small, so that most mutations hit the header."""
    pixels = np.random.default_rng(1).integers(0, 4096, (16, 12))
    frame = rle_frame(pixels)
    head = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    empty_table = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, len(frame))
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    sequence = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    sequence += element(0x00081150, "UI", "1.2") + struct.pack("<HHL", 0xFFFE, 0xE00D, 0) + end
    nested = element(0x00081140, "SQ", b"", length=0xFFFFFFFF) + sequence
    plain = dicom_bytes(pixels)
    cut = plain.index(struct.pack("<HH", 0x0010, 0x0020))
    family = {"bits": 12, "signed": False}
    return [
        plain,
        dicom_bytes(pixels, **family, intercept="0", window=("36\\36", "80\\80")),
        dicom_bytes(pixels, padding=-1500, slope="1.5"),
        dicom_bytes(pixels, syntax="1.2.840.10008.1.2"),
        dicom_bytes(pixels, syntax="1.2.840.10008.1.2.2"),
        plain[:cut] + nested + plain[cut:],
        dicom_bytes(pixels, replace={0x00200037: ("DS", "0\\-1\\0\\1\\0\\0")}),
        multi_frame(dicom_bytes, element, pixels),
        dicom_bytes(
            pixels,
            **family,
            syntax="1.2.840.10008.1.2.5",
            pixel_data=head + empty_table + item + frame + end,
        ),
    ]


def test_the_unchanged_files_are_valid(files):
    with IsolatedDecoder(20) as decoder:
        slices = [slice_from_bytes(memoryview(file), decode=decoder.decode) for file in files]
    np.testing.assert_array_equal(slices[0].hu, slices[4].hu)
    np.testing.assert_array_equal(slices[0].hu, slices[8].hu)
    assert [made.header.sop_instance_uid[-2:] for made in slices[7:9]] == [":1", "01"]


def test_every_mutated_file_gives_a_valid_slice_or_a_reject_in_little_memory(files):
    script = Path(__file__).with_name("mutated_files.py")
    done = subprocess.run(
        [sys.executable, script, str(MUTATIONS)],
        input=pickle.dumps(files),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    outcome = json.loads(done.stdout)
    assert outcome["valid"] > MUTATIONS / 50
    assert len(outcome["reasons"]) > 15
    assert outcome["late"] == []
