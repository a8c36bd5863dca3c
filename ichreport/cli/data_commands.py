"""The commands for data: synthetic heads, the ingest, and what a store can be asked."""

import argparse
import os
from pathlib import Path
from typing import Any

from ichreport.cli.adding import PROFILE_HELP, AddCommand
from ichreport.cli.messages import brief
from ichreport.params.profile import Profile
from ichreport.params.store_profile import profile_of_store
from ichreport.workflow import timed


def add(command: AddCommand) -> None:
    """Add them to the parser."""
    phantom = command("phantom", _phantom, "Make the profile's synthetic heads.")
    ingest = command("ingest", _ingest, "Turn the profile's DICOM folder into a store.")
    for parallel in (phantom, ingest):
        parallel.add_argument("profile", help=PROFILE_HELP)
        parallel.add_argument(
            "--workers",
            type=int,
            default=os.cpu_count() or 1,
            help="worker processes; all cores if not given",
        )
        parallel.add_argument(
            "--external", metavar="NAME", help="those of a data set of the profile's `external`"
        )
    ingest.add_argument(
        "--part",
        metavar="I/N",
        help="make only this part of the shards (2/8: the second of eight), beside others that "
        "make theirs; run it without when all parts are made",
    )
    verify = command("verify", _verify, "Check every hash of a store.")
    verify.add_argument("store", type=Path, help="folder of the store: data/demo/store")
    text = "Say which files a pseudonym of a store stands for. It takes the key, and stays here."
    _add_trace(command("trace", _trace, text))


def _phantom(options: argparse.Namespace) -> int:
    from ichreport.phantom import write_phantom
    from ichreport.phantom.readers import write_readers

    timed.ready()
    of_report, profile = _profiles(options)
    if profile.phantom is None:
        where = f"external {options.external}: " if options.external else ""
        raise ValueError(
            f"{options.profile}: {where}phantom must be a recipe, got null (real data)."
        )
    write_phantom(profile.source_folder, profile.phantom, workers=options.workers, progress=True)
    readers = of_report.external_data(options.external).readers if options.external else None
    if readers is not None:
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


def _add_trace(trace: argparse.ArgumentParser) -> None:
    trace.add_argument("store", type=Path, help="folder of the store: data/ward7/store")
    trace.add_argument("pseudonym", help="file-…, slice-…, series-…, study-… or patient-…")
    trace.add_argument(
        "--source",
        type=Path,
        help="what the store was made of; of the profile in params/ with this store if not given",
    )
    trace.add_argument("--key", type=Path, help="the key's file; <store>.key if not given")


def _trace(options: argparse.Namespace) -> int:
    from ichreport.data.ingest.sources import recognise_source
    from ichreport.data.ingest.tracing import trace

    timed.ready()
    path = options.source or profile_of_store(options.store).source_folder
    key = options.key or options.store.with_name(f"{options.store.name}.key")
    for file in trace(options.store, options.pseudonym, recognise_source(path), key):
        print(path / file)  # noqa: T201
    return 0


def _verify(options: argparse.Namespace) -> int:
    from ichreport.data.store import verify, what_is_verified
    from ichreport.data.store_format import MANIFEST, read_manifest
    from ichreport.files import as_size

    if not (options.store / MANIFEST).is_file():
        read_manifest(options.store)  # which says that this is no store
    problems = verify(options.store)
    for problem in problems:
        print(brief(problem))  # noqa: T201
    if problems:
        return 1
    manifest = read_manifest(options.store)
    sizes = [(options.store / name).stat().st_size for name in what_is_verified(manifest)]
    print(  # noqa: T201
        f"{options.store}: {len(sizes):,} files ({as_size(sum(sizes))}) are what was written, by "
        "their SHA-256. The files that it was made of were not compared."
    )
    return 0
