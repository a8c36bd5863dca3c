import hashlib
import re

import numpy as np
import pytest
from PIL import Image

from ichreport.files import read_sealed_json
from ichreport.labels import LABELS, SUBTYPES
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import rsna_folder as module
from ichreport.phantom import study as study_module
from ichreport.phantom import write_phantom
from ichreport.phantom.study import VISIBLE_AREA

TINY = PhantomRecipe(patients=4, seed=1, matrix=64, slices=8)


def content(folder):
    """Every file of the data set, by name, as a hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny") / "rsna"
    write_phantom(folder, TINY)
    return folder


def test_workers_do_not_change_a_byte(tiny, tmp_path):
    write_phantom(tmp_path, TINY, workers=2)
    assert content(tmp_path) == content(tiny)


def test_another_seed_makes_other_slices(tiny, tmp_path):
    write_phantom(tmp_path, TINY.model_copy(update={"seed": 2}))
    before, after = content(tiny), content(tmp_path)
    assert not {h for name, h in before.items() if name.endswith(".dcm")} & set(after.values())
    assert not {n for n in before if n.endswith(".dcm")} & set(after)


def test_more_patients_leave_the_first_heads_as_they_are(tiny, tmp_path):
    more = TINY.model_copy(update={"patients": 5, "faults": False})
    first = write_phantom(tmp_path, more)["patients"][0]
    kept = read_sealed_json(tiny / "phantom.json")["patients"][0]
    assert (first["patient_id"], first["age"]) == (kept["patient_id"], kept["age"])


def test_the_same_recipe_is_left_alone(tiny):
    before = {path: path.stat().st_mtime_ns for path in tiny.rglob("*") if path.name != ".lock"}
    again = write_phantom(tiny, TINY)
    assert again == read_sealed_json(tiny / "phantom.json")
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_heads_of_which_the_description_is_damaged_are_made_anew(tmp_path):
    made = write_phantom(tmp_path, TINY)
    path = tmp_path / "phantom.json"
    for text in (path.read_text().replace("age", "edge"), "{", ""):
        path.write_text(text)
        assert write_phantom(tmp_path, TINY) == made == read_sealed_json(path)
    path.write_text("{")
    (tmp_path / module._MARKER).unlink()
    with pytest.raises(ValueError, match=r"phantom\.json is not readable"):
        write_phantom(tmp_path, TINY)


@pytest.mark.parametrize("deleted", ["stage_2_train/*.dcm", "truth/*.png", "stage_2_train.csv"])
def test_heads_from_which_a_file_was_deleted_are_made_anew(tmp_path, deleted):
    write_phantom(tmp_path, TINY)
    whole = content(tmp_path)
    next(tmp_path.glob(deleted)).unlink()
    write_phantom(tmp_path, TINY)
    assert content(tmp_path) == whole


def test_the_same_recipe_is_made_anew_by_other_code(tmp_path, monkeypatch):
    recipe = TINY.model_copy(update={"patients": 1})
    old = write_phantom(tmp_path, recipe)["version"]
    monkeypatch.setattr(module, "code_version", lambda: "0.0.0+other")
    assert write_phantom(tmp_path, recipe)["version"] == "0.0.0+other" != old


def test_another_recipe_is_refused_with_what_differs_and_the_cure(tiny):
    other = TINY.model_copy(update={"matrix": 72})
    before = content(tiny)
    with pytest.raises(ValueError, match=r"matrix 64 \(now 72\).*replace=True"):
        write_phantom(tiny, other)
    assert content(tiny) == before


def test_replace_leaves_nothing_of_the_other_recipe(tmp_path):
    write_phantom(tmp_path, TINY.model_copy(update={"patients": 2, "seed": 9}))
    recipe = TINY.model_copy(update={"patients": 1})
    made = write_phantom(tmp_path, recipe, replace=True)
    assert made["recipe"]["patients"] == 1
    assert len(list((tmp_path / "stage_2_train").iterdir())) == made["counts"]["slices"]


def test_an_unfinished_folder_is_started_anew(tmp_path):
    recipe = TINY.model_copy(update={"patients": 1})
    write_phantom(tmp_path, recipe)
    whole = content(tmp_path)
    (tmp_path / "phantom.json").unlink()
    (tmp_path / "stage_2_train" / "ID_000000000.dcm").write_bytes(b"half")
    write_phantom(tmp_path, recipe)
    assert content(tmp_path) == whole


@pytest.mark.parametrize("replace", [False, True])
def test_data_that_no_phantom_wrote_is_never_touched(tmp_path, replace):
    (tmp_path / "stage_2_train.csv").write_text("ID,Label\n")
    (tmp_path / "stage_2_train").mkdir()
    with pytest.raises(ValueError, match="did not come from a phantom"):
        write_phantom(tmp_path, TINY, replace=replace)
    assert (tmp_path / "stage_2_train.csv").read_text() == "ID,Label\n"


def test_a_file_in_the_folders_place_is_named(tmp_path):
    path = tmp_path / "data"
    path.write_text("")
    with pytest.raises(NotADirectoryError, match=re.escape(str(path))):
        write_phantom(path, TINY)


def test_no_worker_at_all_is_refused(tmp_path):
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        write_phantom(tmp_path / "new", TINY, workers=0)
    assert not (tmp_path / "new").exists()


def test_every_slice_has_six_rows_and_any_is_their_maximum(labels, headers):
    assert set(labels.index) == set(headers)
    assert set(labels.columns) == set(LABELS)
    assert labels.notna().all(axis=None)
    assert (labels["any"] == labels[list(SUBTYPES)].max(axis=1)).all()


def test_six_rows_stand_twice_and_are_identical(small):
    surplus = small.rows[small.rows.duplicated()]
    assert len(surplus) == 6
    assert small.rows.drop_duplicates()["ID"].is_unique
    (uid,) = {study["duplicated_label"] for study in small.studies if "duplicated_label" in study}
    assert set(surplus["ID"]) == {f"{uid}_{label}" for label in LABELS}


def test_labels_are_what_the_truth_masks_show(small, labels, headers):
    for uid, row in labels.iterrows():
        path = small.folder / "truth" / f"{uid}.png"
        if not row["any"]:
            assert not path.exists()
            continue
        truth = np.asarray(Image.open(path))
        header = headers[uid]
        assert truth.dtype == np.uint8
        assert truth.shape == (header.Rows, header.Columns)
        areas = [np.count_nonzero(truth >> k & 1) * header.PixelSpacing[0] ** 2 for k in range(5)]
        assert [int(area >= VISIBLE_AREA) for area in areas] == list(row[list(SUBTYPES)])
        assert all(area == 0 or area >= VISIBLE_AREA for area in areas)


def test_every_subtype_occurs(labels):
    assert (labels.sum() > 0).all()


def test_the_description_counts_what_is_there(small, labels, headers):
    counts = small.contents["counts"]
    assert counts["slices"] == len(headers) == sum(study["slices"] for study in small.studies)
    assert counts["patients"] == len({header.PatientID for header in headers.values()}) == 20
    assert counts["studies"] == len({h.StudyInstanceUID for h in headers.values()})
    assert counts["positive_slices"] == labels[list(LABELS)].sum().to_dict()


def test_the_description_names_slices_that_show_what_it_says(small, labels):
    shown = 0
    for study in small.studies:
        for bleed in study["bleeds"]:
            assert 20 <= bleed["hu"] <= 85
            assert bleed["stage"] != "acute" or bleed["hu"] >= 50
            best = bleed["sop_instance_uids"][:1]
            if study["positive_slices"][bleed["subtype"]] and len(study["bleeds"]) == 1:
                assert labels.loc[best, bleed["subtype"]].all()
            thin = bleed["subtype"] == "subarachnoid"  # spread so thin that no slice shows 40 mm²
            if bleed["volume_ml"] > (8 if thin else 5):
                assert labels.loc[best, bleed["subtype"]].all()
                shown += 1
        for lookalike in study["lookalikes"]:
            assert lookalike["sop_instance_uids"]
            assert set(lookalike["sop_instance_uids"]) <= set(labels.index)
    assert shown > 10


@pytest.mark.parametrize("name", ["truth", "stage_2_train"])
def test_a_folder_of_somebody_else_s_is_left_as_it_is(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match=f"holds {name} that did not come from a phantom; nothing"):
        write_phantom(tmp_path, PhantomRecipe(patients=1, matrix=64, slices=8))
    assert (tmp_path / name / "mine.txt").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {name, ".lock"}


def test_slices_that_show_a_quarter_of_what_the_best_does_are_named_most_first():
    names = list("abcdef")
    slices = [(name, None, (int(name == "e"),)) for name in names]
    amounts = [0.0, 8, 30, 40, 10, 9]
    assert study_module._showing(slices, amounts, least=2) == ["d", "c", "e"]
    assert study_module._showing(slices, amounts, least=2, label=0) == ["e", "d", "c"]
    assert study_module._showing(slices, amounts, least=35) == ["d"]
    assert study_module._showing(slices, [1.0] * 6, least=2) == []


def test_patients_without_a_bleed_have_no_positive_slice(small, headers, labels):
    healthy = {
        patient["patient_id"]
        for patient in small.contents["patients"]
        if not any(study["bleeds"] for study in patient["studies"])
    }
    assert healthy
    negative = [uid for uid, header in headers.items() if header.PatientID in healthy]
    assert not labels.loc[negative].any(axis=None)


def test_lookalikes_occur_with_and_without_bleeds(small):
    names = {True: set(), False: set()}
    for study in small.studies:
        names[bool(study["bleeds"])] |= {lookalike["name"] for lookalike in study["lookalikes"]}
    assert names[True]
    assert names[False]


def test_some_patients_come_back(small):
    assert {len(patient["studies"]) for patient in small.contents["patients"]} > {1}
