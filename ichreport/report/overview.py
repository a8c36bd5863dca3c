"""What the first page says first: what was done, what came of it, and where to read on."""

from dataclasses import dataclass
from html import escape
from typing import Any, Final

from ichreport import poster
from ichreport.labels import SUBTYPES
from ichreport.report.comparison import all_runs
from ichreport.report.html.blocks import Drawing, Fact, Facts, Sentences
from ichreport.report.html.formats import duration, number
from ichreport.report.run import curves as run_curves
from ichreport.runs.results import Results, Scored

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
    """A report in a few sentences and figures.

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


def of(found: Results, *, synthetic: bool) -> Overview:
    """The overview of a report, computed from its runs.

    Args:
        found: Its runs.
        synthetic: Whether the data are synthetic heads.
    """
    facts = [*_of_best(found), *_of_data(found, synthetic=synthetic), *_of_machine(found)]
    said = [_done(found, synthetic=synthetic)]
    said += [_reached(found), _learned(found), *_untaught(found)] if found.scored else []
    return Overview(" ".join(said), Facts(facts))


def curves_of_best(found: Results) -> Drawing | Sentences:
    """ROC, precision-recall and calibration of the best run on unseen patients, side by side."""
    best = found.best
    if best is None:
        return Sentences(["No run that is split by patient has predictions."])
    drawn = (
        run_curves.roc_curves(best.assessment),
        run_curves.precision_recall_curves(best.assessment),
        run_curves.calibration(best.assessment),
    )
    return Drawing(
        f"{best.run.name}. " + " ".join(one.caption for one in drawn),
        " ".join(one.alternative for one in drawn),
        [panel for one in drawn for panel in one.panels],
    )


def _done(found: Results, *, synthetic: bool) -> str:
    if not found.scored:
        return "No experiment has a result yet."
    slices, patients = _seen(found)
    heads = "synthetic heads" if synthetic else "patients"
    given = [all_runs.parameters_of(run, found) for run in found.runs]
    networks = {own["network"] for own in given if "network" in own}
    verb = "trains" if len(found.runs) == 1 else "train"
    said = (
        f"{_few(len(found.runs), 'experiment').capitalize()} {verb} "
        f"{_few(len(networks), 'network')} to find bleeding inside the skull, and which of its "
        f"{_few(len(SUBTYPES), 'kind')} it is, on {slices:,} CT slices of {patients:,} {heads}."
    )
    lacking = len(found.without)
    if lacking:
        has = "has" if lacking == 1 else "have"
        said += f" {_few(lacking).capitalize()} of them {has} no result."
    return said


def _reached(found: Results) -> str:
    if found.best is None:
        return "None was tested on patients that it has not seen."
    learned = found.best.learned
    return (
        f"On patients that it has not seen, {found.best.run.name} does best: a slice with bleeding "
        f"gets a higher probability than one without in {_of_100(learned.auc_any)} pairs."
    )


def _of_100(share: float) -> str:
    """A share as a count of 100, which only a share of 1 rounds to."""
    whole = round(100 * share)
    return "more than 99 of 100" if whole == 100 and share < 1 else f"{whole} of 100"


def _learned(found: Results) -> str:
    better = sum(own.learned.verdict == "learned" for own in found.scored.values())
    return (
        f"{better} of {len(found.scored)} with a result predict better than the plain frequency of "
        "each kind of bleeding would."
    )


def _untaught(found: Results) -> list[str]:
    """How many runs rest on backbones of random weights, if any do."""
    count = sum(own.untaught for own in found.scored.values())
    if not count:
        return []
    rest, say = ("rests", "says") if count == 1 else ("rest", "say")
    return [
        f"{_few(count).capitalize()} of the runs {rest} on a backbone of random weights instead of "
        f"pre-trained ones, and {say} nothing of transfer learning."
    ]


def _of_best(found: Results) -> list[Fact]:
    if found.best is None:
        return []
    learned, name = found.best.learned, found.best.run.name
    area, gain = learned.auc_interval, learned.difference_interval
    return [
        Fact(
            "Best AUC, any bleeding",
            number(learned.auc_any),
            f"{number(area.low)} to {number(area.high)} (95 %), {name}, chosen on test",
            f"experiments/{name}.html",
        ),
        Fact(
            "Its weighted log loss",
            number(learned.score),
            f"{number(learned.difference)} against the constant "
            f"({number(gain.low)} to {number(gain.high)})",
        ),
    ]


def _of_data(found: Results, *, synthetic: bool) -> list[Fact]:
    if not found.scored:
        return []
    slices, patients = _seen(found)
    heads = "synthetic heads" if synthetic else "patients"
    return [Fact("Slices", f"{slices:,}", f"of {patients:,} {heads}")]


def _of_machine(found: Results) -> list[Fact]:
    runs = list(found.scored.values())
    if not runs:
        return []
    seconds = sum(sum(own.run.record["timings"].values()) for own in runs)
    devices = sorted({device for own in runs for device in _devices(own)})
    known = runs[0].run.record["provenance"]
    backends = sorted({str(own.run.record["provenance"]["backend"]["backend"]) for own in runs})
    return [
        Fact(
            "Time",
            duration(seconds),
            f"for {len(runs)} runs, one after the other, by {', '.join(backends)} on "
            f"{', '.join(devices) or 'an unknown device'}; Python {known['python']}. Passes "
            "through backbones, starting and the pages come on top",
        )
    ]


def _seen(found: Results) -> tuple[int, int]:
    """Slices and patients of the largest sample that a run has predictions for."""
    samples = [own.run.record["sample"] for own in found.scored.values()]
    return max(s["slices"] for s in samples), max(s["patients"] for s in samples)


def _devices(own: Scored) -> list[str]:
    machine: dict[str, Any] = own.run.record["provenance"]["backend"]
    return [str(device) for device in machine.get("devices", [])]


def _few(count: int, of: str = "") -> str:
    """A small number as a word, and what it counts."""
    words = f"{_COUNTS.get(count, count)} {of}{'' if count == 1 else 's'}"
    return words if of else str(_COUNTS.get(count, count))
