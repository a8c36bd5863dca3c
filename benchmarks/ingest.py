"""How fast DICOM files become a store, beside a plain loop and the leanest path there is.

    python benchmarks/ingest.py

- plain: pydicom, three float windows, resize, PNG (what most public repositories do);
- lean: pydicom without validation, np.frombuffer, the same integer pooling, one file: no checks, no
  hashes, no index, no atomic files;
- ours: `ichreport.data.ingest.make_store.ingest`, all of it.

Files are 512 x 512, stored at 256 x 256, and lie in the page cache. The output goes to a memory
file system, so that only computing is compared; and, in the figures of `disk`, to a disk, where
ours flushes each shard before it counts as there.

The same files in a zip, as Kaggle gives the challenge, are compared with the folder, in the page
cache and dropped from it before each turn (`cold`; what the disk itself keeps is not dropped).

Two parts that libraries could do are measured by themselves: reading a header, beside pydicom with
`specific_tags` and `stop_before_pixels`, and halving a slice, beside Pillow's box filter.
"""

import io
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from side_by_side import alone, interleaved, main, median_ratio

from ichreport.data.dicom.elements import read_elements, read_transfer_syntax
from ichreport.data.dicom.fields import WANTED
from ichreport.data.dicom.header import read_header
from ichreport.data.ingest.make_store import ingest
from ichreport.data.resample import resample_hu

FILES, PLAIN_FILES, START_FILES = 4000, 150, 600
"""All files; those of the plain loop, which is slow; those that tell what starting costs."""
SIZE = 256


