"""The tables and the figure of the page of other hospitals."""

import re
from collections.abc import Iterator
from typing import Any, Final

from ichreport.evaluation.agreement import ALL_READERS
from ichreport.evaluation.external.measures import (
    AUC,
    IN_THE_LARGE,
    NET_BENEFIT,
    PRECISION,
    RECALL,
    SLOPE,
    SPECIFICITY,
)
from ichreport.evaluation.maps.against_truth import MAX_SLICES
from ichreport.evaluation.maps.localisation import MEASURES
from ichreport.labels import ANY, LABELS
from ichreport.report.external.elsewhere import (
    SLICES,
    STUDIES,
    Elsewhere,
    no_records,
    of_place,
    outcome,
)
from ichreport.report.html.blocks import (
    Cell,
    Column,
    Drawing,
    Link,
    Marked,
    Row,
    Sentences,
    Table,
    numbers,
)
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number, with_interval
from ichreport.report.html.palette import ACCENT
from ichreport.report.run import curves
from ichreport.runs.external_record import ExternalRecord

_CAPTIONS: Final = Captions.beside(__file__)
_WORDS: Final = {
    "lower": Marked("lower", "bad"),
    "higher": Marked("higher", "good"),
    "open": Marked("not distinguishable", "open"),
    "undefined": Marked("undefined", "open"),
}
_WHERE: Final = ("data set", "run")

Shown = Table | Sentences


def data_sets(elsewhere: Elsewhere) -> Shown:
    """What each data set is, whose it is, and who was left out of it.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    rows: list[list[Cell]] = []
    for record in elsewhere.records:
        data, left_out = record.data, record.left_out
        counts = [f"{data[name]:,}" for name in ("patients", "studies", "slices")]
        gone = [f"{left_out[name]:,}" for name in ("patients_learned_from", "by_id", "by_pixels")]
        rest = [
            f"{n:,}" for n in (data["patients_in_own_test"], left_out["studies_without_labels"])
        ]
        what = "synthetic heads" if data["synthetic"] else data["kind"] or "a hospital's own"
        terms = [data["licence"] or "–", data["citation"] or "–"]
        rows.append([*_where(record), what, data["labelled"], *counts, *gone, *rest, *terms])
    return _table(
        elsewhere,
        _CAPTIONS.fill("data_sets"),
        [
            *(*_WHERE, "what", "labels are of"),
            *numbers("patients", "studies", "slices", group="evaluated"),
            *numbers("patients", "by ID", "by pixels", group="learned from, left out"),
            *numbers("in own test", "without labels"),
            *("licence", "to cite"),
        ],
        rows,
    )


def places(elsewhere: Elsewhere) -> Shown:
    """AUC, recall and specificity of each label in studies, inside and outside.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    return _inside_and_outside(_CAPTIONS.fill("places"), elsewhere, STUDIES)


def slices(elsewhere: Elsewhere) -> Shown:
    """The same of slices, where they are labelled.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    labelled = [r for r in elsewhere.records if r.data["labelled"] == SLICES]
    if not labelled:
        return Sentences([_CAPTIONS.fill("no_slices")])
    return _inside_and_outside(_CAPTIONS.fill("slices"), Elsewhere(labelled, []), SLICES)


def forest(elsewhere: Elsewhere) -> Drawing | Sentences:
    """The difference in AUC of each label, as dots with their intervals: a panel a record.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    panels: list[str] = []
    words = []
    for record in elsewhere.records:
        rows = [record.assessment.row(AUC, label) for label in LABELS]
        known = [row for row in rows if outcome(row) != "undefined"]
        if not known:
            continue
        axis = f"AUC on {record.data['name']}, less that inside"
        panels += curves.dots(
            [row["label"] for row in known],
            {"difference": ([row["difference_value"] for row in known], ACCENT, "o")},
            xlabel=axis,
            caption=axis,
            alternative=axis,
            intervals=[(row["difference_low"], row["difference_high"]) for row in known],
            zero=True,
        ).panels
        lower = [row["label"] for row in known if outcome(row) == "lower"]
        words.append(f"{record.run} on {record.data['name']}: lower for {_listed(lower)}")
    if not elsewhere.records:
        return no_records(elsewhere)
    if not panels:
        return Sentences([_CAPTIONS.fill("no_difference")])
    return Drawing(_CAPTIONS.fill("forest"), f"Forest plots. {'; '.join(words)}.", panels)


