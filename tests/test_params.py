"""What a profile, an experiment and a notebook may be told."""

import json
import math
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from ichreport import cli
from ichreport.labels import LABELS
from ichreport.params import inputs, networks, samples
from ichreport.params.experiment import Experiment
from ichreport.params.inputs import INPUTS
from ichreport.params.networks import HEADS, LOSSES, NETWORKS, NetworkSpec
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.profile import OF_THE_REPORT, Profile
from ichreport.params.rows.differences import differences
from ichreport.params.rows.read import read_each_experiment
from ichreport.params.samples import SAMPLES
from ichreport.params.training import mixing
from ichreport.params.training.learning_curve import LearningCurve
from ichreport.params.training.training_plan import TrainedNetwork
from ichreport.params.yaml import project_path, read_value
from ichreport.runs import recording

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
    assert read_each_experiment(profile) == (
        {}, {"a": f"{tmp_path / 'a.yaml'}: name must be 'a', got 'b'."},
    )  # fmt: skip


def test_what_says_nothing_of_a_head_on_another_runs_features_tells_no_two_apart():
    words = {"network": "cnn7", "sample": "fullid", "head": "sequence", "features_from": "a"}
    first, second = (
        Experiment.parse(words | more, where="x")
        for more in ({}, {"weights": "imagenet", "fine_tuning_rate": 0.5, "shuffle_block": 9})
    )
    assert differences(first, second) == {}
    assert differences(first, Experiment.parse(words | {"features_from": "b"}, where="x"))


def test_rows_may_come_from_several_folders_and_files(tmp_path):
    for path in ("poster/02-b", "poster/01-a", "more/03-c", "more/04-d"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        write(tmp_path / f"{path}.yaml", f"name: {Path(path).name}\n")
    named = [str(tmp_path / "more" / "03-c.yaml"), str(tmp_path / "poster")]
    assert list(read_experiments(Profile(experiments=named))) == ["01-a", "02-b", "03-c"]
    write(tmp_path / "more" / "01-a.yaml", "name: 01-a\n")
    with pytest.raises(ValueError, match=r"experiments: .*01-a\.yaml and .*01-a\.yaml are of one"):
        read_each_experiment(Profile(experiments=[str(tmp_path / "more"), named[1]]))
    with pytest.raises(ValueError, match=r"experiments: there is no file .*05-e\.yaml"):
        read_each_experiment(Profile(experiments=[named[1], str(tmp_path / "05-e.yaml")]))


@pytest.mark.parametrize("value", [[], ["a", "a"], ["a", ""], ["a{b}"], 3])
def test_a_list_of_rows_holds_paths_each_once(value):
    with pytest.raises(ValueError, match="x: experiments"):
        Profile.parse({"experiments": value}, where="x")


def read_experiments(profile):
    """The experiments of a profile without a mistake."""
    experiments, mistakes = read_each_experiment(profile)
    assert mistakes == {}
    return experiments


def test_the_file_of_a_row_that_is_given_as_a_profile_is_told_in_one_line(tmp_path):
    path = write(tmp_path / "5.yaml", "name: 5-mine\nsample: sampa\nhead: dense\n")
    with pytest.raises(
        ValueError, match=r"^\S+5\.yaml is the file of a row, and no pr.*"
    ) as refused:
        Profile.from_files(path)
    assert "params/demo.yaml, " in str(refused.value)
    assert Experiment.parse({"name": "5-mine"}, where="here").name == "5-mine"


def test_an_experiment_file_wins_over_the_profile(tmp_path):
    write(tmp_path / "a.yaml", "name: a\nepochs: 3\nweights: own.weights.h5\n")
    profile = write(
        tmp_path.parent / "p.yaml", f"experiments: {tmp_path}\nepochs: 9\npatience: 2\n"
    )
    experiment = read_experiments(Profile.from_files(profile))["a"]
    assert experiment == Experiment.from_files(profile, tmp_path / "a.yaml")
    assert (experiment.epochs, experiment.patience) == (3, 2)
    assert experiment.weights == "own.weights.h5"


@pytest.mark.parametrize("named_by", ["ensemble_of", "blend_of"])
def test_a_training_counts_once_in_what_combines_runs(tmp_path, named_by):
    for name, more in (("a", {}), ("b", {}), ("c", {"training_seed": 2})):
        row = {"name": name, "sample": "fullid", "network": "cnn7", **more}
        write(tmp_path / f"{name}.yaml", yaml.safe_dump(row))
    for name, runs in (("x", ["a", "b"]), ("y", ["a", "c"])):
        row = {"name": name, "sample": "fullid", named_by: runs}
        write(tmp_path / f"{name}.yaml", yaml.safe_dump(row))
    profile = Profile(experiments=str(tmp_path))
    found, mistakes = read_each_experiment(profile)
    assert list(mistakes) == ["x"]
    assert (
        "'a' and 'b' compute with the same parameters, so that one training would" in mistakes["x"]
    )
    free = profile.model_copy(update={"determinism": "none"})  # no two trainings are alike
    assert "x" in read_each_experiment(Profile(**free.model_dump(exclude_unset=True)))[0]
    assert "y" in found


def test_one_row_of_a_report_is_a_row_of_the_poster_s(tmp_path):
    for name in "abc":
        number = "poster_row: 5\n" if name != "c" else ""
        write(tmp_path / f"{name}.yaml", f"name: {name}\n{number}")
    found, mistakes = read_each_experiment(Profile(experiments=str(tmp_path), seeds=[2]))
    assert {run.row for run in found.values()} == {"a", "c"}
    assert list(mistakes) == ["b"]
    assert "poster_row: 5 is that of 'a' already; leave it out of one" in mistakes["b"]


def test_a_row_with_a_mistake_does_not_stand_for_the_poster_s(tmp_path):
    write(tmp_path / "a.yaml", "name: a\nposter_row: 5\nbaseline: nowhere\n")
    write(tmp_path / "b.yaml", "name: b\nposter_row: 5\n")
    found, mistakes = read_each_experiment(Profile(experiments=str(tmp_path)))
    assert (list(found), list(mistakes)) == (["b"], ["a"])


def test_baselines_that_lead_in_a_circle_are_refused(tmp_path):
    for name, baseline in {"a": "b", "b": "c", "c": "a", "d": "a", "e": "d"}.items():
        write(tmp_path / f"{name}.yaml", f"name: {name}\nbaseline: {baseline}\n")
    found, mistakes = read_each_experiment(Profile(experiments=str(tmp_path), seeds=[2]))
    assert (list(found), list(mistakes)) == (
        ["d", "d--seed-2", "e", "e--seed-2"],
        ["a", "b", "c"],
    )
    assert "baseline: a is compared with b is compared with c is compared with a" in mistakes["a"]


def test_the_mark_of_seeds_is_no_part_of_a_row_s_name(tmp_path):
    write(tmp_path / "a--seed-2.yaml", "name: a--seed-2\nbaseline: zz\n")
    write(tmp_path / "b.yaml", "name: b\n")
    found, mistakes = read_each_experiment(Profile(experiments=str(tmp_path)))
    assert list(found) == ["b"]
    assert "'--seed-' in the name of a row marks its runs" in mistakes["a--seed-2"]


def test_a_row_s_own_seed_among_the_further_ones_is_refused(tmp_path):
    write(tmp_path / "a.yaml", "name: a\nsample: fullid\nnetwork: cnn7\ntraining_seed: 2\n")
    _, mistakes = read_each_experiment(Profile(experiments=str(tmp_path), seeds=[2, 3]))
    assert "training_seed is 2, which is among the profile's further seeds" in mistakes["a"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            {"network": "cnn7", "weights": "imagenet"},
            "weights would have no effect: network cnn7",
        ),
        (
            {"network": "cnn7", "backbone_size": 64},
            "backbone_size would have no effect: netw",
        ),
        (
            {"fine_tuning_rate": 1e-3},
            "no layer of a backbone trains; leave it out, or",
        ),
        ({"trainable_layers": 3, "learning_rate": 1e-3}, "whose steps fine_tuning_rate says; set"),
        (
            {"schedule": "cosine", "patience": 4},
            "schedule cosine runs through all epochs; leave",
        ),
        (
            {"loss": "weighted-bce", "positive_weight": 5, "focal_labels": list(LABELS)},
            "positive_weight would have no effect: focal_labels names all labels; say loss: focal",
        ),
        (
            {"loss": "weighted-bce", "focal_labels": list(LABELS)},
            "loss would have no effect: focal_labels names all labels; say loss: focal",
        ),
        ({"loss": "weighted-bce", "positive_weight": 5, "focal_labels": ["epidural"]}, None),
        (
            {"loss": "weighted-bce", "positive_weight": 5, "rarity_power": 1},
            "rarity_power would have no effect: positive_weight weighs all labels alike; leave one",
        ),
        ({"rarity_power": 1}, "rarity_power would have no effect: loss bce does not weigh posi"),
        ({"loss": "weighted-bce", "rarity_power": 1}, None),
        ({"hindsight": " "}, "hindsight must be words, or left out, got ' '"),
        ({"question": "\t"}, "question must be words, or left out, got '\\t'"),
        ({"hindsight": "", "question": ""}, None),
        ({"focal_labels": list(LABELS)}, None),
        ({"trainable_layers": 3, "learning_rate": 1e-3, "head_epochs": 2}, None),
        ({"trainable_layers": 3, "fine_tuning_rate": 1e-3, "weights": "imagenet"}, None),
        ({"patience": 4, "learning_rate": 1e-3, "backbone_size": 64}, None),
    ],
)
def test_what_a_row_s_file_says_for_nothing_is_refused(tmp_path, words, told):
    write(tmp_path / "a.yaml", yaml.safe_dump({"name": "a", "sample": "fullid", **words}))
    found, mistakes = read_each_experiment(Profile(experiments=str(tmp_path)))
    assert list(found) == ([] if told else ["a"])
    if told:
        assert mistakes["a"].startswith(f"{tmp_path / 'a.yaml'}: ")
        assert told in mistakes["a"]


