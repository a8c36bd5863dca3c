"""Mutated files: each gives a valid slice or a reject.

More than the usual 20,000: `ICHREPORT_MUTATIONS=1000000 pytest tests/data/test_fuzz.py`.
"""

import os
import resource
import struct
import time

import numpy as np
import pytest

from ichreport.data import dicom
from ichreport.data.decoding import IsolatedDecoder
from ichreport.data.elements import RejectError
from ichreport.data.resample import resample_hu

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
        dicom_bytes(
            pixels,
            **family,
            syntax="1.2.840.10008.1.2.5",
            pixel_data=head + empty_table + item + frame + end,
        ),
    ]


def mutate(content, random):
    """One to eight changes: bytes set, bits flipped, lengths forged, parts cut, doubled, moved."""
    mutated = bytearray(content)
    for _ in range(int(random.integers(1, 9))):
        place = int(random.integers(len(mutated)))
        kind = random.integers(7)
        if kind == 0:
            mutated[place] = int(random.integers(256))
        elif kind == 1:
            mutated[place] ^= 1 << int(random.integers(8))
        elif kind == 2:
            mutated[place : place + 4] = random.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"1e99", b"nan ", b"-inf"]
            )
        elif kind == 3:
            del mutated[place : place + int(random.integers(1, 40))]
        elif kind == 4:
            mutated[place:place] = mutated[place : place + int(random.integers(1, 40))]
        elif kind == 5:
            mutated[place:place] = random.bytes(int(random.integers(1, 20)))
        elif random.random() < 0.2:
            del mutated[place:]
        if not mutated:
            break
    return bytes(mutated)


def test_the_unchanged_files_are_valid(files):
    with IsolatedDecoder(20) as decoder:
        slices = [dicom.slice_of(memoryview(file), decode=decoder.decode) for file in files]
    np.testing.assert_array_equal(slices[0].hu, slices[4].hu)
    np.testing.assert_array_equal(slices[0].hu, slices[6].hu)


def test_every_mutated_file_gives_a_valid_slice_or_a_reject(files):
    random = np.random.default_rng(20_000)
    valid, reasons, slowest = 0, set(), 0.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with IsolatedDecoder(20) as decoder:
        for number in range(MUTATIONS):
            content = mutate(files[number % len(files)], random)
            started = time.perf_counter()
            try:
                made = dicom.slice_of(memoryview(content), decode=decoder.decode)
            except RejectError as reject:
                reasons.add(str(reject)[:20])
            else:
                valid += 1
                assert made.hu.dtype == np.int16
                assert made.hu.shape == (made.header.rows, made.header.columns)
                assert -1024 <= made.hu.min() <= made.hu.max() <= 3071
                assert np.isfinite([made.header.z, made.header.slope]).all()
                assert resample_hu(made.hu, 8).shape == (8, 8)
            slowest = max(slowest, time.perf_counter() - started)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 200, f"{grown} MiB more than before"
    assert slowest < 10
    assert valid > MUTATIONS / 50
    assert len(reasons) > 15
