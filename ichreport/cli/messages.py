"""What a command prints of a mistake: no more of a long word than it takes to know it again."""

import re
from typing import Final

_LONG_WORD: Final = re.compile(r"\S{300,}")
_SHOWN_OF_A_WORD: Final = 80


def brief(message: str) -> str:
    """A message whose long words are cut."""
    return _LONG_WORD.sub(lambda word: f"{word[0][:_SHOWN_OF_A_WORD]}…", message)
