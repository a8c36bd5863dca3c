"""What a set of synthetic heads says of its look-alikes."""

import zipfile

import pytest

from ichreport.data.synthetic.description import is_described
from ichreport.data.synthetic.look_alikes import (
    AFTER_SURGERY,
    HEAD_MOVED,
    LookAlike,
    read_look_alikes,
)
from ichreport.files import write_sealed_json
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom


def describe(folder, **patient):
    study = {"study_instance_uid": "S", "moved": True, "lookalikes": []}
    write_sealed_json(folder / "phantom.json", {"patients": [{"studies": [study], **patient}]})


def test_each_look_alike_is_of_its_study_and_its_slices(tmp_path):
    made = write_phantom(tmp_path, PhantomRecipe(patients=4, seed=5, matrix=64, slices=8))
    described = [
        (study["study_instance_uid"], item["name"], item["sop_instance_uids"])
        for patient in made["patients"]
        for study in patient["studies"]
        for item in study["lookalikes"]
    ]
    assert is_described(tmp_path)
    listed = [each for each in read_look_alikes(tmp_path) if each.sop_instance_uids]
    assert described
    assert [(e.study_instance_uid, e.name, e.sop_instance_uids) for e in listed] == described


def test_operations_and_movement_are_of_whole_studies(tmp_path):
    describe(tmp_path, surgery=["craniotomy"])
    assert read_look_alikes(tmp_path) == [
        LookAlike(AFTER_SURGERY, "S", ()),
        LookAlike(HEAD_MOVED, "S", ()),
    ]
    describe(tmp_path, surgery=[])
    assert read_look_alikes(tmp_path) == [LookAlike(HEAD_MOVED, "S", ())]


def test_names_are_sorted_into_kinds():
    kinds = {
        "calcified pineal": "calcification",
        "small calcification": "calcification",
        "calcified tentorium": "calcification",
        "hyperdense sinus": "dense sinus",
        "hyperdense torcula": "dense sinus",
        "contrast in sinuses": "contrast medium",
        "contrast in arteries": "contrast medium",
        "dense falx and tentorium": "dense falx and tentorium",
    }
    for name, kind in kinds.items():
        assert LookAlike(name, "S", ()).kind == kind


@pytest.mark.parametrize("folder", ["", "heads/"])
def test_a_zip_of_the_set_says_the_same(tmp_path, folder):
    made, zipped = tmp_path / "made", tmp_path / "made.zip"
    write_phantom(made, PhantomRecipe(patients=4, seed=5, matrix=64, slices=8))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(made.rglob("*")):
            archive.write(path, folder + path.relative_to(made).as_posix())
    assert is_described(zipped)
    assert read_look_alikes(zipped) == read_look_alikes(made)
    assert read_look_alikes(zipped)


def test_what_a_zip_says_is_not_taken_where_it_is_damaged(tmp_path):
    zipped = tmp_path / "made.zip"
    for content in (b"{", b"[]", b'{"patients": [], "seal": "0"}'):
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("phantom.json", content)
        with pytest.raises(ValueError, match=r"made\.zip/phantom\.json"):
            read_look_alikes(zipped)
    whole = zipped.read_bytes()
    zipped.write_bytes(whole.replace(b"patients", b"patience", 1))  # its checksum does not match
    with pytest.raises(ValueError, match=r"made\.zip/phantom\.json cannot be read"):
        read_look_alikes(zipped)


def test_a_zip_whose_directory_is_damaged_is_named(tmp_path):
    zipped = tmp_path / "made.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("phantom.json", "{}")
    zipped.write_bytes(zipped.read_bytes().replace(b"PK\x01\x02", b"PK\x00\x00"))
    for ask in (is_described, read_look_alikes):
        with pytest.raises(ValueError, match=r"made\.zip cannot be read as a zip"):
            ask(zipped)


def test_a_zip_of_real_heads_lists_nothing(tmp_path):
    with zipfile.ZipFile(tmp_path / "real.zip", "w") as archive:
        archive.writestr("stage_2_train/ID_0.dcm", b"")
    assert not is_described(tmp_path / "real.zip")
    with pytest.raises(FileNotFoundError, match=r"real\.zip"):
        read_look_alikes(tmp_path / "real.zip")


def test_a_folder_of_real_heads_lists_nothing(tmp_path):
    assert not is_described(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_look_alikes(tmp_path)
