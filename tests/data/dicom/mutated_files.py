"""Mutated files are read, for test_fuzz.py: runs on its own and prints JSON.

In another process, so that its limit of memory counts from here, whatever tests ran before; the
valid files come pickled on standard input.
"""

import json
import pickle
import sys

import numpy as np

from ichreport.data.dicom.limits import time_limit
from ichreport.data.dicom.pixel_decoder import IsolatedDecoder
from ichreport.data.dicom.reject import RejectError
from ichreport.data.dicom.slice_reader import slices_from_bytes
from ichreport.data.resample import resample_hu
from ichreport.processes import limit_memory

MOST_MEMORY = 200 * 2**20
SECONDS = 30.0
"""The limit of an ingest. A file of a few hundred bytes takes far below a millisecond."""


def mutate(content, random):
    """One to eight changes: bytes set, bits flipped, lengths forged, parts cut, doubled, moved."""
    mutated = bytearray(content)
    for _ in range(int(random.integers(1, 9))):
        position = int(random.integers(len(mutated)))
        kind = random.integers(7)
        if kind == 0:
            mutated[position] = int(random.integers(256))
        elif kind == 1:
            mutated[position] ^= 1 << int(random.integers(8))
        elif kind == 2:
            mutated[position : position + 4] = random.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"1e99", b"nan ", b"-inf"]
            )
        elif kind == 3:
            del mutated[position : position + int(random.integers(1, 40))]
        elif kind == 4:
            mutated[position:position] = mutated[position : position + int(random.integers(1, 40))]
        elif kind == 5:
            mutated[position:position] = random.bytes(int(random.integers(1, 20)))
        elif random.random() < 0.2:
            del mutated[position:]
        if not mutated:
            break
    return bytes(mutated)


def read(content, decoder):
    """Read one file as an ingest does, and check what a slice promises."""
    with time_limit(SECONDS):
        slices = list(slices_from_bytes(memoryview(content), decode=decoder.decode))
    assert slices
    for made in slices:
        assert made.hu.dtype == np.int16
        assert sorted(made.hu.shape) == sorted((made.header.rows, made.header.columns))
        assert -1024 <= made.hu.min() <= made.hu.max() <= 3071
        assert np.isfinite([made.header.geometry.z, made.header.slope]).all()
        assert resample_hu(made.hu, 8).shape == (8, 8)


def main(mutations):
    files = pickle.load(sys.stdin.buffer)
    random = np.random.default_rng(20_000)
    valid, reasons, late = 0, set(), []
    with IsolatedDecoder(SECONDS) as decoder:
        for file in files:  # imports everything and starts the decoder, before the limit
            read(file, decoder)
        limit_memory(MOST_MEMORY)
        for number in range(mutations):
            try:
                read(mutate(files[number % len(files)], random), decoder)
            except RejectError as reject:
                reasons.add(str(reject)[:20])
                if reject.passing:  # the limit of time stopped it
                    late.append(number)
            else:
                valid += 1
    json.dump({"valid": valid, "reasons": sorted(reasons), "late": late}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
