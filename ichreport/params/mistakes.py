"""What a wrong parameter is told: which, what came, what was expected, and the cure."""

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, get_args

import yaml
from pydantic import BaseModel

_LONGEST_SHOWN: Final = 80
"""Characters of a value in an error, at most."""

NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
"""What a report, a run, a data set and a kernel may be called."""

_NAME_IN_WORDS: Final = (
    "1 to 100 letters, digits, dots, dashes and underscores, of which the first is a letter or a "
    "digit"
)

_THOUSANDS: Final = r"[1-9]\d{0,2}(,\d{3})+"
"""A number whose thousands are set off by commas."""

_YES_AND_NO: Final = " YAML reads yes, no, on and off as true and false"


def brief(value: Any) -> str:
    """A value as an error shows it: as Python writes it, cut where it is long."""
    return _cut(str(value) if isinstance(value, date) else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def explain(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    """One mistake in a set of parameters, in a sentence.

    Args:
        model: The parameters.
        problem: What pydantic says of it.
    """
    if not problem["loc"]:  # not one value is wrong, but two do not go together
        return str(problem["msg"]).removeprefix("Value error, ")
    kind, got = problem["type"], problem["input"]
    *parents, leaf = problem["loc"]
    if kind == "invalid_key" or leaf == "[key]":
        place = ".".join(map(str, parents[:-1] if leaf == "[key]" else parents))
        where = f"{place}: " if place else ""
        return f"{where}{brief(got)} is no name, which must be text.{_cure_of_text(got)}"
    name = _cut(".".join(str(part) for part in problem["loc"]))
    if kind == "extra_forbidden":
        return f"{name} is not a known parameter.{_known(_nested(model, parents), str(leaf))}"
    if kind == "missing":
        return f"{name} must be given."
    if kind == "value_error" and str(problem["msg"]).endswith("."):
        return f"{name}: {str(problem['msg']).removeprefix('Value error, ')}"
    rule = _rule(problem)
    verb = "must" if rule.startswith("have") else "must be"
    return f"{name} {verb} {rule}, got {brief(got)}.{_cure(model, problem)}"


def _known(model: type[BaseModel], name: str) -> str:
    """What goes on after an unknown name."""
    if any(name in heir.model_fields for heir in model.__subclasses__()):
        return " It is a parameter of a row; set it in the file of one."
    known = sorted(model.model_fields)
    close = difflib.get_close_matches(name.strip().lower(), known, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{hint} Known: {', '.join(known)}."


def _rule(problem: Mapping[str, Any]) -> str:
    """What is expected, as a sentence goes on after `must be`, or after `must` where it `have`s."""
    if problem["type"] in ("model_type", "dict_type"):
        return "a mapping of names to values"
    if problem["type"] == "string_pattern_mismatch" and problem["ctx"]["pattern"] == NAME_PATTERN:
        return _NAME_IN_WORDS
    rule = re.sub(r"^(\w+ should (be )?|Value error, )", "", str(problem["msg"]))
    rule = re.sub(r" after validation, not \d+$", "", rule)
    return re.sub(r"^a valid (?=[aeiou])", "an ", rule).replace("a valid ", "a ")


def _cure(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    """How to write what was likely meant; nothing where nobody can know."""
    kind, got = problem["type"], problem["input"]
    if kind in ("float_type", "int_type"):
        return _cure_of_number(got, is_whole=kind == "int_type") if isinstance(got, str) else ""
    if got is False and _takes_null(model, problem["loc"]):
        return f"{_YES_AND_NO}; for none, write null."
    if kind == "string_type":
        return _cure_of_text(got)
    if kind == "literal_error":
        return f"{_YES_AND_NO}." if isinstance(got, bool) else ""
    if kind == "list_type" and type(got) in (str, int, float) and "," not in str(got):
        return f" A list of one is written [{_cut(str(got))}]."
    if kind == "model_type":
        return f" It has {', '.join(_nested(model, problem['loc']).model_fields)}."
    is_share = 1 in (problem.get("ctx", {}).get(limit) for limit in ("le", "lt"))
    if is_share and 1 < got <= 100:
        return f" A share of {got:g} % is {got / 100:g}."
    return ""


def _cure_of_number(text: str, *, is_whole: bool) -> str:
    """How to write a number that came as text."""
    if re.fullmatch(_THOUSANDS, text):  # which is a fraction to others
        return f" Write it without commas: {text.replace(',', '')}." if is_whole else ""
    number, with_point = _number(text), _number(text.replace(",", ".", 1))
    share = math.nan if is_whole else _number(text.removesuffix("%")) / 100
    if isinstance(yaml.safe_load(text) if math.isfinite(number) else None, int | float):
        return " Write it without quotes."
    for value, cure in (
        (number, f"YAML reads {_cut(text)} as text; write it as"),
        (with_point, "Write it with a point:"),
        (share, "As a share it is"),
    ):
        if math.isfinite(value) and (value.is_integer() or not is_whole):
            return f" {cure} {int(value) if is_whole else value!r}."
    return ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _cure_of_text(got: Any) -> str:
    """How to write a text that YAML reads as something else."""
    if isinstance(got, bool):
        return f"{_YES_AND_NO}; text that looks like that needs quotes."
    if isinstance(got, date):
        return " YAML reads it as a date; text that looks like one needs quotes."
    if isinstance(got, int | float):
        return " Text that looks like a number needs quotes."
    return ""


def _takes_null(model: type[BaseModel], place: Sequence[Any]) -> bool:
    """Whether nothing is a value of a parameter, by its place."""
    *parents, leaf = place
    field = _nested(model, parents).model_fields.get(leaf)
    return field is not None and type(None) in get_args(field.annotation)


def _nested(model: type[BaseModel], parents: Sequence[Any]) -> type[BaseModel]:
    """The parameters within others that a place is in; without fields where it is in none."""
    for parent in parents:
        if isinstance(parent, int):  # a place in a list
            continue
        field = model.model_fields.get(parent)
        choices = (field.annotation, *get_args(field.annotation)) if field else ()
        of_models = (c for c in choices if isinstance(c, type) and issubclass(c, BaseModel))
        model = next(of_models, BaseModel)
    return model