def test_a_folder_of_rows_that_is_not_there_or_comes_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"there is no folder .*nope; name one, or files"):
        read_each_experiment(Profile(experiments=[str(tmp_path), str(tmp_path / "nope")]))
    write(tmp_path / "a.yaml", "name: a\n")
    with pytest.raises(ValueError, match=r"a\.yaml is named twice"):
        read_each_experiment(Profile(experiments=[str(tmp_path), f"{tmp_path}/."]))


@pytest.mark.parametrize("name", ["learning_rate", "fine_tuning_rate", "clip_norm"])
@pytest.mark.parametrize("value", [1e300, 1e40, 1e-60])
def test_a_step_that_float32_does_not_hold_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be from 1e-30 to 1e"):
        Experiment.parse({name: value}, where="test")


@pytest.mark.parametrize(
    ("folds", "missing"),
    [
        (["0/3", "1/3", "2/3"], None),
        (["0/3", "2/3"], "fold 1/3"),
        (["1/4", "2/4"], "fold 0/4, 3/4"),
        (["0/3", None], None),  # which is chosen by its own validation
        (["0/3", "1/2"], "other folds than these"),
        (["3/4", "0/2", "2/4"], None),
        (["0/2", "0/4", "1/2"], None),
    ],
)
def test_an_ensemble_that_lacks_folds_is_refused_before_anything_is_trained(
    tmp_path, folds, missing
):
    for number, fold in enumerate(folds):
        row = {"name": f"m{number}", "sample": "fullid", **({"fold": fold} if fold else {})}
        write(tmp_path / f"m{number}.yaml", yaml.safe_dump(row))
    named = [f"m{number}" for number in range(len(folds))]
    row = {"name": "e", "sample": "fullid", "ensemble_of": named}
    write(tmp_path / "e.yaml", yaml.safe_dump(row))
    _, mistakes = read_each_experiment(Profile(experiments=str(tmp_path)))
    assert set(mistakes) == ({"e"} if missing else set())
    if missing:
        assert f"slices of {missing}, so that nothing could be chosen" in mistakes["e"]


