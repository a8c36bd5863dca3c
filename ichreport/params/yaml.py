"""Parameter files: read, merged, validated, and explained where they are wrong.

A parameter file is YAML. papermill merges several in order, a later one wins. Everything arrives
as one mapping and leaves as a frozen model; unknown names and wrong types are refused by name.
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class Parameters(BaseModel):
    """Parameters that cannot change, and that refuse names they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, where: str) -> Self:
        """Validate a mapping.

        Args:
            values: Names and values, as YAML gives them.
            where: The place they came from, named in errors.

        Raises:
            ValueError: If a name is unknown or a value is of the wrong type or out of range. The
                message says where, which name, what came, and which names are known.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            lines = [_explain(cls, problem) for problem in error.errors()]
            raise ValueError("\n".join(f"{where}: {line}" for line in lines)) from None

    @classmethod
    def from_files(cls, *paths: Path | str) -> Self:
        """Read and merge YAML files; a later file wins, as with papermill's `-f … -f …`.

        Raises:
            ValueError: If a file is not a YAML mapping, or its values do not validate.
        """
        values: dict[str, Any] = {}
        for path in paths:
            values |= read_yaml(Path(path))
        return cls.parse(values, where=" + ".join(str(path) for path in paths))

    @classmethod
    def from_notebook(cls, namespace: Mapping[str, Any]) -> Self:
        """Validate what a notebook's parameter cells defined.

        Call it in the first code cell after the parameters: every plain value in the namespace
        counts as a parameter, so that a misspelt `papermill -p` is refused here.

        Args:
            namespace: The notebook's `globals()`.

        Raises:
            ValueError: As `parse`.
        """
        hidden = {"In", "Out", "exit", "quit", "open", "get_ipython"}
        not_values = (type, ModuleType, FunctionType)
        values = {
            name: value
            for name, value in namespace.items()
            if not (name.startswith("_") or name in hidden or isinstance(value, not_values))
        }
        return cls.parse(values, where="notebook parameters")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one parameter file.

    Raises:
        FileNotFoundError: If there is no such file; the message says which there are.
        ValueError: If the file is not a YAML mapping; the message names it and the line.
    """
    if not path.is_file():
        known = ", ".join(f"params/{p.name}" for p in sorted(project_path("params").glob("*.yaml")))
        raise FileNotFoundError(
            f"{path}: there is no such parameter file. Known: {known or 'none in params/'}."
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not readable as YAML: {_in_one_line(error)}.") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} must be a YAML mapping of names to values, got {values!r}.")
    return values


def project_path(relative: str) -> Path:
    """A path of a parameter file: absolute, or relative to the project's root.

    The root is the nearest folder at or above the working directory that holds
    `workflow/Snakefile`, so that a notebook finds the same files from JupyterLab and from
    papermill; without one it is the working directory itself.
    """
    here = Path.cwd()
    root = next(
        (
            folder
            for folder in (here, *here.parents)
            if (folder / "workflow" / "Snakefile").is_file()
        ),
        here,
    )
    return root / Path(relative).expanduser()


def shown(path: Path) -> str:
    """A path as a person would say it: from the working directory, where it lies below that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _in_one_line(error: Exception) -> str:
    """What is wrong with a file, and where, without the lines that YAML draws around it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        context = f" {error.context}" if error.context else ""
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}{context}"
    return str(error).splitlines()[0]


def _explain(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    if not problem["loc"]:  # not one value is wrong, but two do not go together
        return str(problem["msg"]).removeprefix("Value error, ")
    *parents, leaf = problem["loc"]
    name = ".".join(str(part) for part in problem["loc"])
    got = problem["input"]
    if problem["type"] == "extra_forbidden":
        known = sorted(_nested(model, parents).model_fields)
        close = difflib.get_close_matches(str(leaf), known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        return f"{name} is not a known parameter.{hint} Known: {', '.join(known)}."
    rule = re.sub(r"^(\w+ should (be )?|Value error, )", "", problem["msg"])
    rule = re.sub(r"^a valid (?=[aeiou])", "an ", rule).replace("a valid ", "a ")
    if problem["type"] == "model_type":
        rule = "a mapping of names to values"
    verb = "must" if rule.startswith("match") else "must be"
    cure = ""
    if problem["type"] == "float_type" and isinstance(got, str) and _is_number(got):
        cure = f" YAML reads {got} as text; write it as {float(got)!r}."
    return f"{name} {verb} {rule}, got {got!r}.{cure}"


def _nested(model: type[BaseModel], parents: list[Any]) -> type[BaseModel]:
    for parent in parents:
        annotation = model.model_fields[parent].annotation
        choices = (annotation, *get_args(annotation))
        model = next(c for c in choices if isinstance(c, type) and issubclass(c, BaseModel))
    return model


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def listed(choices: Any) -> str:
    """The words of a `Literal` as a person lists them: `a, b or c`."""
    *first, last = get_args(choices)
    return f"{', '.join(first)} or {last}"
