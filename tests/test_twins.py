"""Rows that are split by slice, their twins by patient group, and steps that are neither."""

from pathlib import Path

import pytest

from ichreport.evaluation.findings.criteria import read_criteria
from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.params.rows.read import read_each_experiment
from ichreport.params.rows.twins import is_twin, steps_beyond_poster

ROOT = Path(__file__).resolve().parents[1]
PROFILES = ["demo", "rsna", "scale"]


def row(**values):
    return Experiment.parse({"name": "row", "sample": "sampa", **values}, where="test")


@pytest.fixture
def experiments(monkeypatch):
    monkeypatch.chdir(ROOT)

    def read(profile):
        found, mistakes = read_each_experiment(Profile.from_files(f"params/{profile}.yaml"))
        assert not mistakes
        return found

    return read


def test_a_twin_differs_by_its_split_whatever_it_is_called_and_compared_with():
    twin = row(name="b", question="?", split_by="group", baseline="c")
    assert is_twin(twin, row(poster_row=5, baseline="a"))
    assert is_twin(twin, row(split_by="slice"))  # as the sample is without a word


@pytest.mark.parametrize(
    ("twin", "of"),
    [
        ({"split_by": "group"}, {"split_by": "group"}),
        ({}, {}),
        ({}, {"split_by": "group"}),
        ({"split_by": "group", "loss": "focal"}, {}),
        ({"split_by": "group", "training_seed": 7}, {}),
        ({"sample": "sampb"}, {}),
    ],
)
def test_others_are_no_twins(twin, of):
    assert not is_twin(row(**twin), row(**of))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_row_that_decides_a_finding_has_one_twin_where_it_is_split_by_slice(
    profile, experiments
):
    rows = {name: one for name, one in experiments(profile).items() if name == one.row}
    needed = {row for of_criterion in read_criteria().rows for row in of_criterion}
    leaking = [
        one for one in rows.values() if one.poster_row in needed and one.splits_by == "slice"
    ]
    assert [one.poster_row for one in leaking] == [1, 2, 5, 6, 7, 8, 9]
    twins = {
        one.poster_row: [name for name, other in rows.items() if is_twin(other, one)]
        for one in leaking
    }
    assert all(len(names) == 1 for names in twins.values())
    names = [names[0] for names in twins.values()]
    assert sorted(names) == [name for name in rows if "-bygroup-" in name]
    for one in leaking:  # each is compared with the twin of its row's baseline
        [name] = twins[one.poster_row]
        [of_baseline] = [rows[one.baseline].poster_row] if one.baseline else [None]
        assert rows[name].baseline == (twins[of_baseline][0] if of_baseline else None)


@pytest.mark.parametrize("profile", PROFILES)
def test_twins_are_no_steps_beyond_the_poster_though_they_name_baselines(profile, experiments):
    found = experiments(profile)
    steps = steps_beyond_poster(found)
    assert {name for name in found if "-bygroup-" in name}.isdisjoint(steps)
    assert "15-fullid-sigmoid-cnn7-bce" in steps


def test_a_step_stays_one_though_it_is_split_by_group():
    rows = {
        "05": row(name="05", poster_row=5),
        "16": row(name="16", split_by="group"),
        "17": row(name="17", split_by="group", loss="focal", baseline="16"),
        "18": row(name="18", loss="focal", baseline="05"),
        "19": row(name="19", split_by="group", baseline="16"),
    }
    assert list(steps_beyond_poster(rows)) == ["17", "18"]
