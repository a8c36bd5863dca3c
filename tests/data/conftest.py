"""Small files as the challenge has them, written byte by byte."""

import struct
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ichreport.files import sha256_of_file, write_sealed_json
from ichreport.labels import LABELS, SUBTYPES

LONG = {"OB", "OW", "SQ", "UN", "UT"}
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


def element(tag, vr, value, *, order="<", implicit=False, length=None):
    """One data element; `length` overrides what the header claims."""
    if isinstance(value, str):
        value = value.encode("latin-1")
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    length = len(value) if length is None else length
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack("<L", length) + value
    if vr in LONG:
        return head + vr.encode() + struct.pack(order + "HL", 0, length) + value
    return head + vr.encode() + struct.pack(order + "H", length) + value


def dicom_bytes(
    pixels=None,
    *,
    sop="ID_000000001",
    patient="ID_p",
    study="ID_s",
    series="ID_r",
    z=10.0,
    tilt=0.0,
    bits=16,
    signed=True,
    intercept="-1024",
    slope="1",
    spacing="0.488281\\0.488281",
    window=("40", "80"),
    padding=None,
    syntax=EXPLICIT_LITTLE,
    extra=(),
    drop=(),
    replace=None,
    pixel_data=None,
):
    """A file of one slice. `replace` maps a tag to an element's (vr, value); `drop` leaves out.

    `pixels` holds stored values; `pixel_data` overrides the bytes of the last element.
    """
    pixels = np.zeros((8, 8)) if pixels is None else np.asarray(pixels)
    order = ">" if syntax == "1.2.840.10008.1.2.2" else "<"
    implicit = syntax == "1.2.840.10008.1.2"

    def us(number):
        return struct.pack(order + ("h" if number < 0 else "H"), number)

    sine, cosine = np.sin(np.radians(tilt)), np.cos(np.radians(tilt))
    stored = pixels.astype(order + ("i2" if signed else "u2"))
    tags = {
        0x00080018: ("UI", sop),
        0x00080060: ("CS", "CT"),
        0x00100020: ("LO", patient),
        0x0020000D: ("UI", study),
        0x0020000E: ("UI", series),
        0x00200010: ("SH", ""),
        0x00200032: ("DS", f"-125.0\\-120.5\\{z:.6f}"),
        0x00200037: ("DS", f"1\\0\\0\\0\\{cosine:.6f}\\{-sine:.6f}"),
        0x00280002: ("US", us(1)),
        0x00280004: ("CS", "MONOCHROME2"),
        0x00280010: ("US", us(pixels.shape[0])),
        0x00280011: ("US", us(pixels.shape[1])),
        0x00280030: ("DS", spacing),
        0x00280100: ("US", us(16)),
        0x00280101: ("US", us(bits)),
        0x00280102: ("US", us(bits - 1)),
        0x00280103: ("US", us(int(signed))),
        0x00281050: ("DS", window[0]),
        0x00281051: ("DS", window[1]),
        0x00281052: ("DS", intercept),
        0x00281053: ("DS", slope),
    }
    if padding is not None:
        tags[0x00280120] = ("SS" if signed else "US", us(padding))
    tags.update({tag: (vr, value) for tag, vr, value in extra})
    tags.update(replace or {})
    body = b"".join(
        element(tag, vr, value, order=order, implicit=implicit)
        for tag, (vr, value) in sorted(tags.items())
        if tag not in drop
    )
    if pixel_data is None:
        pixel_data = element(0x7FE00010, "OW", stored.tobytes(), order=order, implicit=implicit)
    meta = element(0x00020001, "OB", b"\0\1") + element(0x00020010, "UI", syntax)
    meta = element(0x00020000, "UL", struct.pack("<L", len(meta))) + meta
    return bytes(128) + b"DICM" + meta + body + pixel_data


@pytest.fixture(name="dicom_bytes", scope="session")
def dicom_bytes_():
    return dicom_bytes


@pytest.fixture(name="element", scope="session")
def element_():
    return element


def write_challenge(
    folder, *, patients=3, series=1, slices=6, size=32, seed=0, truth=False, labels=True
):
    """A tiny challenge folder of random heads; returns what it wrote.

    The second half of the patients is of the 12-bit family. File names are in no order of z.
    """
    random = np.random.default_rng(seed)
    train = folder / "stage_2_train"
    train.mkdir(parents=True, exist_ok=True)
    names = random.integers(16**9, size=patients * series * slices)
    written, lines = {}, ["ID,Label"]
    for number, name in enumerate(f"ID_{n:09x}" for n in names):
        patient, rest = divmod(number, series * slices)
        series_number, position = divmod(rest, slices)
        hu = random.integers(-1024, 3072, (size, size))
        bleeds = random.random(len(SUBTYPES)) < 0.2
        signed = patient < patients / 2
        content = dicom_bytes(
            hu + 1024,
            sop=name,
            patient=f"ID_{patient:08x}",
            study=f"ID_{patient:04x}{series_number:04x}",
            series=f"ID_{patient:05x}{series_number:05x}",
            z=5.0 * position - 20,
            bits=16 if signed else 12,
            signed=signed,
            window=("40", "80") if signed else ("00036\\00036", "00080\\00080"),
            tilt=12.0 if patient % 2 else 0.0,
        )
        (train / f"{name}.dcm").write_bytes(content)
        labelled = dict(zip(LABELS, [*bleeds, bleeds.any()], strict=True))
        lines += [f"{name}_{label},{int(value)}" for label, value in labelled.items()]
        mask = np.zeros((size, size), np.uint8)
        for bit in np.flatnonzero(bleeds):
            mask[4 : 4 + 4 * (bit + 1), 8:16] |= np.uint8(1 << bit)
        if truth and bleeds.any():
            (folder / "truth").mkdir(exist_ok=True)
            Image.fromarray(mask).save(folder / "truth" / f"{name}.png")
        written[name] = SimpleNamespace(
            hu=hu, patient=patient, position=position, labels=labelled, mask=mask, content=content
        )
    if labels:
        (folder / "stage_2_train.csv").write_text("\n".join(lines) + "\n")
    if truth:
        labels_hash = sha256_of_file(folder / "stage_2_train.csv")
        write_sealed_json(folder / "phantom.json", {"labels_sha256": labels_hash})
    return written


@pytest.fixture(name="write_challenge", scope="session")
def write_challenge_():
    return write_challenge


@pytest.fixture(scope="session")
def no_decode():
    """In place of a decoder where nothing is compressed."""

    def decode(syntax, pixels, header):
        raise AssertionError("nothing here is compressed")

    return decode
