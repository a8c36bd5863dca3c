"""New studies are taken in whatever they are: each ends as a study or a row that says why not."""

import zipfile

import numpy as np
import pytest

from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.findings.intake import take_in
from tests.data.conftest import dicom_bytes

KNOWN = AcquisitionRange(0, {}, {}, 0)


def head(size=64):
    """A ring of bone with brain in it, in stored values."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    radius = np.hypot(x, y) / size
    hu = np.where(radius < 0.42, 30, -1000)
    return np.where((radius > 0.38) & (radius < 0.42), 1000, hu) + 1024


def write_study(folder, name, *, slices=12, patient=None, pixels=None, **options):
    """A study of one series; gives its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(slices):
        content = dicom_bytes(
            head() if pixels is None else pixels,
            **{"sop": f"1.2.{name}.{number}", "patient": patient or f"p{name}"},
            **{"series": f"1.1.{name}.1", "z": 10.0 * number},
            **{"study": f"1.1.{name}", "spacing": "3\\3", **options},
        )
        (folder / f"{name}-{number:03d}").write_bytes(content)
    return folder


def read(source, tmp_path):
    _, studies = take_in(source, tmp_path / "store", image_size=32, known=KNOWN)
    return studies


def reasons(study):
    return " ".join(study.fitness.refusals)


def test_a_study_is_taken_in_whole_and_in_order(tmp_path):
    write_study(tmp_path / "in", 1)
    store, [study] = take_in(tmp_path / "in", tmp_path / "store", image_size=32, known=KNOWN)
    assert not study.is_refused
    assert store.slices["sop_instance_uid"].iloc[study.rows].tolist() == [
        f"1.2.1.{number}" for number in range(12)
    ]
    assert study.files == {f"1.2.1.{number}": f"1-{number:03d}" for number in range(12)}
    assert study.identifiers["study_instance_uid"] == "1.1.1"
    assert study.series["step"] == 10.0


def test_a_zip_gives_what_its_files_give(tmp_path):
    folder = write_study(tmp_path / "in", 1)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as opened:
        for path in sorted(folder.iterdir()):
            opened.write(path, f"a/{path.name}")
    [study] = read(tmp_path / "in.zip", tmp_path)
    assert (len(study.rows), study.is_refused) == (12, False)


def test_of_a_study_with_two_series_the_plain_one_is_read(tmp_path):
    write_study(tmp_path / "in", 1)
    for number in range(12):
        content = dicom_bytes(
            head(), sop=f"1.3.{number}", patient="p1", study="1.1.1", series="1.1.1.2",
            z=10.0 * number, spacing="3\\3",
            replace={0x00080008: ("CS", "DERIVED\\SECONDARY\\AXIAL")},
        )  # fmt: skip
        (tmp_path / "in" / f"derived-{number}").write_bytes(content)
    [study] = read(tmp_path / "in", tmp_path)
    assert study.identifiers["series_instance_uid"] == "1.1.1.1"
    assert sum(study.left_out.values()) == 12


def test_what_shows_no_head_is_refused(tmp_path):
    write_study(tmp_path / "in", 1, pixels=np.full((64, 64), 1100))
    [study] = read(tmp_path / "in", tmp_path)
    assert "no head" in reasons(study)
    assert not len(study.rows)


def test_patients_who_share_a_study_are_refused(tmp_path):
    write_study(tmp_path / "in/a", 1, patient="one")
    for path in write_study(tmp_path / "more", 1, patient="two", slices=6).iterdir():
        content = path.read_bytes().replace(b"1.2.1.", b"1.9.1.")
        (tmp_path / "in/a" / f"other-{path.name}").write_bytes(content)
    studies = read(tmp_path / "in", tmp_path)
    assert len(studies) == 2
    assert all("Several patients share" in reasons(study) for study in studies)


def test_a_patient_whose_slices_are_named_as_another_s_is_not_lost(tmp_path):
    """As a poor anonymiser leaves them: no row said that there had been a second patient."""
    write_study(tmp_path / "in/alice", 1, patient="alice")
    write_study(tmp_path / "in/bob", 1, patient="bob", pixels=head() + 3, study="1.1.2")
    alice, bob = read(tmp_path / "in", tmp_path)
    assert not alice.is_refused
    assert bob.identifiers["patient_id"] != alice.identifiers["patient_id"]
    assert reasons(bob).startswith("None of its slices can be used: ")
    assert sum(bob.left_out.values()) == 12


