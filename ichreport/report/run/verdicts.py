"""What each section of a run's page comes to, in a line that opens it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from ichreport.data.overlap.leakage import NEIGHBOURS
from ichreport.data.samples import Sample
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.constant_prevalence import Verdict as AgainstConstant
from ichreport.evaluation.subgroups import is_mirrored
from ichreport.evaluation.uncertainty.intervals import ALPHA
from ichreport.labels import ANY, SUBTYPES
from ichreport.params.experiment import Experiment
from ichreport.report.html.blocks import Verdict
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import (
    all_of,
    capital,
    counted,
    digits_for,
    listed,
    number,
    percent,
    with_interval,
)

_CAPTIONS: Final = Captions.beside(__file__)


def split(audit: pd.DataFrame, sample: Sample) -> Verdict:
    """Whether test holds patients, or pictures, that are in train too.

    Args:
        audit: Of `data.overlap.leakage.leak_audit`.
        sample: The sample that was audited.
    """
    pair = audit[(audit["first"] == "train") & (audit["second"] == "test")]
    in_test = dict(zip(pair["kind"], pair["slices_in_second"].tolist(), strict=True))
    slices = int((sample.split == "test").sum())
    if in_test["patients"]:
        share = in_test["patients"] / slices
        said = _CAPTIONS.fill(
            "split_shares_patients",
            share=percent(share, 1),
            beside=percent(in_test[NEIGHBOURS] / slices, 1),
            mostly="" if share == 1 else "mostly" if share > 0.5 else "partly",
        )
        return Verdict(capital(said))
    if in_test["identical pixels"]:
        shared = counted(
            in_test["identical pixels"], "of the test slices has", "of the test slices have"
        )
        return Verdict(_CAPTIONS.fill("split_shares_pixels", slices=shared))
    return Verdict(_CAPTIONS.fill("split_shares_nothing"))


def training(history: Mapping[str, Sequence[float]], experiment: Experiment) -> Verdict:
    """Which epoch's weights are kept, and whether training stopped by itself.

    Args:
        history: `loss` and `val_loss`, one value an epoch.
        experiment: What says how many epochs there may be.
    """
    epochs, best = len(history["val_loss"]), int(np.argmin(history["val_loss"]))
    kept = _CAPTIONS.fill("kept_epoch", best=best + 1, epochs=epochs)
    every = all_of(epochs, "epoch")
    if experiment.schedule != "plateau":
        return Verdict(f"{kept} {_CAPTIONS.fill('ran_through', all_epochs=every)}")
    if stopped_by_itself(history["val_loss"], experiment):
        patience = counted(experiment.patience, "epoch")
        return Verdict(f"{kept} {_CAPTIONS.fill('stopped', epochs=epochs, patience=patience)}")
    after = epochs - 1 - best
    since = f", {counted(after, 'epoch')} after its last gain" if after else ""
    return Verdict(f"{kept} {_CAPTIONS.fill('not_stopped', all_epochs=every, since=since)}")


def stopped_by_itself(losses: Sequence[float], experiment: Experiment) -> bool:
    """Whether a training stopped for want of a gain, and not for want of epochs.

    Args:
        losses: The loss on validation after each epoch.
        experiment: What says how many epochs there may be.
    """
    if experiment.schedule != "plateau":
        return False
    waited = len(losses) - 1 - int(np.argmin(losses))
    return len(losses) < experiment.epochs or waited >= experiment.patience


def probabilities(assessed: Assessment) -> Verdict:
    """Whether a run is better than the constant prevalence, and how well it ranks."""
    learned = assessed.learned
    if not learned.slices:
        return Verdict(_CAPTIONS.fill("no_loss_verdict"))
    score, floor = number(learned.score), number(learned.floor)
    difference = with_interval({"value": learned.difference, **vars(learned.difference_interval)})
    said = _CAPTIONS.fill(
        "loss_verdict",
        opening=_opening(learned.verdict),
        score=score,
        floor=floor,
        difference=difference,
    )
    if math.isnan(learned.auc_any):
        return Verdict(f"{said} {_CAPTIONS.fill('no_area_verdict')}")
    area = with_interval({"value": learned.auc_any, **vars(learned.auc_interval)})
    return Verdict(f"{said} {_CAPTIONS.fill('area_verdict', area=area)}")


def _opening(verdict: AgainstConstant) -> str:
    """What a run's verdict against the constant prevalence says, before the figures."""
    match verdict:
        case "learned":
            return _CAPTIONS.fill("has_learned")
        case "ranks only":
            return _CAPTIONS.fill("only_ranks")
        case "ranks at least":
            return _CAPTIONS.fill("ranks_at_least")
        case "not learned":
            return _CAPTIONS.fill("has_not_learned")
        case "undecided":
            return _CAPTIONS.fill("may_have_learned")


