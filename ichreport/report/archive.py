"""A report as one file to send: its pages, and nothing that they do not show.

Predictions, records and notebooks stay behind. They name every slice and its patient's group, and
what is sent on should hold no more than its reader sees.
"""

from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ichreport.files import atomic_file

_PAGES: Final = ("*.html", "experiments/*.html", "*.md")
"""The pages, and the documents that they link to."""

_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_READABLE: Final = 0o644 << 16


def write(report_folder: Path) -> Path:
    """Pack a report's pages into `<report_folder>.zip`, atomically.

    The same pages give the same bytes: files stand in the order of their names, without their times
    or owners. They unpack into one folder of the report's name.

    Args:
        report_folder: `reports/<profile>`, rendered.

    Returns:
        The path of the zip file.

    Raises:
        FileNotFoundError: If the folder has no index.html.
    """
    report_folder = report_folder.resolve()
    if not (report_folder / "index.html").is_file():
        raise FileNotFoundError(
            f"{report_folder / 'index.html'} does not exist; render the report first."
        )
    paths = {path for pattern in _PAGES for path in report_folder.glob(pattern)}
    target = report_folder.with_name(f"{report_folder.name}.zip")
    with atomic_file(target) as partial, ZipFile(partial, "w") as archive:
        for path in sorted(paths):
            name = f"{report_folder.name}/{path.relative_to(report_folder).as_posix()}"
            entry = ZipInfo(name, _LONG_AGO)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return target
