"""Folders that a profile names: what may be written to, and what must lie apart."""

from pathlib import Path
from typing import Final

from ichreport.params.mistakes import brief
from ichreport.params.yaml import project_path, shown

_OF_THE_SYSTEM: Final = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "sys", "usr"}
)
"""Folders at the root of a file system in which no store belongs."""


_OF_THE_PROJECT: Final = frozenset(
    {
        *("ichreport", "notebooks", "params", "profiles", "reports", "tests", "workflow"),
        *("benchmarks", "docs", ".git", ".venv"),
    }
)
"""Folders of a project in which no data belong."""


def check_own_folder(path: str, whose: str, example: str) -> None:
    """Refuse a folder that is not for data to be written to.

    Raises:
        ValueError: If it is; the message goes on after `must be`.
    """
    folder, root = project_path(path).resolve(), project_path(".").resolve()
    if folder in (root, *root.parents, Path.home().resolve()):
        raise ValueError(f"the path of a folder of {whose} own, such as {example}")
    system = folder.parts[1] if len(folder.parts) > 1 else ""
    if len(folder.parts) < 3 or system in _OF_THE_SYSTEM:
        raise ValueError(f"a folder outside of the system's own, such as {example}")
    if folder.is_relative_to(root) and folder.relative_to(root).parts[0] in _OF_THE_PROJECT:
        raise ValueError(f"a folder outside of the project's own, such as {example}")


def check_apart(some: list[tuple[str, Path]], others: list[tuple[str, Path]]) -> None:
    """Refuse folders that lie in each other; each comes with what it is.

    Raises:
        ValueError: If one of `some` lies in one of `others`, or the other way round.
    """
    for what, folder in some:
        for other_what, other in others:
            one, two = folder.resolve(), other.resolve()
            if one.is_relative_to(two) or two.is_relative_to(one):
                raise ValueError(
                    f"external: {what} and {other_what} must be folders apart, got "
                    f"{brief(shown(folder))} and {brief(shown(other))}."
                )
