"""The jobs of rows that combine others: what they wait for and what they ask for."""

import re
import shlex

import pytest

from ichreport.params.experiment import Experiment
from ichreport.params.yaml import read_value
from ichreport.workflow import checked_profile, cluster_resources
from tests.workflow.killing import PROFILE

CNN = {"network": "cnn7", "sample": "fullid"}
EXPERIMENTS = {
    "a": CNN,
    "b": {**CNN, "loss": "focal"},
    "both": {"sample": "fullid", "ensemble_of": ["a", "b"]},
    "cnn": CNN,
    "last": {"sample": "fullid", "blend_of": ["both", "a"]},
    "series": {**CNN, "head": "sequence", "features_from": "a"},
    "spoilt": {"network": "none"},
    "with-spoilt": {"sample": "fullid", "blend_of": ["spoilt", "a"]},
}


@pytest.fixture(scope="module")
def planned(tmp_path_factory, make_project):
    profile = PROFILE | {"seeds": [0], "require_gpu": True}
    project = make_project(tmp_path_factory.mktemp("combinations"), profile, EXPERIMENTS)
    return project.planned("runs", "--cores", "8", "--printshellcmds")


def job_of(planned, name):
    """What the runner says of the job of a run: its rule, its inputs, and its command."""
    blocks = re.split(r"\n(?=rule )", planned)
    output = re.compile(rf"output: \S*/runs/{re.escape(name)}/record\.json\n")
    [block] = [block for block in blocks if output.search(block)]
    inputs = block.split("input: ")[1].split("\n")[0].split(", ")
    records = {re.search(r"runs/(.*)/record", path)[1] for path in inputs if "/runs/" in path}
    return block.partition(":")[0].removeprefix("rule "), records, block


@pytest.mark.parametrize(
    ("name", "rule", "members"),
    [
        ("a", "experiment", set()),
        ("both", "combination", {"a", "b"}),
        ("last", "combination", {"both", "a"}),
        ("series", "experiment", {"a"}),
        ("both--seed-0", "combination", {"a--seed-0", "b--seed-0"}),
        ("last--seed-0", "combination", {"both--seed-0", "a--seed-0"}),
        ("series--seed-0", "experiment", {"a--seed-0"}),
        ("with-spoilt", "combination", {"spoilt", "a"}),
        ("with-spoilt--seed-0", "combination", {"spoilt", "a--seed-0"}),
    ],
)
def test_a_job_waits_for_the_runs_that_it_combines_or_reads(planned, name, rule, members):
    assert job_of(planned, name)[:2] == (rule, members)


def test_a_combination_asks_for_no_gpu_and_one_core(planned):
    _, _, block = job_of(planned, "both")
    assert not re.search(r"\bgpu=[1-9]", block)
    assert "threads: 8" not in block
    assert "notebooks/2-combination.ipynb" in block


@pytest.mark.parametrize("name", ["both--seed-0", "last--seed-0", "series--seed-0", "a--seed-0"])
def test_the_command_of_a_run_with_another_seed_says_all_that_its_file_does_not(planned, name):
    _, _, block = job_of(planned, name)
    [command] = re.findall(r"ichreport execute [^\n]*", block)
    words = shlex.split(command.partition(" > ")[0])
    given = {words[at + 1]: words[at + 2] for at, word in enumerate(words) if word == "-p"}
    row = name.partition("--")[0]
    values = {"sample": "fullid", **EXPERIMENTS[row], "name": row}
    values |= {key: read_value(value, where=key) for key, value in given.items()}
    asked = Experiment.parse(values, where="command")
    assert asked.name == name
    of_runs = [*asked.members, *([asked.features_from] if asked.features_from else [])]
    assert all(one.endswith("--seed-0") for one in of_runs)
    assert (asked.training_seed == 0) == (not asked.members)


def test_a_combination_is_read_a_table_a_member_and_trains_no_minute():
    both = Experiment.parse({"sample": "fullid", "ensemble_of": ["a", "b"]}, where="test")
    # 752,803 slices of 1 KiB: the index, the members' tables and its own
    asked = cluster_resources.combining(both)
    assert (asked.mem_mb, asked.runtime) == (3_000 + 735 * 4, 15)
    assert asked.mem_mb < cluster_resources.training(Experiment(sample="fullid")).mem_mb


def test_maps_of_a_run_without_a_network_are_refused_before_anything_runs(
    tmp_path, make_project, monkeypatch
):
    project = make_project(tmp_path, PROFILE | {"cam_run": "both"}, EXPERIMENTS)
    monkeypatch.chdir(project.root)
    with pytest.raises(ValueError, match=r"cam_run: 'both' combines other runs .* them: a, b\."):
        checked_profile.read_profile(f"params/{PROFILE['profile']}.yaml")