def operating_points(elsewhere: Elsewhere) -> Shown:
    """What acting at the frozen threshold brings there: prevalence, PPV and net benefit.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    rows: list[list[Cell]] = []
    for record, label in _each(elsewhere):
        ppv, net = (record.assessment.row(name, label) for name in (PRECISION, NET_BENEFIT))
        shares = [_percent(ppv, place) for place in ("inside", "outside")]
        values = [of_place(row, place, 2) for row in (ppv, net) for place in ("inside", "outside")]
        rows.append([*_where(record), label, number(ppv["threshold"]), *shares, *values])
    return _table(
        elsewhere,
        _CAPTIONS.fill("operating_points"),
        [
            *(*_WHERE, "label"),
            *numbers("threshold"),
            *numbers("inside", "outside", group="prevalence, %"),
            *numbers("inside", "outside", group="PPV"),
            *numbers("inside", "outside", group="net benefit"),
        ],
        rows,
    )


def calibration(elsewhere: Elsewhere) -> Shown:
    """Whether probabilities mean there what they say, and what recalibration there would bring.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    rows: list[list[Cell]] = []
    for record, label in _each(elsewhere):
        large, slope = (record.assessment.row(name, label) for name in (IN_THE_LARGE, SLOPE))
        values = [
            of_place(row, place, 2) for row in (large, slope) for place in ("inside", "outside")
        ]
        by_label: dict[Any, Any] = record.assessment.local.set_index("label").to_dict("index")
        local = by_label[label]
        gain = {"value": local["gain"], "low": local["low"], "high": local["high"]}
        losses = [number(local[name]) for name in ("log_loss", "log_loss_local")]
        rows.append([*_where(record), label, *values, *losses, with_interval(gain)])
    return _table(
        elsewhere,
        _CAPTIONS.fill("calibration"),
        [
            *(*_WHERE, "label"),
            *numbers("inside", "outside", group="in the large"),
            *numbers("inside", "outside", group="slope"),
            *numbers("as it is", "recalibrated", "gain", group="log loss outside"),
        ],
        rows,
    )


def strata(elsewhere: Elsewhere) -> Shown:
    """How the run does by the kind of series, and where readers agree or not.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    rows: list[list[Cell]] = []
    for record in elsewhere.records:
        table = record.assessment.strata
        if table.empty:
            continue
        for keys, group in table.groupby(["kind", "label", "stratum"], sort=False):
            by_measure: dict[Any, Any] = group.set_index("measure").to_dict("index")
            first = group.iloc[0]
            counts = [f"{first['units']:,}", f"{first['positives']:,}"]
            measured = (AUC, RECALL, SPECIFICITY)
            values = [with_interval(by_measure[name], 2) for name in measured]
            rows.append([*_where(record), *map(str, keys), *counts, *values])
    if not rows:
        return Sentences([_CAPTIONS.fill("no_strata")])
    return Table(
        _CAPTIONS.fill("strata"),
        [
            *(*_WHERE, "by", "label", "which"),
            *numbers("studies", "with it", "AUC", "recall", "specificity"),
        ],
        rows,
    )


def readers(elsewhere: Elsewhere) -> Shown:
    """How far the readers of each data set agree, by whose reading every run is judged there.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    rows: list[list[Cell]] = []
    seen = set()
    for record in elsewhere.records:
        table, name = record.assessment.agreement, record.data["name"]
        if table.empty or name in seen:
            continue
        seen.add(name)
        of_all: list[Any] = table[table["readers"] == ALL_READERS].to_dict("records")
        for row in of_all:
            counts = [f"{row['studies']:,}", f"{row['positives']:,}"]
            same = number(100 * row["agreement"], 1)
            rows.append([name, row["label"], *counts, same, with_interval(row, 2)])
    if not rows:
        return Sentences([_CAPTIONS.fill("no_readers")])
    columns = numbers("studies", "seen by any", "same, %", "Fleiss' kappa")
    return Table(_CAPTIONS.fill("readers"), ["data set", "label", *columns], rows)


