"""What a profile, an experiment and a notebook may be told."""

import math
from pathlib import Path

import pytest
import yaml

from ichreport.params.experiment import Experiment, read_experiments
from ichreport.params.profile import PhantomRecipe, Profile
from ichreport.params.yaml import project_path

ROOT = Path(__file__).resolve().parents[1]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_later_file_wins(tmp_path):
    row = write(tmp_path / "row.yaml", "loss: focal\nepochs: 3\n")
    profile = write(tmp_path / "profile.yaml", "epochs: 7\n")
    experiment = Experiment.from_files(row, profile)
    assert (experiment.loss, experiment.epochs) == ("focal", 7)


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    with pytest.raises(
        ValueError, match=r"mine\.yaml: learning_rte .* Did you mean learning_rate\?"
    ):
        Experiment.parse({"learning_rte": 0.1}, where="mine.yaml")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="batch_size, cam_per_group"):
        Profile.parse({"colour": "red"}, where="x")


def test_a_number_that_yaml_reads_as_text_is_explained():
    assert yaml.safe_load("1e-4") == "1e-4", "the trap itself"
    cure = r"got '1e-4'\. YAML reads 1e-4 as text; write it as 0\.0001"
    with pytest.raises(ValueError, match=cure):
        Experiment.parse({"learning_rate": "1e-4"}, where="x.yaml")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "ten"),
        ("epochs", 0),
        ("epochs", 2.5),
        ("learning_rate", float("nan")),
        ("learning_rate", -1.0),
        ("loss", "hinge"),
        ("name", "../elsewhere"),
        ("name", ""),
        ("require_gpu", "yes"),
        ("trainable_layers", -1),
        ("trainable_layers", True),
        ("trainable_layers", "most"),
        ("sampa_share", 0.0),
        ("devices", 0),
        ("devices", True),
        ("devices", "some"),
        ("precision", "float16"),
        ("determinism", True),
    ],
)
def test_an_ill_typed_or_impossible_value_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"x.yaml: {name} "):
        Experiment.parse({name: value}, where="x.yaml")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"network": "cnn7", "head": "bilstm"}, "x: head bilstm reads the features of a backbone"),
        ({"network": "cnn7", "trainable_layers": 2}, "x: trainable_layers is for backbones"),
        ({"head": "bilstm", "trainable_layers": "all"}, "x: head bilstm reads stored features"),
    ],
)
def test_values_that_do_not_go_together_are_refused(values, why):
    with pytest.raises(ValueError, match=why):
        Experiment.parse(values, where="x")


def test_a_nested_name_is_refused_where_it_stands():
    cure = r"phantom\.patient is not a known parameter\. Did you mean patients"
    with pytest.raises(ValueError, match=cure):
        Profile.parse({"phantom": {"patient": 3}}, where="x")


def test_parameters_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Experiment().epochs = 3


def test_a_file_that_is_no_mapping_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"list\.yaml must be a YAML mapping"):
        Profile.from_files(write(tmp_path / "list.yaml", "- 1\n"))
    with pytest.raises(ValueError, match=r"broken\.yaml is not readable as YAML"):
        Profile.from_files(write(tmp_path / "broken.yaml", "a: [1\n"))


def test_a_notebook_namespace_gives_its_plain_values_only():
    namespace = {
        "__name__": "__main__",
        "_i1": "",
        "In": [],
        "Out": {},
        "Experiment": Experiment,
        "yaml": yaml,
        "exit": object(),
        "epochs": 3,
        "phantom": {"patients": 5},
    }
    experiment = Experiment.from_notebook(namespace)
    assert experiment.epochs == 3
    assert experiment.phantom == PhantomRecipe(patients=5)


def test_a_misspelt_notebook_parameter_is_refused():
    with pytest.raises(ValueError, match="notebook parameters: epoch is not a known parameter"):
        Experiment.from_notebook({"epoch": 3})


