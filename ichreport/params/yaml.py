"""Parameter files: read, merged, validated, and explained where they are wrong.

A parameter file is YAML. papermill merges several in order, a later one wins. Everything arrives
as one mapping and leaves as a frozen model; unknown names and wrong types are refused by name, and
so is what YAML would read otherwise than a person: a key that stands twice, `010`, `1:30`, aliases.
"""

import ast
import os
import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Annotated, Any, Final, Self, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ichreport.params.mistakes import brief, explain

_LARGEST_FILE: Final = 100_000
"""Bytes of a parameter file, at most."""
_DEEPEST: Final = 20
"""Levels of a parameter file, at most."""

_MOST_SHOWN: Final = 8
"""Mistakes in a set of parameters that are listed, at most."""

_OF_YAML: Final = (str, int, float, bool, list, dict, type(None))
_PLAIN: Final = (ast.Constant, ast.List, ast.Dict, ast.Tuple, ast.UnaryOp)
"""What a plain value is in Python's syntax."""

_SMALLEST: Final = 1e-30
_LARGEST: Final = 1e30

LARGEST_SEED: Final = 2**32 - 1
"""What numpy and the frameworks take as a seed, at most."""


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
            problems = error.errors()
            lines = [f"{where}: {explain(cls, problem)}" for problem in problems[:_MOST_SHOWN]]
            if len(problems) > _MOST_SHOWN:
                more = len(problems) - _MOST_SHOWN
                lines.append(f"{where}: {more:,} mistake{'s' * (more > 1)} more.")
            raise ValueError("\n".join(lines)) from None

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

        Call it in the first code cell after the parameters. What the parameters cell and cells of
        plain values after it have set counts, so that a misspelt `papermill -p` is refused here,
        and what later cells have made, in a kernel that runs all of them again, is none.

        Args:
            namespace: The notebook's `globals()`. Where it knows of no parameters cell, every value
                that YAML could have given counts.

        Raises:
            ValueError: As `parse`, and if a later cell has taken a parameter's name.
        """
        names = _set_by_parameter_cells(namespace.get("In", []), cls.model_fields.keys())
        if names is None:
            hidden = {"In", "Out"}
            names = {
                name
                for name, value in namespace.items()
                if type(value) in _OF_YAML and not name.startswith("_") and name not in hidden
            }
        values = {name: namespace[name] for name in names & namespace.keys()}
        taken = sorted(name for name, value in values.items() if type(value) not in _OF_YAML)
        if taken:
            raise ValueError(
                f"notebook parameters: a later cell has given {', '.join(taken)} another meaning; "
                "run the parameters cell again before this one."
            )
        return cls.parse(values, where="notebook parameters")


def _set_by_parameter_cells(executed: Sequence[str], fields: Set[str]) -> set[str] | None:
    """The names that the last parameters cell and cells of plain values since have set.

    Args:
        executed: The sources of the cells that have run, in order; the last one runs now.
        fields: What a parameters cell sets: all of them.

    Returns:
        None if no parameters cell has run.
    """
    names: set[str] = set()
    for source in reversed(executed[:-1]):
        of_cell = _plain_names(source)
        names |= of_cell
        if fields <= of_cell:
            return names
    return None


def _plain_names(source: str) -> set[str]:
    """What a cell sets, if it does nothing but give names to plain values; else nothing."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return set()
    names = set()
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                pass
            case _:
                return set()
        is_float = isinstance(value, ast.Call) and ast.unparse(value.func) == "float"  # papermill's
        if not (is_float or isinstance(value, _PLAIN)):
            return set()
        names.add(name)
    return names


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one parameter file.

    Raises:
        FileNotFoundError: If there is no such file; the message says which there are.
        ValueError: If the file is not a YAML mapping; the message names it and the line.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: there is no such parameter file. Known: {known_profiles()}."
        )
    if path.stat().st_size > _LARGEST_FILE:
        raise ValueError(f"{path} is no parameter file: it has more than {_LARGEST_FILE:,} bytes.")
    try:
        values = _load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path} is not readable as YAML: {_in_one_line(error)}.") from error
    if not isinstance(values, dict):
        came = "nothing" if values is None else brief(values)
        cure = " A space comes after each colon." if isinstance(values, str) else ""
        raise ValueError(f"{path} must be a YAML mapping of names to values, got {came}.{cure}")
    return values


