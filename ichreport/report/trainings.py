"""What the differences between rows leave of the luck of training, in words."""

from collections.abc import Iterable
from typing import Final

from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import listed
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)


def luck_of(rows: Iterable[str], results: Results) -> str:
    """Whether rows that are compared were trained once, or with several seeds.

    Args:
        rows: Their names; those without figures do not count.
        results: The runs of the report.
    """
    trainings = {name: len(results.by_row[name]) for name in rows if name in results.rows}
    single = [name for name, count in trainings.items() if count == 1]
    if len(single) == len(trainings):
        return _CAPTIONS.fill("trained_once")
    said = _CAPTIONS.fill("trained_with_seeds")
    if not single:
        return said
    return f"{said} {_CAPTIONS.fill('trained_once_in_part', rows=listed(single))}"
