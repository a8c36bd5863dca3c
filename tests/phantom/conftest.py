"""A small set of synthetic heads, written once, and heads and grids to measure."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pydicom
import pytest

from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom
from ichreport.phantom.anatomy.cavity import cavity
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.shapes import Points


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Twenty patients with all faults: the folder, its recipe, phantom.json and the label rows."""
    folder = tmp_path_factory.mktemp("phantom") / "rsna"
    recipe = PhantomRecipe(patients=20, seed=5, matrix=96, slices=10)
    contents = write_phantom(folder, recipe)
    return SimpleNamespace(
        folder=folder,
        recipe=recipe,
        contents=contents,
        rows=pd.read_csv(folder / "stage_2_train.csv"),
        studies=[study for patient in contents["patients"] for study in patient["studies"]],
    )


@pytest.fixture(scope="session")
def headers(small):
    """The header of every slice, by SOP instance UID; pixels are left in the files."""
    paths = sorted((small.folder / "stage_2_train").iterdir())
    return {path.stem: read_slice(path, stop_before_pixels=True) for path in paths}


@pytest.fixture(scope="session")
def labels(small):
    """One row a slice, one column a label."""
    rows = small.rows.drop_duplicates()
    parts = rows["ID"].str.rsplit("_", n=1, expand=True)
    rows = rows.assign(uid=parts[0], label=parts[1])
    return rows.set_index(["uid", "label"])["Label"].unstack()  # noqa: PD010


def read_slice(path, **options):
    with pydicom.config.disable_value_validation():
        whole = pydicom.dcmread(path, **options)
        list(whole)  # pydicom converts, and warns, when an element is first looked at
    return whole


@pytest.fixture(scope="session")
def read():
    """Read a slice without the warning about its `ID_…` identifiers."""
    return read_slice


@pytest.fixture(scope="session")
def block():
    """Points 2 mm apart over the whole cavity, with the cavity measured at them."""
    axes = np.arange(-76, 77, 2), np.arange(-88, 95, 2), np.arange(-70, 85, 2)
    grid = np.meshgrid(*axes, indexing="ij")
    points = Points(*(axis.ravel().astype(np.float32) for axis in grid))
    return SimpleNamespace(points=points, space=cavity(points), voxel=8e-3)


@pytest.fixture(scope="session")
def head():
    """One person."""
    return Head.draw(np.random.default_rng(3))