@pytest.mark.parametrize("key", ["store: data/mine/store", "cam_run: a", "image_size: 64"])
def test_what_all_rows_share_is_refused_in_a_file_of_one(tmp_path, key):
    path = write(tmp_path / "a.yaml", f"name: a\n{key}\n")
    _, mistakes = read_each_experiment(Profile(experiments=str(tmp_path)))
    name = key.partition(":")[0]
    assert mistakes == {
        "a": f"{path}: {name} is of the whole report; set it in its profile, params/demo.yaml."
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed: 1\nepochs: 2\nseed: 3", "line 3, column 1: 'seed' stands twice"),
        ("phantom: {patients: 3, patients: 4}", "line 1, column 24: 'patients' stands twice"),
        ("seed: 010", "line 1, column 7: YAML reads '010' as the number 8; write that"),
        ("epochs: 1:30", "line 1, column 9: YAML reads '1:30' as the number 90; write that"),
        ("epochs: 1_0", "line 1, column 9: YAML reads '1_0' as the number 10; write that"),
        ("epochs: 0x10", "line 1, column 9: YAML reads '0x10' as the number 16; write that"),
        ("learning_rate: 1:30.5", "line 1, column 16: YAML reads '1:30.5' as the number 90.5"),
        ("a: &x [1]\nb: *x", "line 1, column 4: anchors and aliases are not taken"),
        ("a: " + "[" * 5000, "more than 20 levels"),
        ("a: " + "[" * 5000 + "]" * 5000, "more than 20 levels"),
        ("a: " + "{a: " * 5000, "more than 20 levels"),
        ("a: " + "9" * 5000, "Exceeds the limit"),
        ("seed: 3\n" + "#" * 100_001, "more than 100,000 bytes"),
        ("<<: {seed: 3}", "line 1, column 1: merge keys (<<) are not taken"),
    ],
    ids=range(14),
)
def test_what_yaml_reads_otherwise_than_a_person_is_refused_by_place(tmp_path, text, told):
    path = write(tmp_path / "p.yaml", text)
    with pytest.raises(ValueError, match=re.escape(told)) as refused:
        Profile.from_files(path)
    assert str(refused.value).startswith(str(path))
    assert len(str(refused.value)) < len(str(path)) + 200


def test_an_alias_bomb_is_refused_at_its_first_anchor(tmp_path):
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 40)]
    bomb = write(tmp_path / "bomb.yaml", "\n".join(["l0: &l0 [x]", *levels]))
    with pytest.raises(ValueError, match="line 1, column 5: anchors and aliases are not taken"):
        Profile.from_files(bomb)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-3", -3), ("12", 12), ("1.5", 1.5), (".5", 0.5), ("1.0e-4", 1e-4), ("2.", 2.0)],
)
def test_numbers_are_what_they_look_like(text, value):
    read = read_value(text, where="x")
    assert (read, type(read)) == (value, type(value))
    assert read_value(".inf", where="x") == math.inf


@pytest.mark.parametrize(
    "values",
    [
        {"seed": 2**32}, {"seed": -1}, {"training_seed": 2**32}, {"seeds": [2**32]},
        {"seeds": [-1]}, {"phantom": {"seed": 2**32}}, {"epochs": 10**9}, {"batch_size": 10**9},
        {"patience": 10**9}, {"phantom": {"patients": 10**12}}, {"devices": 10**9},
        {"seeds": list(range(2, 2000))},
    ],
    ids=str,
)  # fmt: skip
def test_seeds_and_sizes_that_nothing_takes_are_refused(values):
    [name] = values
    with pytest.raises(ValueError, match=f"x: {name}"):
        Experiment.parse(values, where="x")
    Experiment.parse({"seed": 2**32 - 1, "training_seed": 2**32 - 1}, where="x")


@pytest.mark.parametrize(
    "store",
    [
        *("", " ", ".", "/", "/etc/store", "/usr/lib/x", "/store", "..", "/proc/self/x"),
        *("ichreport/store", "reports/demo", ".git/store", "notebooks"),
    ],
)
def test_a_store_where_none_belongs_is_refused(store):
    with pytest.raises(ValueError, match="x: store must be "):
        Profile.parse({"store": store}, where="x")


@pytest.mark.parametrize("source", [".", "/", "/etc/heads", "ichreport", "reports/demo"])
def test_synthetic_heads_are_made_where_data_belong(source):
    with pytest.raises(ValueError, match=r"x: source must be (a folder|the path of a folder)"):
        Profile.parse({"source": source, "phantom": {}}, where="x")


@pytest.mark.parametrize(
    ("source", "store"),
    [("a/b", "a/b"), ("a/b", "a/b/store"), ("a/b", "a"), ("a/b", "a/c/../b/d"), ("/", "a/b")],
)
def test_source_and_store_lie_apart(source, store):
    with pytest.raises(ValueError, match="x: store must be a folder beside source, got "):
        Profile.parse({"source": source, "store": store}, where="x")
    Profile.parse({"source": "a/b", "store": "a/b.store"}, where="x")


@pytest.mark.parametrize("name", ["source", "labels", "store", "weights", "experiments"])
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", "the path of a file or folder"),
        ("  ", "the path of a file or folder"),
        ("a\0b", "a path of printable characters"),
        ("a\nb/c", "a path of printable characters"),
        ("a/" + "ü" * 200, "a path of a length that file systems take"),
        ("a/" * 3000, "a path of a length that file systems take"),
    ],
)
def test_what_can_be_no_path_is_refused(name, path, told):
    with pytest.raises(ValueError, match=f"^x: {name} must be {told}"):
        Profile.parse({name: path}, where="x")


def test_no_row_is_called_scratch(tmp_path):
    write(tmp_path / "scratch.yaml", "name: scratch\n")
    _, mistakes = read_each_experiment(Profile(experiments=str(tmp_path)))
    assert "scratch is no name for a row" in mistakes["scratch"]


def test_of_many_mistakes_the_first_are_listed():
    with pytest.raises(ValueError, match=r"x: 992 mistakes more\.$") as refused:
        Profile.parse({f"k{number}": 1 for number in range(1000)}, where="x")
    assert len(str(refused.value).splitlines()) == 9


def test_a_long_value_is_cut_in_an_error():
    for values in ({"source": ["x" * 10**6]}, {"epochs": "x" * 10**6}, {"x" * 10**6: 1}):
        with pytest.raises(ValueError, match=r"^x: ") as refused:
            Profile.parse(values, where="x")
        assert len(str(refused.value)) < 800


def test_what_later_cells_have_made_is_no_parameter():
    made = {"machine": object(), "trained": Path(), "plot": lambda: None, "epochs": 3}
    assert Experiment.from_notebook(made).epochs == 3


def in_kernel(*cells):
    """The names of a kernel in which these cells have run, and in which the last one runs."""
    names = {"In": ["", *cells]}
    for cell in cells[:-1]:
        exec(cell, names)
    return names


ALL = "\n".join(f"{name}: 'x' = {value!r}" for name, value in Experiment().model_dump().items())
READ = "experiment = Experiment.from_notebook(globals())"
LATER = "import os\nmachine = {'gpu': False}\nsample = os.sep"


def test_all_cells_run_twice_in_one_kernel():
    cells = (ALL, "epochs = 3", "pass", LATER)
    twice = in_kernel(*cells, "spare = 3", *cells[:2], READ)
    assert twice["machine"] == {"gpu": False}
    assert Experiment.from_notebook(twice) == Experiment(epochs=3)


def test_a_misspelt_parameter_is_refused_in_a_kernel_too():
    with pytest.raises(ValueError, match="epoch is not a known parameter"):
        Experiment.from_notebook(in_kernel(ALL, "epoch = 3\nrate = float('inf')", READ))


