"""A study that was written as DICOM, once for all tests that only read it."""

from types import SimpleNamespace

import pytest
from pydicom import dcmread

from ichreport.export.dicom.write import DicomExport
from tests.export.dicom.made_study import MADE, RUN, MadeSeries, study_of


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A study, its source's files, and the objects that were made of it, by name."""
    folder = tmp_path_factory.mktemp("written")
    series = MadeSeries()
    study = study_of(folder, series, spot=series.center(4, across=20, down=-15))
    made = DicomExport(study.source, RUN, MADE).write(
        study.findings, study.heat, study.store, folder / "out"
    )
    sources = [dcmread(path) for path in sorted((folder / "source").iterdir())]
    objects = {path.stem: dcmread(path) for path in made.files}
    return SimpleNamespace(
        study=study, made=made, objects=objects, sources=sources, folder=folder / "out"
    )
