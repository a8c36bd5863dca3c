"""The commands for what trainings begin with, and for the kernel that they run in."""

import argparse
import os
from typing import get_args

from ichreport.cli.adding import PROFILE_HELP, AddCommand
from ichreport.params.inputs import input_spec
from ichreport.params.networks import backbones
from ichreport.params.profile import Profile
from ichreport.params.samples import Sample
from ichreport.workflow import timed


def add(command: AddCommand) -> None:
    """Add them to the parser."""
    _add_features(command("features", _features, "Run slices through a frozen backbone, once."))
    text = "Install the Jupyter kernel for a GPU, or check it."
    _add_kernel(command("kernel", None, text))


def _add_features(features: argparse.ArgumentParser) -> None:
    # the profile stands first: behind the samples it would be taken for one of them
    features.usage = (
        "%(prog)s [-h] profile --input INPUT --network NETWORK --samples SAMPLE [SAMPLE ...]"
    )
    features.add_argument("profile", help=PROFILE_HELP)
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


def _install_kernel(options: argparse.Namespace) -> int:
    from ichreport.workflow import kernels

    print(f"Installed {kernels.install(options.backend)}.")  # noqa: T201
    return 0


def _check_kernel(_: argparse.Namespace) -> int:
    from ichreport.workflow import kernels

    print(f"The kernel {kernels.GPU_KERNEL} computes on {kernels.check()}.")  # noqa: T201
    return 0