def test_a_parameter_whose_name_a_later_cell_has_taken_is_not_taken_for_its_default():
    names = in_kernel(ALL, "pass", "sample = object()", READ)
    with pytest.raises(ValueError, match="a later cell has given sample another meaning; run the"):
        Experiment.from_notebook(names)


def test_each_further_seed_runs_every_row_once_more(tmp_path):
    write(tmp_path / "a.yaml", "name: a\nseed: 5\n")
    experiments = read_experiments(Profile(experiments=str(tmp_path), seeds=[2, 3]))
    assert list(experiments) == ["a", "a--seed-2", "a--seed-3"]
    assert [e.training_seed for e in experiments.values()] == [None, 2, 3]
    assert {(e.row, e.seed) for e in experiments.values()} == {("a", 5)}


def test_seeds_of_features_leave_out_what_trains_on_slices_and_what_reads_other_runs(tmp_path):
    rows = {
        "frozen": {"sample": "fullid"},
        "small": {"network": "cnn7"},
        "tuned": {"trainable_layers": 10},
        "sequence": {"head": "bilstm", "sample": "sampb", "features_from": "tuned-b"},
        "tuned-b": {"trainable_layers": "all", "sample": "sampb"},
        "both": {"sample": "fullid", "ensemble_of": ["frozen", "frozen-b"]},
        "frozen-b": {"sample": "fullid", "dense_layers": 3},
    }
    for name, values in rows.items():
        write(tmp_path / f"{name}.yaml", yaml.safe_dump({"name": name} | values))
    profile = Profile(experiments=str(tmp_path), seeds=[2, 3], seeds_of="features")
    experiments = read_experiments(profile)
    again = {e.row for e in experiments.values() if e.name != e.row}
    assert again == {"frozen", "frozen-b"}
    assert experiments.keys() >= rows.keys()
    everything = read_experiments(Profile(experiments=str(tmp_path), seeds=[2, 3]))
    assert {e.row for e in everything.values() if e.name != e.row} == rows.keys()


@pytest.mark.parametrize(("profile", "further"), [("demo", 11), ("rsna", 8), ("scale", 8)])
def test_every_parameter_file_loads(profile, further, monkeypatch):
    monkeypatch.chdir(ROOT)
    experiments = read_experiments(Profile.from_files(f"params/{profile}.yaml"))
    rows = [e for e in experiments.values() if e.name == e.row]
    assert [e.poster_row for e in rows] == [*range(1, 15), *[None] * further]
    assert {e.profile for e in experiments.values()} == {profile}


@pytest.mark.parametrize(
    ("profile", "folder"),
    [("recipes", "recipes"), ("rsna-recipes", "recipes"), ("demo", "demo-recipes")],
)
def test_every_recipe_loads_and_says_what_it_asks_and_costs(monkeypatch, profile, folder):
    monkeypatch.chdir(ROOT)
    rows = read_experiments(Profile.from_files(f"params/{profile}.yaml"))
    files = sorted((ROOT / "params" / folder).glob("*.yaml"))
    recipes = {path.stem: rows[path.stem] for path in files}
    for path, recipe in zip(files, recipes.values(), strict=True):
        head = path.read_text().partition("name:")[0]
        assert head.startswith(f"# {recipe.question}\n")
        assert "# Cost: " in head
        assert recipe.poster_row is None
        assert recipe.splits_by == "group"


def test_every_profile_of_real_data_repeats_what_trains_on_stored_features(monkeypatch):
    monkeypatch.chdir(ROOT)
    repeated = {}
    for profile in ("rsna", "rsna-recipes"):
        rows = read_experiments(Profile.from_files(f"params/{profile}.yaml")).values()
        repeated[profile] = {row.row for row in rows if row.name != row.row}
        assert repeated[profile] == {r.row for r in rows if r.trains_on_stored_features}
        assert {row.training_seed for row in rows} == {None, 2, 3, 4, 5}
    assert repeated["rsna-recipes"] == {"17-fullid-sigmoid-lite0-bce"}


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
    assert experiment.view.pixels_seen == seen


def test_the_demo_profile_spells_out_the_defaults(monkeypatch):
    monkeypatch.chdir(ROOT)
    demo = Profile.from_files("params/demo.yaml")
    rows = ["params/experiments", "params/demo-recipes"]
    curve = LearningCurve(run="13-fullid-raw-densenet4-bce")  # of a row that costs seconds
    made_up = {"phantom": PhantomRecipe(), "learning_curve": curve}
    expected = Profile(**made_up, backbone_size=48, experiments=rows)
    assert demo.model_copy(update={"external": []}) == expected
    assert [data.phantom.faults for data in demo.external] == [False]


BASE = {"sample": "fullid", "network": "densenet121", "image_size": 96}
CHANGES_THE_TRAINING = {
    # field: another value, and whether a row trains otherwise with it; None if not at all
    "profile": ("mine", False),
    "source": ("elsewhere", False),
    "labels": ("labels.csv", False),
    "group_by": ("study", False),
    "series": ("all", False),
    "pseudonymise": (True, False),
    "store": ("elsewhere/store", False),  # what counts is the hash of what it holds
    "phantom": ({"patients": 5}, False),
    "image_size": (128, True),
    "backbone_size": (48, True),
    "max_reject_share": (0.5, False),
    "ingest_jobs": (4, False),
    "sampa_share": (0.5, False),  # which slices a sample holds counts for itself
    "sampb_share": (0.7, False),
    "seed": (2, True),
    "seeds": ([7], False),
    "seeds_of": ("features", False),
    "weights": ("imagenet", True),
    "epochs": (5, True),
    "patience": (5, True),
    "batch_size": (8, True),
    "shuffle_block": (64, False),
    "learning_rate": (0.5, True),
    "require_gpu": (True, False),
    "kernel": ("ichreport-gpu", False),
    "devices": (2, True),
    "precision": ("mixed_bfloat16", True),
    "determinism": ("strict", True),
    "experiments": ("elsewhere", False),
    "cam_run": ("another", False),
    "cam_per_group": (2, False),
    "learning_curve": ({"run": "another"}, False),
    "primary": ({"level": "slice"}, False),
    "prevalence": ([0.1], False),
    "external": ([{"name": "island", "source": "there"}], False),
    "name": ("another", False),
    "question": ("Why?", False),
    "hindsight": ("its epochs, on a look at test.", False),
    "poster_row": (3, False),
    "baseline": ("another", False),
    "ensemble_of": (["another", "one"], None),  # trains nothing
    "blend_of": (["another", "one"], None),
    "sample": ("sampb", False),
    "input": ("sigmoid", True),
    "windows": (["brain"], True),
    "neighbours": (2, True),
    "window_shape": (None, False),  # says nothing without windows
    "network": ("cnn7", True),
    "head": ("bilstm", True),
    "dense_layers": (4, True),
    "sequence": ({"cell": "lstm"}, True),
    "features_from": ("another", True),
    "trainable_layers": (3, True),
    "fine_tuning_rate": (0.5, False),
    "head_epochs": (3, True),
    "augment": ([], False),
    "mixup": (0.4, True),
    "cutmix": (1.0, True),
    "slices_per_study": (8, True),
    "loss": ("focal", True),
    "positive_weight": (5.3, True),
    "rarity_power": (0.63, True),
    "label_weights": ({"any": 2.0}, True),
    "focal_labels": (["epidural"], True),
    "hierarchy": ("together", True),
    "optimizer": ("adamw", True),
    "weight_decay": (0.1, True),
    "schedule": ("cosine", True),
    "warm_up": (0.5, True),
    "step_epochs": ([2, 5], True),
    "clip_norm": (1.0, True),
    "accumulate": (4, True),
    "ema": (0.999, True),
    "test_time": (["reverse"], True),
    "split_by": ("slice", False),
    "fold": ("0/5", False),  # counts by which slices train
    "training_seed": (2, True),
}


