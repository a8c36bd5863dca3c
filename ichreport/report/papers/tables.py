"""The figures of the papers: what a run's predictions say on test, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pandas as pd

from ichreport.evaluation.calibration.measures import calibration_table
from ichreport.evaluation.floor import FloorComparison
from ichreport.evaluation.inference.score_intervals import score_table
from ichreport.evaluation.predictions import select_split
from ichreport.evaluation.rates import RATES
from ichreport.evaluation.studies import study_table
from ichreport.evaluation.thresholds import rate_table
from ichreport.labels import ANY, LABELS
from ichreport.report.html.blocks import Table
from ichreport.report.html.formats import number
from ichreport.runs.results import Scored
from ichreport.splits import SPLITS

_RULE: Final = "85 % recall"
_VERDICTS: Final = {
    "learned": "its probabilities are better than the constant prevalence of training",
    "ranks only": "it ranks bleeding, with probabilities no better than the constant prevalence",
    "ranks at least": "it ranks bleeding; whether its probabilities beat the constant is undecided",
    "not learned": "it shows nothing that was learned",
    "undecided": "it is not distinguishable from the constant prevalence of training",
}


@dataclass(frozen=True)
class Figures:
    """A run's figures on its test split, computed once from its predictions and its record.

    Attributes:
        scored: The run.
    """

    scored: Scored

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Every score on test with its interval."""
        return score_table(self.scored.predictions, splits=("test",))

    @cached_property
    def rates(self) -> pd.DataFrame:
        """The rates on test at the thresholds that the record froze."""
        points = self.scored.run.record["operating_points"]
        frozen = pd.DataFrame(
            {
                "rule": _RULE,
                "label": list(points),
                "threshold": [_or_nan(found["threshold"]) for found in points.values()],
            }
        )
        return rate_table(self.scored.predictions, frozen)

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """How calibrated each label is on test."""
        return calibration_table(self.scored.predictions)

    @cached_property
    def studies(self) -> pd.DataFrame:
        """Whole studies of test, pooled by the maximum and as learned."""
        return study_table(self.scored.predictions)

    def facts(self) -> dict[str, str]:
        """The figures that the papers cite in sentences; empty where undefined."""
        learned: FloorComparison = self.scored.learned
        area, loss = self._score("auc", ANY), self._score("weighted_log_loss_sum", "all")
        recall, specificity = self._rate(ANY, "recall"), self._rate(ANY, "specificity")
        facts = {"floor": _known(learned.floor)}
        for name, row in (
            ("auc_any", area), ("log_loss", loss),
            ("recall_any", recall), ("specificity_any", specificity),
        ):  # fmt: skip
            ends = {f"{name}_low": row["low"], f"{name}_high": row["high"]}
            facts |= {key: _known(value) for key, value in {name: row["value"], **ends}.items()}
        facts["loss_before"] = _known(self._calibrated(ANY, "log_loss")["value"])
        facts["loss_after"] = _known(self._calibrated(ANY, "log_loss_temperature")["value"])
        if facts["auc_any"]:
            facts["verdict_words"] = (
                f"On test {_VERDICTS[learned.verdict]}: weighted log loss {number(learned.score)} "
                f"against {number(learned.floor)}; area under the curve for any bleeding "
                f"{number(area['value'])} ({number(area['low'])} to {number(area['high'])})."
            )
        return facts

    def splits_table(self) -> Table:
        """Slices, groups and positives of each split."""
        rows = []
        for split in SPLITS:
            own = select_split(self.scored.predictions, split)
            positives = [f"{int(own[f'truth_{label}'].sum()):,}" for label in LABELS]
            rows.append([split, f"{len(own):,}", f"{own['group'].nunique():,}", *positives])
        return Table(
            "Slices, linked patient groups and positive slices of each split.",
            ["split", "slices", "groups", *LABELS],
            rows,
            numeric=frozenset(range(1, 3 + len(LABELS))),
        )

    def scores_table(self) -> Table:
        """Areas and log losses of each label on test."""
        rows = []
        for label in LABELS:
            area, loss = self._score("auc", label), self._score("log_loss", label)
            counts = [f"{area['positives']:,}", f"{area['slices']:,}"]
            rows.append([label, *counts, *_cells(area), *_cells(loss), number(loss["floor"])])
        for name, words in (
            ("weighted_log_loss_sum", "weighted sum"), ("challenge_log_loss", "challenge's mean"),
        ):  # fmt: skip
            loss = self._score(name, "all")
            counts = ["–", f"{loss['slices']:,}", "–", "–"]
            rows.append([words, *counts, *_cells(loss), number(loss["floor"])])
        return Table(
            "Test: area under the ROC curve (AUC) and log loss of each label, with 95 % intervals; "
            "floor is the log loss of the constant prevalence of training. The weighted sum counts "
            "any twice; the challenge's mean is a seventh of it.",
            ["label", "positives", "slices", "AUC", "interval", "log loss", "interval", "floor"],
            rows,
            numeric=frozenset(range(1, 8)),
        )

    def operating_points_table(self) -> Table:
        """The rates of each label on test at its frozen threshold."""
        rows = []
        for label in LABELS:
            found = [self._rate(label, name) for name in RATES]
            cells = [
                f"{number(row['value'])} ({number(row['low'])}–{number(row['high'])})"
                for row in found
            ]
            rows.append([label, number(found[0]["threshold"], 4), *cells])
        return Table(
            "Test: rates at each label's threshold, which was frozen on validation at 85 % recall; "
            "95 % intervals in brackets.",
            ["label", "threshold", *("NPV" if name == "npv" else name for name in RATES)],
            rows,
            numeric=frozenset(range(1, 2 + len(RATES))),
        )

    def calibration_table(self) -> Table:
        """Brier score, calibration error and what scaling brings, by label, on test."""
        names = ("brier", "expected_calibration_error", "log_loss", "log_loss_temperature")
        rows = []
        for label in LABELS:
            found = [self._calibrated(label, name) for name in names]
            rows.append([label, *(cell for row in found for cell in _cells(row))])
        bins = self.calibration["bins"].max()
        return Table(
            "Test: Brier score, expected calibration error (at most "
            f"{bins} bins of equally many slices), and log loss before and after a temperature "
            "fitted on validation, with 95 % intervals.",
            ["label", *("value", "interval") * len(names)],
            rows,
            numeric=frozenset(range(1, 1 + 2 * len(names))),
            groups=[
                ("", 1),
                *((name, 2) for name in ("Brier", "calibration error", "before", "after")),
            ],
        )

    def studies_table(self) -> Table:
        """Areas and rates of whole studies on test."""
        table = self.studies[self.studies["label"] == ANY]
        rows = []
        for pooling, own in table.groupby("pooling", sort=False):
            found = [_only(own, score=name) for name in ("auc", "recall", "specificity")]
            counts = [f"{found[0]['studies']:,}", f"{found[0]['positives']:,}"]
            rows.append([str(pooling), *counts, *(cell for row in found for cell in _cells(row))])
        return Table(
            "Test: any bleeding in a whole study, its slices pooled by the maximum or as learned "
            "on validation; recall and specificity at a threshold chosen on the studies of "
            "validation, with 95 % intervals.",
            ["pooling", "studies", "positives", *("value", "interval") * 3],
            rows,
            numeric=frozenset(range(1, 9)),
            groups=[("", 3), ("AUC", 2), ("recall", 2), ("specificity", 2)],
        )

    def _score(self, score: str, label: str) -> Mapping[str, Any]:
        return _only(self.scores, score=score, label=label)

    def _rate(self, label: str, rate: str) -> Mapping[str, Any]:
        return _only(self.rates, label=label, rate=rate)

    def _calibrated(self, label: str, measure: str) -> Mapping[str, Any]:
        return _only(self.calibration, label=label, measure=measure)


def _only(table: pd.DataFrame, **where: str) -> Mapping[str, Any]:
    chosen = table
    for name, value in where.items():
        chosen = chosen[chosen[name] == value]
    return _row(chosen.iloc[0])


def _row(series: "pd.Series[Any]") -> Mapping[str, Any]:
    return {str(name): value for name, value in series.items()}


def _cells(row: Mapping[str, Any]) -> tuple[str, str]:
    return number(row["value"]), f"{number(row['low'])}–{number(row['high'])}"


def _known(value: float) -> str:
    """A number as a text; empty if undefined."""
    return "" if value != value else number(value)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
