"""The commands that make a report, and those that its jobs are."""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from ichreport.cli.adding import PROFILE_HELP, AddCommand
from ichreport.cli.messages import brief
from ichreport.params.mistakes import NAME_PATTERN
from ichreport.params.profile import Profile
from ichreport.params.yaml import project_path, read_value, read_yaml
from ichreport.runs import job_times
from ichreport.workflow import timed


def add(command: AddCommand) -> None:
    """Add them to the parser."""
    _add_report(command("report", _report, "Make a profile's report: all that is out of date."))
    _add_execute(command("execute", _execute, "Execute a notebook, as the report's jobs do."))
    render = command("render", _render, "Turn executed notebooks and records into pages.")
    render.add_argument("report", type=Path, help="folder of the report: reports/demo")
    render.add_argument(
        "--zip", action="store_true", help="also pack the pages into reports/demo.zip, to send on"
    )
    render.add_argument(
        "--profile", help="its parameter file; params/<folder's name>.yaml if not given"
    )
    timings = command("timings", _timings, "Say where the time of a report went.")
    timings.add_argument("report", type=Path, help="folder of the report: reports/demo")


def _add_report(report: argparse.ArgumentParser) -> None:
    report.add_argument("profile", help=PROFILE_HELP)
    report.add_argument(
        "snakemake",
        nargs="*",
        default=[],
        metavar="-- OPTION",
        help="options of Snakemake's, such as --cores 4; --cores all if none are given",
    )
    report.add_argument(
        "--with-parent",
        action="store_true",
        help="end, with all jobs, when the process that started this one ends",
    )


def _report(options: argparse.Namespace) -> int:
    from ichreport.workflow import make_report

    return make_report.make_report(
        options.profile, options.snakemake, with_parent=options.with_parent
    )


def _add_execute(execute: argparse.ArgumentParser) -> None:
    execute.add_argument("notebook", type=Path, help="the notebook")
    execute.add_argument("output", type=Path, help="where the executed one goes")
    execute.add_argument(
        "-f",
        dest="files",
        metavar="FILE",
        action="append",
        default=[],
        help="a parameter file; a later one wins",
    )
    execute.add_argument(
        "-p",
        dest="parameters",
        metavar=("NAME", "VALUE"),
        nargs=2,
        action="append",
        default=[],
        help="a parameter, its value as YAML; it wins over files",
    )
    execute.add_argument("--kernel", default="python3", help="the Jupyter kernel; python3 if none")


def _execute(options: argparse.Namespace) -> int:
    from ichreport.workflow import execution

    timed.ready()
    if not Path(options.notebook).is_file():
        raise ValueError(f"{options.notebook}: there is no such notebook.")
    output = Path(options.output)
    if output.is_dir() or not all(above.is_dir() for above in output.parents if above.exists()):
        raise ValueError(f"{output}: a notebook cannot be written there; name a file in a folder.")
    if not re.fullmatch(NAME_PATTERN, options.kernel):
        raise ValueError(f"--kernel must be the name of a Jupyter kernel, got {options.kernel!r}.")
    if options.kernel != "python3":
        from ichreport.workflow import kernels

        kernels.environment_of(options.kernel)
    parameters: dict[str, Any] = {}
    for path in options.files:
        parameters |= read_yaml(Path(path))
    parameters |= {
        name: read_value(value, where=f"-p {name}") for name, value in options.parameters
    }
    return execution.execute(options.notebook, options.output, parameters, options.kernel)


def _render(options: argparse.Namespace) -> int:
    from ichreport.report import archive, site
    from ichreport.runs import damage

    timed.ready()
    report = _existing(options.report)
    named = Path("params", f"{report.resolve().name}.yaml")
    if options.profile is None and not named.is_file():
        raise ValueError(
            f"{report}: {named} does not exist; name the report's parameter file by --profile."
        )
    site.render(report, Profile.from_files(options.profile or named))
    for one in (*damage.damaged(report), *damage.damaged_notes(report)):
        print(f"ichreport render: left out: {brief(one.problem)}", file=sys.stderr)  # noqa: T201
    if options.zip:
        print(archive.write(report))  # noqa: T201
    return 0


def _existing(report: Path) -> Path:
    if not report.is_dir():
        folders = sorted(path for path in project_path("reports").glob("*") if path.is_dir())
        known = ", ".join(f"reports/{folder.name}" for folder in folders)
        raise ValueError(f"{report}: there is no such report. Known: {known or 'none'}.")
    return report


def _timings(options: argparse.Namespace) -> int:
    report = _existing(options.report)
    if (notes := report / job_times.FOLDER).is_dir():
        next(notes.iterdir(), None)  # says so if it may not be read
    print(job_times.as_text(job_times.read(report)))  # noqa: T201
    return 0