NEEDED = {
    "weight_decay": {"optimizer": "adamw"},
    "positive_weight": {"loss": "weighted-bce"},
    "rarity_power": {"loss": "weighted-bce"},
    "warm_up": {"schedule": "cosine"},
    "step_epochs": {"schedule": "steps", "step_epochs": [3]},
    "head_epochs": {"trainable_layers": 1},
    "mixup": {"network": "cnn7"},
    "cutmix": {"network": "cnn7"},
    "sequence": {"head": "sequence", "split_by": "group"},
    "test_time": {"head": "bilstm", "split_by": "group"},
    "features_from": {"head": "sequence", "split_by": "group"},
}
"""Without which a parameter is refused."""


def plan_with(**changes):
    experiment = Experiment.parse(BASE | changes, where="test")
    if experiment.features_from is None:
        return experiment.plan
    of_run = Experiment.parse(BASE | {"trainable_layers": 1}, where="test").plan
    return experiment.plan_on(TrainedNetwork("another", of_run, "a/file", "0" * 64))


def test_the_table_of_what_changes_a_training_has_every_parameter():
    assert list(CHANGES_THE_TRAINING) == list(Experiment.model_fields)


@pytest.mark.parametrize(("field", "row"), CHANGES_THE_TRAINING.items())
def test_a_plan_says_what_its_training_depends_on_and_nothing_else(field, row):
    value, changes = row
    if field != "window_shape":
        assert BASE.get(field, Experiment.model_fields[field].default) != value, "not varied"
    needed = NEEDED.get(field, {})
    if changes is None:
        with pytest.raises(ValueError, match="combines another, one and has no network"):
            Experiment.parse({"sample": "fullid", field: value}, where="test").plan  # noqa: B018
        return
    assert (
        plan_with(**needed | {field: value}).values() != plan_with(**needed).values()
    ) == changes


@pytest.mark.parametrize(
    ("field", "value", "changes"),
    [("fine_tuning_rate", 0.5, True), ("learning_rate", 0.5, False), ("seed", 2, True)],
)
def test_where_a_backbone_trains_its_own_rate_counts(field, value, changes):
    base = {"trainable_layers": 2, "training_seed": 9}
    assert (plan_with(**base, **{field: value}).values() != plan_with(**base).values()) == changes


def test_the_rate_of_heads_counts_where_one_trains_before_the_backbone():
    base = {"trainable_layers": 2, "training_seed": 9, "head_epochs": 1}
    assert plan_with(**base, learning_rate=0.5).values() != plan_with(**base).values()


@pytest.mark.parametrize("base", [{"network": "cnn7"}, {"trainable_layers": 2}])
def test_blocks_count_where_each_epoch_reads_slices(base):
    assert plan_with(**base, shuffle_block=64).values() != plan_with(**base).values()


@pytest.mark.parametrize("base", [{"network": "cnn7"}, {"trainable_layers": 2}])
def test_augmentation_counts_where_each_epoch_reads_slices_and_is_flips_by_default(base):
    usual, spelt, more = (
        plan_with(**base, augment=augment).values()
        for augment in (None, [{"flip": {"share": 0.5}}], ["flip", "affine"])
    )
    assert usual == spelt != more
    assert usual["fitting"]["augment"] == [{"flip": {"share": 0.5}}]
    assert plan_with().values()["fitting"]["augment"] == []


