"""Series of CT slices as a hospital has them, with a spot at a known place, and what is found."""

import io
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace

import numpy as np
from pydicom import Dataset, dcmread

from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.data.ingest.sources import recognise_source
from ichreport.evaluation.assessment import POSTER_RULE
from ichreport.evaluation.calibration.errors import Recalibration
from ichreport.evaluation.operating.decisions import Decisions
from ichreport.evaluation.studies import Pooling
from ichreport.findings.intake import take_in
from ichreport.findings.study_findings import found
from ichreport.findings.study_heat import StudyHeat
from ichreport.labels import LABELS
from tests.data.conftest import dicom_bytes

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
ROOT = "1.2.826.0.1.3680043.10.543"
FRAME_OF_REFERENCE = f"{ROOT}.9"
STUDY, SERIES = f"{ROOT}.1", f"{ROOT}.2"
MADE = datetime(2024, 5, 17, 14, 30, 5)
STANDARD = (1, 0, 0, 0, 1, 0)
KNOWN = AcquisitionRange(1, {}, {}, 0)
BONE, SPOT = 400, 2500
"""HU."""
WIDTH = 9.0
"""mm; the standard deviation of the spot."""


@dataclass(frozen=True)
class MadeSeries:
    """How a series lies: orientation, matrix, spacing, and where the first slice begins."""

    orientation: tuple = STANDARD
    shape: tuple = (64, 64)
    spacing: float = 3.4
    position: tuple = (-100.0, -110.0, 20.0)
    step: float = 10.0
    slices: int = 9
    elements: dict = field(default_factory=dict)
    drop: tuple = ()
    syntax: str = "1.2.840.10008.1.2.1"

    def points(self, number):
        """The patient coordinates of a slice's pixels, (rows, columns, 3): PS3.3 C.7.6.2.1.1."""
        row, column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        start = np.array(self.position) + np.array([0, 0, number * self.step])
        i, j = np.meshgrid(*map(np.arange, self.shape), indexing="ij")
        steps = row * j[..., None] + column * i[..., None]
        return start + self.spacing * steps

    def center(self, number, across=0.0, down=0.0):
        """A place in a slice, mm off its middle along a row and a column."""
        row, column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        middle = self.points(number).mean(axis=(0, 1))
        return middle + across * row + down * column

    def stored(self, number, spot):
        """The stored values of a round head with a bright ball around a place."""
        points = self.points(number)
        from_middle = np.linalg.norm(points - points.mean(axis=(0, 1)), axis=2)
        hu = np.select([from_middle < 62, from_middle < 74], [40, BONE], -1000)
        squared = ((points - spot) ** 2).sum(axis=2)
        return np.round(hu + SPOT * np.exp(-squared / (2 * WIDTH**2))) + 1024

    def file(self, number, spot):
        """A slice as a file of its own."""
        start = self.points(number)[0, 0]
        numbers = {
            0x00200032: ("DS", "\\".join(f"{value:.8g}" for value in start)),
            0x00200037: ("DS", "\\".join(f"{value:.12g}" for value in self.orientation)),
        }
        identity = {
            0x00080005: ("CS", "ISO_IR 100"),
            0x00080016: ("UI", CT_IMAGE),
            0x00080020: ("DA", "20240516"),
            0x00080030: ("TM", "101112"),
            0x00080050: ("SH", "A-77"),
            0x00080090: ("PN", "Referrer"),
            0x00100010: ("PN", "Müller^Änne".encode("latin-1")),
            0x00100030: ("DA", "19500101"),
            0x00100040: ("CS", "F"),
            0x00180050: ("DS", "9.5"),
            0x00200010: ("SH", "S1"),
            0x00200052: ("UI", FRAME_OF_REFERENCE),
        }
        return dicom_bytes(
            self.stored(number, spot),
            sop=uid_of(number),
            patient="P-1",
            study=STUDY,
            series=SERIES,
            spacing=f"{self.spacing}\\{self.spacing}",
            replace=identity | numbers | self.elements,
            drop=self.drop,
            syntax=self.syntax,
        )


def enhanced_file(series, spot):
    """The same slices as the frames of one file, from the top to the bottom of the head."""
    content = dcmread(io.BytesIO(series.file(0, spot)))
    content.SOPClassUID, content.SOPInstanceUID = ENHANCED_CT, f"{ROOT}.4"
    numbers = range(series.slices)[::-1]
    content.NumberOfFrames = series.slices
    shared = Dataset()
    shared.PixelMeasuresSequence = [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = [series.spacing] * 2
    shared.PixelMeasuresSequence[0].SliceThickness = 9.5
    shared.PlaneOrientationSequence = [Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = list(series.orientation)
    content.SharedFunctionalGroupsSequence = [shared]
    content.PerFrameFunctionalGroupsSequence = []
    for number in numbers:
        frame = Dataset()
        frame.PlanePositionSequence = [Dataset()]
        position = series.points(number)[0, 0]
        frame.PlanePositionSequence[0].ImagePositionPatient = [f"{value:.8g}" for value in position]
        content.PerFrameFunctionalGroupsSequence.append(frame)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del content[keyword]
    pixels = np.stack([series.stored(number, spot) for number in numbers])
    content.PixelData = pixels.astype("<i2").tobytes()
    return content


def made_run(identity="5d" * 32, *, is_synthetic=False):
    """What is asked of a run."""
    return SimpleNamespace(name="12-efficientnet", identity=identity, is_synthetic=is_synthetic)


RUN = made_run()


def uid_of(number):
    return f"{ROOT}.3.{number + 1}"


def name_of_file(number):
    """A name in no order of z."""
    return f"{(7 * number) % 31:02d}.dcm"


def write_series(folder, series, spot):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(series.slices):
        (folder / name_of_file(number)).write_bytes(series.file(number, spot))


def decisions(*, learned=True, threshold=0.4):
    same = dict.fromkeys(LABELS, threshold)
    return Decisions(
        thresholds={POSTER_RULE: same},
        study_thresholds={POSTER_RULE: same | {"epidural": float("nan")}},
        recalibrations=dict.fromkeys(LABELS, Recalibration(1.0, 1.0, 0.0)),
        poolings=dict.fromkeys(LABELS, Pooling(np.inf, 0.9, -0.1)),
        learned=dict.fromkeys(LABELS, learned) | {"subdural": False},
        prevalence=dict.fromkeys(LABELS, 0.25),
    )


def study_of(folder, series, *, spot=None, size=32, source=None):
    """A study taken in and judged: its source, store, findings and heat, as `predict` has them."""
    spot = series.center(4) if spot is None else spot
    if source is None:
        source = folder / "source"
        write_series(source, series, spot)
    store, (study, *_) = take_in(source, folder / "store", image_size=size, known=KNOWN)
    assert not study.is_refused, study.fitness
    random = np.random.default_rng(1)
    probability = random.uniform(0.01, 0.99, (len(study.rows), len(LABELS))).astype(np.float32)
    slices = store.slices.iloc[study.rows]
    findings = found(
        "study-0001", study, slices["z"].to_numpy(), list(slices["sop_instance_uid"]),
        probability, decisions(),
    )  # fmt: skip
    hu = store.hu(study.rows).astype(np.float32)
    maps = np.clip((hu - 1.25 * BONE) / SPOT, 0, 1)
    heat = StudyHeat("any", "Grad-CAM", "12-efficientnet", study.rows, maps)
    return SimpleNamespace(
        source=recognise_source(source), store=store, findings=findings, heat=[heat], spot=spot
    )
