"""Captions and explanations: texts that stand in a YAML file and name slots for computed values."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Final, Self

from ichreport.params.yaml import read_yaml

FILE: Final = "captions.yaml"


class Captions:
    """The named texts of a `captions.yaml`.

    A text may name slots in braces, as `{label}`. The code that shows the text fills them. A brace
    that is meant as such is doubled.

    Args:
        path: The YAML file: a mapping of names to texts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, module: str) -> Self:
        """The captions of the folder that a module stands in.

        Args:
            module: The module's `__file__`.
        """
        return cls(Path(module).with_name(FILE))

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """Every text by its name, with its slots, on one line.

        Raises:
            ValueError: If the file is no mapping of names to texts.
        """
        texts = read_yaml(self.path)
        for name, text in texts.items():
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"{self.path}: {name} must be a text, got {text!r}.")
        return {name: " ".join(text.split()) for name, text in texts.items()}

    def slots(self, name: str) -> set[str]:
        """The names of a text's slots.

        Raises:
            ValueError: If there is no text of that name.
        """
        return {slot for _, slot, _, _ in Formatter().parse(self._text(name)) if slot is not None}

    def fill(self, name: str, /, **values: object) -> str:
        """A text with its slots filled.

        Args:
            name: The text's name.
            **values: A value for each slot.

        Raises:
            ValueError: If there is no text of that name, if a slot lacks a value or a value a slot.
        """
        slots = self.slots(name)
        if slots != set(values):
            missing = ", ".join(sorted(slots - set(values))) or "none"
            unused = ", ".join(sorted(set(values) - slots)) or "none"
            raise ValueError(
                f"{self.path}: {name} has slots without a value: {missing}; values without a slot: "
                f"{unused}."
            )
        return " ".join(self._text(name).format_map(values).split())

    def _text(self, name: str) -> str:
        if name not in self.texts:
            known = ", ".join(sorted(self.texts))
            raise ValueError(f"{self.path} has no text {name!r}; it has {known}.")
        return self.texts[name]
