"""Heat maps as a Parametric Map that a viewer lays over the series (PS3.3 section A.75).

Not as a fractional segmentation: its values would be probabilities that a pixel bleeds, which heat
does not claim to be, and viewers refuse it or paint all of it. The standard has a word for heat, a
map of saliency. Values are integers of 16 bits, which more programs read than floats.
"""

from typing import Final

import numpy as np
from highdicom import (
    PixelMeasuresSequence,
    PlaneOrientationSequence,
    PlanePositionSequence,
    VOILUTTransformation,
)
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom import Dataset
from pydicom.sequence import Sequence

from ichreport.export.dicom import coded_concepts
from ichreport.export.dicom.geometry import Plane, plane_in_store
from ichreport.export.dicom.origin import BODY_PART, Origin, digest, shortened, stand_in
from ichreport.export.dicom.source_series import LeftOutError, SourceSeries, SourceSlice
from ichreport.findings.study_heat import StudyHeat

_HIGHEST: Final = 2**16 - 1
"""The stored value that stands for 1."""
_LONGEST_LABEL: Final = 16
_DIGITS: Final = 3
"""Decimals of mm; places that differ by less are the same."""


def heat_map(heat: StudyHeat, origin: Origin, number: int) -> Dataset:
    """Write heat maps of a label.

    Args:
        heat: Maps of some slices of the study, in [0, 1].
        origin: What it is made from.
        number: The object's number in its series, from 1.

    Returns:
        A Parametric Map with a frame for each map, which refers to its slice.

    Raises:
        LeftOutError: If the slices' files do not say where they lie, or they lie differently.
    """
    slices = [origin.series.of_row(int(row)) for row in heat.rows]
    planes = [_plane(one, heat.maps.shape[1]) for one in slices]
    _check_together(planes)
    stored = np.round(heat.maps.astype(np.float64) * _HIGHEST).astype(np.uint16)
    content, thickness = digest(stored.tobytes()), _thickness(origin.series)
    made = ParametricMap(
        source_images=[_placed(header, planes[0], thickness) for header in _files(slices)],
        pixel_array=stored,
        sop_instance_uid=origin.uid("heat", heat.label, heat.method, heat.network, content),
        instance_number=number,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_mapping()],
        voi_lut_transformations=[VOILUTTransformation(window_center=2**15, window_width=2**16)],
        pixel_measures=PixelMeasuresSequence(planes[0].spacing, thickness),
        plane_orientation=PlaneOrientationSequence("PATIENT", planes[0].orientation.tolist()),
        plane_positions=[
            PlanePositionSequence("PATIENT", plane.position.tolist()) for plane in planes
        ],
        content_label=f"HEAT_{heat.label.upper()}"[:_LONGEST_LABEL],
        content_description=shortened(f"{heat.method} of {heat.label} by {heat.network}"),
        series_description="heat maps",
        **origin.series_of("heat"),
        **origin.equipment,
    )
    made.DimensionOrganizationSequence[0].DimensionOrganizationUID = origin.uid("dimensions")
    for index in made.DimensionIndexSequence:
        index.DimensionOrganizationUID = origin.uid("dimensions")
    made.BodyPartExamined = BODY_PART
    made.ContentCreatorName = ""  # nobody's, and the standard wants it to be there (type 2)
    made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = Sequence([_anatomy()])
    _refer(made, planes, slices)
    origin.finish(made)
    return made


def _plane(one: SourceSlice, size: int) -> Plane:
    try:
        return plane_in_store(one.plane, *one.shape, size)
    except ValueError as error:
        raise LeftOutError(f"Nobody knows where its heat lies: {error}.") from None


def _check_together(planes: list[Plane]) -> None:
    """Refuse slices that one map cannot hold."""
    if not all(plane.is_parallel(planes[0]) for plane in planes):
        raise LeftOutError(
            "Its slices have several orientations or sizes, which one map cannot have."
        )
    places = {tuple(plane.position.round(_DIGITS)) for plane in planes}
    if len(places) < len(planes):
        raise LeftOutError("Several of its slices lie in one place, which one map cannot have.")


