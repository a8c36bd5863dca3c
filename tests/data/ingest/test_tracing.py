"""Who has the key finds the file behind a pseudonym; nobody else does."""

import zipfile
from itertools import chain
from pathlib import Path

import pytest
import yaml

from ichreport import cli
from ichreport.data.ingest.make_store import ingest
from ichreport.data.ingest.sources import recognise_source
from ichreport.data.ingest.tracing import trace
from ichreport.params.store_profile import data_set_of_store, profile_of_store


@pytest.fixture(scope="module")
def hospital(tmp_path_factory, dicom_bytes):
    """A tree of two patients, a damaged file, a scout and a zip."""
    folder = tmp_path_factory.mktemp("ward") / "tree"
    for patient in "AB":
        (folder / patient).mkdir(parents=True)
        for number in range(3):
            words = {"patient": patient, "study": f"1.{patient}", "series": f"2.{patient}"}
            made = dicom_bytes(sop=f"3.{patient}.{number}", z=number, **words)
            (folder / patient / f"IM{number}").write_bytes(made)
    (folder / "cut").write_bytes(dicom_bytes(sop="4.1")[:-9])
    with zipfile.ZipFile(folder / "C.zip", "w") as archive:
        archive.writestr("deep/IM0", dicom_bytes(sop="3.C.0", patient="C", study="1.C", z=1))
    store = ingest(
        folder, folder.parent / "store", image_size=8, progress=False, max_reject_share=0.5,
        series="all",
    )  # fmt: skip
    return folder, store


def traced(hospital, pseudonym, **words):
    folder, store = hospital
    key = words.get("key", store.folder.with_name("store.key"))
    return trace(store.folder, pseudonym, recognise_source(folder), key)


def test_each_kind_of_pseudonym_leads_to_its_files(hospital):
    _, store = hospital
    [cut] = store.rejects["file"]
    assert traced(hospital, cut) == ["cut"]
    found = {}
    for column in ("patient_id", "study_instance_uid", "series_instance_uid"):
        found[column] = {tuple(traced(hospital, name)) for name in store.slices[column].unique()}
    of_a_patient = {*(tuple(f"{p}/IM{n}" for n in range(3)) for p in "AB"), ("C.zip/deep/IM0",)}
    assert found["patient_id"] == found["study_instance_uid"] == of_a_patient
    slices = [traced(hospital, name) for name in store.slices["sop_instance_uid"]]
    assert sorted(file for [file] in slices) == sorted(chain(*of_a_patient))


def test_without_the_right_key_nothing_is_told(hospital, tmp_path):
    [cut] = hospital[1].rejects["file"]
    with pytest.raises(FileNotFoundError, match="without the key nothing can be traced"):
        traced(hospital, cut, key=tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "other").write_text("ab" * 32)
    with pytest.raises(ValueError, match="is not the key"):
        traced(hospital, cut, key=tmp_path / "other")


@pytest.mark.parametrize(
    ("pseudonym", "message"),
    [
        ("file-0123", "knows no file of"),
        ("slice-0123", "knows no file of"),
        ("MUELLER", "got another"),
    ],
)
def test_what_is_no_pseudonym_of_the_store_is_refused(hospital, pseudonym, message):
    with pytest.raises(ValueError, match=message) as refused:
        traced(hospital, pseudonym)
    assert "MUELLER" not in str(refused.value)


def test_a_store_without_pseudonyms_has_nothing_to_trace(hospital, tmp_path):
    words = {"image_size": 8, "progress": False, "max_reject_share": 0.5, "series": "all"}
    store = ingest(hospital[0], tmp_path / "store", pseudonymise=False, **words)
    with pytest.raises(ValueError, match="stand as they are"):
        trace(store.folder, "file-1", recognise_source(hospital[0]), tmp_path / "key")


def test_the_command_prints_the_files_of_the_source_that_it_is_given(hospital, capsys):
    folder, store = hospital
    [cut] = store.rejects["file"]
    assert cli.main(["trace", str(store.folder), cut, "--source", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}/cut\n"
    assert cli.main(["trace", str(store.folder), cut]) == 2
    assert "no profile in params/ makes this store" in capsys.readouterr().err


def test_a_mistake_in_a_profile_of_another_store_is_no_obstacle(hospital, tmp_path, monkeypatch):
    folder, store = hospital
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").touch()
    (tmp_path / "params").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params" / "a.yaml").write_text("epoch: 3\n")
    with pytest.raises(ValueError, match=r"makes this store; name its source\. .*a\.yaml: epoch"):
        profile_of_store(store.folder)
    text = yaml.safe_dump({"profile": "b", "source": str(folder), "store": str(store.folder)})
    (tmp_path / "params" / "b.yaml").write_text(text)
    assert profile_of_store(store.folder).source_folder == folder


def test_verify_says_what_it_compared_and_what_not(hospital, capsys):
    store = hospital[1].folder
    assert cli.main(["verify", str(store)]) == 0
    said = capsys.readouterr().out
    assert f"{store}: 7 files (" in said
    assert "by their SHA-256. The files that it was made of were not compared." in said


def test_a_store_of_another_hospital_is_known_by_the_profile_that_names_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "broken.yaml").write_text("profile: [")
    (tmp_path / "params" / "mine.yaml").write_text(
        "profile: mine\nsource: a\nstore: data/mine/store\ncam_run: x\n"
        "external: [{name: there, source: b, citation: Nobody 2026, licence: CC BY 4.0}]\n"
    )
    known = data_set_of_store(Path("data/mine/external/there/store"))
    assert (known.name, known.citation, known.licence) == ("there", "Nobody 2026", "CC BY 4.0")
    assert data_set_of_store(Path("data/mine/external/elsewhere/store")) is None
