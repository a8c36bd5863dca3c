"""Objects belong to the source's patient and study, are new, and are the same each time."""

import importlib.util
import zipfile
from dataclasses import replace
from datetime import timedelta

import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import UID

from ichreport.export.dicom.requirement import require
from ichreport.export.dicom.write import DicomExport
from ichreport.findings.study_findings import refused
from tests.export.dicom.made_study import (
    ENHANCED_CT,
    MADE,
    RUN,
    SERIES,
    STUDY,
    MadeSeries,
    enhanced_file,
    made_run,
    name_of_file,
    study_of,
    write_series,
)

COPIED = [
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
]
NAMES = ["report", "capture-1", "capture-2", "capture-3", "heat-1-any"]


def write(study, folder, *, run=RUN, made=MADE, heat=None, **changed):
    findings = replace(study.findings, **changed)
    written = DicomExport(study.source, run, made).write(
        findings, study.heat if heat is None else heat, study.store, folder
    )
    assert written.files, written.left_out
    return written


def uids(written):
    objects = [dcmread(path, stop_before_pixels=True) for path in written.files]
    return [(str(one.SeriesInstanceUID), str(one.SOPInstanceUID)) for one in objects]


def test_patient_and_study_are_those_of_the_source(written):
    assert [path.stem for path in written.made.files] == NAMES
    source = written.sources[0]
    for made in written.objects.values():
        assert [str(made[name].value) for name in COPIED] == [
            str(source[name].value) for name in COPIED
        ]
    assert str(written.objects["report"].PatientName) == "Müller^Änne"


def test_series_and_objects_are_new_and_valid(written):
    objects = written.objects.values()
    instances = {one.SOPInstanceUID for one in objects}
    series = {one.SeriesInstanceUID for one in objects}
    assert (len(instances), len(series)) == (5, 3)
    old = {STUDY, SERIES, *(one.SOPInstanceUID for one in written.sources)}
    assert not (instances | series) & old
    assert all(UID(uid).is_valid for uid in instances | series)
    assert all(one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID for one in objects)


def test_the_same_findings_give_the_same_bytes(written, tmp_path):
    again = write(written.study, tmp_path)
    assert [path.read_bytes() for path in again.files] == [
        path.read_bytes() for path in written.made.files
    ]


def test_a_later_time_gives_the_same_identifiers(written, tmp_path):
    later = write(written.study, tmp_path, made=MADE + timedelta(days=3))
    assert uids(later) == uids(written.made)
    assert later.files[0].read_bytes() != written.made.files[0].read_bytes()


def test_another_run_gives_other_identifiers(written, tmp_path):
    other = write(written.study, tmp_path, run=made_run(identity="6e" * 32))
    assert not {*map(tuple, uids(other))} & {*map(tuple, uids(written.made))}


def test_another_finding_gives_another_report_in_the_same_series(written, tmp_path):
    labels = written.study.findings.labels
    changed = labels | {"any": replace(labels["any"], probability=0.123)}
    (series, report), *_ = uids(write(written.study, tmp_path, labels=changed))
    assert series == uids(written.made)[0][0]
    assert report != uids(written.made)[0][1]


def test_a_refused_study_gives_nothing_and_a_reason(written, tmp_path):
    study = written.study
    nothing = refused("study-0001", study.findings.study, "too dark")
    made = DicomExport(study.source, RUN).write(nothing, [], study.store, tmp_path / "out")
    assert made.files == ()
    assert "nothing to write" in made.left_out[0]
    assert not (tmp_path / "out").exists()


def test_names_that_are_no_identifiers_give_nothing_and_a_reason(tmp_path):
    elements = {0x0020000D: ("UI", "ID_8d5b7c2f1e")}
    study = study_of(tmp_path, MadeSeries(elements=elements))
    made = DicomExport(study.source, RUN).write(
        study.findings, study.heat, study.store, tmp_path / "out"
    )
    assert made.files == ()
    assert "no valid StudyInstanceUID" in made.left_out[0]


def test_files_without_a_class_give_nothing_and_a_reason(tmp_path):
    study = study_of(tmp_path, MadeSeries(drop=(0x00080016,)))
    made = DicomExport(study.source, RUN).write(
        study.findings, study.heat, study.store, tmp_path / "out"
    )
    assert made.files == ()
    assert "no valid SOPClassUID" in made.left_out[0]


