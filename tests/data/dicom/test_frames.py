"""Multi-frame files, as pydicom writes them: each frame is a slice of its own."""

import io
import struct

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_encoder
from pydicom.uid import UID

from ichreport.data.dicom.pixel_decoder import IsolatedDecoder
from ichreport.data.dicom.reject import RejectError
from ichreport.data.dicom.slice_reader import slices_from_bytes

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
STORED = np.random.default_rng(3).integers(0, 3000, (4, 6, 6)).astype(np.uint16)


def item(**elements):
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def groups(**elements):
    """A functional group: a sequence of one item."""
    return [item(**elements)]


def enhanced(stored=STORED, *, undefined=False, frames=None, shared=True, own_rescale=False):
    """An enhanced CT of some frames, 5 mm apart, from the top to the bottom of the head."""
    content = item(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1",
        SOPInstanceUID="1.2.3",
        Modality="CT",
        ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        PatientID="P",
        StudyInstanceUID="1.2",
        SeriesInstanceUID="1.1",
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        NumberOfFrames=len(stored) if frames is None else frames,
        Rows=stored.shape[1],
        Columns=stored.shape[2],
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
        PixelRepresentation=0,
    )
    orientation = groups(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    rescale = groups(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")
    common = item(
        PixelMeasuresSequence=groups(PixelSpacing=[0.5, 0.5], SliceThickness=5),
        PlaneOrientationSequence=orientation,
        FrameVOILUTSequence=groups(WindowCenter=40, WindowWidth=80),
        CTReconstructionSequence=groups(ConvolutionKernel="H31s"),
    )
    if shared and not own_rescale:
        common.PixelValueTransformationSequence = rescale
    content.SharedFunctionalGroupsSequence = [common]
    own = []
    for number in range(len(stored)):
        frame = item(PlanePositionSequence=groups(ImagePositionPatient=[0, 0, -5 * number]))
        if own_rescale:
            frame.PixelValueTransformationSequence = groups(
                RescaleIntercept=-1000 - number, RescaleSlope=1, RescaleType="HU"
            )
        own.append(frame)
    content.PerFrameFunctionalGroupsSequence = own
    if undefined:
        for element in content.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = True
                for nested in element.value:
                    nested.is_undefined_length_sequence_item = True
    return content


def written(content, syntax=EXPLICIT, pixels=None):
    content.file_meta = FileMetaDataset()
    content.file_meta.TransferSyntaxUID = UID(syntax)
    content.PixelData = STORED.tobytes() if pixels is None else pixels
    content["PixelData"].VR = "OW" if syntax != RLE else "OB"
    content["PixelData"].is_undefined_length = syntax == RLE
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, content, enforce_file_format=True)
    return memoryview(stream.getvalue())


def read(content, decode=None):
    return list(slices_from_bytes(content, decode=decode))


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_each_frame_is_a_slice_with_a_name_and_a_place_of_its_own(syntax, undefined):
    pixels = STORED.astype(">u2" if syntax == BIG else "<u2").tobytes()
    slices = read(written(enhanced(undefined=undefined), syntax, pixels))
    assert [made.header.sop_instance_uid for made in slices] == [f"1.2.3:{n}" for n in (1, 2, 3, 4)]
    assert [made.header.geometry.z for made in slices] == [0, -5, -10, -15]
    for made, stored in zip(slices, STORED, strict=True):
        np.testing.assert_array_equal(made.hu, stored.astype(int) - 1024)
        assert made.header.geometry.spacing == 0.5
        assert made.header.acquisition.thickness == 5
        assert made.header.acquisition.kernel == "H31s"
        assert (made.header.window_center, made.header.window_width) == (40, 80)
        assert made.rules == ("a frame of a multi-frame file",)


def test_what_a_frame_says_itself_counts_for_it():
    slices = read(written(enhanced(own_rescale=True)))
    assert [made.header.intercept for made in slices] == [-1000, -1001, -1002, -1003]
    np.testing.assert_array_equal(slices[3].hu, STORED[3].astype(int) - 1003)


def test_a_file_of_one_frame_is_read_like_one_of_many():
    [made] = read(written(enhanced(STORED[:1]), pixels=STORED[:1].tobytes()))
    assert made.header.sop_instance_uid == "1.2.3:1"
    np.testing.assert_array_equal(made.hu, STORED[0].astype(int) - 1024)


def encoded(stored):
    return get_encoder(RLE).encode(
        stored.tobytes(),
        rows=stored.shape[0],
        columns=stored.shape[1],
        samples_per_pixel=1,
        number_of_frames=1,
        bits_allocated=16,
        bits_stored=12,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
    )


@pytest.fixture(scope="module")
def decoder():
    with IsolatedDecoder(20) as decoder:
        yield decoder


@pytest.mark.parametrize(
    ("fragments", "offsets"), [(1, False), (1, True), (3, True)], ids=["no table", "table", "cut"]
)
def test_compressed_frames_are_told_apart(decoder, fragments, offsets):
    frames = [encoded(stored) for stored in STORED]
    pixels = encapsulate(frames, fragments_per_frame=fragments, has_bot=offsets)
    slices = read(written(enhanced(), RLE, pixels), decoder.decode)
    for made, stored in zip(slices, STORED, strict=True):
        np.testing.assert_array_equal(made.hu, stored.astype(int) - 1024)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: written(enhanced(frames=5)), "NumberOfFrames is 5, but 4 frames have a position"),
        (lambda: written(enhanced(), pixels=STORED[:3].tobytes()), "expected 288"),
        (lambda: written(enhanced(shared=False)), "RescaleSlope is missing"),
        (
            lambda: written(
                enhanced(), RLE, encapsulate([encoded(s) for s in STORED], 3, has_bot=False)
            ),
            "does not say which of its 12 fragments make up each of 4 frames",
        ),
    ],
)
def test_frames_that_cannot_be_right_are_refused(decoder, content, reason):
    with pytest.raises(RejectError, match=reason):
        read(content(), decoder.decode)


def test_a_sequence_that_is_cut_or_holds_no_items_is_refused():
    whole = bytes(written(enhanced()))
    start = whole.index(struct.pack("<HH", 0x5200, 0x9230))
    for end in range(start + 12, start + 200, 7):
        with pytest.raises(RejectError):
            read(memoryview(whole[:end]))
    damaged = bytearray(whole)
    damaged[start + 12 : start + 14] = b"\x10\x00"  # where the tag of the first item stands
    with pytest.raises(RejectError, match="holds no items"):
        read(memoryview(bytes(damaged)))