def element(tag: int, vr: str, value: str | bytes) -> bytes:
    """One data element in explicit little endian."""
    content = value.encode() if isinstance(value, str) else value
    content += b" " * (len(content) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in ("OB", "OW"):
        return head + struct.pack("<HL", 0, len(content)) + content
    return head + struct.pack("<H", len(content)) + content


def slice_bytes(stored: np.ndarray, name: str, patient: int, z: float, signed: bool) -> bytes:
    """A file as the challenge has it, of one of its two families."""

    def us(number: int) -> bytes:
        return struct.pack("<H", number)

    bits, window = (16, ("40", "80")) if signed else (12, ("00036\\00036", "00080\\00080"))
    tags = {
        0x00080018: ("UI", name),
        0x00080060: ("CS", "CT"),
        0x00100020: ("LO", f"ID_{patient:08x}"),
        0x0020000D: ("UI", f"ID_{patient:09x}a"),
        0x0020000E: ("UI", f"ID_{patient:09x}b"),
        0x00200010: ("SH", ""),
        0x00200032: ("DS", f"-125.000000\\-120.500000\\{z:.6f}"),
        0x00200037: ("DS", "1.000000\\0.000000\\0.000000\\0.000000\\0.978148\\-0.207912"),
        0x00280002: ("US", us(1)),
        0x00280004: ("CS", "MONOCHROME2"),
        0x00280010: ("US", us(512)),
        0x00280011: ("US", us(512)),
        0x00280030: ("DS", "0.488281\\0.488281"),
        0x00280100: ("US", us(16)),
        0x00280101: ("US", us(bits)),
        0x00280102: ("US", us(bits - 1)),
        0x00280103: ("US", us(int(signed))),
        0x00281050: ("DS", window[0]),
        0x00281051: ("DS", window[1]),
        0x00281052: ("DS", "-1024"),
        0x00281053: ("DS", "1"),
        0x7FE00010: ("OW", stored.astype("<i2" if signed else "<u2").tobytes()),
    }
    meta = element(0x00020001, "OB", b"\0\1") + element(0x00020010, "UI", "1.2.840.10008.1.2.1\0")
    meta = element(0x00020000, "UL", struct.pack("<L", len(meta))) + meta
    body = b"".join(element(tag, vr, value) for tag, (vr, value) in tags.items())
    return bytes(128) + b"DICM" + meta + body


def write_files(folder: Path, count: int) -> list[Path]:
    """Noisy heads on air, half of each family."""
    random = np.random.default_rng(0)
    along, across = np.mgrid[:512, :512] - 255.5
    radius = np.hypot(along / 1.2, across)
    noise = random.normal(0, 6, (1024, 512))
    folder.mkdir(parents=True)
    paths = []
    for number in range(count):
        inner = 150 + number % 35
        head = np.where(radius < inner, 35, np.where(radius < inner + 14, 1100, -1024))
        hu = head + np.where(radius < inner + 14, noise[number % 512 :][:512], 0)
        signed = number % 2 == 0
        background = -2000 if signed else 0
        stored = np.where(radius < inner + 14, hu + 1024, background).clip(-2000, 4095)
        name = f"ID_{random.integers(16**9):09x}"
        path = folder / f"{name}.dcm"
        path.write_bytes(slice_bytes(stored, name, number // 35, 5.0 * (number % 35), signed))
        paths.append(path)
    return sorted(paths)


def plain(paths: list[Path], out: Path) -> None:
    """What most public repositories do."""
    out.mkdir(exist_ok=True)
    for path in paths:
        dataset = pydicom.dcmread(path)
        hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        channels = []
        for center, width in ((40, 80), (80, 200), (600, 2800)):
            low = center - width / 2
            channels.append((np.clip(hu, low, low + width) - low) / width)
        picture = Image.fromarray((np.stack(channels, axis=-1) * 255).astype(np.uint8))
        picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR).save(out / f"{path.stem}.png")


def lean(paths: list[Path], out: Path, *, flush: bool = False) -> None:
    """The least that turns the files into one file of pooled HU, flushed to the disk or not."""
    out.mkdir(exist_ok=True)
    with (out / "all.raw").open("wb") as stream:
        for path in paths:
            dataset = pydicom.dcmread(path)
            kind = np.int16 if dataset.PixelRepresentation else np.uint16
            stored = np.frombuffer(dataset.PixelData, kind).reshape(dataset.Rows, dataset.Columns)
            hu = stored.view(np.int16) + np.int16(int(dataset.RescaleIntercept))
            stream.write(resample_hu(hu, SIZE).data)
        if flush:
            os.fsync(stream.fileno())


def ours(source: Path, out: Path, workers: int) -> None:
    """The ingest, from nothing, in another process, so that workers start as in real use."""
    shutil.rmtree(out, ignore_errors=True)
    arguments = f"image_size={SIZE}, workers={workers}, progress=False"
    code = "from ichreport.data.ingest.make_store import ingest; "
    code += f"ingest({str(source)!r}, {str(out)!r}, {arguments})"
    subprocess.run([sys.executable, "-c", code], check=True)


def ours_here(source: Path, out: Path) -> None:
    """The ingest, from nothing, in this process."""
    shutil.rmtree(out, ignore_errors=True)
    ingest(source, out, image_size=SIZE, progress=False)


def our_headers(files: list[bytes]) -> None:
    """Read and check the wanted elements."""
    for file in files:
        buffer = memoryview(file)
        syntax, start = read_transfer_syntax(buffer)
        read_header(read_elements(buffer, start, syntax, WANTED), big_endian=False)


def pydicom_headers(files: list[bytes]) -> None:
    """Read the wanted elements and convert their values, unchecked."""
    tags = sorted(WANTED)
    for file in files:
        dataset = pydicom.dcmread(io.BytesIO(file), specific_tags=tags, stop_before_pixels=True)
        for tag in tags:
            if tag in dataset:
                _ = dataset[tag].value


def pillow_halved(slices: list[np.ndarray]) -> None:
    """Halve slices by Pillow's box filter, whose float32 values round to ours."""
    for hu in slices:
        picture = Image.fromarray(hu.astype(np.float32))
        np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BOX))


def our_halved(slices: list[np.ndarray]) -> None:
    """Halve slices."""
    for hu in slices:
        resample_hu(hu, SIZE)


def measure(repeats: int = 5, count: int = FILES) -> dict[str, Any]:
    """Files a second of each alternative, and the ratios that matter."""
    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir=memory) as ram:
        source, small = Path(folder, "source"), Path(folder, "small")
        paths = write_files(source, count)
        write_files(small, START_FILES)
        figures: dict[str, Any] = {"files": count, "image_size": SIZE}
        figures |= _to_memory(source, small, paths, Path(ram), repeats)
        figures |= _to_disk(source, paths, Path(folder), repeats)
        figures |= _from_zip(source, paths, Path(folder), repeats)
        figures["worker_peak_mib"] = alone(ours_here, source, Path(ram, "peak"))["peak_mib"]
        figures |= _parts([path.read_bytes() for path in paths[:PLAIN_FILES]], repeats)
    return figures


