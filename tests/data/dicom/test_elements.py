import struct
from pathlib import Path

import pydicom
import pydicom.data
import pytest

from ichreport.data.dicom.elements import PIXEL_DATA, read_elements, read_transfer_syntax
from ichreport.data.dicom.reject import RejectError
from ichreport.data.dicom.transfer_syntaxes import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
)

UID, PATIENT, ROWS = 0x00080018, 0x00100020, 0x00280010
WANTED = frozenset((UID, PATIENT, ROWS))
SYNTAXES = [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG]


def walk(content):
    buffer = memoryview(content)
    syntax, start = read_transfer_syntax(buffer)
    return read_elements(buffer, start, syntax, WANTED)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_wanted_elements_are_found_in_every_plain_transfer_syntax(dicom_bytes, syntax):
    elements = walk(dicom_bytes(sop="ID_0000000aa", syntax=syntax))
    order = "big" if syntax == EXPLICIT_BIG else "little"
    assert bytes(elements[UID].value) == b"ID_0000000aa"
    assert int.from_bytes(elements[ROWS].value, order) == 8
    assert len(elements[PIXEL_DATA].value) == 128
    assert set(elements) == {*WANTED, PIXEL_DATA}


def nested(element, *, implicit, order):
    """A sequence of undefined length that holds an item with another, then one of known length."""
    name = element(0x00100010, "PN", "CANARY", implicit=implicit, order=order)

    def mark(tag, length=0):
        return struct.pack(order + "HHL", tag >> 16, tag & 0xFFFF, length)

    item, item_end, end = (mark(0xFFFEE000, 0xFFFFFFFF), mark(0xFFFEE00D), mark(0xFFFEE0DD))
    head = element(0x00081140, "SQ", b"", implicit=implicit, order=order, length=0xFFFFFFFF)
    sized = mark(0xFFFEE000, len(name)) + name
    return head + item + name + head + sized + end + item_end + sized + end


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_nested_sequences_of_undefined_length_are_passed_over(dicom_bytes, element, syntax):
    order = ">" if syntax == EXPLICIT_BIG else "<"
    plain = dicom_bytes(syntax=syntax)
    cut = plain.index(struct.pack(order + "HH", 0x0010, 0x0020))
    sequence = nested(element, implicit=syntax == IMPLICIT_LITTLE, order=order)
    elements = walk(plain[:cut] + sequence + plain[cut:])
    assert set(elements) == {*WANTED, PIXEL_DATA}


@pytest.mark.filterwarnings("ignore")
def test_the_walk_agrees_with_pydicom_on_its_own_files():
    compared = 0
    for path in sorted(Path(pydicom.data.__file__).parent.glob("test_files/*.dcm")):
        try:
            reference = pydicom.dcmread(path, stop_before_pixels=True)
            elements = walk(path.read_bytes())
        except (RejectError, pydicom.errors.InvalidDicomError):
            continue
        if UID not in elements or "SOPInstanceUID" not in reference:
            continue
        assert bytes(elements[UID].value).decode("ascii").strip("\0 ") == reference.SOPInstanceUID
        if "Rows" in reference:
            order = "little" if reference.original_encoding[1] else "big"
            assert int.from_bytes(elements[ROWS].value, order) == reference.Rows
        compared += 1
    assert compared > 40


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"ID,Label\n" * 100, "no DICM mark"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "no DICM mark"),
        (bytes(128) + b"DICM", "before it says its transfer syntax"),
        (bytes(128) + b"DICM" + bytes(400), "before it says its transfer syntax"),
    ],
    ids=["empty", "text", "png", "cut", "zeros"],
)
def test_what_is_not_dicom_is_refused_with_a_reason(content, reason):
    with pytest.raises(RejectError, match=reason):
        walk(content)


def test_a_length_beyond_the_end_of_the_file_allocates_nothing(dicom_bytes, element):
    plain = dicom_bytes()
    start = plain.index(struct.pack("<HH", 0x0010, 0x0020))
    elements = walk(plain[:start] + element(0x00090010, "UN", b"xx", length=0xFFFFFFF0))
    assert set(elements) == {UID}


def test_a_header_of_endless_elements_is_refused(dicom_bytes, element):
    plain = dicom_bytes()
    start = plain.index(struct.pack("<HH", 0x0010, 0x0020))
    with pytest.raises(RejectError, match="more than 50,000 elements"):
        walk(plain[:start] + element(0x00090010, "LO", b"") * 60_000)


def test_endless_nesting_is_refused_without_recursion(dicom_bytes, element):
    plain = dicom_bytes()
    start = plain.index(struct.pack("<HH", 0x0010, 0x0020))
    head = element(0x00081140, "SQ", b"", length=0xFFFFFFFF)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    with pytest.raises(RejectError, match="sequence of the header"):
        walk(plain[:start] + (head + item) * 60_000)
