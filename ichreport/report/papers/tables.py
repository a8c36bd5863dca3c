"""The figures of the papers: what a run's record says of test, with intervals."""

from dataclasses import dataclass
from typing import Any, Final

from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.constant_prevalence import FloorComparison
from ichreport.evaluation.operating.rates import RATES
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.labels import ANY, LABELS
from ichreport.params.endpoint import Endpoint
from ichreport.report.html.blocks import Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import listed, number, with_interval
from ichreport.runs.results import ScoredRun
from ichreport.splits import SPLITS

_CAPTIONS: Final = Captions.beside(__file__)
_VERDICTS: Final = {
    "learned": "its probabilities are better than the constant prevalence of training, by its own "
    "interval, which is not adjusted over the runs of the report",
    "ranks only": "it ranks bleeding, with probabilities no better than the constant prevalence",
    "ranks at least": "it ranks bleeding; whether its probabilities beat the constant is undecided",
    "not learned": "that it has learned anything is not shown",
    "undecided": "whether it is better than the constant prevalence of training cannot be told",
}


@dataclass(frozen=True)
class Figures:
    """A run's figures on its test split, as its record keeps them.

    Attributes:
        scored: The run.
        primary: What the report is about.
    """

    scored: ScoredRun
    primary: Endpoint

    @property
    def assessment(self) -> Assessment:
        """What was measured of the run."""
        return self.scored.assessment

    def facts(self) -> dict[str, str]:
        """The figures that the papers cite in sentences; empty where undefined."""
        learned: FloorComparison = self.scored.learned
        score, rate = self.assessment.score, self.assessment.rate
        area, loss = score("auc", ANY), score("weighted_log_loss_sum", ALL_LABELS)
        recall, specificity = rate("recall", ANY), rate("specificity", ANY)
        facts = {"floor": _known(learned.floor)}
        for name, row in (
            ("auc_any", area), ("log_loss", loss),
            ("recall_any", recall), ("specificity_any", specificity),
        ):  # fmt: skip
            facts[name] = with_interval(row) if _known(row["value"]) else ""
        measure = self.assessment.calibration_measure
        facts["loss_before"] = _known(measure("log_loss", ANY)["value"])
        facts["loss_after"] = _known(measure("log_loss_temperature", ANY)["value"])
        facts["auc_any"] = facts["auc_any"] or _CAPTIONS.fill("area_of_one_class")
        if facts["log_loss"]:
            facts["verdict_words"] = (
                f"On test {_VERDICTS[learned.verdict]}: weighted log loss {number(learned.score)} "
                f"against {number(learned.floor)}; area under the curve for any bleeding "
                f"{facts['auc_any']}."
            )
        return facts

    def splits_table(self) -> Table:
        """Slices, groups and positives of each split."""
        names = ("slices", "groups", *LABELS)
        rows = [
            [split, *(f"{counts[name]:,}" for name in names)]
            for split, counts in ((split, self.assessment.split(split)) for split in SPLITS)
        ]
        return Table(
            _CAPTIONS.fill("splits"),
            ["split", *numbers(*names)],
            rows,
        )

    def scores_table(self) -> Table:
        """Areas and log losses of each label on test."""
        score, rows = self.assessment.score, []
        for label in LABELS:
            area, loss = score("auc", label), score("log_loss", label)
            counts = [f"{area['positives']:,}", f"{area['slices']:,}"]
            estimates = [with_interval(area), with_interval(loss), number(loss["floor"])]
            rows.append([label, *counts, *estimates])
        for name, words in (
            ("weighted_log_loss_sum", "weighted sum"), ("challenge_log_loss", "challenge's mean"),
        ):  # fmt: skip
            loss = score(name, ALL_LABELS)
            estimates = ["–", with_interval(loss), number(loss["floor"])]
            rows.append([words, "–", f"{loss['slices']:,}", *estimates])
        return Table(
            _CAPTIONS.fill("scores"),
            ["label", *numbers("positives", "slices", "AUC", "log loss", "floor")],
            rows,
        )

    def operating_points_table(self) -> Table:
        """The rates of each label on test at its frozen threshold."""
        rows = []
        for label in LABELS:
            rates = [self.assessment.rate(name, label) for name in RATES]
            positives, slices = rates[0]["positives"], rates[0]["slices"]
            prevalence = number(100 * positives / slices if slices else None, 1)
            threshold = number(self.assessment.threshold(label), 4)
            rows.append(
                [label, f"{positives:,}", prevalence, threshold, *map(with_interval, rates)]
            )
        names = ["NPV" if name == "npv" else name for name in RATES]
        return Table(
            _CAPTIONS.fill("operating_points"),
            ["label", *numbers("positives", "prevalence, %", "threshold", *names)],
            rows,
        )

    def calibration_table(self) -> Table:
        """Brier score, calibration error and what scaling brings, by label, on test."""
        names = ("brier", "expected_calibration_error", "log_loss", "log_loss_temperature")
        measure = self.assessment.calibration_measure
        rows = [
            [label, *(with_interval(measure(name, label)) for name in names)] for label in LABELS
        ]
        bins = self.assessment.calibration["bins"].max()
        return Table(
            _CAPTIONS.fill("calibration", bins=bins),
            ["label", *numbers("Brier score", "calibration error", "before", "after")],
            rows,
        )

    def studies_table(self) -> Table:
        """Areas and rates of whole studies on test: of any, and of the endpoint's label."""
        labels = list(dict.fromkeys([ANY, self.primary.label]))
        table = self.assessment.studies
        rows = []
        for label in labels:
            for pooling, pooled in table[table["label"] == label].groupby("pooling", sort=False):
                rows_of_pooling = pooled.to_dict("records")
                measures: dict[str, Any] = {row["score"]: row for row in rows_of_pooling}
                counts = [f"{measures['auc'][name]:,}" for name in ("studies", "positives")]
                names = ("auc", "recall", "specificity")
                estimates = [with_interval(measures[name]) for name in names]
                rows.append([label, str(pooling), *counts, *estimates])
        return Table(
            _CAPTIONS.fill("studies", labels=f"{listed(labels)} bleeding"),
            ["label", "pooling", *numbers("studies", "positives", "AUC", "recall", "specificity")],
            rows,
        )


def _known(value: float) -> str:
    """A number as a text; empty if undefined."""
    return "" if value != value else number(value)
