"""The commands, and what they say to a mistake and to a bug."""

import argparse
import os
import subprocess
import sys

import numpy as np
import pytest

import ichreport
from ichreport import cli
from ichreport.cli import main
from ichreport.data import store
from ichreport.files import atomic_file, folder_lock
from ichreport.report import site
from ichreport.report.html.blocks import Captioned
from ichreport.workflow import timed

FEATURES = ["--input", "raw", "--network", "densenet121", "--samples", "sampa"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project with one profile, one report and one other folder, as working directory."""
    monkeypatch.chdir(tmp_path)
    for folder in ("params", "reports/mine", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "workflow").mkdir(exist_ok=True)
    (tmp_path / "workflow" / "Snakefile").touch()
    (tmp_path / "params" / "mine.yaml").write_text("source: nowhere\nstore: store\nphantom: null\n")
    (tmp_path / "book.ipynb").touch()
    (tmp_path / "heads.yaml").write_text(
        "source: heads\nphantom: {patients: 1}\nexternal: [{name: island, source: there}]\n"
    )
    return tmp_path


@pytest.fixture
def rendering(project, monkeypatch):
    """Renders a report in which the function that reads its results is replaced."""
    (project / "reports" / "mine" / "results.ipynb").touch()

    def render(read):
        monkeypatch.setattr(site, "read", read)
        return main(["render", "reports/mine"])

    return render


NO_FILE = "{}: there is no such parameter file. Known: params/mine.yaml."
NO_REPORT = "{}: there is no such report. Known: reports/mine."
MISTAKES = {
    "phantom params/mine.yaml": "params/mine.yaml: phantom must be a recipe, got null (real data).",
    "phantom heads.yaml --external island": "heads.yaml: external island: phantom must be a recipe",
    "phantom nope.yaml": NO_FILE.format("nope.yaml"),
    "ingest nope.yaml": NO_FILE.format("nope.yaml"),
    "ingest params": NO_FILE.format("params"),
    "ingest params/mine.yaml": "nowhere is neither a folder nor a zip.",
    "phantom heads.yaml --workers 0": "workers must be at least 1, got 0.",
    "ingest params/mine.yaml --part 9": "A part is written 2/8, the second of eight; got '9'.",
    "ingest params/mine.yaml --part 9/8": "A part must be between 1 and 8, got 9.",
    "features nope.yaml " + " ".join(FEATURES): NO_FILE.format("nope.yaml"),
    "features params/mine.yaml " + " ".join(FEATURES): "store is not a store: it has no manifest",
    "render nope": NO_REPORT.format("nope"),
    "render nope --profile params/mine.yaml": NO_REPORT.format("nope"),
    "render elsewhere": "elsewhere: params/elsewhere.yaml does not exist; name the report's "
    "parameter file by --profile.",
    "render elsewhere --profile nope.yaml": NO_FILE.format("nope.yaml"),
    "render reports/mine": "reports/mine/results.ipynb does not exist; run notebooks/4-results",
    "timings nope": NO_REPORT.format("nope"),
    "verify nope": "nope is not a store: it has no manifest",
    "predict nope scans": "nope: there is no such run. Name its folder, reports/",
    "pack reports/nope": "reports/nope: there is no such run; name one, reports/",
    "evaluate params/mine.yaml store": "params/mine.yaml: there is no such run; name one,",
    "execute book.ipynb reports": "reports: a notebook cannot be written there; name a file",
    "execute book.ipynb heads.yaml/o.ipynb": "heads.yaml/o.ipynb: a notebook cannot be",
    "kernel install --backend theano": "backend must be one of tensorflow, jax, torch, got 'theano",
}


@pytest.mark.parametrize(("words", "told"), MISTAKES.items())
def test_a_mistake_ends_with_one_line_and_status_2(project, capsys, words, told):
    assert main(words.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ichreport {words.split()[0]}: ")
    assert told in error
    assert error.count("\n") == 1
    assert not (project / "store").exists()


@pytest.mark.parametrize("words", [("predict", "nope", "."), ("pack", "nope")])
def test_a_run_that_is_not_there_is_told_before_a_framework_starts(tmp_path, words):
    code = "import sys; from ichreport.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "there is no such run" in done.stderr
    assert not {"keras", "tensorflow"} & set(done.stdout.split())


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "words",
    [
        (LONG,),
        ("ingest", LONG),
        ("ingest", "params/mine.yaml", "--part", LONG),
        ("ingest", "params/mine.yaml", "--workers", LONG),
        ("features", "p.yaml", "--input", LONG, "--network", "densenet121", "--samples", "sampa"),
        ("render", LONG),
        ("timings", LONG),
        ("report", LONG),
        ("execute", LONG, "out.ipynb"),
        ("execute", "workflow/Snakefile", "out.ipynb", "-f", LONG),
        ("execute", "workflow/Snakefile", "out.ipynb", "--kernel", LONG),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_no_error_repeats_a_long_word(project, capsys, words):
    (project / "params" / "mine.yaml").write_text("source: scans\nstore: data/store\n")
    try:
        status = main(words)
    except SystemExit as exit_:
        status = exit_.code
    assert status == 2
    error = capsys.readouterr().err
    assert "xxx" in error
    assert len(error) < 1500


@pytest.mark.parametrize("folder", ["data/file", "data/file/below"])
def test_a_file_where_a_folder_has_to_be_made_is_named(project, capsys, folder):
    (project / "data").mkdir()
    (project / "data" / "file").touch()
    (project / "params" / "mine.yaml").write_text(f"source: scans\nstore: {folder}\n")
    (project / "scans").mkdir()
    (project / "scans" / "slice.dcm").write_bytes(b"DICM")
    assert main(["ingest", "params/mine.yaml"]) == 2
    told = f"ichreport ingest: {project / folder} must be a folder, but a file is in its way.\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("image_sise: 64", "image_sise is not a known parameter. Did you mean image_size? Known:"),
        ("learning_rate: fast", "learning_rate must be a number, got 'fast'."),
        ("learning_rate: .inf", "learning_rate must be a finite number, got inf."),
        ("epochs: 2.5", "epochs must be an integer, got 2.5."),
        ("epochs: 0", "epochs must be greater than or equal to 1, got 0."),
        ("source: 3", "source must be a string, got 3."),
        ("require_gpu: 1", "require_gpu must be a boolean, got 1."),
        ("seeds: 2", "seeds must be a list, got 2."),
        ("phantom: 2", "phantom must be a mapping of names to values, got 2."),
        (
            "precision: half",
            "precision must be 'float32', 'mixed_bfloat16' or 'mixed_float16', got",
        ),
        ("devices: 0", "devices must be all or a whole number from 1 to 64, got 0."),
        ("cam_run: a b", "cam_run must be 1 to 100 letters"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(project, capsys, content, told):
    (project / "p.yaml").write_text(content)
    assert main(["ingest", "p.yaml"]) == 2
    assert capsys.readouterr().err.startswith(f"ichreport ingest: p.yaml: {told}")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"seed: 1\nepochs: [1", "line 2, column 11: expected ',' or ']'"),
        (b"seed: 1\nepochs: 2: 3", "line 2, column 10: mapping values are not allowed here."),
        (b"seed: 1\n\tepochs: 2", "line 2, column 1: found a tab that cannot start any"),
        (b"seed: \x01", "unacceptable character #x0001"),
        (b"seed: \xff", "byte 7 is not UTF-8; save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_yaml_is_refused_in_one_line_that_says_where(
    project, capsys, content, told
):
    (project / "p.yaml").write_bytes(content)
    assert main(["ingest", "p.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ichreport ingest: p.yaml is not readable as YAML: {told}")
    assert error.count("\n") == 1


def test_features_that_a_profile_is_too_small_for_are_refused(project, capsys):
    with (project / "params" / "mine.yaml").open("a") as stream:
        stream.write("image_size: 64\n")
    words = ["--input", "raw", "--network", "inceptionresnetv2", "--samples", "sampa"]
    assert main(["features", "params/mine.yaml", *words]) == 2
    told = "ichreport features: params/mine.yaml: image_size must be at least 75"
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda: None, TypeError),  # fails in ichreport's own frame, which calls it with two
        (lambda *_: np.zeros(2) + np.zeros(3), ValueError),
        (lambda *_: int("x"), ValueError),
        (lambda *_: open("absent"), FileNotFoundError),  # noqa: SIM115, PTH123
        (lambda *_: {}["absent"], KeyError),
    ],
)
def test_a_bug_shows_its_traceback(rendering, read, kind):
    with pytest.raises(kind):
        rendering(read)


def test_a_bug_that_a_context_manager_or_a_cleanup_passes_on_is_still_one(rendering, project):
    def read(*_):
        with atomic_file(project / "x"), folder_lock(project):
            return None + 1

    with pytest.raises(TypeError):
        rendering(read)


def test_what_ichreport_refuses_far_below_the_command_is_a_mistake(rendering, project, capsys):
    assert rendering(lambda *_: store.read_manifest(project)) == 2
    assert "is not a store" in capsys.readouterr().err


def test_a_method_that_is_left_to_subclasses_is_a_bug(rendering):
    with pytest.raises(NotImplementedError):
        rendering(lambda *_: Captioned("A figure.", "A line.")._repr_html_())


@pytest.mark.parametrize("refusal", ["EACCES", "EROFS", "ENOSPC"])
def test_what_the_machine_refuses_is_a_mistake(rendering, capsys, refusal):
    number = getattr(cli.errno, refusal)

    def read(*_):
        raise OSError(number, os.strerror(number), "reports/mine/x")

    assert rendering(read) == 2
    told = f"ichreport render: [Errno {number}] {os.strerror(number)}: 'reports/mine/x'\n"
    assert capsys.readouterr().err == told


def test_on_request_a_mistake_shows_its_traceback_above_its_line(project, capsys):
    assert main(["--traceback", "timings", "nope"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("ichreport timings: nope: there is no such report.")


def test_a_report_without_notes_of_time_says_so(project, capsys):
    assert main(["timings", "reports/mine"]) == 0
    assert capsys.readouterr().out == "No job has left a note of its time.\n"


@pytest.mark.parametrize(
    "words",
    [
        ["features", "p.yaml", "--input", "raw", "--network", "cnn7", "--samples", "sampa"],
        ["kernel", "check", "--backend", "jax"],
        ["kernel"],
        [],
    ],
)
def test_words_that_no_command_takes_are_refused(words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"ichreport {ichreport.__version__}\n"


def parsers(parser):
    """A parser and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


def test_every_command_and_option_has_a_help_text():
    every = list(parsers(cli._parser()))
    assert len(every) == 1 + 13 + 2
    for parser in every:
        assert parser.description.endswith("."), parser.prog
        for action in parser._actions:
            if not isinstance(action, argparse._SubParsersAction):
                assert action.help, (parser.prog, action.dest)


def test_no_usage_shows_a_name_behind_an_option_that_would_take_it():
    for parser in parsers(cli._parser()):
        named = [a for a in parser._actions if not a.option_strings and a.nargs is None]
        greedy = [a for a in parser._actions if a.option_strings and a.nargs in {"+", "*"}]
        usage = parser.format_usage()
        for action in greedy:
            assert all(usage.index(n.dest) < usage.index(action.option_strings[0]) for n in named)


def test_an_interrupt_ends_with_a_line(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(timed, "ready", interrupt)
    assert main(["render", "reports/demo"]) == 130
    assert capsys.readouterr().err == "ichreport render: interrupted.\n"


def test_a_kernel_that_is_not_there_is_named_beside_those_that_are(tmp_path, capsys):
    notebook, out = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    notebook.write_text("{}")
    assert main(["execute", str(notebook), str(out), "--kernel", "nope"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("ichreport execute: kernel: no Jupyter kernel is called 'nope'. There")
    assert "python3" in told
    assert not out.exists()
