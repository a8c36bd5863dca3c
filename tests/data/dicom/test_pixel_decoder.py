import os
import signal
import struct
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import get_encoder

from ichreport.data.dicom import pixel_decoder
from ichreport.data.dicom.limits import time_limit
from ichreport.data.dicom.pixel_decoder import IsolatedDecoder
from ichreport.data.dicom.reject import RejectError
from tests.data.dicom.reading import slice_from_bytes

pytest.importorskip("openjpeg", reason="needs the extra `compressed`")
pytest.importorskip("libjpeg", reason="needs the extra `compressed`")

RLE, JPEG_LS, JPEG_LOSSLESS = (
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.70",
)
JPEG_2000 = "1.2.840.10008.1.2.4.90"
TEST_FILES = Path(pydicom.data.__file__).parent / "test_files"
STORED = np.random.default_rng(0).integers(0, 4096, (96, 80)).astype(np.uint16)


@pytest.fixture(scope="module")
def decoder():
    with IsolatedDecoder(20) as decoder:
        yield decoder


@pytest.fixture(name="compressed")
def compressed_(dicom_bytes):
    """A file whose last element holds compressed frames."""

    def make(syntax, frame, pixels=STORED, **words):
        fragments = encapsulate([frame])
        head = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
        end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
        words = {"bits": 12, "signed": False} | words
        return memoryview(
            dicom_bytes(pixels, syntax=syntax, pixel_data=head + fragments + end, **words)
        )

    return make


def encoded(syntax, pixels=STORED, bits=12):
    return get_encoder(syntax).encode(
        pixels.tobytes(),
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        samples_per_pixel=1,
        number_of_frames=1,
        bits_allocated=16,
        bits_stored=bits,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
    )


@pytest.mark.parametrize("syntax", [RLE, JPEG_2000])
def test_lossless_pixels_come_back_exactly(decoder, compressed, syntax):
    made = slice_from_bytes(compressed(syntax, encoded(syntax)), decode=decoder.decode)
    np.testing.assert_array_equal(made.hu, STORED.astype(int) - 1024)


@pytest.mark.parametrize(
    "name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"]
)
def test_other_encoders_files_decode_like_the_uncompressed_one(decoder, compressed, name):
    dataset = pydicom.dcmread(TEST_FILES / name)
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    reference = pydicom.dcmread(TEST_FILES / "MR_small.dcm").pixel_array
    made = slice_from_bytes(
        compressed(
            dataset.file_meta.TransferSyntaxUID, frame, reference, bits=16, signed=True,
            intercept="0",
        ),
        decode=decoder.decode,
    )  # fmt: skip
    np.testing.assert_array_equal(made.hu, reference.clip(-1024, 3071))


@pytest.mark.parametrize("syntax", [RLE, JPEG_2000, JPEG_LS, JPEG_LOSSLESS])
def test_damaged_compressed_pixels_are_refused(decoder, compressed, syntax):
    for frame in (b"\0\0", b"\xff\xd8\xff\xf7garbage", bytes(400)):
        ended = frame + b"\xff\xd9"
        with pytest.raises(RejectError, match=r"cannot be decoded as|crash the decoder of"):
            slice_from_bytes(compressed(syntax, ended), decode=decoder.decode)


def frame_of(name):
    """Syntax and compressed frame of a test file, and pixels of its size."""
    dataset = pydicom.dcmread(TEST_FILES / name)
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    like = np.zeros((dataset.Rows, dataset.Columns), dtype=np.uint16)
    return dataset.file_meta.TransferSyntaxUID, frame, like


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_a_whole_jpeg_is_read(decoder, compressed, name):
    assert np.ptp(slice_from_bytes(compressed(*frame_of(name)), decode=decoder.decode).hu) > 100


@pytest.mark.parametrize(
    "name", ["MR_small_jpeg_ls_lossless.dcm", "JPGExtended.dcm", "MR_small_RLE.dcm"]
)
@pytest.mark.parametrize("left", [0.2, 0.9, 0.99])
def test_a_file_cut_in_its_compressed_pixels_is_refused_not_filled_up(
    decoder, compressed, name, left
):
    whole = bytes(compressed(*frame_of(name)))
    start = whole.rindex(b"\xe0\x7f\x10\x00OB")
    cut = whole[: start + int(left * (len(whole) - start))]
    with pytest.raises(RejectError, match="the file is cut in the pixel data"):
        slice_from_bytes(memoryview(cut), decode=decoder.decode)


