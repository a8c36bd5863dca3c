"""The page of one run: what it says of the run, and the command that runs it again."""

import re
import shlex
from dataclasses import replace

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from papermill.cli import _resolve_type

from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.report.run import page as run_page
from ichreport.report.run import parameters
from tests.report.made_up import PICTURE, PLANTED
from tests.runs.stand_in_training import StandInTraining

PROFILE = Profile.parse({"profile": "demo", "epochs": 7, "learning_rate": 0.01}, where="test")


def run_by(command, files):
    """What papermill would hand to the notebook: later options win, -p guesses types."""
    words = shlex.split(command)
    assert words[0] == "papermill"
    assert words[1] in ("notebooks/2-experiment.ipynb", "notebooks/2-combination.ipynb")
    assert re.fullmatch(r"reports/demo/\S+\.ipynb", words[2])
    values, rest = {}, words[3:]
    while rest:
        option, name = rest[:2]
        if option in ("-f", "-y"):
            values |= files[name] if option == "-f" else yaml.safe_load(name)
            rest = rest[2:]
        else:
            values[name] = _resolve_type(rest[2]) if option == "-p" else rest[2]
            assert option in ("-p", "-r")
            rest = rest[3:]
    return Experiment.parse(values, where="command")


def said_by(profile):
    return yaml.safe_load(yaml.safe_dump(profile.model_dump(exclude_unset=True)))


texts = st.text(max_size=30).filter(lambda text: "\0" not in text)
questions = texts.filter(lambda text: not text or text.strip())
paths = texts.filter(lambda text: text.strip() and text.isprintable())
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
ran = st.builds(
    lambda augment, **values: Experiment.parse(
        {**said_by(PROFILE), **values, "augment": augment if values["network"] == "cnn7" else None},
        where="drawn",
    ),
    name=names | st.sampled_from(["1e3", "True", "None", "007"]),
    question=questions,
    poster_row=st.none() | st.integers(1, 14),
    sample=st.sampled_from(["sampa", "sampb", "fullid"]),
    network=st.sampled_from(["cnn7", "densenet121"]),
    weights=st.none() | paths,
    label_weights=st.dictionaries(st.sampled_from(LABELS), st.floats(0.1, 10)),
    seed=st.integers(0, 10**9),
    learning_rate=st.floats(1e-9, 10),
    require_gpu=st.booleans(),
    dense_layers=st.integers(1, 8),
    augment=st.sampled_from(
        [None, [], ["flip"], ["flip", {"affine": {"share": 1e-5, "rotate": 20.0}}, "noise"]]
    ),
)


@given(ran)
@settings(max_examples=150)
def test_the_command_of_a_run_by_hand_makes_the_same_experiment(experiment):
    command = run_page.papermill_command(experiment.model_dump(), PROFILE, None)
    assert run_by(command, {"params/demo.yaml": said_by(PROFILE)}) == experiment


@given(ran, st.sampled_from(["cnn7", "efficientnetb7"]))
@settings(max_examples=100)
def test_a_run_that_departs_from_its_file_says_how(experiment, network):
    own = {"name": experiment.name, "network": network, "question": "What its file asks?"}
    expected = Experiment.parse({**own, **said_by(PROFILE)}, where="file")
    command = run_page.papermill_command(experiment.model_dump(), PROFILE, expected)
    files = {
        f"params/experiments/{experiment.name}.yaml": own,
        "params/demo.yaml": said_by(PROFILE),
    }
    assert run_by(command, files) == experiment


def test_patience_is_told_where_something_waits_for_a_gain():
    def told(**values):
        asked = Experiment.parse({"network": "cnn7", "epochs": 5, **values}, where="test")
        return {row[0]: row[1] for row in parameters.experiment(asked).rows}

    assert told()["patience"] == "3"
    cosine = told(schedule="cosine", warm_up=1)
    assert "patience" not in cosine
    assert (cosine["schedule"], cosine["warm up"]) == ("cosine", "1")


def test_a_run_as_its_file_says_needs_nothing_more(report):
    expected = report.results.expected["02-large"]
    command = run_page.papermill_command(expected.model_dump(), report.profile, expected)
    assert " -p " not in command
    assert " -r " not in command


def test_the_command_of_a_run_with_another_seed_makes_it_from_its_row_s_file():
    own = {"name": "07-row", "network": "cnn7"}
    seeded = {**own, "name": "07-row--seed-2", "training_seed": 2}
    expected = Experiment.parse({**seeded, **said_by(PROFILE)}, where="seeds")
    files = {"params/experiments/07-row.yaml": own, "params/demo.yaml": said_by(PROFILE)}
    for known in (expected.model_dump(), {"name": expected.name}):  # done; not run yet
        command = run_page.papermill_command(known, PROFILE, expected)
        assert run_by(command, files) == expected


@pytest.mark.parametrize(
    ("own", "of_seed"),
    [
        (
            {"sample": "fullid", "ensemble_of": ["a", "b"]},
            {"ensemble_of": ["a--seed-2", "b--seed-2"]},
        ),
        (
            {"sample": "fullid", "network": "cnn7", "head": "sequence", "features_from": "a"},
            {"training_seed": 2, "features_from": "a--seed-2"},
        ),
    ],
)
def test_the_command_of_a_run_with_another_seed_names_the_runs_of_that_seed(own, of_seed):
    seeded = {**own, **of_seed, "name": "07-row--seed-2"}
    expected = Experiment.parse({**seeded, **said_by(PROFILE)}, where="seeds")
    files = {
        "params/experiments/07-row.yaml": {**own, "name": "07-row"},
        "params/demo.yaml": said_by(PROFILE),
    }
    for known in (expected.model_dump(), {"name": expected.name}):  # done; not run yet
        command = run_page.papermill_command(known, PROFILE, expected)
        assert f"notebooks/{expected.notebook} " in command
        assert run_by(command, files) == expected


