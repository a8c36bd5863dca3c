"""What a job or a result depends on in the code: the import closure of where it enters.

The closure is read from the package's own imports, those inside functions included, so that no list
of modules is kept by hand. Imports for type checkers alone do not count. Each module brings the
packages that it lies in and the files beside it that are not Python (templates, styles, tables).

A fingerprint names what the code of a closure does: comments, docstrings and layout do not change
it, nor do files that an editor or a system leaves beside it (hidden ones, backups).
"""

import ast
import functools
import hashlib
import json
import os
from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import Final

import grimp

import ichreport

_PACKAGE: Final = "ichreport"
_FOLDER: Final = Path(ichreport.__file__).parent


def closure(*entries: str | Path, without: Set[str] = frozenset()) -> frozenset[Path]:
    """The files that run, or are read, where some code is entered.

    Args:
        entries: Modules (`ichreport.model.training`) or notebooks (`notebooks/3-cam.ipynb`), of
            which the code cells count by what they import.
        without: Modules that are known not to run, and what only they import.

    Returns:
        Paths of Python sources and of the files beside them.

    Raises:
        ValueError: If there is no such module, or a notebook is not readable.
    """
    return frozenset(_files(_modules(entries, without)))


def fingerprint(*entries: str | Path, without: Sequence[str] = (), within: str = _PACKAGE) -> str:
    """A hash of what the code of a closure does: 16 hexadecimal digits.

    Args:
        entries: As `closure` takes them.
        without: As `closure` takes it.
        within: A package: only its part of the closure counts.
    """
    modules = [
        module
        for entry in entries
        for module in ([entry] if isinstance(entry, str) else _imported_by(entry))
    ]
    return _fingerprint(tuple(modules), frozenset(without), within)


@functools.cache
def _fingerprint(entries: tuple[str, ...], without: frozenset[str], within: str) -> str:
    digest = hashlib.sha256()
    folder = _FOLDER.joinpath(*within.split(".")[1:])
    paths = (path for path in closure(*entries, without=without) if path.is_relative_to(folder))
    for path in sorted(paths):
        digest.update(f"{path.relative_to(_FOLDER).as_posix()}\n".encode())
        digest.update(_meaning(path))
    return digest.hexdigest()[:16]


def read_all_code() -> None:
    """Read the package once, for processes that will be forked from this one.

    The graph of imports is left to them: building it starts threads, which a fork would lose.
    """
    for folder, names, files in os.walk(_FOLDER):
        names[:] = [name for name in names if is_ours(name)]
        for name in filter(is_ours, files):
            _meaning(Path(folder, name))


@functools.cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(_PACKAGE, exclude_type_checking_imports=True, cache_dir=None)


def _modules(entries: Iterable[str | Path], without: Set[str]) -> set[str]:
    """The entries, all that they import, and the packages that these lie in."""
    graph = _graph()
    modules: set[str] = set()
    waiting: list[str] = []
    for entry in entries:
        waiting += [entry] if isinstance(entry, str) else _imported_by(entry)
    while waiting:
        module = waiting.pop()
        if module in modules or module in without:
            continue
        if module not in graph.modules:
            raise ValueError(f"{module} is no module of {_PACKAGE}.")
        modules.add(module)
        waiting += graph.find_modules_directly_imported_by(module)
        if "." in module:
            waiting.append(module.rpartition(".")[0])
    return modules


def _imported_by(notebook: Path) -> list[str]:
    """The package's modules that a notebook's code cells import."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        trees = [_parse_cell(source) for source in code]
    except (ValueError, KeyError, TypeError, SyntaxError, RecursionError) as error:
        raise ValueError(f"{notebook} is not readable as a notebook: {error}") from error
    modules = []
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            modules += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [_module_or_parent(f"{node.module}.{name.name}") for name in node.names]
    return [module for module in modules if module.partition(".")[0] == _PACKAGE]


def _parse_cell(source: str) -> ast.Module:
    """The syntax tree of a cell, in which a line like `%time` or `!ls` is what IPython makes of it.

    Raises:
        SyntaxError: If it is neither Python nor what IPython knows.
    """
    try:
        return ast.parse(source)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager  # half a second of importing

        python: str = TransformerManager().transform_cell(source)
        return ast.parse(python)


def _module_or_parent(name: str) -> str:
    """A module by its dotted name; of a function or class, the module that holds it."""
    return name if name in _graph().modules else name.rpartition(".")[0]


def _files(modules: Iterable[str]) -> set[Path]:
    files: set[Path] = set()
    packages: set[Path] = set()
    for module in modules:
        path = _FOLDER.joinpath(*module.split(".")[1:])
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        files.add(source)
        packages.add(source.parent)
    for package in packages:
        files |= set(_beside(package))
    return files


def _beside(folder: Path) -> Iterable[Path]:
    """Files that are not Python in a package, but not those of packages within it."""
    for path in folder.iterdir():
        if not is_ours(path.name):
            continue
        if not path.is_dir():
            if path.suffix != ".py":
                yield path
        elif not (path / "__init__.py").is_file():
            yield from _beside(path)


def is_ours(name: str) -> bool:
    """Whether a file or folder is part of the project by its name: not hidden, and no backup."""
    return not (name.startswith(".") or name.endswith(("~", ".pyc")) or name == "__pycache__")


@functools.cache
def _meaning(path: Path) -> bytes:
    """What a file says: of Python its syntax tree without docstrings, of others their bytes."""
    content = path.read_bytes()
    if path.suffix != ".py":
        return hashlib.sha256(content).digest()
    tree = ast.parse(content)
    _drop_texts(tree)
    return hashlib.sha256(ast.dump(tree).encode()).digest()


_BLOCKS: Final = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where a statement, or a part of one, holds others."""


def _drop_texts(node: ast.AST) -> None:
    """Leave out texts that are statements: docstrings, also those below a constant.

    Expressions, which hold no statement, are not looked into: they are most of a tree.
    """
    for name in _BLOCKS:
        block = getattr(node, name, ())
        if block:
            kept = [inner for inner in block if not _is_text(inner)]
            setattr(node, name, kept)
            for inner in kept:
                _drop_texts(inner)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
