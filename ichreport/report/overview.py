"""The start of the first page: what was done, the main results, and links to the other pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from ichreport import poster
from ichreport.evaluation.constant_prevalence import learned_together
from ichreport.labels import ANY, SUBTYPES
from ichreport.params.endpoint import Endpoint, Level
from ichreport.report.comparison import all_runs
from ichreport.report.html.blocks import Drawing, Fact, Facts, Sentences
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import (
    counted,
    duration,
    interval,
    listed,
    number,
    with_named_interval,
)
from ichreport.report.run import curves as run_curves
from ichreport.runs.results import Results, ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)
_UNITS: Final[dict[Level, tuple[str, str]]] = {
    "slice": ("slice", "slices"),
    "study": ("study", "studies"),
}
_COUNTS: Final = {
    1: "one",
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
}


@dataclass(frozen=True)
class Overview:
    """A report in short: its main sentences and figures.

    Attributes:
        lead: What was done and what came of it.
        facts: The best run with its uncertainty, the data, the machine, the time.
        source: The poster beside whose figures these stand, and what is not known of it.
    """

    lead: str
    facts: Facts
    source: str = f"The poster is {poster.CITATION}. {poster.LIMITS}"

    def _repr_html_(self) -> str:
        return (
            f'<p class="lead">{escape(self.lead)}</p>{self.facts._repr_html_()}'
            f'<p class="note">{escape(self.source)}</p>'
        )

    def __repr__(self) -> str:
        return f"{self.lead}\n{self.facts!r}\n{self.source}"


def summarise(results: Results) -> Overview:
    """The overview of a report, computed from its runs.

    Args:
        results: Its runs.
    """
    facts = [*_facts_of_best(results), *_facts_of_data(results), *_facts_of_machine(results)]
    lead = [_experiments(results)]
    if results.scored:
        lead += [*_primary(results), _learned(results), *_random_backbones(results)]
    return Overview(" ".join(lead), Facts(facts))


def curves_of_best(results: Results) -> Drawing | Sentences:
    """ROC, precision-recall and calibration of the run chosen on validation, side by side."""
    best = results.best
    if best is None:
        return Sentences(["No run that is split by patient has the primary endpoint."])
    drawings = (
        run_curves.roc_curves(best.assessment),
        run_curves.precision_recall_curves(best.assessment),
        run_curves.calibration(best.assessment, results.primary.label),
    )
    return Drawing(
        f"{best.name}, single slices. " + " ".join(drawing.caption for drawing in drawings),
        " ".join(drawing.alternative for drawing in drawings),
        [panel for drawing in drawings for panel in drawing.panels],
    )


def _experiments(results: Results) -> str:
    if not results.scored:
        return "No experiment has a result yet."
    slices, patients = _largest_sample(results)
    heads = _heads(results)
    parameters = [all_runs.parameters_of(run, results) for run in results.runs]
    networks = {values["network"] for values in parameters if "network" in values}
    combining = sum(bool(values) and "network" not in values for values in parameters)
    training = len(results.runs) - combining
    combine = f"{'combines' if combining == 1 else 'combine'} the predictions of others"
    train = "trains and tests" if training == 1 else "train and test"
    do = f"{train} {_count(len(networks), 'network')}" if training else combine
    sentence = (
        f"{_count(training or combining, 'run').capitalize()} {do} to find bleeding inside the "
        f"skull, and which of its {_count(len(SUBTYPES), 'kind')} it is, on up to {slices:,} CT "
        f"slices of {patients:,} {heads}."
    )
    if training and combining:
        sentence += f" {_count(combining).capitalize()} more {combine}."
    missing = len(results.without_figures)
    if missing:
        has = "has" if missing == 1 else "have"
        sentence += f" {_count(missing).capitalize()} of them {has} no result."
    return sentence


def _primary(results: Results) -> list[str]:
    """What the report is about, and the run that was chosen for it on validation."""
    endpoint, best = results.primary.in_words, results.best
    if best is None:
        if not any(run.unseen_patients for run in results.scored.values()):
            return ["None was tested on patients that it has not seen."]
        return [_CAPTIONS.fill("no_primary", endpoint=endpoint)]
    on_test = results.primary_of(best)
    said = _CAPTIONS.fill(
        "primary",
        endpoint=endpoint,
        pooled=_CAPTIONS.fill("by_largest") if results.primary.level == "study" else "",
        choice=_choice(results, best),
        run=best.name,
        test=with_named_interval(on_test),
    )
    pairs = _pairs(results, on_test["value"])
    return [said, *pairs, *results.hindsight_of(best), *_named_later(results)]


def _choice(results: Results, best: ScoredRun) -> str:
    """How the best run came to be the best."""
    if len(results.candidates) == 1:
        return _CAPTIONS.fill("only_candidate", run=best.name)
    validation, tied = number(results.on_validation(best)), results.tied_for_best
    if len(tied) > 1:
        names = listed(run.name for run in tied)
        return _CAPTIONS.fill("first_of_tied", names=names, validation=validation)
    over_seeds = " in the mean of its seeds" if len(results.by_row[best.row]) > 1 else ""
    largest = f"{validation}{over_seeds}"
    return _CAPTIONS.fill("chosen", run=best.name, validation=largest)


def _pairs(results: Results, area: float) -> list[str]:
    """What an area means; nothing of another measure."""
    if results.primary.measure != "auc":
        return []
    endpoint, pairs = results.primary, _out_of_100(area)
    return [_CAPTIONS.fill("pairs", pairs=pairs, unit=endpoint.level, what=_bleeding(endpoint))]


def _named_later(results: Results) -> list[str]:
    """That runs were made when another endpoint was named; nothing if none was."""
    runs = len(results.named_later)
    if not runs:
        return []
    made = "1 run was" if runs == 1 else f"{runs} runs were"
    return [_CAPTIONS.fill("named_later", made=made)]


def _out_of_100(share: float) -> str:
    """A share as a count of 100, which only a share of 1 rounds to."""
    whole = round(100 * share)
    return "more than 99 of 100" if whole == 100 and share < 1 else f"{whole} of 100"


def _learned(results: Results) -> str:
    better = learned_together({name: run.learned for name, run in results.scored.items()})
    seen = sum(not results.scored[name].unseen_patients for name in better)
    said = _CAPTIONS.fill("learned", better=len(better), runs=len(results.scored))
    if not seen:
        return said
    tested = f"{seen} {'was' if seen == 1 else 'were'} tested"
    return f"{said} {_CAPTIONS.fill('learned_on_seen', tested=tested)}"


def _random_backbones(results: Results) -> list[str]:
    """How many runs rest on backbones of random weights, if any do."""
    count = sum(map(results.rests_on_random_backbone, results.scored.values()))
    if not count:
        return []
    rest, say = ("rests", "says") if count == 1 else ("rest", "say")
    runs = f"{_count(count).capitalize()} of the runs"
    return [_CAPTIONS.fill("random_backbones", runs=runs, rest=rest, say=say)]


def _facts_of_best(results: Results) -> list[Fact]:
    if results.best is None:
        return []
    learned, name = results.best.learned, results.best.name
    gain = learned.difference_interval
    primary = results.primary_of(results.best)
    ends = interval(primary["low"], primary["high"])
    known = f"{ends} (95 %)" if ends != "–" else "too few patients for an interval"
    return [
        Fact(
            f"Primary endpoint: {results.primary.in_words}",
            number(primary["value"]),
            f"{known}, {name}",
            f"experiments/{name}.html",
        ),
        *([_width(primary, results.primary)] if ends != "–" else []),
        Fact(
            "Its weighted log loss",
            number(learned.score),
            f"{number(learned.difference)} against the constant ({interval(gain.low, gain.high)})",
        ),
    ]


def _width(primary: Mapping[str, Any], endpoint: Endpoint) -> Fact:
    """How wide the interval of the primary endpoint is, and what it rests on."""
    without = primary["units"] - primary["positives"]
    positives = counted(primary["positives"], *_UNITS[endpoint.level])
    return Fact(
        "Width of its interval",
        number(primary["high"] - primary["low"]),
        f"of {positives} of test with {_bleeding(endpoint)} and {without:,} without",
    )


def _bleeding(endpoint: Endpoint) -> str:
    """What is to be found, within a sentence."""
    return "bleeding" if endpoint.label == ANY else f"{endpoint.label} bleeding"


def _facts_of_data(results: Results) -> list[Fact]:
    if not results.scored:
        return []
    slices, patients = _largest_sample(results)
    heads = _heads(results)
    return [Fact("Slices", f"{slices:,}", f"of {patients:,} {heads}")]


def _facts_of_machine(results: Results) -> list[Fact]:
    runs = list(results.scored.values())
    if not runs:
        return []
    seconds = sum(sum(run.record["timings"].values()) for run in runs)
    devices = sorted({device for run in runs for device in _devices(run)})
    pythons = sorted({str(run.record["provenance"]["python"]) for run in runs})
    backends = sorted({str(_machine(run)["backend"]) for run in runs if _machine(run)})
    return [
        Fact(
            "Time",
            duration(seconds),
            _CAPTIONS.fill(
                "time",
                runs=len(runs),
                backends=", ".join(backends) or "none",
                devices=", ".join(devices) or "an unknown device",
                python=", ".join(pythons),
            ),
        )
    ]


def _heads(results: Results) -> str:
    """What was scanned: people, or what a program has made."""
    return "synthetic heads" if results.synthetic else "patients"


def _largest_sample(results: Results) -> tuple[int, int]:
    """Slices and patients of the largest sample that a run has predictions for."""
    samples = [run.record["sample"] for run in results.scored.values()]
    return max(s["slices"] for s in samples), max(s["patients"] for s in samples)


def _devices(run: ScoredRun) -> list[str]:
    return [str(device) for device in _machine(run).get("devices", [])]


def _machine(run: ScoredRun) -> dict[str, Any]:
    """What a run was trained on; nothing where it combines others."""
    return run.record["provenance"]["backend"] or {}


def _count(count: int, noun: str = "") -> str:
    """A small number as a word, and what it counts."""
    words = f"{_COUNTS.get(count, count)} {noun}{'' if count == 1 else 's'}"
    return words if noun else str(_COUNTS.get(count, count))