@pytest.mark.parametrize(
    ("augment", "told"),
    [
        ("flip", "augment must be a list, got 'flip'"),
        (
            ["turn"],
            "augment: 'turn' is no augmentation. There are flip, affine, crop",
        ),
        (["flip", "flip"], "augment: flip stands twice; each augmentation comes once"),
        (
            [{"affine": {"rotate": 400}}],
            "augment: affine: rotate must be less than or equal",
        ),
        ([{"affine": {"rotat": 4}}], "rotat is not a known parameter. Did you mean rotate?"),
        (
            [{"affine": dict.fromkeys(("shift", "scale", "rotate"), 0.0)}],
            "aspect are 0; leave it",
        ),
        ([{"contrast": {"gain": 0.0, "offset": 0.0}}], "offset and gain are both 0"),
        (
            [{"crop": {"scale": [0.9, 0.7]}}],
            r"scale must be \[smallest, largest\], got \[0.9, 0.7\]",
        ),
        ([{"erase": {"area": [0.2, 1]}}], "area is up to 1, which leaves nothing of a slice"),
        ([{"crop": {"scale": [1e-6, 1]}}], "scale is from 1e-06, which leaves hardly a pixel"),
        ([{"erase": {"area": [0.2, 1.5]}}], "less than or equal to 1, got 1.5"),
        ([{"erase": {"area": 0.2}}], r"area must be \[smallest, largest\], got 0.2"),
        ([{"noise": {"share": 0}}], "share must be greater than 0, got 0"),
        ([{"flip": {}, "noise": {}}], "each item must be a name or one name with its values"),
        ([3], "each item must be a name or one name with its values, .*, got 3"),
    ],
)
def test_an_augmentation_that_says_nothing_sensible_is_refused_with_the_cure(augment, told):
    with pytest.raises(ValueError, match=told):
        Experiment.parse({"network": "cnn7", "augment": augment}, where="test")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"weight_decay": 0.1}, "weight_decay is 0.1, which optimizer adam does not know; set opt"),
        ({"warm_up": 1}, "warm_up is 1, which schedule plateau does not have; set schedule: cos"),
        ({"warm_up": 3, "schedule": "steps", "step_epochs": [2]}, "become a tenth after 2 already"),
        ({"schedule": "steps"}, r"schedule steps needs .* example, step_epochs: \[8\]"),
        (
            {"step_epochs": [2]},
            r"step_epochs is \[2\], which schedule plateau does not have; set s",
        ),
        *(
            ({"schedule": "steps", "step_epochs": epochs}, "must be ascending epochs from 1 to 11")
            for epochs in ([0], [5, 2], [2, 2], [12])
        ),
        ({"clip_norm": 0}, "clip_norm must be greater than 0"),
        ({"head_epochs": 2}, "head_epochs are those before layers of a backbone train too, and he"),
        (
            {"trainable_layers": 121},
            "trainable_layers is 121, but densenet121 has 120 convolutions; say trainable_lay",
        ),
        ({"head_epochs": 2}, "leave head_epochs out, or let layers train: trainable_layers."),
        ({"head_epochs": 2, "network": "cnn7"}, "leave head_epochs out."),
        (
            {"schedule": "steps", "epochs": 1},
            "schedule steps needs two epochs or more, and",
        ),
        (
            {"schedule": "steps", "step_epochs": [2], "warm_up": 2},
            "steps become a tenth after 2 already; make it shorter",
        ),
        (
            {"hierarchy": "conditional", "label_weights": {"any": 0}},
            "the probability of any, which would never train",
        ),
        ({"head_epochs": 2, "head": "bilstm", "sample": "sampb"}, "leave head_epochs out."),
        ({"accumulate": 0}, "accumulate must be greater than or equal to 1"),
        ({"ema": 1}, "ema must be less than 1"),
        ({"warm_up": 3, "schedule": "cosine", "epochs": 3}, "warm_up is 3 of 3 epochs, which"),
        ({"positive_weight": 5.3}, "positive_weight says .* and this row's is bce; leave it out"),
        ({"positive_weight": 0, "loss": "weighted-bce"}, "positive_weight must be greater than 0"),
        ({"rarity_power": 0.63}, "rarity_power says .* and this row's is bce; leave it out"),
        ({"rarity_power": 0, "loss": "weighted-bce"}, "rarity_power must be greater than 0"),
        (
            {"rarity_power": 0.63, "positive_weight": 5, "loss": "weighted-bce"},
            "and rarity_power by how rare they are; leave one of them out",
        ),
        (
            {"label_weights": {"none": 2}},
            "label_weights must be weights of epidural, .*'none' is none",
        ),
        ({"label_weights": {"any": -1}}, "label_weights must be weights from 0 to 1000"),
        ({"label_weights": {"any": float("nan")}}, "label_weights"),
        ({"label_weights": dict.fromkeys(LABELS, 0)}, "one at least is not 0"),
        ({"schedule": "linear"}, "schedule must be .*plateau.*cosine.*steps"),
        ({"optimizer": "adamw", "weight_decay": 1}, "weight_decay must be less than 1"),
    ],
)
def test_steps_that_do_not_go_together_are_refused_with_the_cure(words, told):
    with pytest.raises(ValueError, match=told):
        Experiment.parse(words, where="test")


@pytest.mark.parametrize(
    ("words", "steps", "epochs"),
    [
        (
            {},
            "Adam with a step of 0.002, cut after each epoch without gain on validation",
            "at most 12 epochs, fewer after 3 without gain",
        ),
        (
            {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "cosine", "warm_up": 1},
            "AdamW (weight decay 0.01) with steps of up to 0.002 that grow for 1 epoch and fall "
            "along a cosine to 0",
            "12 epochs, of which the one with the least loss on validation is kept",
        ),
        (
            {"schedule": "cosine"},
            "Adam with steps of up to 0.002 that fall along a cosine to 0",
            "12 epochs, of which the one with the least loss on validation is kept",
        ),
        (
            {"schedule": "steps", "step_epochs": [6, 9], "warm_up": 2, "clip_norm": 1, "ema": 0.99},
            "Adam with steps of up to 0.002 that grow for 2 epochs and become a tenth after epoch "
            "6 and again after epoch 9, along the slopes of each batch, clipped at a norm of 1",
            "12 epochs, of which the one with the least loss on validation is kept; validated and "
            "kept is a moving average of the weights (EMA 0.99)",
        ),
        (
            {"accumulate": 4},
            "Adam with a step of 0.002, cut after each epoch without gain on validation, along the "
            "mean slopes of 4 batches",
            "at most 12 epochs, fewer after 3 without gain",
        ),
        (
            {"epochs": 1},
            "Adam with a step of 0.002, cut after each epoch without gain on validation",
            "1 epoch",
        ),
        (
            {"epochs": 1, "schedule": "cosine"},
            "Adam with steps of up to 0.002 that fall along a cosine to 0",
            "1 epoch",
        ),
    ],
)
def test_how_steps_are_taken_is_told_as_it_is(words, steps, epochs):
    fitting = plan_with(**words).fitting
    assert fitting.in_words(fitting.step_size) == steps
    assert fitting.epochs_in_words(fitting.epochs, fitting.patience) == epochs


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"mixup": 0.4}, "mixup mixes the slices that convolutions train on, .* trainable_layers"),
        ({"cutmix": 1}, "cutmix mixes .* leave cutmix out, or let layers train"),
        ({"network": "cnn7", "cutmix": 1, "batch_size": 1}, "batch_size is 1; make it larger"),
        ({"network": "cnn7", "mixup": -1}, "mixup must be greater than or equal to 0"),
        ({"slices_per_study": 0}, "slices_per_study must be greater than or equal to 1"),
        (
            {"slices_per_study": 8, "loss": "weighted-bce"},
            "already draws as many slices with bleeding .* choose loss: bce, or leave",
        ),
        (
            {"slices_per_study": 8, "loss": "weighted-bce", "positive_weight": 5},
            "^(?!.*rarity).* choose loss: bce without positive_weight, or leave slices_per_study",
        ),
        (
            {"slices_per_study": 8, "loss": "weighted-bce", "rarity_power": 0.5},
            "choose loss: bce without rarity_power, or leave slices_per_study",
        ),
        (
            {"slices_per_study": 8, "head": "bilstm", "sample": "fullid"},
            "head bilstm reads whole series, of which slices_per_study .* choose head: dense",
        ),
    ],
)
def test_what_cannot_be_mixed_or_drawn_is_refused_with_the_cure(words, told):
    with pytest.raises(ValueError, match=told):
        Experiment.parse(words, where="test")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((0, 0), ""),
        (
            (0.4, 0),
            "In training, each slice is mixed with another by mixup (alpha 0.4); so are their "
            "labels, by the same share.",
        ),
        (
            (0.4, 1),
            "In training, half of the slices are mixed with another by mixup (alpha 0.4), the "
            "others given a rectangle of another by CutMix (alpha 1); so are their labels, by the "
            "same share.",
        ),
    ],
)
def test_how_slices_are_mixed_is_told_as_it_is(words, told):
    assert mixing.sentence(*words) == told


