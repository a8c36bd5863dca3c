"""The manifest of a store: how it was made, what it holds, and the hashes of all its files."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow.compute as pc

from ichreport import __version__
from ichreport.data.ingest.slice_index import SliceIndex
from ichreport.data.ingest.sources import Source
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.data.store import OF_A_SERIES, SLICES, STUDIES, series_starts
from ichreport.data.store_format import STORE_FORMAT
from ichreport.files import sha256_of_json


def make_manifest(
    source: Source,
    index: SliceIndex,
    *,
    file_count: int,
    recipe: Mapping[str, Any],
    pseudonyms: Pseudonyms | None,
    inputs: str,
    shards: Mapping[str, str],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """What a store says about itself.

    Args:
        source: What it was made from.
        index: Its index.
        file_count: How many files were read.
        recipe: How it was made.
        pseudonyms: What stands in place of identifiers; None if they stay.
        inputs: The hash of everything that decides it.
        shards: The hash of each file of slices.
        files: The hash of each table and note.
    """
    folder = str(source.folder)
    return {
        "format": STORE_FORMAT,
        "version": __version__,
        "recipe": recipe,
        "source": pseudonyms.file_pseudonym(folder) if pseudonyms else folder,
        "challenge": source.challenge,
        "synthetic": source.synthetic,
        "truth": source.truth is not None,
        "truth_of_kinds": source.synthetic,
        "labelled": source.labels is not None,
        "counts": _counts(index, file_count),
        "rules": index.rules,
        "findings": [asdict(issue) for issue in index.issues],
        "inputs": inputs,
        "shards": shards,
        "files": files,
        "store_hash": sha256_of_json(
            [shards, *(files[name] for name in (SLICES, STUDIES) if name in files)]
        ),
    }


def _counts(index: SliceIndex, files: int) -> dict[str, int]:
    def distinct(column: str) -> int:
        return int(pc.count_distinct(index.slices[column]).as_py())

    return {
        "slices": len(index.slices),
        "patients": distinct("patient_id"),
        "studies": len(index.slices.group_by(OF_A_SERIES[:2]).aggregate([])),
        "series": int(series_starts(index.slices.select(OF_A_SERIES).to_pandas()).sum()),
        "rejects": len(index.rejects),
        "set_aside": len(index.set_aside),
        "files": files,
    }
