"""How far the readers of a store's studies agree, as a table."""

from typing import Any, Final

import pandas as pd

from ichreport.data.labels.reader_votes import count_readers
from ichreport.data.store import Store
from ichreport.evaluation.agreement import ALL_READERS, agreement_table
from ichreport.labels import LABELS
from ichreport.report.html.blocks import Column, Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import percent, with_interval

_CAPTIONS: Final = Captions.beside(__file__)


def reader_agreement(store: Store) -> Table | Sentences:
    """The agreement of the readers on each label, all together and in pairs."""
    if store.studies is None or count_readers(store.studies) < 2:
        return Sentences([_CAPTIONS.fill("no_votes")])
    table = agreement_table(store.studies)
    readers = list(table["readers"].unique())
    columns: list[Column | str] = ["label", *numbers("studies", "seen")]
    for name in readers:
        of_all = name == ALL_READERS
        group = "all readers" if of_all else f"readers {name}"
        columns += numbers("same, %", "Fleiss' kappa" if of_all else "Cohen's kappa", group=group)
    return Table(
        _CAPTIONS.fill("reader_agreement", readers=count_readers(store.studies)),
        columns,
        [_row(label, table[table["label"] == label]) for label in LABELS],
    )


def _row(label: str, agreements: pd.DataFrame) -> list[str]:
    rows: list[dict[str, Any]] = agreements.to_dict("records")  # type: ignore[assignment]
    cells = [label, f"{rows[0]['studies']:,}", f"{rows[0]['positives']:,}"]
    for row in rows:
        cells += [percent(row["agreement"], 1), with_interval(row, 2)]
    return cells
