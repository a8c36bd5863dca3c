"""Data that say little: one patient, no labels, or labels of studies alone. Every page shows."""

import re

import numpy as np
import pytest

from tests.data.conftest import dicom_bytes
from tests.data.labels.test_cq500 import reads

pytestmark = pytest.mark.slow

PROFILE = {
    "profile": "ward7", "source": "pacs", "store": "data/ward7/store", "image_size": 32,
    "series": "all",  # of noise, none is a head
    "cam_run": "cnn",
}  # fmt: skip
EXPERIMENTS = {"cnn": {"network": "cnn7", "sample": "fullid", "input": "linear"}}


def write_scans(folder, names, *, slices=4, **options):
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        for z in range(slices):
            pixels = random.integers(900, 1200, (32, 32))
            content = dicom_bytes(
                pixels, sop=f"1.2.{number}.{z}", patient=name, study=f"1.1.{number}",
                series=f"1.1.{number}.1", z=5 * z, **options,
            )  # fmt: skip
            (folder / f"IM{number:03}{z:03}").write_bytes(content)


def text_of(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("<main", 1)[1]).split())


@pytest.fixture(scope="module")
def one_patient(tmp_path_factory, make_project):
    """The report of a patient's one study, without labels."""
    project = make_project(tmp_path_factory.mktemp("one"), PROFILE, EXPERIMENTS)
    write_scans(project.root / "pacs", ["p"])
    project.done = project.make_report()
    return project


def test_all_pages_of_one_unlabelled_study_are_there(one_patient):
    for name in (
        "index.html",
        "explore.html",
        "time.html",
        "compare.html",
        "papers.html",
        "experiments/cnn.html",
    ):
        assert "<main" in one_patient.page(name)


def test_the_page_of_the_data_says_what_is_missing_and_why(one_patient):
    shown = text_of(one_patient.page("explore.html"))
    assert "labels of nothing" in shown
    assert shown.count("Nothing here is labelled: the store was made without a label file.") >= 4
    for sample in ("sampa", "sampb", "fullid"):
        assert (
            f"{sample} cannot be shown: each of its splits needs a slice, and one gets none of "
            "this store's 4 slices (1 patient, 1 linked group)" in shown
        )
    assert "Random slices; none is labelled." in shown
    assert "No file was rejected." in shown
    assert "Nothing was set aside." in shown
    assert "nan" not in shown.split()


def test_no_page_names_a_folder_of_the_machine(one_patient):
    report = one_patient.root / "reports" / "ward7"
    pages = [*report.glob("*.html"), *report.glob("experiments/*.html"), *report.glob("*.md")]
    assert len(pages) > 5
    for page in pages:
        assert str(one_patient.root.parent) not in page.read_text(encoding="utf-8"), page


def test_the_experiment_says_why_it_cannot_train_and_what_to_do(one_patient):
    assert one_patient.done.returncode != 0
    told = one_patient.done.stdout + one_patient.done.stderr
    assert "data/ward7/store labels nothing: an experiment learns from slices" in told
    assert "Name a CSV of SOPInstanceUID and epidural" in told


def test_readers_of_studies_and_their_agreement_are_shown(tmp_path, make_project):
    profile = PROFILE | {"labels": "reads.csv"}
    project = make_project(tmp_path / "reads", profile, EXPERIMENTS)
    number_of = range(30)
    without_geometry = {"drop": (0x00280030, 0x00200037)}
    write_scans(
        project.root / "pacs", [f"CQ500CT{n}" for n in number_of], slices=2, **without_geometry
    )
    bleeds = [{"any", "subdural"} if n % 3 else set() for n in number_of]
    torn = [set() if n % 5 else {"any", "epidural"} for n in number_of]
    scans = [(f"CQ500-CT-{n}", bleeds[n], bleeds[n], torn[n]) for n in number_of]
    (project.root / "reads.csv").write_text(reads(*scans))
    project.make("reports/ward7/explore.ipynb")
    shown = (project.report / "explore.ipynb").read_text(encoding="utf-8")
    assert "66.7 % of these studies bleed." in shown
    assert "How far 3 readers agree on the studies that all of them have read" in shown
    assert "Labels are of studies here, which do not say in which of their slices" in shown
    assert "subtypes a slice, pixel spacing (mm), tilt (degrees)." in shown
    assert 'output_type": "error' not in shown
