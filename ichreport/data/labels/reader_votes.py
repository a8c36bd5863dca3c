"""What each reader of a study says, in the columns of a store's table of studies."""

import re
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.labels import LABELS

_COLUMN: Final = re.compile(rf"reader_(\d+)_({'|'.join(LABELS)})")


def vote_column(reader: int, label: str) -> str:
    """The column of a reader's votes on a label, such as `reader_1_epidural`; readers from 1."""
    return f"reader_{reader}_{label}"


def count_readers(studies: pd.DataFrame) -> int:
    """How many readers a store's studies have; 0 where nobody's votes are known."""
    found = filter(None, map(_COLUMN.fullmatch, studies.columns))
    return max((int(column[1]) for column in found), default=0)


def votes_on(studies: pd.DataFrame, label: str) -> NDArray[np.int8]:
    """The readers' votes on a label: int8 of shape (studies, readers), 0, 1, or -1 for none."""
    columns = [vote_column(1 + reader, label) for reader in range(count_readers(studies))]
    return studies[columns].to_numpy(dtype=np.int8)
