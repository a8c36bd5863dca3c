"""The commands that put a run to work: on new studies, and on another machine."""

import argparse
import os
from pathlib import Path

from ichreport.cli.adding import AddCommand
from ichreport.workflow import timed


def add(command: AddCommand) -> None:
    """Add them to the parser."""
    _add_predict(
        command(
            "predict",
            _predict,
            "Apply a finished run to new studies: a table, JSON and pages. Research only.",
        )
    )
    text = "Put a finished run into one file, with all that predicting by it takes."
    pack = command("pack", _pack, text)
    pack.add_argument("trained", metavar="RUN", type=Path, help=_FOLDER_HELP)
    pack.add_argument("--out", type=Path, help="the file; <run>.run.zip here if not given")


_FOLDER_HELP = "folder of the run, reports/demo/runs/15-fullid-sigmoid-cnn7-bce"
_RUN_HELP = f"{_FOLDER_HELP}, or a pack of it"


def _add_predict(predict: argparse.ArgumentParser) -> None:
    predict.add_argument("trained", metavar="RUN", type=Path, help=_RUN_HELP)
    predict.add_argument(
        "source", type=Path, help="a folder or a zip of one study's files, or a tree of studies"
    )
    predict.add_argument(
        "--out", type=Path, default=Path("findings"), help="the folder to write; findings if none"
    )
    predict.add_argument(
        "--prevalence",
        type=float,
        metavar="SHARE",
        help="share of studies with a label that probabilities are told for; 0.02 if none",
    )
    predict.add_argument(
        "--rule",
        help="whose thresholds call labels: recall-85 (if none), sensitivity-95, specificity-90 or "
        "youden",
    )
    predict.add_argument(
        "--identifiers",
        action="store_true",
        help="name patients, studies, series and slices in findings.json; findings.csv always does",
    )
    predict.add_argument(
        "--dicom",
        action="store_true",
        help="also write what goes into a PACS, with the patient's identity as the source has it: "
        "a structured report, pictures and heat maps of each study",
    )
    predict.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="processes that read files; all cores if not given",
    )


def _predict(options: argparse.Namespace) -> int:
    from ichreport.runs import saved_run

    saved_run.check(options.trained)
    if not options.source.exists():
        raise FileNotFoundError(f"{options.source} is neither a folder nor a zip of studies.")

    from ichreport.application import predict
    from ichreport.application.loaded_run import load

    timed.ready()
    chosen = {"prevalence": options.prevalence, "rule": options.rule}
    told = predict.Options(
        identifiers=options.identifiers,
        dicom=options.dicom,
        workers=options.workers,
        progress=True,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    with load(options.trained) as run:
        findings = predict.write(run.predictor, options.source, options.out, told)
    read = [one for one in findings if one.status == "read"]
    called = sum(bool(one.called) for one in read)
    print(  # noqa: T201
        f"Studies: {len(findings):,}; read: {len(read):,}, of which something is called in "
        f"{called:,}; refused: {len(findings) - len(read):,}. See {options.out}/index.html. "
        "Research only."
    )
    return 0


def _pack(options: argparse.Namespace) -> int:
    from ichreport.runs.saved_run import SavedRun

    SavedRun.read(options.trained)

    from ichreport.application import pack

    timed.ready()
    out = options.out or Path(f"{options.trained.resolve().name}{pack.ENDING}")
    print(pack.write(options.trained, out))  # noqa: T201
    return 0