@pytest.mark.parametrize(
    ("tag", "missing"),
    [(0x00200037, "ImageOrientationPatient"), (0x00200052, "FrameOfReferenceUID")],
)
def test_slices_of_an_unknown_place_give_all_but_the_heat(tmp_path, tag, missing):
    study = study_of(tmp_path, MadeSeries(drop=(tag,)))
    made = write(study, tmp_path / "out")
    assert [path.stem for path in made.files] == NAMES[:4]
    assert missing in made.left_out[0]


def test_a_side_that_nobody_knows_is_not_marked(tmp_path):
    study = study_of(tmp_path, MadeSeries(drop=(0x00200037,)))
    made = dcmread(write(study, tmp_path / "out").files[1])
    assert not made.PatientOrientation


def test_what_the_source_leaves_out_is_left_empty(tmp_path):
    tags = (0x00100010, 0x00100030, 0x00100040, 0x00080020, 0x00080030, 0x00080050, 0x00080090)
    study = study_of(tmp_path, MadeSeries(drop=(*tags, 0x00200010, 0x00180050, 0x00080005)))
    made = write(study, tmp_path / "out")
    for path in made.files:
        one = dcmread(path)
        assert [str(one[name].value or "") for name in COPIED] == [
            STUDY if name == "StudyInstanceUID" else "P-1" if name == "PatientID" else ""
            for name in COPIED
        ]
    shared = dcmread(made.files[-1]).SharedFunctionalGroupsSequence[0]
    assert shared.PixelMeasuresSequence[0].SliceThickness == 10.0  # as far as slices are apart


def test_a_sex_that_the_standard_does_not_know_is_copied_as_it_is(tmp_path):
    study = study_of(tmp_path, MadeSeries(elements={0x00100040: ("CS", "U")}))
    assert dcmread(write(study, tmp_path / "out").files[0]).PatientSex == "U"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2"])
def test_other_transfer_syntaxes_give_the_same_findings(written, tmp_path, syntax):
    spot = written.study.spot
    study = study_of(tmp_path, MadeSeries(syntax=syntax), spot=spot)
    assert uids(write(study, tmp_path / "out")) == uids(written.made)


def test_heat_of_some_slices_and_of_several_labels_is_an_object_a_label(written, tmp_path):
    (whole,) = written.study.heat
    some = [1, 3, 4]
    parts = [
        replace(whole, label=label, rows=whole.rows[some], maps=whole.maps[some])
        for label in ("any", "subdural")
    ]
    made = write(written.study, tmp_path, heat=parts)
    assert [path.stem for path in made.files[4:]] == ["heat-1-any", "heat-2-subdural"]
    one, other = map(dcmread, made.files[4:])
    assert one.SeriesInstanceUID == other.SeriesInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID
    heights = [
        float(group.PlanePositionSequence[0].ImagePositionPatient[2])
        for group in other.PerFrameFunctionalGroupsSequence
    ]
    assert sorted(heights) == [30.0, 50.0, 60.0]


def test_a_run_without_heat_gives_pictures_all_the_same(written, tmp_path):
    made = write(written.study, tmp_path, heat=[])
    assert [path.stem for path in made.files] == NAMES[:4]
    assert made.left_out == ()


def replaced(tmp_path, number, other):
    """A study of which one slice lies otherwise."""
    series = MadeSeries()
    source = tmp_path / "source"
    write_series(source, series, series.center(4))
    content = other.file(number, series.center(4))
    (source / name_of_file(number)).write_bytes(content)
    return study_of(tmp_path, series, source=source)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (MadeSeries(orientation=(1, 0, 0, 0, 0.96, -0.28)), "several orientations"),
        (MadeSeries(spacing=3.0), "several orientations or sizes"),
        (MadeSeries(position=(-100.0, -110.0, 10.0)), "in one place"),
    ],
)
def test_slices_that_one_map_cannot_hold_give_none_and_a_reason(tmp_path, other, reason):
    made = write(replaced(tmp_path, 2, other), tmp_path / "out")
    assert [path.stem for path in made.files] == NAMES[:4]
    assert reason in made.left_out[0]