def operating_point(assessed: Assessment) -> Verdict:
    """What the frozen threshold of 85 % recall finds of any bleeding on test, and leaves alone."""
    if math.isnan(assessed.threshold(ANY)):
        return Verdict(_CAPTIONS.fill("no_operating_point"))
    recall, specificity = (assessed.rate(rate, ANY) for rate in ("recall", "specificity"))
    if math.isnan(recall["value"]) or math.isnan(specificity["value"]):
        return Verdict(_CAPTIONS.fill("operating_point_without_test"))
    return Verdict(
        _CAPTIONS.fill(
            "operating_point",
            achieved=number(assessed.achieved(ANY), 2),
            recall=with_interval(recall, 2),
            specificity=with_interval(specificity, 2),
        )
    )


def calibration(assessed: Assessment) -> Verdict:
    """Whether probabilities are too high or too low, too sure or too cautious."""
    level, slope = (assessed.calibration_measure(name, ANY) for name in ("in_the_large", "slope"))
    faults = _faults(assessed, ANY)
    others = [label for label in SUBTYPES if _faults(assessed, label)]
    if faults:
        found = _CAPTIONS.fill("probabilities_off", how=" and ".join(faults))
    elif math.isnan(level["low"]) or math.isnan(slope["low"]):
        found = _CAPTIONS.fill("probabilities_unknown")
    else:
        found = _CAPTIONS.fill("probabilities_true")
    said = _CAPTIONS.fill(
        "probabilities_verdict",
        found=found,
        in_the_large=with_interval(level, 2),
        slope=with_interval(slope, 2),
    )
    if others:
        said += " " + _CAPTIONS.fill("other_labels_off", labels=listed(others))
    return Verdict(said)


def _faults(assessed: Assessment, label: str) -> list[str]:
    """In which ways a label's probabilities are off, each by its own interval."""
    level = assessed.calibration_measure("in_the_large", label)
    slope = assessed.calibration_measure("slope", label)
    faults = {
        "too low on the whole": level["low"] > 0,
        "too high on the whole": level["high"] < 0,
        "in the wrong order": slope["high"] < 0,
        "too confident": 0 <= slope["high"] < 1,
        "too cautious": slope["low"] > 1,
    }
    return [fault for fault, is_found in faults.items() if is_found]


def whole_studies(assessed: Assessment) -> Verdict:
    """How well any bleeding in whole studies is found, pooled as learned or by the maximum."""
    table = assessed.studies[assessed.studies["label"] == ANY]
    rows: list[Any] = table.to_dict("records")
    by_score = {(row["pooling"], row["score"]): row for row in rows}
    of_learned = by_score["learned", "auc"]
    if not of_learned["studies"]:
        return Verdict(_CAPTIONS.fill("no_whole_studies"))
    studies = counted(of_learned["studies"], "study", "studies")
    pooling = "maximum" if math.isnan(of_learned["value"]) else "learned"
    area, recall, specificity = (
        by_score[pooling, score] for score in ("auc", "recall", "specificity")
    )
    if math.isnan(area["value"]):
        return Verdict(_CAPTIONS.fill("studies_of_one_class", studies=studies))
    said = _CAPTIONS.fill(
        "studies_area",
        area=with_interval(area, 2),
        studies=studies,
        positives=f"{area['positives']:,}",
        bleed="bleeds" if area["positives"] == 1 else "bleed",
        pooled=_CAPTIONS.fill("by_maximum")
        if pooling == "maximum"
        else _CAPTIONS.fill("as_learned"),
    )
    if math.isnan(recall["value"]):
        return Verdict(f"{said} {_CAPTIONS.fill('studies_no_threshold')}")
    at_threshold = _CAPTIONS.fill(
        "studies_threshold",
        recall=with_interval(recall, 2),
        specificity=with_interval(specificity, 2),
    )
    return Verdict(f"{said} {at_threshold}")


def subgroups(assessed: Assessment) -> Verdict:
    """Which subgroups of slices do better or worse than the rest by more than chance."""
    table = assessed.subgroups
    compared = table[table["p_adjusted"].notna()]
    if compared.empty:
        return Verdict(_CAPTIONS.fill("subgroups_unknown"))
    clear = compared[compared["p_adjusted"] < ALPHA]
    if clear.empty:
        return Verdict(_CAPTIONS.fill("subgroups_alike"))
    told = (
        clear[~is_mirrored(compared)[clear.index]]
        .sort_values("p_adjusted", kind="stable")
        .to_dict("records")
    )
    differences = "; ".join(map(_difference, told))
    return Verdict(_CAPTIONS.fill("subgroups_differ", differences=differences))


def _difference(row: dict[Any, Any]) -> str:
    direction = "above" if row["difference"] > 0 else "below"
    score = "AUC" if row["score"] == "auc" else row["score"]
    amount = number(abs(row["difference"]), digits_for(row["difference"], digits=2))
    return f"{row['kind']} {row['subgroup']}, whose {score} is {amount} {direction} the rest's"
