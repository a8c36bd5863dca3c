"""Numbers, intervals and other values as texts: one format for each, on every page."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def number(value: float | None, digits: int = 3) -> str:
    """A number with a fixed count of decimals, no sign before a zero; a dash where it is none."""
    if value is None or value != value:
        return "–"
    return f"{value:z.{digits}f}".replace("-", "−")


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval by its ends: `0.902–0.942`, or `−0.1 to 0.2` where a sign would look like a dash.

    A dash alone where an end is not defined.
    """
    ends = [number(end, digits) for end in (low, high)]
    if "–" in ends:
        return "–"
    return (" to " if any(end.startswith("−") for end in ends) else "–").join(ends)


def percent(share: float, digits: int = 0) -> str:
    """A share in percent; one that is short of all is never said to be all, nor some to be none."""
    said, least = number(100 * share, digits), 10**-digits
    if share < 1 and said == number(100, digits):
        return f"more than {number(100 - least, digits)}"
    if share > 0 and said == number(0, digits):
        return f"less than {number(least, digits)}"
    return said


def as_probability(value: float, digits: int = 2) -> str:
    """A probability beside a picture, `p 0.31`; never said to be 0 or 1 where it is neither."""
    said, least = number(value, digits), 10**-digits
    if value > 0 and said == number(0, digits):
        return f"p <{number(least, digits)}"
    if value < 1 and said == number(1, digits):
        return f"p >{number(1 - least, digits)}"
    return f"p {said}"


def digits_for(*values: float, digits: int = 3) -> int:
    """As many decimals, or more, as keep values that are not 0 from looking so; at most 9."""
    for more in range(digits, 9):
        if all(value == 0 or value != value or abs(value) >= 10**-more / 2 for value in values):
            return more
    return 9


def digits_apart(first: float, second: float, digits: int = 3) -> int:
    """As many decimals, or more, as tell two different numbers apart; at most 9."""
    for more in range(digits, 9):
        if not abs(first - second) > 0 or number(first, more) != number(second, more):
            return more
    return 9


def number_range(values: Iterable[float], digits: int = 0) -> str:
    """The least and the greatest of some numbers: `8 to 10`, or `10` where both are said alike."""
    known = sorted(values)
    ends = [number(end, digits) for end in (known[0], known[-1])]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def p_value(value: float | None) -> str:
    """A p-value with three decimals, and never 0."""
    return "<0.001" if value is not None and value < 0.001 else number(value)


def duration(seconds: float) -> str:
    """A time as a person says it: seconds up to a minute and a half, then hours and minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def with_interval(row: Mapping[str, Any], digits: int = 3) -> str:
    """A figure with its interval, as `0.921 (0.902–0.942)`; a dash where it is undefined.

    Args:
        row: Has `value`, `low` and `high`, each None or NaN where undefined.
        digits: Decimals.
    """
    value, ends = number(row["value"], digits), interval(row["low"], row["high"], digits)
    return value if "–" in (value, ends) else f"{value} ({ends})"


def starred(figure: str, star: str) -> str:
    """A figure with its mark; what there is none of needs none."""
    return figure if figure == "–" else figure + star


def with_named_interval(row: Mapping[str, Any], digits: int = 3) -> str:
    """As `with_interval`, for a sentence: `0.921 (95 % interval 0.902–0.942)`."""
    value, ends = number(row["value"], digits), interval(row["low"], row["high"], digits)
    named = "too few patients for an interval" if ends == "–" else f"95 % interval {ends}"
    return value if value == "–" else f"{value} ({named})"


def counted(count: int, one: str, several: str = "") -> str:
    """A count with what is counted: `1 slice`, `1,200 slices`.

    Args:
        count: How many.
        one: What one of them is called.
        several: What several are called, if not with an s.
    """
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def all_of(count: int, one: str) -> str:
    """All of what is counted: `all 12 epochs`, or `the only epoch`."""
    return f"the only {one}" if count == 1 else f"all {counted(count, one)}"


def capital(sentence: str) -> str:
    """A sentence with a capital at its start, whatever word it starts with."""
    return sentence[:1].upper() + sentence[1:]


def counted_range(counts: Iterable[float], one: str) -> str:
    """The least and the greatest count with what is counted: `1 slice`, `8 to 10 slices`."""
    said = number_range(counts)
    return f"{said} {one if said == '1' else one + 's'}"


def listed(names: Iterable[str]) -> str:
    """Names as a person lists them: `a, b and c`; of one, itself.

    Args:
        names: At least one.
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def in_words(value: Any, digits: int = 6) -> str:
    """A value of any kind as a text; floats with so many decimals, or as they are from 6 on."""
    if value is None or (isinstance(value, list) and not value):
        return "none"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:g}" if digits >= 6 else number(float(value), digits)
    if isinstance(value, int | np.integer):
        return f"{int(value):,}" if abs(int(value)) >= 10_000 else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(in_words(item, digits) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value)
