"""Which run may be written under which name."""

import json

import pytest
import yaml

from ichreport.params.experiment import Experiment
from ichreport.params.row_parameters import SCRATCH
from ichreport.runs import overwriting, record, recording
from tests.runs.stand_in_training import LEARNED_FROM

PROFILE = {"profile": "tiny", "epochs": 5, "seeds": [7]}
ROW = {"name": "05-row", "loss": "focal"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the report `tiny`, which has the row `05-row`, once with another seed too."""
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").touch()
    (tmp_path / "params" / "experiments").mkdir(parents=True)
    (tmp_path / "params" / "tiny.yaml").write_text(yaml.safe_dump(PROFILE))
    (tmp_path / "params" / "experiments" / "05-row.yaml").write_text(yaml.safe_dump(ROW))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(**values):
    return Experiment.parse({**PROFILE, **values}, where="test")


def keep(experiment, **more):
    """Leave a record of a run, as whatever version would."""
    experiment.run_folder.mkdir(parents=True, exist_ok=True)
    kept = {"parameters": json.loads(experiment.model_dump_json()), **more}
    (experiment.run_folder / record.RECORD).write_text(json.dumps(kept))
    return experiment.run_folder / record.RECORD


def test_a_notebook_of_nothing_but_defaults_makes_a_scratch_run():
    assert Experiment().name == SCRATCH == "scratch"


def test_the_scratch_run_may_be_anything(project):
    kept = keep(asked(name=SCRATCH))
    recording.start(asked(name=SCRATCH, loss="focal", epochs=9))
    assert not kept.exists()


def test_a_row_runs_under_its_name_with_what_its_files_say(project):
    kept = keep(asked(**ROW))
    recording.start(asked(**ROW))
    assert not kept.exists()
    recording.start(asked(**ROW | {"name": "05-row--seed-7", "training_seed": 7}))


def test_a_row_whose_file_has_a_mistake_is_refused_with_it_whatever_it_is_asked(project):
    path = project / "params" / "experiments" / "06-mean.yaml"
    values = {"name": "06-mean", "sample": "fullid", "ensemble_of": ["05-row", "gone"]}
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ValueError, match=r"06-mean\.yaml: ensemble_of: '05-row' is of sampa split"):
        recording.start(asked(**values), combines=True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"epochs": 2}, "epochs 2 instead of 5"),
        ({"loss": "bce"}, "loss 'bce' instead of 'focal'"),
        ({"store": "other"}, "/other' instead of '"),
        ({"name": "05-row--seed-7", "training_seed": 8}, "training_seed 8 instead of 7"),
        ({"name": "05-row--seed-7"}, "training_seed 1 instead of 7"),
    ],
)
def test_nothing_else_runs_under_the_name_of_a_row(project, changed, said):
    kept = keep(asked(**ROW))
    before = kept.read_bytes()
    with pytest.raises(ValueError, match=r"is a row of the report tiny, .*-p name mine") as refusal:
        recording.start(asked(**ROW | changed))
    assert said in str(refusal.value)
    assert kept.read_bytes() == before
    kept.unlink()
    with pytest.raises(ValueError, match="is a row of the report tiny"):
        recording.start(asked(**ROW | changed))


@pytest.mark.parametrize("version", [{}, {"format": 1}, {"seal": "damaged"}])
def test_no_run_is_written_over_one_with_other_parameters(project, version):
    kept = keep(asked(name="mine"), **version)
    before = kept.read_bytes()
    with pytest.raises(ValueError) as refusal:
        recording.start(asked(name="mine", network="cnn7", learning_rate=0.5))
    assert str(refusal.value) == (
        "reports/tiny/runs/mine holds another run, and this one has learning_rate 0.5 instead of "
        "0.002, network 'cnn7' instead of 'densenet121'. Give it a name of its own (-p name …), or "
        "remove that folder."
    )
    assert kept.read_bytes() == before
    recording.start(asked(name="mine", question="Which words ask it changes nothing."))
    assert not kept.exists()


@pytest.mark.parametrize(
    "unknown", [{"sample": "another"}, {"network": "another"}, {"devices": 128}, {"store": "a"}]
)
def test_no_run_is_written_over_one_that_this_version_would_refuse(project, unknown):
    path = keep(asked(name="mine"))
    kept = json.loads(path.read_text())
    kept["parameters"] |= unknown | {"source": "a"}
    path.write_text(json.dumps(kept))
    with pytest.raises(ValueError, match="holds another run"):
        recording.start(asked(name="mine"))
    assert path.exists()


def test_what_was_kept_while_a_run_was_on_its_way_is_not_written_over_either(project):
    recording.start(asked(name="mine"))
    kept = keep(asked(name="mine", epochs=9))
    before = kept.read_bytes()
    with pytest.raises(ValueError, match="holds another run"):
        recording.write_run(
            asked(name="mine"),
            None,
            None,
            leak=[],
            store={},
            learned_from=LEARNED_FROM,
            network=None,
            stopwatch=None,
        )
    assert kept.read_bytes() == before


def test_a_row_runs_again_over_what_its_files_said_before(project):
    kept = keep(asked(**ROW | {"epochs": 2}))
    recording.start(asked(**ROW))
    assert not kept.exists()


def test_where_no_row_and_no_run_is_known_any_name_will_do(project):
    recording.start(asked(name="new"))
    (project / "params" / "tiny.yaml").unlink()
    recording.start(asked(**ROW | {"epochs": 2}))


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"parameters": 3}', '{"parameters": {}}', '{"format": 7}'],
)
def test_a_record_that_says_nothing_keeps_no_name(project, content):
    kept = keep(asked(name="mine"))
    kept.write_text(content)
    assert overwriting.recorded(kept.parent) is None
    recording.start(asked(name="mine", epochs=9))
    assert not kept.exists()
