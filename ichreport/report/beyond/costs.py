"""What each row of the ladder cost: time, cards, energy, and parameters."""

from collections.abc import Mapping
from typing import Any, Final

from ichreport.report.beyond.ladder import Ladder
from ichreport.report.html.blocks import Cell, Link, Sentences, Table, Verdict, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import duration, number
from ichreport.runs.results import ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)


def verdict(ladder: Ladder) -> Verdict:
    """What all trainings of the ladder took, and which took longest.

    Args:
        ladder: As `ladder.climb` gives it.
    """
    scored = ladder.results.scored
    seconds = {
        name: _seconds(scored[name])
        for name in ladder.runs
        if name in scored and _epochs(scored[name])
    }
    if not seconds:
        has_run = any(name in scored for name in ladder.runs)
        return Verdict(_CAPTIONS.fill("no_training") if has_run else _CAPTIONS.fill("no_cost"))
    longest = max(seconds, key=seconds.__getitem__)
    if len(seconds) == 1:
        taken = duration(seconds[longest])
        return Verdict(_CAPTIONS.fill("costs_of_one", run=longest, longest=taken))
    return Verdict(
        _CAPTIONS.fill(
            "costs_verdict",
            together=duration(sum(seconds.values())),
            run=longest,
            longest=duration(seconds[longest]),
        )
    )


def table(ladder: Ladder) -> Table | Sentences:
    """Time, device, epochs and parameters of every run that a step leads from or to.

    Args:
        ladder: As `ladder.climb` gives it.
    """
    scored = ladder.results.scored
    rows = [_row(scored[name]) for name in ladder.runs if name in scored]
    if not rows:
        return Sentences([_CAPTIONS.fill("no_cost")])
    return Table(
        _CAPTIONS.fill("costs"),
        [
            "row",
            "device",
            *numbers("epochs", "seconds", "slices/s", group="training"),
            *numbers("seconds in all", "GPU minutes", "kJ"),
            *numbers("trained", "others", group="parameters"),
        ],
        rows,
        sortable=True,
    )


def training_rate(run: ScoredRun) -> float | None:
    """Slices of train that a run's training went through in a second.

    None if it trained nothing, or if each epoch took some slices of a study alone.

    The slices of its train split, times its epochs, over the seconds of training, with what they
    hold besides: compiling, epochs of the head alone, and scoring validation after each epoch.

    Args:
        run: The run.
    """
    seconds, epochs = _seconds(run), _epochs(run)
    if not seconds or not epochs or run.experiment.slices_per_study is not None:
        return None
    return float(run.assessment.split("train")["slices"]) * epochs / seconds


def gpu_minutes(run: ScoredRun) -> float | None:
    """Minutes of cards that training and prediction held; None on a CPU or without a training.

    Args:
        run: The run.
    """
    machine = _machine(run)
    if not machine.get("gpu") or not _epochs(run):
        return None
    devices = run.experiment.devices
    cards = len(machine["devices"]) if devices == "all" else devices
    timings: Mapping[str, float] = run.record["timings"]
    return cards * sum(timings.get(part, 0.0) for part in ("training", "prediction")) / 60


def kilojoules(run: ScoredRun) -> float | None:
    """What a run's cards used while it trained (kJ); None where nobody told.

    Args:
        run: The run.
    """
    joules = run.record.get("joules")
    return None if joules is None else float(joules) / 1000


def _row(run: ScoredRun) -> list[Cell]:
    parameters = run.record.get("model") or {}
    trains = _epochs(run) > 0
    return [
        Link(f"experiments/{run.name}.html", run.name),
        ", ".join(map(str, _machine(run).get("devices", []))) or "–",
        f"{_epochs(run)}" if trains else "–",
        number(_seconds(run) if trains else None, 1),
        _whole(training_rate(run)),
        number(sum(run.record["timings"].values()), 1),
        number(gpu_minutes(run), 1),
        number(kilojoules(run), 1),
        _whole(parameters.get("trainable") if trains else None),
        _whole(parameters.get("frozen") if trains else None),
    ]


def _epochs(run: ScoredRun) -> int:
    """Epochs that were run; 0 for a row that combines others and trains nothing."""
    return len((run.record.get("history") or {}).get("loss", []))


def _seconds(run: ScoredRun) -> float:
    return float(run.record["timings"].get("training", 0.0))


def _machine(run: ScoredRun) -> dict[str, Any]:
    machine: dict[str, Any] = run.record["provenance"].get("backend") or {}
    return machine


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