def known_profiles() -> str:
    """The parameter files of profiles, as a person lists them."""
    files = sorted(project_path("params").glob("*.yaml"))
    return ", ".join(f"params/{file.name}" for file in files) or "none in params/"


def read_value(text: str, *, where: str) -> Any:
    """Read one value as a parameter file's.

    Args:
        text: YAML.
        where: What it is the value of, named in errors.

    Raises:
        ValueError: If it is not readable.
    """
    try:
        return _load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{where} is not readable as YAML: {_in_one_line(error)}.") from error


def _load(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506


class _Loader(yaml.SafeLoader):
    """Takes plain YAML, and refuses what would be read otherwise than it looks."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """As PyYAML's, but for anchors, aliases and more levels than any parameter has."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused("anchors and aliases are not taken", event)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _refused(f"more than {_DEEPEST} levels", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As PyYAML's, which lets the last of several values win."""
        names: set[str] = set()
        for key, _ in node.value:
            if key.tag.endswith(":merge"):
                raise _refused("merge keys (<<) are not taken", key)
            name = str(key.value)
            if name in names:
                raise _refused(f"{brief(name)} stands twice", key)
            names.add(name)
        return super().construct_mapping(node, deep)

    def _number(self, node: yaml.ScalarNode) -> int | float:
        """A number as a person reads it: not 010 as 8, 1:30 as 90 or 1_0 as 10."""
        text = node.value
        if re.fullmatch(r"[-+]?(0|[1-9]\d*)", text):
            return int(text)
        if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", text, flags=re.IGNORECASE):
            if "." in text:
                return float(text)
        elif re.fullmatch(r"[-+]?\.(inf|nan)", text, flags=re.IGNORECASE):
            return float(text.replace(".", ""))
        read = (
            self.construct_yaml_int(node)
            if node.tag.endswith(":int")
            else self.construct_yaml_float(node)
        )
        raise _refused(
            f"YAML reads {brief(text)} as the number {read!r}; write that, or quote it", node
        )


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader._number)


def _refused(problem: str, place: Any) -> yaml.MarkedYAMLError:
    """An error at an event or a node of a file."""
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)


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


def from_root(text: str) -> str:
    """A text whose paths begin at the project's root, or at `~`, as a page says them.

    Who reads a report elsewhere need not know whose machine has made it.
    """
    for folder, short in ((str(project_path(".")), ""), (os.environ.get("HOME", ""), "~/")):
        if len(folder) > 1:
            text = text.replace(f"{folder}/", short)
    return text


def _in_one_line(error: Exception) -> str:
    """What is wrong with a file, and where, without the lines that YAML draws around it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        context = f" {error.context}" if error.context else ""
        told = f"{error.problem}{context}".replace("character '\\t'", "a tab")
        return f"line {mark.line + 1}, column {mark.column + 1}: {told}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1:,} is not UTF-8; save it as UTF-8"
    return str(error).splitlines()[0]


def _fits_float32(value: float) -> float:
    if not _SMALLEST <= value <= _LARGEST:
        raise ValueError(f"from {_SMALLEST:g} to {_LARGEST:g}, for float32 to hold it")
    return value


Float32 = Annotated[float, Field(gt=0), AfterValidator(_fits_float32)]
"""A number above 0 that does not become 0 or endless in float32, nor its square root."""


def listed(choices: Any) -> str:
    """The words of a `Literal` as a person lists them: `a, b or c`."""
    *first, last = get_args(choices)
    return f"{', '.join(first)} or {last}"
