"""Keyed hashes in place of identifiers."""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import pyarrow.parquet as pq

_FEWEST_KEY_BYTES: Final = 16
_KINDS: Final = {
    "sop_instance_uid": "slice",
    "patient_id": "patient",
    "study_instance_uid": "study",
    "series_instance_uid": "series",
}
"""What each identifier's column is called in its pseudonym."""


@dataclass(frozen=True)
class Pseudonyms:
    """Replaces identifiers by HMAC-SHA-256 under a secret key, cut to 128 bits.

    The same identifier always gets the same pseudonym under the same key, so patients, studies and
    series stay whole; without the key a pseudonym cannot be traced or guessed.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < _FEWEST_KEY_BYTES:
            raise ValueError(
                f"The key of the pseudonyms must have at least {_FEWEST_KEY_BYTES} bytes, "
                f"got {len(self.key)}."
            )

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read the key from a file, or make a new one that only its owner may read.

        Raises:
            ValueError: If the file holds no key.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_new(path, secrets.token_bytes(32).hex() + "\n")
        try:
            return cls(bytes.fromhex(path.read_text(encoding="ascii")))
        except ValueError as error:
            raise ValueError(
                f"{path} is not a key of pseudonyms: {error} Expected 32 or more hexadecimal "
                "digits. Restore it from a copy; if no store was made with it, delete it, and a "
                "new one is made."
            ) from None

    @property
    def fingerprint(self) -> str:
        """Tells one key from another without giving it away."""
        return self._hash("key", "")

    def pseudonym(self, column: str, identifier: str) -> str:
        """The pseudonym of an identifier.

        Args:
            column: `sop_instance_uid`, `patient_id`, `study_instance_uid` or `series_instance_uid`.
            identifier: As the file or the label table has it.
        """
        kind = _KINDS[column]
        return f"{kind}-{self._hash(kind, identifier)}"

    def replace(self, identifiers: Mapping[str, str]) -> dict[str, str]:
        """The pseudonyms of a slice's identifiers, by column."""
        return {column: self.pseudonym(column, value) for column, value in identifiers.items()}

    def file_pseudonym(self, path: str) -> str:
        """The pseudonym of a file's path, which may name a patient too."""
        return f"file-{self._hash('file', path)}"

    def trace_files(self, pseudonyms: Iterable[str], paths: Iterable[str]) -> dict[str, str]:
        """Which of `paths` each file pseudonym stands for."""
        wanted = set(pseudonyms)
        return {name: path for path in paths if (name := self.file_pseudonym(path)) in wanted}

    def _hash(self, kind: str, text: str) -> str:
        message = f"{kind}:{text}".encode("utf-8", "surrogateescape")
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()[:32]


def holds_pseudonyms(table: Path) -> bool:
    """Whether a store's table of slices names them by pseudonyms; without the table it does not.

    Args:
        table: A Parquet file with `sop_instance_uid`.
    """
    if not table.is_file():
        return False
    names = pq.read_table(table, columns=["sop_instance_uid"])["sop_instance_uid"]
    prefix = _KINDS["sop_instance_uid"]
    return len(names) > 0 and re.fullmatch(rf"{prefix}-[0-9a-f]{{32}}", str(names[0])) is not None


def _write_new(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, whole or not at all; never over another."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):  # another process was first: its key counts
            os.link(partial, path)
    finally:
        partial.unlink()
