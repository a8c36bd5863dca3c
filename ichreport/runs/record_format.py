"""The format of `record.json`, and which runs of a report are of another.

Apart from what reads and writes records, so that it costs no import of pandas.
"""

from pathlib import Path
from typing import Final

from ichreport.files import format_of

RECORD_FORMAT: Final = 5


def outdated_runs(report_folder: Path) -> list[str]:
    """The names of runs whose record another version of ichreport has made, or that is damaged.

    Args:
        report_folder: `reports/<profile>`.
    """
    records = sorted(report_folder.glob("runs/*/record.json"))
    return [path.parent.name for path in records if format_of(path) != RECORD_FORMAT]
