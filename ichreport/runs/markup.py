"""Which code made the markup of an executed notebook.

A page's frame holds today's style and scripts, which fit the markup that today's code makes. So an
executed notebook carries a fingerprint of the code that made its outputs, and a page is made only
of a notebook whose fingerprint is today's.
"""

from collections.abc import Mapping
from typing import Any, Final

from ichreport import dependencies

ENTRIES: Final = ("ichreport.report.html.blocks", "ichreport.report.viewer.payload")
"""The modules that decide what the style and the scripts of a page have to fit.

The blocks make every table and figure; the payload is what the viewer's script reads, and that
script and its style lie beside it and count with it. Other modules fill tables and draw curves,
which look right in any frame and reach a notebook when its job runs again.
"""

_KEY: Final = "ichreport"


def fingerprint() -> str:
    """A hash of the code that makes markup, which comments do not change."""
    return dependencies.fingerprint(*ENTRIES)


def is_current(metadata: Mapping[str, Any]) -> bool:
    """Whether today's code made an executed notebook's markup.

    Args:
        metadata: The notebook's metadata.
    """
    noted = metadata.get(_KEY)
    return isinstance(noted, Mapping) and noted.get("markup") == fingerprint()


def note(metadata: Mapping[str, Any], fingerprint: str) -> dict[str, Any]:
    """A notebook's metadata with the fingerprint of the code that made its markup."""
    return {**metadata, _KEY: {"markup": fingerprint}}