@pytest.mark.parametrize("name", ["MR_small_jpeg_ls_lossless.dcm", "JPGExtended.dcm"])
def test_an_image_cut_inside_a_whole_fragment_is_refused_too(decoder, compressed, name):
    syntax, frame, like = frame_of(name)
    for end in (len(frame) // 2, len(frame) - 40):
        with pytest.raises(RejectError, match=r"the pixels are cut: JPEG.* end of image"):
            slice_from_bytes(compressed(syntax, frame[:end], like), decode=decoder.decode)


def test_fragments_that_are_no_items_are_refused(compressed, decoder):
    good = bytes(compressed(RLE, encoded(RLE)))
    position = good.rindex(struct.pack("<HH", 0xFFFE, 0xE0DD))
    bad = good[:position] + struct.pack("<HH", 0xFFFE, 0xE00D) + good[position + 4 :]
    with pytest.raises(RejectError, match="fragments of the pixel data are damaged"):
        slice_from_bytes(memoryview(bad), decode=decoder.decode)


def test_a_forged_size_inside_the_stream_is_refused_within_memory(decoder, compressed):
    frame = bytearray(encoded(JPEG_2000))
    position = frame.index(b"\xff\x51") + 6
    frame[position : position + 8] = struct.pack(">LL", 60_000, 60_000)
    with pytest.raises(RejectError, match="JPEG 2000"):
        slice_from_bytes(compressed(JPEG_2000, bytes(frame)), decode=decoder.decode)
    assert slice_from_bytes(compressed(RLE, encoded(RLE)), decode=decoder.decode).hu.any()


def test_mutated_streams_give_a_slice_or_a_reject(decoder, compressed):
    random = np.random.default_rng(11)
    for syntax in (RLE, JPEG_2000):
        good = encoded(syntax)
        for _ in range(40):
            frame = bytearray(good)
            for _ in range(int(random.integers(1, 4))):
                frame[int(random.integers(len(frame)))] = int(random.integers(256))
            try:
                made = slice_from_bytes(compressed(syntax, bytes(frame)), decode=decoder.decode)
            except RejectError:
                continue
            assert made.hu.shape == STORED.shape


def test_pixels_in_fragments_that_are_not_compressed_are_refused(decoder, compressed):
    with pytest.raises(RejectError, match="in fragments although they are not compressed"):
        slice_from_bytes(compressed("1.2.840.10008.1.2.1", b"1234"), decode=decoder.decode)


def test_compressed_pixels_outside_fragments_are_refused(decoder, dicom_bytes):
    content = memoryview(dicom_bytes(STORED, syntax=RLE, bits=12, signed=False))
    with pytest.raises(RejectError, match="not in fragments"):
        slice_from_bytes(content, decode=decoder.decode)


def end_at_once(connection):
    connection.close()


def test_a_decoder_that_cannot_start_is_not_the_pixels_fault(compressed, monkeypatch):
    monkeypatch.setattr(pixel_decoder, "_serve", end_at_once)
    with IsolatedDecoder(20) as decoder:
        for _ in range(2):
            with pytest.raises(RejectError, match="could not be started") as refused:
                slice_from_bytes(compressed(RLE, encoded(RLE)), decode=decoder.decode)
            assert refused.value.passing


def test_a_decoder_that_crashes_costs_one_file(compressed):
    with IsolatedDecoder(20) as decoder:
        good = compressed(RLE, encoded(RLE))
        slice_from_bytes(good, decode=decoder.decode)
        decoder._process.kill()
        with pytest.raises(RejectError, match="crash the decoder of RLE Lossless"):
            slice_from_bytes(good, decode=decoder.decode)
        assert slice_from_bytes(good, decode=decoder.decode).hu.any()


def test_a_decoder_that_hangs_is_stopped(compressed):
    """It hangs because the system has stopped it: no machine is so fast that it answers."""
    with IsolatedDecoder(0.1) as decoder:
        decoder._started("RLE Lossless")
        hanging = decoder._process
        os.kill(hanging.pid, signal.SIGSTOP)
        with pytest.raises(RejectError, match=r"longer than 0\.1 s"):
            slice_from_bytes(compressed(RLE, encoded(RLE)), decode=decoder.decode)
        assert not hanging.is_alive()


def test_after_a_file_that_took_too_long_the_next_gets_its_own_pixels(compressed, monkeypatch):
    """The limit of a file may strike while its pixels are decoded; their answer comes late."""
    header = slice_from_bytes(compressed(RLE, encoded(RLE)), decode=lambda *_: STORED).header
    ones, twos = (encoded(RLE, np.full_like(STORED, value)) for value in (1, 2))

    def pixels_of(decoder, frame):
        content = compressed(RLE, frame)
        return slice_from_bytes(content, decode=decoder.decode).hu.max() + 1024

    class Slow:
        """A connection on which waiting for the answer outlasts the limit."""

        def __init__(self, connection):
            self.send, self.recv, self.close = connection.send, connection.recv, connection.close

        def poll(self, _):
            time.sleep(5)

    with IsolatedDecoder(20) as decoder:
        assert pixels_of(decoder, twos) == 2
        decoder._connection = Slow(decoder._connection)
        with pytest.raises(RejectError, match=r"longer than 0\.1 s"), time_limit(0.1):
            decoder.decode(RLE, encapsulate([ones]), header)
        assert pixels_of(decoder, twos) == 2


def test_a_missing_decoder_names_the_extra(monkeypatch, compressed):
    header = slice_from_bytes(compressed(RLE, encoded(RLE)), decode=lambda *_: STORED).header
    decoder = pydicom.pixels.get_decoder(JPEG_2000)
    monkeypatch.setattr(type(decoder), "is_available", False)
    reason = pixel_decoder._decoded(JPEG_2000, b"", replace(header))
    assert reason.endswith("install ichreport with the extra `compressed`")
