"""What a profile may say of other hospitals."""

import pytest

from ichreport.params.profile import Profile
from ichreport.params.rows.read import read_each_experiment
from ichreport.workflow import checked_profile

ISLAND = {"name": "island", "source": "data/elsewhere/rsna"}
HEADS = {"patients": 3, "seed": 5}


def profile(*external, **values):
    return Profile.parse({"external": list(external), **values}, where="x")


def test_a_data_set_becomes_a_profile_of_its_own_data_and_the_reports_sizes():
    own = profile(ISLAND | {"kind": "cq500", "labels": "reads.csv"}, image_size=64)
    there = own.elsewhere("island")
    assert there.source == "data/elsewhere/rsna"
    assert there.labels_file == there.labels_file.parent / "reads.csv"
    assert there.store_folder == own.store_folder.parent / "external" / "island" / "store"
    assert (there.image_size, there.pseudonymise, there.phantom) == (64, False, None)
    assert there.external == []


def test_runs_are_those_named_or_that_of_the_maps():
    own = profile(ISLAND, ISLAND | {"name": "b", "runs": ["r1", "r2"]}, cam_run="cnn")
    assert own.runs_elsewhere(own.external[0]) == ["cnn"]
    assert own.runs_elsewhere(own.external[1]) == ["r1", "r2"]
    with pytest.raises(ValueError, match=r"'c' is no data set of demo\. Known: island, b\."):
        own.external_data("c")


def test_simulated_readers_label_the_heads_that_they_read():
    own = profile(ISLAND | {"phantom": HEADS, "readers": {}})
    assert own.elsewhere("island").labels_file.parts[-2:] == ("rsna", "readers.csv")


@pytest.mark.parametrize(
    ("external", "message"),
    [
        ([{"source": "x"}], r"x: external\.0\.name must be given\."),
        ([ISLAND | {"name": "../x"}], r"x: external\.0\.name must be 1 to 100 letters"),
        ([ISLAND | {"kind": "cq5"}], r"x: external\.0\.kind must be 'cq500' or 'ct-ich', got"),
        (
            [ISLAND | {"run": []}],
            r"external\.0\.run is not a known parameter\. Did you mean runs\?",
        ),
        ([ISLAND | {"source": "{x}"}], r"external\.0\.source must be a path without \{ and \}"),
        ([ISLAND | {"runs": ["a", "a"]}], r"external\.0\.runs must be names of runs, each once"),
        ([ISLAND | {"readers": {}}], "with a phantom and without labels where it has readers"),
        (
            [ISLAND | {"phantom": HEADS, "readers": {}, "labels": "x.csv"}],
            "with a phantom and without labels where it has readers",
        ),
        (
            [ISLAND | {"phantom": HEADS, "kind": "cq500"}],
            "without a phantom where it has a kind, which is of real data",
        ),
        ([ISLAND | {"phantom": {"patient": 3}}], r"external\.0\.phantom\.patient is not a known"),
        (
            [ISLAND | {"source": "data/demo/rsna", "phantom": None}],
            "external: the source of island and source must be folders apart, got",
        ),
        ([ISLAND, ISLAND], r"names that differ not in case alone, got \['island', 'island'\]"),
        (
            [ISLAND, ISLAND | {"name": "Island", "source": "data/other/rsna"}],
            r"names that differ not in case alone, got \['island', 'Island'\]",
        ),
        (
            [ISLAND | {"source": "data/demo/store/x"}],
            "the source of island and store must be folders apart",
        ),
        (
            [ISLAND | {"source": "data/demo/external/island"}],
            "the store of island and the source of island must be folders apart",
        ),
        (
            [ISLAND | {"source": "reports/x", "phantom": HEADS}],
            "external island: source must be a folder outside of the project's own",
        ),
        (
            [ISLAND | {"source": "data/demo/rsna", "phantom": HEADS}],
            "the source of island and source must be folders apart",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(external, message):
    with pytest.raises(ValueError, match=message):
        profile(*external)


def test_heads_of_another_hospital_are_of_other_patients():
    with pytest.raises(ValueError, match=r"phantom\.seed must be another than the profile's, 5"):
        profile(ISLAND | {"phantom": HEADS}, phantom=HEADS)


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").touch()
    (tmp_path / "params" / "experiments").mkdir(parents=True)
    for name, more in {"cnn": "network: cnn7\n", "own": "external: []\n"}.items():
        path = tmp_path / "params" / "experiments" / f"{name}.yaml"
        path.write_text(f"name: {name}\n{more}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_no_row_sets_it_for_itself_and_a_run_that_no_row_makes_is_refused(project):
    path = project / "params" / "tiny.yaml"
    start = "profile: tiny\ncam_run: cnn\nexternal:\n  - name: island\n    source: there\n"
    path.write_text(start + "    runs: [cnn, none]\n")
    _, mistakes = read_each_experiment(Profile.from_files(path))
    assert "external is of the whole report" in mistakes["own"]
    with pytest.raises(
        ValueError, match=r"external island: 'none' is no experiment\. There are cnn"
    ):
        checked_profile.read_profile("params/tiny.yaml")
    path.write_text(start)
    assert checked_profile.read_profile("params/tiny.yaml").external[0].name == "island"