def test_a_head_on_stored_features_refuses_to_augment_slices():
    with pytest.raises(ValueError, match="leave augment out, or let layers train: train"):
        plan_with(augment=["flip"])


@pytest.mark.parametrize(
    ("field", "value", "changes"),
    [("weights", "imagenet", False), ("backbone_size", 48, False), ("seed", 2, False)],
)
def test_a_network_from_scratch_depends_on_no_backbone(field, value, changes):
    base = {"network": "cnn7", "training_seed": 9}
    assert (plan_with(**base, **{field: value}).values() != plan_with(**base).values()) == changes


def test_the_values_of_a_plan_are_those_of_json():
    for changes in ({}, {"network": "cnn7"}, {"trainable_layers": "all", "devices": "all"}):
        values = plan_with(**changes).values()
        assert json.loads(json.dumps(values)) == values


@pytest.mark.parametrize(
    ("words", "table"),
    [
        (networks.Network, NETWORKS),
        (inputs.Input, INPUTS),
        (networks.Head, HEADS),
        (networks.Loss, LOSSES),
        (samples.Sample, SAMPLES),
    ],
)
def test_a_table_of_choices_has_each_word_once(words, table):
    assert list(table) == list(get_args(words))


def test_shares_of_samples_are_parameters_that_their_words_show():
    for spec in SAMPLES.values():
        shares = {"sampa_share": 0.3, "sampb_share": 0.5}
        assert spec.name in spec.words.format(**shares)
        assert not spec.share or f"{shares[spec.share]:.0%}" in spec.words.format(**shares)


@pytest.fixture
def another_backbone(monkeypatch):
    """A backbone that only the table knows."""
    spec = NetworkSpec("a made-up one", 40, "MadeUp", 12, "symmetric")
    monkeypatch.setitem(NETWORKS, "madeup", spec)
    return spec


def test_a_backbone_is_added_by_its_line_of_the_table(another_backbone):
    profile = Profile(image_size=96, backbone_size=32, weights="imagenet")
    view = profile.view_of("sigmoid", "madeup")
    assert view.network_spec is another_backbone
    assert (view.image_size, view.pixels_seen) == (96, 40)
    backbone = profile.backbone_of("sigmoid", "madeup")
    assert (backbone.network, backbone.view, backbone.weights) == ("madeup", view, "imagenet")
    experiment = Experiment.model_construct(network="madeup", input="raw", head="dense")
    assert experiment.needs_features
    assert experiment.plan.backbone == experiment.backbone == Profile().backbone_of("raw", "madeup")
    with pytest.raises(ValueError, match="image_size must be at least 40 for madeup, got 32"):
        Profile(image_size=32).view_of("raw", "madeup")


def test_a_backbone_that_is_added_has_features_on_the_command_line(another_backbone):
    words = ["features", "p.yaml", "--samples", "sampa", "--input", "raw", "--network", "madeup"]
    assert cli._parser().parse_args(words).network == "madeup"


def test_a_network_from_scratch_has_no_backbone():
    assert Profile().backbone_of("raw", "cnn7") is None
    assert networks.backbones() == [
        *("densenet121", "efficientnetb7", "inceptionresnetv2", "resnet50", "efficientnetv2s"),
        *("efficientnetv2m", "convnexttiny", "efficientnetlite0"),
    ]


@pytest.fixture
def rows_with(tmp_path):
    """Reads three rows, of which the last may say more: experiments, mistakes and its file."""
    write(tmp_path / "a.yaml", "name: a\n")
    write(tmp_path / "b.yaml", "name: b\nsample: sampb\nbaseline: null\n")

    def read(text, **profile):
        path = write(tmp_path / "c.yaml", f"name: c\n{text}")
        return *read_each_experiment(Profile(experiments=str(tmp_path), **profile)), path

    return read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("baseline: d", "'d' is no experiment. There are a, b, c."),
        ("baseline: c", "'c' is this row itself; leave baseline out."),
        (
            "baseline: b",
            "'b' is of sampb split by group, this row of sampa split by slice; name one that is "
            "tested on the same slices.",
        ),
        (
            "baseline: a\nsplit_by: group",
            "'a' is of sampa split by slice, this row of sampa split by group; name one that is "
            "tested on the same slices.",
        ),
    ],
)
@pytest.mark.parametrize("seeds", [[], [7, 8]])
def test_a_baseline_that_cannot_be_is_refused_and_the_other_rows_stay(rows_with, text, told, seeds):
    experiments, mistakes, path = rows_with(text, seeds=seeds)
    assert mistakes == {"c": f"{path}: baseline: {told}"}
    assert {experiment.row for experiment in experiments.values()} == {"a", "b"}
    assert len(experiments) == 2 * (1 + len(seeds))


def test_a_baseline_of_the_same_slices_is_taken_with_every_seed(rows_with):
    experiments, mistakes, _ = rows_with("baseline: a", seeds=[7])
    assert not mistakes
    assert [experiments[name].baseline for name in ("a", "c", "c--seed-7")] == [None, "a", "a"]


def test_a_notebook_refuses_a_baseline_that_cannot_be(rows_with, tmp_path):
    rows_with("baseline: null")
    values = {"name": "mine", "experiments": str(tmp_path)}

    def start(baseline):
        recording.start(Experiment.from_notebook(values | {"baseline": baseline}))

    start("a")
    with pytest.raises(ValueError, match="baseline: 'd' is no experiment"):
        start("d")
    with pytest.raises(ValueError, match="name one that is tested on the same slices"):
        start("b")


def test_a_row_whose_baseline_fails_stays(rows_with, tmp_path):
    write(tmp_path / "a.yaml", "name: a\nloss: hinge\n")
    experiments, mistakes, _ = rows_with("baseline: a")
    assert list(experiments) == ["b", "c"]
    assert list(mistakes) == ["a"]
    write(tmp_path / "a.yaml", "name: a\nbaseline: a\n")
    experiments, mistakes, _ = rows_with("baseline: a")
    assert list(experiments) == ["b", "c"]
    assert list(mistakes) == ["a"]


