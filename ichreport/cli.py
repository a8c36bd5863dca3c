"""The command line: `ichreport phantom|ingest|features|render|timings|verify|kernel`.

Each command is one job of the report's graph and also works by hand. A user's mistake ends with one
line on standard error and exit status 2; everything else is a bug and shows its traceback.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from ichreport import timed
from ichreport.params import Input, Network, Profile, Sample


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after `ichreport`; those of the process if not given.

    Returns:
        The exit status: 0 done, 1 problems found, 2 a mistake in what was asked or given.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        print(f"ichreport {options.command}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ichreport", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    def takes_profile(added: argparse.ArgumentParser, *, workers: bool) -> None:
        added.add_argument("profile", help="parameter file of the profile: params/demo.yaml")
        if workers:
            added.add_argument(
                "--workers",
                type=int,
                default=os.cpu_count() or 1,
                help="worker processes; all cores if not given",
            )

    takes_profile(command("phantom", _phantom, "Make the profile's synthetic heads."), workers=True)
    ingest = command("ingest", _ingest, "Turn the profile's DICOM folder into a store.")
    takes_profile(ingest, workers=True)
    ingest.add_argument(
        "--part",
        metavar="I/N",
        help="make only this part of the shards (2/8: the second of eight), beside others that "
        "make theirs; run it without when all parts are made",
    )
    features = command("features", _features, "Run slices through a frozen backbone, once.")
    takes_profile(features, workers=False)
    features.add_argument("--input", choices=get_args(Input), required=True)
    features.add_argument(
        "--network", choices=[n for n in get_args(Network) if n != "cnn7"], required=True
    )
    features.add_argument("--samples", nargs="+", choices=get_args(Sample), required=True)
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
    verify.add_argument("store", type=Path, help="folder of the store")
    kernel = command("kernel", _kernel, "Install the Jupyter kernel for a GPU, or check it.")
    kernel.add_argument("action", choices=["install", "check"])
    kernel.add_argument("--backend", default="tensorflow", help="tensorflow, jax or torch")
    return parser


def _phantom(options: argparse.Namespace) -> int:
    from ichreport.phantom import write_phantom

    timed.ready()
    profile = Profile.from_files(options.profile)
    if profile.phantom is None:
        raise ValueError(f"{options.profile}: phantom must be a recipe, got null (real data).")
    write_phantom(profile.source_folder, profile.phantom, workers=options.workers, progress=True)
    return 0


def _ingest(options: argparse.Namespace) -> int:
    from ichreport.data.ingest import ingest, ingest_part
    from ichreport.data.plan import Part

    timed.ready()
    profile = Profile.from_files(options.profile)
    folders = (profile.source_folder, profile.store_folder)
    recipe = {
        "image_size": profile.image_size,
        "max_reject_share": profile.max_reject_share,
        "labels": profile.labels_file,
        "pseudonymise": profile.pseudonymise,
    }
    work: dict[str, Any] = {"workers": options.workers, "progress": True, **recipe}
    if options.part is None:
        ingest(*folders, **work)
    else:
        ingest_part(*folders, Part.parse(options.part), **work)
    return 0


def _features(options: argparse.Namespace) -> int:
    profile = Profile.from_files(options.profile)
    if profile.kernel != "python3":  # that one is this Python as it is
        from ichreport import kernels

        os.environ.update(kernels.environment_of(profile.kernel))  # before Keras is imported

    import numpy as np

    from ichreport.data import samples
    from ichreport.data.store import Store
    from ichreport.model import backend, features
    from ichreport.params import Experiment

    timed.ready()
    experiment = Experiment.model_validate(
        profile.model_dump() | {"input": options.input, "network": options.network}
    )
    backend.start(experiment)
    store = Store.open(profile.store_folder)
    drawn = [samples.draw(store.slices, name, **profile.sampling) for name in options.samples]
    rows = np.unique(np.concatenate([sample.rows for sample in drawn]))
    features.load_or_compute(store, rows, experiment, progress=True)
    return 0


def _render(options: argparse.Namespace) -> int:
    from ichreport.report import archive, site

    timed.ready()
    profile = Profile.from_files(options.profile or f"params/{options.report.name}.yaml")
    site.render(options.report, profile)
    if options.zip:
        print(archive.write(options.report))  # noqa: T201
    return 0


def _timings(options: argparse.Namespace) -> int:
    from ichreport.report import timings

    print(timings.as_text(timings.read(options.report)))  # noqa: T201
    return 0


def _verify(options: argparse.Namespace) -> int:
    from ichreport.data.store import verify

    problems = verify(options.store)
    for problem in problems:
        print(problem)  # noqa: T201
    return 1 if problems else 0


def _kernel(options: argparse.Namespace) -> int:
    from ichreport import kernels

    if options.action == "install":
        print(f"Installed {kernels.install(options.backend)}.")  # noqa: T201
    else:
        print(f"The kernel {kernels.GPU_KERNEL} computes on {kernels.check()}.")  # noqa: T201
    return 0