def _mapping() -> RealWorldValueMapping:
    """From stored values to heat."""
    return RealWorldValueMapping(
        lut_label="HEAT",
        lut_explanation="Share of a slice's strongest heat times its probability",
        unit=coded_concepts.NO_UNITS,
        value_range=(0, _HIGHEST),
        slope=1 / _HIGHEST,
        intercept=0,
        quantity_definition=coded_concepts.SALIENCY,
    )


def _anatomy() -> Dataset:
    """What every frame shows, which the standard asks of a Parametric Map (PS3.3 Table A.75-2)."""
    anatomy = Dataset()
    anatomy.AnatomicRegionSequence = Sequence([coded_concepts.HEAD])
    anatomy.FrameLaterality = "U"  # the head is unpaired
    return anatomy


def _thickness(series: SourceSeries) -> float:
    """How thick slices are, mm; where no file says, how far neighbours are apart."""
    said = [one.thickness for one in series.slices if one.thickness is not None]
    if said:
        return float(np.median(said))
    planes = [plane for one in series.slices if (plane := _known_plane(one)) is not None]
    places = sorted(float(plane.position @ planes[0].normal) for plane in planes)
    steps = np.diff(places)
    if not (steps > 0).any():
        raise LeftOutError("Nobody knows how thick its slices are: no file says.")
    return float(np.median(steps[steps > 0]))


def _known_plane(one: SourceSlice) -> Plane | None:
    try:
        return one.plane
    except ValueError:
        return None


def _files(slices: list[SourceSlice]) -> list[Dataset]:
    return list({one.header.SOPInstanceUID: one.header for one in slices}.values())


def _placed(header: Dataset, plane: Plane, thickness: float) -> Dataset:
    """A file as highdicom takes it, in a place that it takes for checked.

    Places are known better from `geometry`, also of frames and of files that differ by rounding.
    """
    known = stand_in(header)
    if not header.get("FrameOfReferenceUID"):
        raise LeftOutError("Nobody knows where its heat lies: FrameOfReferenceUID is missing.")
    known.FrameOfReferenceUID = header.FrameOfReferenceUID
    known.PositionReferenceIndicator = header.get("PositionReferenceIndicator")
    known.Rows, known.Columns, known.Modality = header.Rows, header.Columns, "CT"
    measures = PixelMeasuresSequence(plane.spacing, thickness)
    orientation = PlaneOrientationSequence("PATIENT", plane.orientation.tolist())
    position = PlanePositionSequence("PATIENT", plane.position.tolist())
    if "PerFrameFunctionalGroupsSequence" in header:
        shared, own = Dataset(), Dataset()
        shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = measures, orientation
        own.PlanePositionSequence = position
        known.SharedFunctionalGroupsSequence = Sequence([shared])
        known.NumberOfFrames, known.PerFrameFunctionalGroupsSequence = 1, Sequence([own])
    else:
        for item in (*measures, *orientation, *position):
            known.update(item)
    return known


def _refer(made: Dataset, planes: list[Plane], slices: list[SourceSlice]) -> None:
    """Have each frame name its slice; the library has put frames in the order of their places."""
    places = np.array([plane.position for plane in planes])
    for group in made.PerFrameFunctionalGroupsSequence:
        place = np.array(group.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
        nearest = int(np.linalg.norm(places - place, axis=1).argmin())
        group.DerivationImageSequence = Sequence([_derivation(slices[nearest])])


def _derivation(one: SourceSlice) -> Dataset:
    source = Dataset()
    source.ReferencedSOPClassUID = one.header.SOPClassUID
    source.ReferencedSOPInstanceUID = one.header.SOPInstanceUID
    if one.frame is not None:
        source.ReferencedFrameNumber = one.frame
    source.PurposeOfReferenceCodeSequence = Sequence([coded_concepts.SOURCE_IMAGE])
    derivation = Dataset()
    derivation.DerivationCodeSequence = Sequence([coded_concepts.UNSPECIFIED_METHOD])
    derivation.SourceImageSequence = Sequence([source])
    return derivation