def _to_memory(
    source: Path, small: Path, paths: list[Path], out: Path, repeats: int
) -> dict[str, Any]:
    first = paths[:PLAIN_FILES]
    seconds = interleaved(
        {
            "plain": partial(plain, first, out / "plain"),
            "lean": partial(lean, paths, out / "lean"),
            "ours": partial(ours_here, source, out / "ours"),
            "ours, 2 workers": partial(ours, source, out / "ours2", 2),
            "ours, 1 worker": partial(ours, source, out / "ours1", 1),
            "start, 1 worker": partial(ours, small, out / "start1", 1),
            "start, 2 workers": partial(ours, small, out / "start2", 2),
        },
        repeats=repeats,
    )
    plain_seconds = [s * len(paths) / len(first) for s in seconds["plain"]]
    more_1, more_2 = (
        [whole - part for whole, part in zip(seconds[a], seconds[b], strict=True)]
        for a, b in (("ours, 1 worker", "start, 1 worker"), ("ours, 2 workers", "start, 2 workers"))
    )
    files = {"plain": PLAIN_FILES, "start, 1 worker": START_FILES, "start, 2 workers": START_FILES}
    return {
        "files_per_second": {
            name: files.get(name, len(paths)) / statistics.median(times)
            for name, times in seconds.items()
        },
        "ours_over_plain": median_ratio(plain_seconds, seconds["ours"]),
        "ours_over_lean": median_ratio(seconds["lean"], seconds["ours"]),
        "2_workers_over_1": median_ratio(seconds["ours, 1 worker"], seconds["ours, 2 workers"]),
        "2_workers_over_1_once_started": median_ratio(more_1, more_2),
    }


def _to_disk(source: Path, paths: list[Path], out: Path, repeats: int) -> dict[str, Any]:
    seconds = interleaved(
        {
            "lean": partial(lean, paths, out / "lean"),
            "lean, flushed": partial(lean, paths, out / "lean", flush=True),
            "ours": partial(ours_here, source, out / "ours"),
        },
        repeats=repeats,
    )
    return {
        "disk_files_per_second": {
            name: len(paths) / statistics.median(times) for name, times in seconds.items()
        },
        "disk_ours_over_lean": median_ratio(seconds["lean"], seconds["ours"]),
        "disk_ours_over_lean_flushed": median_ratio(seconds["lean, flushed"], seconds["ours"]),
    }


def _from_zip(source: Path, paths: list[Path], out: Path, repeats: int) -> dict[str, Any]:
    """The ingest of a folder and of a zip with the same files, warm and cold."""
    zipped = out / "source.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as made:
        for path in paths:
            made.write(path, path.name)
    os.sync()  # what is not on the disk yet cannot be dropped

    def cold(given: Path, files: list[Path]) -> None:
        drop(files)
        ours_here(given, out / "ours")

    seconds = interleaved(
        {
            "folder, warm": partial(ours_here, source, out / "ours"),
            "zip, warm": partial(ours_here, zipped, out / "ours"),
            "folder, cold": partial(cold, source, paths),
            "zip, cold": partial(cold, zipped, [zipped]),
        },
        repeats=repeats,
    )
    return {
        "zip_share_of_folder": zipped.stat().st_size / sum(p.stat().st_size for p in paths),
        "zip_files_per_second": {
            name: len(paths) / statistics.median(times) for name, times in seconds.items()
        },
        "zip_over_folder_warm": median_ratio(seconds["folder, warm"], seconds["zip, warm"]),
        "zip_over_folder_cold": median_ratio(seconds["folder, cold"], seconds["zip, cold"]),
    }


def drop(files: list[Path]) -> None:
    """Drop files from the page cache."""
    for path in files:
        with path.open("rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _parts(files: list[bytes], repeats: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    slices = [random.integers(-1024, 3072, (512, 512)).astype(np.int16) for _ in range(20)]
    seconds = interleaved(
        {
            "header, ours": partial(our_headers, files),
            "header, pydicom": partial(pydicom_headers, files),
            "halving, ours": partial(our_halved, slices),
            "halving, Pillow": partial(pillow_halved, slices),
        },
        repeats=repeats,
    )
    count = {"header": len(files), "halving": len(slices)}
    return {
        "microseconds_per_file": {
            name: 1e6 * statistics.median(times) / count[name.split(",")[0]]
            for name, times in seconds.items()
        },
        "header_ours_over_pydicom": median_ratio(
            seconds["header, pydicom"], seconds["header, ours"]
        ),
        "halving_ours_over_pillow": median_ratio(
            seconds["halving, Pillow"], seconds["halving, ours"]
        ),
    }


if __name__ == "__main__":
    main(measure, repeats=1, count=900)
