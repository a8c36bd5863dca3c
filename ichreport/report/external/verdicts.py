"""What sections of the page of other hospitals come to, in a line that opens each."""

from typing import Any, Final

from ichreport.evaluation.external.measures import AUC
from ichreport.labels import ANY
from ichreport.report.external.elsewhere import Elsewhere, no_records
from ichreport.report.html.blocks import Verdict
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import counted, listed, number
from ichreport.report.maps import localisation
from ichreport.runs.external_record import ExternalRecord

_CAPTIONS: Final = Captions.beside(__file__)


def data_sets(elsewhere: Elsewhere) -> Verdict:
    """How many studies and patients each data set is of, and how many were left out.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    if not elsewhere.records:
        return Verdict(str(no_records(elsewhere)))
    runs: dict[tuple[str, str], list[str]] = {}
    for record in elsewhere.records:
        data, gone = record.data, record.left_out["patients_learned_from"]
        without = _CAPTIONS.fill("without_known", patients=counted(gone, "patient"))
        counts = _CAPTIONS.fill(
            "who_is_there",
            studies=counted(data["studies"], "study", "studies"),
            patients=counted(data["patients"], "patient"),
            left_out=without if gone else "",
            shared=_shared(data["patients_in_own_test"]),
        )
        runs.setdefault((str(data["name"]), counts), []).append(record.run)
    said = (f"{listed(names)} on {data}: {counts}" for (data, counts), names in runs.items())
    return Verdict(" ".join(said))


def _shared(patients: int) -> str:
    """That some are in the run's own test too, if so."""
    if not patients:
        return ""
    are = "is" if patients == 1 else "are"
    return f" {_CAPTIONS.fill('in_own_test', patients=counted(patients, 'patient'), are=are)}"


def strata(elsewhere: Elsewhere) -> Verdict:
    """Between which ends the AUC of any bleeding lies over kinds of studies.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    if not elsewhere.records:
        return Verdict(str(no_records(elsewhere)))
    told = [_ends(record) for record in elsewhere.records if not record.assessment.strata.empty]
    return Verdict(" ".join(told) or _CAPTIONS.fill("no_strata"))


def maps(elsewhere: Elsewhere) -> Verdict:
    """For which labels the heat lies above heat that has seen no blood.

    Args:
        elsewhere: As `elsewhere.read` gives it.
    """
    if not elsewhere.records:
        return Verdict(str(no_records(elsewhere)))
    told = [
        f"{record.run} on {record.data['name']}: {localisation.verdict(record.maps)}"
        for record in elsewhere.records
        if record.maps is not None
    ]
    return Verdict(" ".join(told) or _CAPTIONS.fill("no_maps"))


def _ends(record: ExternalRecord) -> str:
    """The kinds of studies with the lowest and the highest AUC of any bleeding."""
    table = record.assessment.strata
    of_any = table[(table["label"] == ANY) & (table["measure"] == AUC)].dropna(subset=["value"])
    rows: list[Any] = of_any.sort_values("value", kind="stable").to_dict("records")
    name = record.data["name"]
    if len(rows) < 2:
        return _CAPTIONS.fill("strata_unknown", run=record.run, data=name)
    lowest, highest = map(_named, (rows[0], rows[-1]))
    return _CAPTIONS.fill(
        "strata_ends",
        run=record.run, data=name, kinds=len(rows), lowest=lowest, highest=highest,
    )  # fmt: skip


def _named(row: dict[str, Any]) -> str:
    """A measure and the kind of studies that it is of."""
    return f"{number(row['value'], 2)} ({row['kind']}: {row['stratum']})"
