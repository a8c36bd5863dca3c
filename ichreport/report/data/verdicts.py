"""What each section of the page of the data comes to, in a line that opens it."""

from typing import Final

from ichreport.data import summary
from ichreport.data.store import Store
from ichreport.report.html.blocks import Verdict
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import counted, listed, number, number_range

_CAPTIONS: Final = Captions.beside(__file__)


def read(store: Store) -> Verdict:
    """How much was read, and how much of it could not be used."""
    counts = store.manifest["counts"]
    rejects = _CAPTIONS.fill("read_all")
    if counts["rejects"]:
        unusable, files = f"{counts['rejects']:,}", counted(counts["files"], "file")
        rejects = _CAPTIONS.fill("read_but", rejects=unusable, files=files)
    slices, patients = (counted(counts[f"{one}s"], one) for one in ("slice", "patient"))
    were = "was" if counts["slices"] == 1 else "were"
    said = [_CAPTIONS.fill("read", slices=slices, patients=patients, were=were, rejects=rejects)]
    if unknown := summary.slices_of_unknown_patients(store):
        said.append(_CAPTIONS.fill("patients_unknown", slices=counted(unknown, "slice")))
    return Verdict(" ".join(said))


def series_shape(store: Store) -> Verdict:
    """How many slices a study has, and how far they lie apart."""
    studies = summary.slices_per_study(store.slices)
    lengths = studies.index.repeat(studies)
    if lengths.max() == 1:
        return Verdict(_CAPTIONS.fill("no_geometry"))
    steps = summary.series_geometry(store.slices)["step"].dropna()
    apart = (
        _CAPTIONS.fill("apart_unknown")
        if steps.empty
        else _CAPTIONS.fill("apart", step=number(steps.median(), 1))
    )
    middle = float(lengths.to_series().median())
    length = counted(int(middle), "slice") if middle.is_integer() else f"{middle:,.1f} slices"
    if lengths.min() == lengths.max():
        return Verdict(_CAPTIONS.fill("shape_alike", length=length, apart=apart))
    return Verdict(_CAPTIONS.fill("shape", length=length, ends=number_range(lengths), apart=apart))


def headers(store: Store) -> Verdict:
    """How many families of headers there are, and how many rules of reading changed slices."""
    applied = summary.rules_applied(store)
    rules = _CAPTIONS.fill("no_rules")
    if len(applied):
        often = applied[applied == applied.max()]
        slices = counted(int(applied.max()), "slice")
        rules = _CAPTIONS.fill(
            "rules_needed",
            rules=counted(len(applied), "rule"),
            most="most often " if len(applied) > len(often) else "",
            names=listed(f'"{rule}"' for rule in often.index),
            slices=f"{slices} each" if len(often) > 1 else slices,
        )
    families = store.slices["family"].nunique()
    return Verdict(
        _CAPTIONS.fill("headers", families=counted(families, "family", "families"), rules=rules)
    )


def left_out(store: Store) -> Verdict:
    """How many series, and how many files, are not in the store."""
    counts, series = store.manifest["counts"], store.series
    passed_over = int((~series["kept"].to_numpy(dtype=bool)).sum())
    if not (passed_over or counts["set_aside"] or counts["rejects"]):
        return Verdict(_CAPTIONS.fill("nothing_left_out"))
    return Verdict(
        _CAPTIONS.fill(
            "left_out",
            series=counted(
                passed_over, f"of {len(series):,} series was", f"of {len(series):,} series were"
            ),
            set_aside=counted(counts["set_aside"], "file"),
            rejects=f"{counts['rejects']:,}",
            files=counted(counts["files"], "file"),
        )
    )
