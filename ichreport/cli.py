"""The command line: one command for each job of the report's graph; each also works by hand.

A mistake ends with a line that says what is wrong, and exit status 2. A mistake is what ichreport
refuses on purpose, by a `raise` in its own code, and what the machine refuses: a disk that is full,
a folder that may not be written to. Everything else may be a bug and shows its traceback.
"""

import argparse
import errno
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, get_args

import ichreport
from ichreport.application import evaluate_command
from ichreport.params.inputs import input_spec
from ichreport.params.networks import backbones
from ichreport.params.profile import Profile, profile_of_store
from ichreport.params.samples import Sample
from ichreport.params.yaml import NAME_PATTERN, project_path, read_value, read_yaml
from ichreport.runs import job_times
from ichreport.workflow import timed

_PACKAGE: Final = Path(ichreport.__file__).parent
_PROFILE_HELP: Final = "parameter file of the profile: params/demo.yaml"
_MISTAKES: Final = (ValueError, TypeError, OSError, RuntimeError)
_REFUSED_BY_THE_MACHINE: Final = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT),
        *(errno.ENAMETOOLONG, errno.ELOOP),
    }
)
_LONG_WORD: Final = re.compile(r"\S{300,}")
_SHOWN_OF_A_WORD: Final = 80


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after `ichreport`; those of the process if not given.

    Returns:
        The exit status: 0 done, 1 problems found, 2 a mistake in what was asked or given.

    Raises:
        Exception: If something fails that nobody refused on purpose; it may be a bug.
    """
    timed.end_with_job()
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except Exception as error:
        if not _is_mistake(error):
            raise
        if options.traceback:
            traceback.print_exc()
        print(f"ichreport {options.command}: {_brief(str(error))}", file=sys.stderr)  # noqa: T201
        return 2
    return status


class _Parser(argparse.ArgumentParser):
    """A parser whose errors show no more of a word than it takes to know it again."""

    def error(self, message: str) -> NoReturn:
        super().error(_brief(message))


def _brief(message: str) -> str:
    return _LONG_WORD.sub(lambda word: f"{word[0][:_SHOWN_OF_A_WORD]}…", message)


def _is_mistake(error: Exception) -> bool:
    """Whether an error was refused on purpose, by ichreport or by the machine."""
    if isinstance(error, OSError) and error.errno in _REFUSED_BY_THE_MACHINE:
        return True
    if not isinstance(error, _MISTAKES) or isinstance(error, NotImplementedError):
        return False
    raised = traceback.extract_tb(error.__traceback__)[-1]
    return Path(raised.filename).is_relative_to(_PACKAGE) and str(raised.line).startswith("raise ")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ichreport",
        description="Make a report on detecting intracranial hemorrhage in head CT, job by job.",
        epilog="`make report` runs those that a report needs, in order.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {ichreport.__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="show where a mistake was noticed, too"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    _add_report(command("report", _report, "Make a profile's report: all that is out of date."))
    phantom = command("phantom", _phantom, "Make the profile's synthetic heads.")
    ingest = command("ingest", _ingest, "Turn the profile's DICOM folder into a store.")
    for parallel in (phantom, ingest):
        parallel.add_argument("profile", help=_PROFILE_HELP)
        parallel.add_argument(
            "--workers",
            type=int,
            default=os.cpu_count() or 1,
            help="worker processes; all cores if not given",
        )
        parallel.add_argument("--external", help="of this data set of the profile's `external`")
    ingest.add_argument(
        "--part",
        metavar="I/N",
        help="make only this part of the shards (2/8: the second of eight), beside others that "
        "make theirs; run it without when all parts are made",
    )
    _add_features(command("features", _features, "Run slices through a frozen backbone, once."))
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
    verify = command("verify", _verify, "Check every hash of a store.")
    verify.add_argument("store", type=Path, help="folder of the store: data/demo/store")
    evaluate_command.add(command)
    text = "Say which files a pseudonym of a store stands for. It takes the key, and stays here."
    _add_trace(command("trace", _trace, text))
    text = "Install the Jupyter kernel for a GPU, or check it."
    _add_kernel(commands.add_parser("kernel", help=text, description=text))
    return parser


def _add_report(report: argparse.ArgumentParser) -> None:
    report.add_argument("profile", help=_PROFILE_HELP)
    report.add_argument(
        "snakemake",
        nargs="*",
        metavar="-- OPTION",
        help="options of Snakemake's, such as --cores 4; --cores all if none are given",
    )
    report.add_argument(
        "--with-parent",
        action="store_true",
        help="end, with all jobs, when the process that started this one ends",
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


def _add_features(features: argparse.ArgumentParser) -> None:
    features.add_argument("profile", help=_PROFILE_HELP)
    features.add_argument(
        "--input",
        type=_input_name,
        required=True,
        help="how HU become what the network sees: raw, linear, sigmoid or adjacent, or windows, "
        "their shape and neighbours, such as brain_c50w130-linear-1",
    )
    features.add_argument(
        "--network",
        choices=backbones(),
        required=True,
        help="the backbone",
    )
    features.add_argument(
        "--samples",
        nargs="+",
        choices=get_args(Sample),
        required=True,
        help="the samples whose slices are wanted: any of sampa, sampb and fullid",
    )


def _input_name(text: str) -> str:
    try:
        return input_spec(text).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _add_trace(trace: argparse.ArgumentParser) -> None:
    trace.add_argument("store", type=Path, help="folder of the store: data/ward7/store")
    trace.add_argument("pseudonym", help="file-…, slice-…, series-…, study-… or patient-…")
    trace.add_argument(
        "--source",
        type=Path,
        help="what the store was made of; of the profile in params/ with this store if not given",
    )
    trace.add_argument("--key", type=Path, help="the key's file; <store>.key if not given")


def _add_kernel(kernel: argparse.ArgumentParser) -> None:
    actions = kernel.add_subparsers(dest="action", required=True, metavar="ACTION")
    text = "Install the kernel ichreport-gpu for this Python."
    install = actions.add_parser("install", help=text, description=text)
    install.set_defaults(run=_install_kernel)
    install.add_argument(
        "--backend",
        default="tensorflow",
        help="what Keras runs on in it: tensorflow (if not given), jax or torch",
    )
    text = "Train a step of each kind of network in the installed kernel, on its GPU."
    actions.add_parser("check", help=text, description=text).set_defaults(run=_check_kernel)


def _report(options: argparse.Namespace) -> int:
    from ichreport.workflow import make_report

    return make_report.make_report(
        options.profile, options.snakemake, with_parent=options.with_parent
    )


def _execute(options: argparse.Namespace) -> int:
    from ichreport.workflow import execution

    timed.ready()
    if not Path(options.notebook).is_file():
        raise ValueError(f"{options.notebook}: there is no such notebook.")
    if not re.fullmatch(NAME_PATTERN, options.kernel):
        raise ValueError(f"--kernel must be the name of a Jupyter kernel, got {options.kernel!r}.")
    parameters: dict[str, Any] = {}
    for path in options.files:
        parameters |= read_yaml(Path(path))
    parameters |= {
        name: read_value(value, where=f"-p {name}") for name, value in options.parameters
    }
    return execution.execute(options.notebook, options.output, parameters, options.kernel)


def _phantom(options: argparse.Namespace) -> int:
    from ichreport.phantom import write_phantom
    from ichreport.phantom.readers import write_readers

    timed.ready()
    of_report, profile = _profiles(options)
    if profile.phantom is None:
        raise ValueError(f"{options.profile}: phantom must be a recipe, got null (real data).")
    write_phantom(profile.source_folder, profile.phantom, workers=options.workers, progress=True)
    readers = options.external and of_report.external_data(options.external).readers
    if readers:
        write_readers(profile.source_folder, readers)
    return 0


def _profiles(options: argparse.Namespace) -> tuple[Profile, Profile]:
    """The profile that is named, and that of the data that are meant."""
    profile = Profile.from_files(options.profile)
    return profile, profile.elsewhere(options.external) if options.external else profile


def _ingest(options: argparse.Namespace) -> int:
    from ichreport.data.ingest.make_store import ingest, ingest_part
    from ichreport.data.ingest.shards.shard_plan import IngestPart

    timed.ready()
    _, profile = _profiles(options)
    folders = (profile.source_folder, profile.store_folder)
    recipe = {
        "image_size": profile.image_size,
        "max_reject_share": profile.max_reject_share,
        "labels": profile.labels_file,
        "group_by": profile.group_by,
        "series": profile.series,
        "pseudonymise": profile.pseudonymise,
    }
    work: dict[str, Any] = {"workers": options.workers, "progress": True, **recipe}
    if options.part is None:
        manifest = ingest(*folders, **work).manifest
        if aside := manifest["counts"]["set_aside"]:
            print(f"{aside:,} files are set aside: see {folders[1]}/set-aside.parquet.")  # noqa: T201
        for finding in manifest["findings"]:
            print(f"{finding['what']}: {finding['count']:,}")  # noqa: T201
    else:
        ingest_part(*folders, IngestPart.parse(options.part), **work)
    return 0


def _features(options: argparse.Namespace) -> int:
    profile = Profile.from_files(options.profile)
    if profile.kernel != "python3":  # that one is this Python as it is
        from ichreport.workflow import kernels

        os.environ.update(kernels.environment_of(profile.kernel))  # before Keras is imported

    from ichreport.data import samples
    from ichreport.data.store import Store
    from ichreport.model import backend
    from ichreport.model.features import feature_store

    timed.ready()
    try:
        backbone = profile.backbone_of(options.input, options.network)
    except ValueError as error:
        raise ValueError(f"{options.profile}: {error}") from error
    if backbone is None:
        raise ValueError(f"--network must be a backbone, got {options.network!r}.")
    backend.start(profile.machine, require_gpu=profile.require_gpu)
    store = Store.open(profile.store_folder)
    samples.require_slice_labels(store)
    rows = samples.rows_of_any(store.slices, options.samples, **profile.sampling)
    network, size = feature_store.Frozen(backbone), profile.batch_size
    feature_store.compute(store, rows, network, profile.machine, batch_size=size, progress=True)
    return 0


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
        print(f"ichreport render: left out: {_brief(one.problem)}", file=sys.stderr)  # noqa: T201
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
    print(job_times.as_text(job_times.read(_existing(options.report))))  # noqa: T201
    return 0


def _verify(options: argparse.Namespace) -> int:
    from ichreport.data.store import verify, what_is_verified
    from ichreport.data.store_format import read_manifest
    from ichreport.files import as_size

    problems = verify(options.store)
    for problem in problems:
        print(_brief(problem))  # noqa: T201
    if problems:
        return 1
    manifest = read_manifest(options.store)
    sizes = [(options.store / name).stat().st_size for name in what_is_verified(manifest)]
    print(  # noqa: T201
        f"{options.store}: {len(sizes):,} files ({as_size(sum(sizes))}) are what was written, by "
        "their SHA-256. The files that it was made of were not compared."
    )
    return 0


def _trace(options: argparse.Namespace) -> int:
    from ichreport.data.ingest.sources import recognise_source
    from ichreport.data.ingest.tracing import trace

    timed.ready()
    path = options.source or profile_of_store(options.store).source_folder
    key = options.key or options.store.with_name(f"{options.store.name}.key")
    for file in trace(options.store, options.pseudonym, recognise_source(path), key):
        print(path / file)  # noqa: T201
    return 0


def _install_kernel(options: argparse.Namespace) -> int:
    from ichreport.workflow import kernels

    print(f"Installed {kernels.install(options.backend)}.")  # noqa: T201
    return 0


def _check_kernel(_: argparse.Namespace) -> int:
    from ichreport.workflow import kernels

    print(f"The kernel {kernels.GPU_KERNEL} computes on {kernels.check()}.")  # noqa: T201
    return 0
