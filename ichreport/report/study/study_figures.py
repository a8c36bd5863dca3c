"""What was found in a study, as tables and pictures: for its page, and for a notebook."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ichreport.data.store import Store
from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.findings.study_findings import StudyFindings
from ichreport.findings.study_heat import StudyHeat
from ichreport.labels import ANY, LABELS
from ichreport.report.html import slice_images
from ichreport.report.html.blocks import Cell, Column, Marked, Row, Sentences, Sheet, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import as_probability, counted, number, percent, with_interval
from ichreport.report.maps.gallery import Gallery
from ichreport.report.study.words import (
    digits_of,
    of_hundred,
    prevalence_in_words,
    rule_in_words,
)
from ichreport.report.viewer import viewer
from ichreport.report.viewer.payload import Heat
from ichreport.runs.saved_run import SavedRun

_CAPTIONS: Final = Captions.beside(__file__)
_BUDGET: Final = 900_000
"""Characters of HU at most."""
_RATES: Final = ("recall", "specificity", "precision", "npv")


def labels_table(
    findings: StudyFindings, run: SavedRun, *, rule: str, prevalence: float
) -> Table | Sentences:
    """What is said of each label; why nothing is, if it is refused."""
    if findings.refusals:
        return Sentences(findings.refusals)
    rows = []
    for label, said in findings.labels.items():
        called: dict[bool | None, Cell] = {
            **{True: Marked("called", "bad"), False: "not called", None: "no threshold"}
        }
        rows.append(
            Row(
                [
                    _named(label),
                    number(said.probability, digits_of(said)),
                    number(said.threshold, digits_of(said)),
                    called[said.is_called],
                    of_hundred(said.at_prevalence),
                    percent(said.known_prevalence),
                ],
                "marked" if said.is_called else "",
            )
        )
    return Table(
        _CAPTIONS.fill(
            "labels",
            run=run.name,
            rule=rule_in_words(rule),
            prevalence=prevalence_in_words(prevalence),
        ),
        [
            *(Column("label"), *numbers("probability", "threshold"), Column("called")),
            *numbers("of 100 studies like this", "% of validation"),
        ],
        rows,
    )


def run_table(run: SavedRun) -> Table:
    """The run that made findings."""
    provenance = run.provenance
    made_of = "synthetic heads" if run.is_synthetic else "real heads"
    versions = provenance["packages"]
    return Table(
        _CAPTIONS.fill("run"),
        ["what", "is"],
        [
            ["run", run.name],
            ["its hash", run.identity[:16]],
            ["learned from", f"{made_of}, {run.learned_from.series:,} series"],
            ["finished", str(provenance["finished"])[:10]],
            ["slices", f"{run.image_size} x {run.image_size} pixels"],
            ["made by", f"ichreport {versions['ichreport']}, Keras {versions['keras']}"],
        ],
    )


def _named(label: str) -> str:
    return "any bleeding" if label == ANY else label


def doubts(findings: StudyFindings, run: SavedRun) -> Sentences:
    """What to doubt: how the study differs from what the run knows, and what that is."""
    as_known = "The series was taken as those that the run has learned from."
    refused = "Nothing is said of it, so that there is nothing to trust."
    sentences = [refused] if findings.refusals else [*(findings.warnings or [as_known])]
    if run.is_synthetic:
        sentences.append("The run has learned from synthetic heads alone.")
    return Sentences(sentences)


def rates_table(run: SavedRun, rule: str) -> Table:
    """How often the run was right about whole studies of its own test split, by a rule."""
    areas, rates = run.assessment.studies, run.assessment.study_rates
    rows = []
    for label in LABELS:
        pooling = "learned" if run.decisions.learned[label] else "maximum"
        of_area = (areas["pooling"] == pooling) & (areas["label"] == label)
        area = areas[of_area & (areas["score"] == "auc")].to_dict("records")[0]
        of_label = rates[(rates["rule"] == rule) & (rates["label"] == label)]
        by_rate = of_label.set_index("rate").to_dict("index")
        figures = [area, *(by_rate[rate] for rate in _RATES)]
        rows.append(
            [
                _named(label),
                *(with_interval(figure, 2) for figure in figures),  # type: ignore[arg-type]
                f"{area['positives']:,} of {area['studies']:,}",
            ]
        )
    columns = numbers("AUC", *_RATES, "studies with it")
    caption = _CAPTIONS.fill("rates", run=run.name, rule=rule_in_words(rule))
    return Table(caption, ["label", *columns], rows)


def evidence(findings: StudyFindings, store: Store, heat: Sequence[StudyHeat]) -> Gallery:
    """The slices that speak for each label, with their heat."""
    return Gallery([(_named(maps.label), [_sheet(findings, store, maps)]) for maps in heat])


def _sheet(findings: StudyFindings, store: Store, maps: StudyHeat) -> Sheet:
    of_study = findings.study.rows
    chances = findings.slices[f"probability_{maps.label}"].to_numpy()
    places = np.searchsorted(of_study, maps.rows)
    order = np.argsort(-chances[places], kind="stable")
    texts = [
        f"slice {place + 1} of {len(of_study)}, {as_probability(float(chances[place]))}"
        for place in places[order]
    ]
    return slice_images.gallery(
        store,
        maps.rows[order],
        maps.maps[order],
        caption=_CAPTIONS.fill(
            "slices",
            label=_named(maps.label),
            method=maps.method,
            network=maps.network,
        ),
        alternative=(
            f"{counted(len(maps.rows), 'slice')}, above at the brain window, below with heat."
        ),
        label=maps.label,
        texts=texts,
    )


def series(
    findings: StudyFindings, run: SavedRun, store: Store, heat: Sequence[StudyHeat], *, rule: str
) -> viewer.Viewer | Sentences:
    """The whole series of a study, with what is said of each slice; why not, if it is refused."""
    if findings.refusals:
        return Sentences(findings.refusals)
    shown: Mapping[str, Heat] = {maps.label: Heat(maps.rows, maps.maps) for maps in heat}
    return viewer.show(
        store,
        [int(findings.study.rows[0])],
        predictions=findings.slices[["sop_instance_uid", *PROBABILITIES]],
        thresholds=run.decisions.thresholds[rule],
        heat=shown,
        truth=False,
        names=[findings.key],
        caption=_CAPTIONS.fill("series", rule=rule_in_words(rule)),
        budget=_BUDGET,
    )
