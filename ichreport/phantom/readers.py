"""What simulated readers say of synthetic studies: the truth, with errors of their own."""

import csv
import io
from pathlib import Path

import numpy as np

from ichreport.files import read_sealed_json, write_text
from ichreport.labels import ANY, SUBTYPES
from ichreport.params.external import READERS_FILE, SimulatedReaders
from ichreport.params.phantom.recipe import DESCRIPTION_FILE

_STUDY = "StudyInstanceUID"


def write_readers(folder: Path, readers: SimulatedReaders) -> Path:
    """Write each reader's votes on each study: a row a study, a column a reader and label.

    A kind of bleeding is in a study if a slice of it has it. Each reader sees one that is there
    with `sensitivity`, and none that is not with `specificity`, independently of other readers and
    kinds; what he says of any bleeding is the largest of the five.

    Args:
        folder: The synthetic heads, as `write_phantom` leaves them.
        readers: How many there are, and how they err.

    Returns:
        The path of the CSV, `readers.csv` in `folder`.

    Raises:
        ValueError: If what the synthetic heads say of themselves is damaged.
    """
    described = read_sealed_json(folder / DESCRIPTION_FILE)
    studies = [study for patient in described["patients"] for study in patient["studies"]]
    truth = np.array(
        [[study["positive_slices"][kind] > 0 for kind in SUBTYPES] for study in studies]
    )
    rng = np.random.default_rng(readers.seed)
    chances = rng.random((len(studies), readers.count, len(SUBTYPES)))
    seen = np.where(
        truth[:, None, :], chances < readers.sensitivity, chances >= readers.specificity
    )
    labels = (*SUBTYPES, ANY)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"reader_{1 + k}_{label}" for k in range(readers.count) for label in labels]
    writer.writerow([_STUDY, *columns])
    for study, votes in zip(studies, seen.astype(int), strict=True):
        cells = [value for reader in votes.tolist() for value in (*reader, max(reader))]
        writer.writerow([study["study_instance_uid"], *cells])
    path = folder / READERS_FILE
    write_text(path, text.getvalue())
    return path
