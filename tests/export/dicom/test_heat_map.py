"""The heat's values and what they mean; where they lie is tested in `test_geometry`."""

import numpy as np

from tests.export.dicom.made_study import CT_IMAGE, FRAME_OF_REFERENCE, uid_of


def frames_by_slice(made):
    """The frames, by the slice that each refers to."""
    pixels = made.pixel_array
    groups = made.PerFrameFunctionalGroupsSequence
    references = [
        group.DerivationImageSequence[0].SourceImageSequence[0] for group in groups
    ]  # fmt: skip
    assert {one.ReferencedSOPClassUID for one in references} == {CT_IMAGE}
    return {one.ReferencedSOPInstanceUID: pixels[i] for i, one in enumerate(references)}


def test_values_are_the_heat_by_the_maps_own_scale(written):
    made, heat = written.objects["heat-1-any"], written.study.heat[0]
    scale = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    slope, intercept = scale.RealWorldValueSlope, scale.RealWorldValueIntercept
    frames = frames_by_slice(made)
    names = written.study.store.slices["sop_instance_uid"].iloc[heat.rows]
    assert set(frames) == set(names) == {uid_of(number) for number in range(9)}
    for name, expected in zip(names, heat.maps, strict=True):
        np.testing.assert_allclose(slope * frames[name] + intercept, expected, atol=1e-5)
    assert max(frame.max() for frame in frames.values()) > 0


def test_frames_lie_where_their_slices_do(written):
    made = written.objects["heat-1-any"]
    heights = {str(one.SOPInstanceUID): one.ImagePositionPatient[2] for one in written.sources}
    for group in made.PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        place = group.PlanePositionSequence[0].ImagePositionPatient[2]
        assert place == heights[source.ReferencedSOPInstanceUID]


def test_heat_is_called_saliency_and_has_no_unit(written):
    made = written.objects["heat-1-any"]
    scale = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert scale.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    quantity = scale.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert (quantity.CodeValue, quantity.CodingSchemeDesignator) == ("130404", "DCM")
    assert made.ContentDescription == "Grad-CAM of any by 12-efficientnet"
    assert made.ContentQualification == "RESEARCH"


def test_it_says_what_every_frame_shows(written):
    [anatomy] = written.objects["heat-1-any"].SharedFunctionalGroupsSequence[0].FrameAnatomySequence
    [region] = anatomy.AnatomicRegionSequence
    assert (region.CodeValue, region.CodingSchemeDesignator) == ("69536005", "SCT")
    assert anatomy.FrameLaterality == "U"


def test_it_is_in_the_frame_of_reference_of_the_series_with_its_thickness(written):
    made = written.objects["heat-1-any"]
    assert made.FrameOfReferenceUID == FRAME_OF_REFERENCE
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [6.8, 6.8]
    assert measures.SliceThickness == 9.5