def test_patients_who_share_slices_names_and_a_study_are_refused(tmp_path):
    write_study(tmp_path / "in/alice", 1, patient="alice")
    write_study(tmp_path / "in/bob", 1, patient="bob", pixels=head() + 3)
    studies = read(tmp_path / "in", tmp_path)
    assert len(studies) == 2
    assert all("Several patients share" in reasons(study) for study in studies)


def test_what_lies_beside_a_study_s_slices_is_counted_as_left_out(tmp_path):
    write_study(tmp_path / "in", 1)
    (tmp_path / "in/broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1" * 400)
    (tmp_path / "in/letter.txt").write_text("Dear colleague")
    [study] = read(tmp_path / "in", tmp_path)
    assert sum(study.left_out.values()) == 2
    assert not study.is_refused


def test_damage_counts_for_the_study_whose_folder_it_lies_in(tmp_path):
    write_study(tmp_path / "in/a", 1)
    write_study(tmp_path / "in/b", 2)
    (tmp_path / "in/a/broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1" * 400)
    first, second = read(tmp_path / "in", tmp_path)
    assert first.fitness.warnings == ("One of its files is damaged and left out.",)
    assert second.fitness.warnings == ()


def test_damage_beside_several_studies_is_a_row_of_its_own(tmp_path):
    write_study(tmp_path / "in", 1)
    write_study(tmp_path / "in", 2)
    (tmp_path / "in/broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1" * 400)
    studies = read(tmp_path / "in", tmp_path)
    assert sorted(study.is_refused for study in studies) == [False, False, True]
    [lost] = [study for study in studies if study.is_refused]
    assert "beside several studies" in reasons(lost)


def test_a_source_without_a_slice_is_rows_with_reasons(tmp_path):
    (tmp_path / "in/a").mkdir(parents=True)
    (tmp_path / "in/b").mkdir()
    (tmp_path / "in/a/letter.txt").write_text("Dear colleague")
    (tmp_path / "in/b/broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1" * 400)
    store, studies = take_in(tmp_path / "in", tmp_path / "store", image_size=32, known=KNOWN)
    assert len(store) == 0
    assert [study.folder for study in studies] == ["a", "b"]
    assert all("No file is an axial slice" in reasons(study) for study in studies)


def test_two_hundred_damaged_or_foreign_studies_each_end_in_a_row(tmp_path):
    random = np.random.default_rng(0)
    folder = write_study(tmp_path / "w", "000")
    whole = [path.read_bytes() for path in sorted(folder.iterdir())]
    for number in range(200):
        folder = tmp_path / "in" / f"{number:03d}"
        folder.mkdir(parents=True)
        for place, content in enumerate(whole):
            named = content.replace(b".000", b".%03d" % number)
            (folder / f"{place}").write_bytes(damaged(named, number % 7, random))
    studies = read(tmp_path / "in", tmp_path)
    folders = {study.folder for study in studies}
    assert folders == {f"{number:03d}" for number in range(200)}
    for study in studies:
        assert study.is_refused or len(study.rows)
        assert not study.is_refused or reasons(study)
    assert any(study.is_refused for study in studies)
    assert any(not study.is_refused for study in studies)


def damaged(content, how, random):
    """A file after one of several mishaps."""
    if how == 0:
        return b""
    if how == 1:
        return content[: int(random.integers(1, len(content)))]
    if how == 2:
        return random.bytes(len(content))
    if how == 3:
        changed = bytearray(content)
        for place in random.integers(132, 600, 20):
            changed[place] = int(random.integers(256))
        return bytes(changed)
    if how == 4:
        return b"%PDF-1.4\n" + content
    if how == 5:
        return content[:-700] + random.bytes(700)
    return content


@pytest.mark.parametrize("content", [b"", b"no zip"])
def test_a_file_that_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "one.dcm").write_bytes(content)
    with pytest.raises(ValueError, match="is a file and no zip"):
        read(tmp_path / "one.dcm", tmp_path)
