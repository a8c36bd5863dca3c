"""What was found in a study, in sentences that are computed."""

from typing import Final

import numpy as np

from ichreport.evaluation.operating.thresholds import RULES
from ichreport.findings.study_findings import LabelFinding, StudyFindings
from ichreport.labels import ANY, SUBTYPES
from ichreport.report.html.formats import digits_apart, listed, number

_RULES: Final = {
    "recall": "{target:.0%} recall",
    "specificity": "{target:.0%} specificity",
    "youden": "the largest Youden index",
}


def rule_in_words(name: str) -> str:
    """What the thresholds of a rule aim at."""
    rule = next(rule for rule in RULES if rule.name == name)
    return _RULES[rule.measure].format(target=rule.target)


def prevalence_in_words(share: float) -> str:
    """A share of studies as so many in a hundred: `2 in 100`."""
    return f"{np.format_float_positional(100 * share, precision=6, trim='-')} in 100"


def of_hundred(share: float) -> str:
    """A probability as so many of a hundred, none of which is sure; a dash if not calibrated."""
    if share != share:
        return "–"
    said = f"{100 * share:.0f}"
    return {"0": "fewer than 1", "100": "more than 99"}.get(said, said)


def digits_of(said: LabelFinding, digits: int = 3) -> int:
    """Decimals with which a probability is seen to lie on its side of the threshold."""
    return digits_apart(said.probability, said.threshold, digits)


def meaning(said: LabelFinding, prevalence: float) -> str:
    """What a probability means at a stated prevalence; nothing where it is not calibrated."""
    if said.at_prevalence != said.at_prevalence:
        return ""
    many = of_hundred(said.at_prevalence)
    many = many if " " in many else f"about {many}"
    bleed = "bleeds" if many == "about 1" else "bleed"
    where = f"where {prevalence_in_words(prevalence)} studies bleed"
    return f" Of 100 studies that look like this one, {many} {bleed}, {where}."


def verdict(findings: StudyFindings) -> str:
    """What was found, in a sentence or two."""
    if findings.status == "refused":
        return "Nothing is said of this study."
    said = findings.labels[ANY]
    probability = f"probability {number(said.probability, digits_of(said, 2))}"
    kinds = [label for label in SUBTYPES if label in findings.called]
    if said.is_called is None:
        return f"No threshold is known for any bleeding; {probability}."
    if said.is_called:
        of_kinds = f" Kinds that are called: {listed(kinds)}." if kinds else " No kind is called."
        return f"Bleeding is called: {probability}.{of_kinds}"
    beside = f" Called all the same: {listed(kinds)}." if kinds else ""
    return f"No bleeding is called: {probability}.{beside}"
