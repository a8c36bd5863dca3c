"""What a cell of a label column means, and how one that means nothing is shown."""

import re
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ichreport.data.labels.table import UNKNOWN, UNLABELLED

ALLOWED: Final = "0, 1 or nothing"

_HARMLESS: Final = re.compile(
    r"[-+]?\d{0,2}(\.\d{0,6})?|true|false|yes|no|[ynft?]|nan|n/?a|null|none|pos(itive)?|neg(ative)?",
    re.IGNORECASE,
)
"""Words that may be shown: none of them can be a name or a date."""


def meanings(words: pa.DictionaryArray, *, empty: int = UNLABELLED) -> NDArray[np.int8]:
    """What each cell says: 0, 1, `empty` where it is empty, or `UNKNOWN`.

    Args:
        words: The cells; blanks around them do not count, and 1.0 is 1.
        empty: What an empty cell says.

    Returns:
        int8 array of the shape of `words`.
    """
    known = [_meaning(word.strip(), empty) for word in words.dictionary.to_pylist()]
    values: NDArray[np.int8] = np.array(known, dtype=np.int8)[words.indices.to_numpy()]
    return values


def _meaning(word: str, empty: int) -> int:
    if re.fullmatch(r"\+?0*[01](\.0*)?", word):
        return int(float(word))
    return UNKNOWN if word else empty


def shown(word: str) -> str:
    """A cell as a message may say it: as read, or that it is something else."""
    word = word.strip()
    return repr(word) if _HARMLESS.fullmatch(word) else "something else"