PLAIN = {
    ("sampa", "slice"): "05-sampa-raw-densenet-bce",
    ("sampa", "group"): "16-sampa-bygroup-raw-densenet-bce",
    ("sampb", "group"): "10-sampb-raw-densenet4-bce",
    ("fullid", "group"): "13-fullid-raw-densenet4-bce",
}


def test_each_rows_baseline_is_the_plain_one_of_its_sample_and_split(monkeypatch):
    monkeypatch.chdir(ROOT)
    experiments = read_experiments(Profile())
    assert {name: experiment.baseline for name, experiment in experiments.items()} == {
        name: None if name in PLAIN.values() else PLAIN[experiment.sample, experiment.splits_by]
        for name, experiment in experiments.items()
    }


def test_a_plain_row_is_densenet121_on_raw_hu_with_plain_cross_entropy(monkeypatch):
    monkeypatch.chdir(ROOT)
    experiments = read_experiments(Profile())
    for kind, name in PLAIN.items():
        row = experiments[name]
        assert (row.sample, row.splits_by) == kind
        assert (row.input, row.network, row.loss, row.head) == (
            "raw", "densenet121", "bce", "dense",
        )  # fmt: skip
        assert row.trainable_layers == 0


SHARES = (
    "prevalence must be at most 8 shares from 0.0001 to 0.9999, each 0.0001 or more from the "
    "others, got"
)


@pytest.mark.parametrize(
    "shares", [[], [0.0001, 0.0002, 0.9998, 0.9999], [n / 100 for n in range(1, 9)]]
)
def test_eight_shares_that_are_told_apart_are_taken_for_any_and_for_the_primary(shares):
    about = {"primary": {"label": "subdural"}, "prevalence": shares}
    profile = Profile.parse(about, where="a.yaml")
    assert profile.prevalences == {"any": shares, "subdural": shares}
    assert Profile.parse({"prevalence": shares}, where="a").prevalences == {"any": shares}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"primary": {"level": "patient"}}, "primary.level must be 'slice' or 'study', got"),
        ({"primary": {"lable": "any"}}, "primary.lable is not a known parameter. Did you mean"),
        ({"primary": {"label": "stroke"}}, "primary.label must be 'epidural', "),
        ({"primary": "auc"}, "primary must be a mapping of names to values, got 'auc'"),
        ({"prevalence": [0.1, 2.0]}, SHARES),
        ({"prevalence": [0.1, 0.1]}, SHARES),
        ({"prevalence": [1e-9]}, SHARES),
        ({"prevalence": [0.999999]}, SHARES),
        ({"prevalence": [0.02, 0.0200001]}, SHARES),
        ({"prevalence": [n / 10 for n in range(1, 10)]}, SHARES),
        ({"learning_curve": {}}, "learning_curve.run must be given"),
        (
            {"learning_curve": {"run": "a", "shares": [0.5, 1.0]}},
            "learning_curve.shares must be shares from 0.001 to 0.999, each 0.001 or more from",
        ),
        (
            {"learning_curve": {"run": "a", "shares": [0.5, 0.5]}},
            "learning_curve.shares must be shares from 0.001 to 0.999, each 0.001 or more from",
        ),
        (
            {"learning_curve": {"run": "a", "shares": [0.5, 0.5001]}},
            "learning_curve.shares must be shares from 0.001 to 0.999, each 0.001 or more from",
        ),
    ],
)
def test_a_mistaken_endpoint_or_prevalence_is_refused_by_name(values, said):
    with pytest.raises(ValueError, match=f"^a.yaml: {re.escape(said)}"):
        Profile.parse(values, where="a.yaml")


def test_an_endpoint_of_a_record_is_read_back_and_is_the_default_s_in_an_older_one():
    made = Experiment.parse(BASE | {"primary": {"level": "slice"}}, where="test")
    assert Experiment.from_record(made.model_dump()).primary == made.primary
    older = {name: value for name, value in made.model_dump().items() if name != "primary"}
    assert Experiment.from_record(older).primary == Experiment.model_fields["primary"].default


def test_no_row_names_an_endpoint_or_prevalences_of_its_own():
    assert {"primary", "prevalence", "learning_curve"} <= OF_THE_REPORT


CURVE = {"run": "a", "shares": [0.5, 0.25]}


def of_curve(**values):
    return Experiment.parse(BASE | {"name": "a", "learning_curve": CURVE} | values, where="a.yaml")


def test_a_learning_curve_is_of_the_run_that_it_names_alone():
    row = {"sample": "fullid", "network": "densenet121"}
    assert of_curve(**row).learning_shares == [0.5, 0.25]
    assert of_curve(**row | {"name": "b"}).learning_shares == []
    assert of_curve(**row | {"learning_curve": None}).learning_shares == []
    usual = of_curve(**row | {"learning_curve": {"run": "a"}})
    assert usual.learning_shares == [0.125, 0.25, 0.5]


def test_a_learning_curve_of_a_record_is_read_back():
    made = of_curve(sample="fullid")
    assert Experiment.from_record(made.model_dump()).learning_curve == made.learning_curve
    older = {name: value for name, value in made.model_dump().items() if name != "learning_curve"}
    assert Experiment.from_record(older).learning_shares == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"network": "cnn7", "sample": "fullid"}, "does not train a head on stored features"),
        ({"trainable_layers": 2, "sample": "fullid"}, "does not train a head on stored features"),
        (
            {"features_from": "b", "head": "sequence", "sample": "fullid", "network": "cnn7"},
            "does not train a head on stored features",
        ),
        (
            {"ensemble_of": ["b", "c"], "sample": "fullid"},
            "does not train a head on stored features",
        ),
        ({"sample": "sampa"}, "is split by slice, so that it trains on test patients too"),
    ],
)
def test_a_run_whose_curve_would_say_nothing_is_refused_with_the_cure(values, said):
    with pytest.raises(ValueError, match=r"learning_curve\.run: a .*or leave learning_curve out"):
        of_curve(**values)
    with pytest.raises(ValueError, match=said):
        of_curve(**values)
    of_curve(**values | {"name": "z"})  # the curve of another run is nothing to it


@pytest.mark.parametrize("profile", ["demo", "recipes"])
def test_every_row_is_read_back_from_its_record_as_it_was(profile, monkeypatch):
    """What is a mapping in the record is what it was again, without a complaint of pydantic's."""
    monkeypatch.chdir(ROOT)
    for experiment in read_experiments(Profile.from_files(f"params/{profile}.yaml")).values():
        again = Experiment.from_record(json.loads(experiment.model_dump_json()))
        assert again == experiment
        assert again.model_dump() == experiment.model_dump()