def test_relative_paths_start_at_the_project_root(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir()
    write(tmp_path / "workflow" / "Snakefile", "")
    inner = tmp_path / "notebooks"
    inner.mkdir()
    monkeypatch.chdir(inner)
    assert project_path("data/demo") == tmp_path / "data/demo"
    assert project_path("/data/rsna") == Path("/data/rsna")


def test_an_experiment_file_names_its_run_as_itself(tmp_path):
    write(tmp_path / "a.yaml", "name: b\n")
    profile = Profile(experiments=str(tmp_path))
    with pytest.raises(ValueError, match=r"a\.yaml: name must be 'a', got 'b'"):
        read_experiments(profile)


def test_a_profile_wins_over_an_experiment_file_only_in_what_it_sets(tmp_path):
    write(tmp_path / "a.yaml", "name: a\nepochs: 3\npatience: 2\n")
    profile = write(tmp_path.parent / "p.yaml", f"experiments: {tmp_path}\nepochs: 9\n")
    experiment = read_experiments(Profile.from_files(profile))["a"]
    assert experiment == Experiment.from_files(tmp_path / "a.yaml", profile)
    assert (experiment.epochs, experiment.patience) == (9, 2)


def test_each_further_seed_runs_every_row_once_more(tmp_path):
    write(tmp_path / "a.yaml", "name: a\nseed: 5\n")
    experiments = read_experiments(Profile(experiments=str(tmp_path), seeds=[2, 3]))
    assert list(experiments) == ["a", "a--seed-2", "a--seed-3"]
    assert [e.training_seed for e in experiments.values()] == [None, 2, 3]
    assert {(e.row, e.seed) for e in experiments.values()} == {("a", 5)}


@pytest.mark.parametrize("profile", ["demo", "rsna", "scale"])
def test_every_parameter_file_loads(profile, monkeypatch):
    monkeypatch.chdir(ROOT)
    experiments = read_experiments(Profile.from_files(f"params/{profile}.yaml"))
    assert [e.poster_row for e in experiments.values()] == [*range(1, 15), None, None]
    assert {e.profile for e in experiments.values()} == {profile}


@pytest.mark.parametrize("seeds", [[1], [2, 2], [-1], [2, 3, 1]])
def test_a_training_seed_that_says_nothing_of_luck_is_refused(seeds):
    with pytest.raises(ValueError, match="each once and other than seed 1, got"):
        Profile.parse({"seeds": seeds, "seed": 1}, where="test")


@pytest.mark.parametrize("name", ["learning_rate", "fine_tuning_rate"])
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_number_that_is_none_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        Experiment.parse({name: value}, where="test")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"head": "bilstm", "network": "densenet121", "sample": "sampa"}, "reads whole series"),
        ({"head": "bilstm-attention", "sample": "sampb", "split_by": "slice"}, "split_by: group"),
        ({"network": "inceptionresnetv2", "image_size": 64}, "at least 75 for inceptionresnetv2"),
    ],
)
def test_what_cannot_go_together_is_refused_before_any_work(words, told):
    with pytest.raises(ValueError, match=told):
        Experiment.parse(words, where="test")


@pytest.mark.parametrize(
    ("network", "size", "seen"),
    [
        ("cnn7", 48, 96),
        ("densenet121", None, 96),
        ("densenet121", 48, 48),
        ("inceptionresnetv2", 48, 75),
        ("inceptionresnetv2", 90, 90),
    ],
)
def test_a_backbone_sees_as_many_pixels_as_asked_or_the_fewest_that_it_takes(network, size, seen):
    experiment = Experiment(network=network, image_size=96, backbone_size=size)
    assert experiment.pixels_seen == seen


def test_the_demo_profile_spells_out_the_defaults(monkeypatch):
    monkeypatch.chdir(ROOT)
    demo = Profile.from_files("params/demo.yaml")
    assert demo == Profile(phantom=PhantomRecipe(), backbone_size=48)