def page(report, name):
    run = next(run for run in report.results.all_runs if run.name == name)
    return run_page.content(run, report.profile, report.results, "")


def test_parameters_that_differ_from_the_neighbours_are_marked(report):
    html = page(report, "02-large")
    assert '<th scope="col">01-small</th><th scope="col">03-windowed</th>' in html
    assert (
        '<tr><th scope="row">loss</th><td>focal</td><td><span class="differs">bce</span></td>'
        '<td><span class="differs">bce</span></td></tr>'
    ) in html
    assert '<th scope="row">head</th><td>dense</td><td>dense</td><td>dense</td>' in html
    assert 'href="../compare.html#runs=02-large,01-small,03-windowed"' in html


@pytest.mark.parametrize(
    "part",
    [
        *("commit", "requirements.lock", "packages", "devices", "seed of training", "seconds"),
        *("store", "training"),
    ],
)
def test_provenance_names(report, part):
    assert f'<th scope="row">{part}</th>' in page(report, "02-large")


def test_provenance_names_the_network_that_gave_the_features_and_marks_one_trained_anew(report):
    assert "weights of" not in page(report, "01-small")
    known = report.results.scored["02-large"].record["provenance"]["weights_sha256"]
    run = report.results.scored["01-small"].run_record
    for sha256, is_stale in ((known, False), ("0" * 64, True)):
        network = {"run": "02-large", "weights_sha256": sha256}
        record = {**run.record, "provenance": {**run.record["provenance"], "network": network}}
        html = run_page.content(replace(run, record=record), report.profile, report.results, "")
        assert '<th scope="row">weights of 02-large</th>' in html
        assert sha256 in html
        assert ("02-large has other weights now, so run this anew" in html) is is_stale
        assert "has no result now" not in html
        scored = {n: each for n, each in report.results.scored.items() if n != "02-large"}
        alone = replace(report.results, scored=scored)
        html = run_page.content(replace(run, record=record), report.profile, alone, "")
        assert f"{sha256}: 02-large has no result now" in html
        assert "has other weights" not in html


def test_provenance_says_by_what_else_a_training_that_was_found_was_made(report):
    html = page(report, "02-large")
    [said] = re.findall(r'<th scope="row">training</th><td>(.*?)</td>', html)
    assert said == (
        "finished 2026-11-23T12:00:00+00:00, by commit abc, python 3.0, keras 1.0; kept as "
        f"trainings/{'e' * 16}"
    )


def test_texts_from_parameters_and_devices_are_escaped(report):
    for name in ("01-small", "by-hand", "04-broken"):
        html = page(report, name)
        assert "<script" not in html
        assert "<img src=x" not in html
    assert PLANTED not in page(report, "01-small")
    assert PICTURE not in page(report, "by-hand")


def test_a_run_by_hand_is_a_variant_of_a_row_beside_which_it_stands(report):
    html = page(report, "by-hand")
    says = "A run by hand, as 02-large; what differs (the row&#x27;s value): weights "
    assert says in html
    assert "loss bce (focal)" in html
    columns = "<th>parameter</th><th>this run</th><th>02-large</th>"
    assert columns in html.replace(' scope="col"', "")
    assert "A run by hand" not in page(report, "02-large")
    about = run_page.about(report.results.variants["by-hand"].scored.run_record, report.results)
    assert about.startswith("A run by hand, as 02-large; ")


def test_a_missing_run_says_so_and_how_to_run_it(report):
    html = page(report, "05-later")
    assert "This experiment has not run: not run yet" in html
    assert re.search(r"-f params/tiny.yaml -f \S*/05-later.yaml", html)


def test_a_run_whose_notebook_is_elsewhere_says_so_and_shows_the_rest(report):
    html = page(report, "by-hand")
    assert "Its notebook was executed elsewhere and is not here" in html
    area = report.results.all_scored["by-hand"].assessment.score("auc", "any")["value"]
    assert f"<dt>AUC, any bleeding</dt><dd>{area:.3f}" in html
    assert "Provenance: hashes are SHA-256" in html
    assert "papermill notebooks/2-experiment.ipynb" in html


def test_a_run_whose_notebook_is_here_shows_it(report):
    run = report.results.scored["01-small"].run_record
    html = run_page.content(run, report.profile, report.results, "<p>its story</p>")
    assert "<p>its story</p>" in html
    assert "executed elsewhere" not in html


@pytest.mark.parametrize(
    ("resumed", "said"),
    [(1, "was cut off and went on from a checkpoint once;"), (4, "from a checkpoint 4 times; its")],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_training_that_was_cut_off_says_how_many_times_and_whose_its_seconds_are(
    resumed, said, is_new
):
    training = StandInTraining(pd.DataFrame(), {}, resumed=resumed, is_new=is_new)
    [sentence] = parameters.training(training).sentences
    assert said in sentence
    assert sentence.endswith(f"its seconds are those of all parts. It is kept as {'e' * 16}.")
    kept = {"folder": "e" * 16, "finished": "today", "commit": "abc", "python": "3", "packages": {}}
    known = {"commit": "abc", "python": "3", "packages": {}}
    assert said in run_page._training(known | {"training": kept | {"resumed": resumed}})
    assert "cut off" not in run_page._training(known | {"training": kept})


def test_a_training_in_one_part_says_nothing_of_parts():
    [sentence] = parameters.training(StandInTraining(pd.DataFrame(), {})).sentences
    assert sentence == f"Trained now, in 2 s. It is kept as {'e' * 16}."
