"""From a pseudonym back to the files that it stands for, for who has the key."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ichreport.data.ingest.sources import Source, list_files
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.data.store_format import read_manifest

_COLUMNS = {
    "file": "file",
    "slice": "sop_instance_uid",
    "series": "series_instance_uid",
    "study": "study_instance_uid",
    "patient": "patient_id",
}
"""The column of a store's tables in which each kind of pseudonym stands."""


def trace(store: Path, pseudonym: str, source: Source, key_file: Path) -> list[str]:
    """The files that a pseudonym of a store stands for.

    Args:
        store: The store's folder.
        pseudonym: Of a file, a slice, a series, a study or a patient, as its tables have it:
            `file-…`, `slice-…` and so on.
        source: What the store was made of.
        key_file: The key of its pseudonyms.

    Returns:
        Their paths below the source, sorted.

    Raises:
        FileNotFoundError: If there is no store, or no key.
        ValueError: If the store has no pseudonyms or not this one, the key is another's, or the
            source is, or it no longer has the file.
    """
    manifest = read_manifest(store)
    if not manifest["recipe"]["pseudonymised"]:
        raise ValueError(f"{store}: its identifiers and files stand as they are; there is no key.")
    column = _COLUMNS.get(pseudonym.partition("-")[0])
    if column is None:
        raise ValueError(
            f"A pseudonym begins with {', '.join(f'{kind}-' for kind in _COLUMNS)}; got another."
        )
    if not key_file.is_file():
        raise FileNotFoundError(f"{key_file} is missing: without the key nothing can be traced.")
    pseudonyms = Pseudonyms.from_file(key_file)
    if pseudonyms.fingerprint != manifest["recipe"]["key_fingerprint"]:
        raise ValueError(f"{key_file} is not the key that {store} was made with.")
    files = {pseudonym} if column == "file" else _files_of(store, column, pseudonym)
    found = pseudonyms.trace_files(files, (file.path for file in list_files(source)))
    if not found:
        raise ValueError(f"{store} knows no file of {source.folder} by this pseudonym.")
    return sorted(found.values())


def _files_of(store: Path, column: str, pseudonym: str) -> set[str]:
    """The pseudonyms of the files that hold slices of a pseudonym."""
    files: set[str] = set()
    for path in store.glob("hu-*.parquet"):
        table = pq.read_table(path, columns=[column, "file"])
        matching = table.filter(pc.equal(table[column], pa.scalar(pseudonym)))
        files.update(matching["file"].to_pylist())
    return files