def test_slices_that_files_hold_turned_have_one_map_all_the_same(tmp_path):
    turned = MadeSeries(orientation=(0, 1, 0, 1, 0, 0))
    made = write(replaced(tmp_path, 2, turned), tmp_path / "out")
    assert [path.stem for path in made.files] == NAMES


def test_a_zip_gives_the_same_objects_as_its_folder(written, tmp_path):
    folder = written.folder.parent / "source"
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as packed:
        for path in folder.iterdir():
            packed.write(path, f"DICOM/{path.name}")
    spot = written.study.spot
    study = study_of(tmp_path, MadeSeries(), spot=spot, source=tmp_path / "export.zip")
    made = write(study, tmp_path / "out")
    assert [path.read_bytes() for path in made.files] == [
        path.read_bytes() for path in written.made.files
    ]


def test_frames_of_one_file_are_referred_to_by_number(tmp_path):
    series = MadeSeries()
    source = tmp_path / "frames"
    source.mkdir()
    enhanced_file(series, series.center(4)).save_as(source / "frames.dcm")
    study = study_of(tmp_path, series, source=source)
    objects = {path.stem: dcmread(path) for path in write(study, tmp_path / "out").files}
    # Frame 1 is the top one, at 100 mm.
    heights = {number: 100.0 - 10.0 * (number - 1) for number in range(1, 10)}
    placed = {}
    for group in objects["heat-1-any"].PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPClassUID == ENHANCED_CT
        placed[int(source.ReferencedFrameNumber)] = float(
            group.PlanePositionSequence[0].ImagePositionPatient[2]
        )
    assert placed == heights
    library = objects["report"].ContentSequence[-3].ContentSequence[0].ContentSequence
    frames = [item.ReferencedSOPSequence[0].ReferencedFrameNumber for item in library]
    assert frames == list(range(9, 0, -1))  # from the feet to the head
    worst = study.findings.slices["probability_any"].to_numpy().argmax()
    shown = objects["capture-1"].SourceImageSequence[0].ReferencedFrameNumber
    assert shown == 9 - worst


def test_a_study_that_did_not_come_as_dicom_gives_nothing_and_a_reason(tmp_path):
    series = MadeSeries()
    hu = np.stack([series.stored(number, series.center(4)) - 1024 for number in range(9)])
    source = tmp_path / "volumes"
    source.mkdir()
    image = nibabel.Nifti1Image(hu.T.astype(np.int16), np.diag([-3.4, -3.4, 10.0, 1.0]))
    nibabel.save(image, source / "head.nii.gz")
    study = study_of(tmp_path, series, source=source)
    made = DicomExport(study.source, RUN).write(
        study.findings, study.heat, study.store, tmp_path / "out"
    )
    assert made.files == ()
    assert made.left_out[0].startswith("It did not come as DICOM")


def test_a_file_that_is_gone_gives_nothing_and_a_reason(tmp_path):
    study = study_of(tmp_path, MadeSeries())
    export = DicomExport(study.source, RUN)
    next((tmp_path / "source").iterdir()).unlink()
    made = export.write(study.findings, study.heat, study.store, tmp_path / "out")
    assert made.files == ()
    assert "cannot be read again" in made.left_out[0]


def test_a_file_that_is_another_patients_now_gives_nothing_and_a_reason(tmp_path):
    study = study_of(tmp_path, MadeSeries())
    export = DicomExport(study.source, RUN)
    one, other = sorted((tmp_path / "source").iterdir())[:2]
    one.write_bytes(other.read_bytes())
    made = export.write(study.findings, study.heat, study.store, tmp_path / "out")
    assert made.files == ()
    assert "have changed" in made.left_out[0]


def test_a_damaged_thickness_is_as_none(tmp_path):
    study = study_of(tmp_path, MadeSeries(elements={0x00180050: ("DS", "thin")}))
    made = dcmread(write(study, tmp_path / "out").files[-1])
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.SliceThickness == 10.0


def test_one_number_is_the_spacing_both_ways(tmp_path):
    study = study_of(tmp_path, MadeSeries(elements={0x00280030: ("DS", "3.4")}))
    made = dcmread(write(study, tmp_path / "out").files[-1])
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [6.8, 6.8]


def test_without_the_library_the_cure_is_named(monkeypatch):
    require()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "\.\[dicom\]"'):
        require()
