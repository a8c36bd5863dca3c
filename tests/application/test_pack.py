"""A pack is a run in one file: it predicts the same elsewhere, and what was changed is refused."""

import json
import shutil
import zipfile

import pytest

from ichreport.application import pack
from ichreport.application.loaded_run import load
from ichreport.cli import main
from ichreport.files import read_json, seal_of
from ichreport.runs.record import read_run
from ichreport.runs.saved_run import SavedRun
from tests.application.conftest import OF_EACH_KIND


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_a_pack_predicts_what_its_run_does(report, predicted, tmp_path, monkeypatch, name):
    path = pack.write(report.folder(name), tmp_path / "moved.run.zip")
    expected = predicted(name)
    monkeypatch.chdir(tmp_path)  # where there is no report, and nothing that it names
    with load(path) as run:
        assert run.predict(report.source).equals(expected)
        assert run.run.identity


def test_the_same_run_is_packed_into_the_same_bytes(report, tmp_path):
    first, again = (pack.write(report.folder("5-sequence"), tmp_path / name) for name in "ab")
    assert first.read_bytes() == again.read_bytes()


def test_a_pack_holds_no_patient_and_no_path(report, tmp_path):
    pack.write(report.folder("7-blend"), tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        names = opened.namelist()
        texts = [opened.read(name).decode("latin-1") for name in names]
    assert not [name for name in names if name.endswith((".parquet", ".ipynb", ".pkl", ".py"))]
    assert "LICENCE.txt" in names
    patient = report.store.slices["patient_id"].iloc[0]
    assert not [text for text in texts if str(report.root) in text or patient in text]
    kept = read_run(report.folder("1-cnn")).record["parameters"]
    assert str(report.root) in f"{kept['store']} {kept['labels']} {kept['external']}"


@pytest.mark.parametrize(("weights", "kept"), [("imagenet", "imagenet"), ("here/a.h5", None)])
def test_a_pack_keeps_which_weights_a_backbone_had_but_no_path_of_a_file(
    report, tmp_path, weights, kept
):
    saved = SavedRun.read(report.folder("1-cnn"))
    saved.run.record["parameters"]["weights"] = weights
    pack._write_run(tmp_path, saved)
    assert read_json(tmp_path / "record.json")["parameters"]["weights"] == kept


def test_the_command_names_the_file(report, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["pack", str(report.folder("1-cnn"))]) == 0
    assert capsys.readouterr().out.split() == ["1-cnn.run.zip"]
    assert (tmp_path / "1-cnn.run.zip").is_file()


def rewritten(path, change):
    """The same pack with its files changed, and `pack.json` sealed anew."""
    with zipfile.ZipFile(path) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    contents = json.loads(files["pack.json"])
    change(files, contents)
    contents["seal"] = seal_of({name: v for name, v in contents.items() if name != "seal"})
    files["pack.json"] = json.dumps(contents).encode()
    with zipfile.ZipFile(path, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return path


def flip(files, _):
    name = next(name for name in files if name.endswith(".h5"))
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])


def lead_out(files, contents):
    files["../out.txt"] = b"x"
    contents["files"]["../out.txt"] = "0" * 64


def add(files, _):
    files["more.txt"] = b"x"


def newer(_, contents):
    contents["format"] = "ichreport-run/99"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (flip, "is damaged"),
        (lead_out, "names a file outside of it"),
        (add, "holds other files than pack.json says"),
        (newer, "has format 'ichreport-run/99'"),
    ],
)
def test_a_pack_that_was_changed_is_refused(report, tmp_path, change, what):
    inside = tmp_path / "deep"
    inside.mkdir()
    path = rewritten(pack.write(report.folder("1-cnn"), inside / "p.zip"), change)
    with pytest.raises(ValueError, match=what):
        load(path)
    assert not (tmp_path / "out.txt").exists()


def test_what_is_no_pack_is_refused(report, tmp_path):
    path = tmp_path / "p.zip"
    path.write_bytes(b"PK no zip")
    with pytest.raises(ValueError, match="is no pack of a run, or a damaged one"):
        load(path)
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("holiday.jpg", b"x")
    with pytest.raises(ValueError, match="is no pack of a run"):
        load(path)
    whole = pack.write(report.folder("1-cnn"), path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is no pack of a run"):
        load(path)
    for place in range(100, len(whole), len(whole) // 40):  # bytes of content and of its catalogue
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"p\.zip (is|has|holds|names)"):
            load(path)
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("pack.json", b"{no json")
    with pytest.raises(ValueError, match="is no pack of a run"):
        load(path)


def test_a_run_whose_network_was_trained_anew_is_refused(report, tmp_path):
    runs = tmp_path / "runs"
    shutil.copytree(report.folder("1-cnn").parent, runs)
    for name in ("record.json", "model.weights.h5", "predictions.parquet"):
        shutil.copy(runs / "4-tuned" / name, runs / "1-cnn" / name)
    record = json.loads((runs / "1-cnn/record.json").read_text())
    del record["seal"]
    record["name"] = "1-cnn"
    (runs / "1-cnn/record.json").write_text(json.dumps({**record, "seal": seal_of(record)}))
    with pytest.raises(ValueError, match="1-cnn, which has been trained anew since"):
        load(runs / "5-sequence")
    with pytest.raises(ValueError, match="1-cnn, which has been made anew since"):
        load(runs / "6-mean")