def maps(elsewhere: Elsewhere) -> Shown:
    """Whether the heat lies on the bleeding, where masks tell.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    rows: list[list[Cell]] = []
    for record in elsewhere.records:
        measures = record.maps
        if measures is None:
            continue
        for label in measures.labels:
            of_label = [measures.row(label, name) for name in MEASURES]
            wins = measures.wins(label)
            slices = f"{of_label[0]['slices']:,} ({of_label[0]['groups']:,})"
            values = [with_interval(row, 2) for row in of_label]
            beats = Marked(f"{wins} of {len(MEASURES)}", "good" if wins else "bad")
            if not measures.is_compared(label):
                beats = Marked("too few", "open")
            rows.append([*_where(record), measures.method, label, slices, *values, beats])
    if not rows:
        return Sentences([_CAPTIONS.fill("no_maps")])
    names = numbers("slices (patients)", "pointing game", "share inside", "IoU", "precision")
    caption = _CAPTIONS.fill("maps", most=MAX_SLICES)
    return Table(caption, [*_WHERE, "maps", "label", *names, "above both"], rows)


def other_systems(elsewhere: Elsewhere) -> Shown:
    """Another system's AUC beside ours, where a data set brings its scores.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    rows: list[list[Cell]] = []
    for record in elsewhere.records:
        compared: list[Any] = record.assessment.other_system.to_dict("records")
        for row in compared:
            values = [of_place(row, whose) for whose in ("ours", "theirs", "difference")]
            counts = [f"{row['units']:,}", f"{row['positives']:,}"]
            rows.append([*_where(record), row["label"], *counts, *values])
    if not rows:
        return Sentences([_CAPTIONS.fill("no_other_system")])
    columns = numbers("studies", "with it", "ours", "theirs", "difference")
    return Table(_CAPTIONS.fill("other_systems"), [*_WHERE, "label", *columns], rows)


def _inside_and_outside(caption: str, elsewhere: Elsewhere, level: str) -> Shown:
    rows: list[Row] = []
    for record, label in _each(elsewhere):
        cells: list[Cell] = [*_where(record), label]
        for name in (AUC, RECALL, SPECIFICITY):
            row = record.assessment.row(name, label, level)
            if name == AUC:
                cells += [f"{row[f'{place}_positives']:,}" for place in ("inside", "outside")]
            cells += [of_place(row, place, 2) for place in ("inside", "outside", "difference")]
            cells += [_WORDS[outcome(row)]]
        rows.append(Row(cells, "marked" if label == ANY else ""))
    columns: list[Column | str] = [*_WHERE, "label"]
    columns += numbers("inside", "outside", group="with it")
    for words in ("AUC", "recall", "specificity"):
        columns += numbers("inside", "outside", "difference", group=words)
        columns += [Column("outcome", group=words)]
    return _table(elsewhere, caption, columns, rows)


def _table(
    elsewhere: Elsewhere, caption: str, columns: list[Column | str], rows: list[Any]
) -> Shown:
    return Table(caption, columns, rows) if rows else no_records(elsewhere)


def _each(elsewhere: Elsewhere) -> Iterator[tuple[ExternalRecord, str]]:
    for record in elsewhere.records:
        for label in LABELS:
            yield record, label


def _where(record: ExternalRecord) -> list[Cell]:
    """The data set, and the run by its row's number, if it has one: whole names take a column."""
    row = re.match(r"\d+(?=-)", record.run)
    short = f"row {int(row[0])}" if row else record.run
    return [str(record.data["name"]), Link(f"experiments/{record.run}.html", short)]


def _percent(row: dict[str, Any], place: str) -> str:
    units = row[f"{place}_units"]
    return number(100 * row[f"{place}_positives"] / units if units else None, 1)


def _listed(labels: list[str]) -> str:
    return ", ".join(labels) or "no label"
