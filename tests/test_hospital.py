"""A hospital's own series and labels, from DICOM to pages, with nothing of the people in them."""

import os

import pyarrow.parquet as pq
import pytest

from ichreport.labels import LABELS, SUBTYPES
from tests.small_report import CANARY

pytestmark = pytest.mark.slow


@pytest.fixture
def hospital(small_report):
    return small_report


def test_a_tree_with_labels_of_its_own_becomes_a_report(hospital):
    slices = pq.read_table(hospital.root / "data/tiny/store/slices.parquet").to_pandas()
    assert len(slices) == hospital.slices
    assert (slices[list(LABELS)] >= 0).all(axis=None)
    assert (slices["any"] == slices[list(SUBTYPES)].max(axis=1)).all()
    assert "experiments/plain.html" in hospital.page("index.html")


def test_corrected_labels_are_read_again_and_nothing_else_was_to_do(hospital):
    assert hospital.jobs("report") == []
    labels = hospital.root / "findings.csv"
    before = labels.stat()
    labels.write_text(labels.read_text())
    try:
        jobs = set(hospital.jobs("report"))
    finally:  # others ask what is to do, too
        os.utime(labels, ns=(before.st_atime_ns, before.st_mtime_ns))
    shown = {"explore", "cam", "results", "beyond", "external", "pages", "report"}
    assert jobs == {"ingest", "experiment", "combination", "evaluate"} | shown


def test_no_byte_that_was_written_or_printed_holds_the_canary(hospital):
    looked_at = 0
    for folder in ("data", "reports", ".snakemake"):
        for path in (hospital.root / folder).rglob("*"):
            assert CANARY not in path.name
            if path.is_file():
                looked_at += 1
                assert CANARY.encode() not in path.read_bytes(), path
                if path.suffix == ".parquet":
                    table = pq.read_table(path)
                    assert CANARY not in str(table.to_pydict()), path
    assert looked_at > 20
    assert CANARY not in hospital.first.stdout + hospital.first.stderr


def test_the_pages_do_not_call_real_slices_synthetic(hospital):
    assert "synthetic heads" not in hospital.page("index.html").split("<main", 1)[0]
