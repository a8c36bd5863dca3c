"""A small store of synthetic heads, and predictions for it."""

import numpy as np
import pandas as pd
import pytest

from ichreport.data.ingest import ingest
from ichreport.data.store import Store
from ichreport.evaluation.predictions import PROBABILITIES, SPLITS, TRUTHS
from ichreport.labels import LABELS
from ichreport.params import PhantomRecipe
from ichreport.phantom import write_phantom


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory):
    """Ten heads that show every label."""
    folder = tmp_path_factory.mktemp("report")
    recipe = PhantomRecipe(patients=10, seed=3, matrix=96, slices=8, faults=False)
    write_phantom(folder / "rsna", recipe)
    ingest(folder / "rsna", folder / "store", image_size=96, max_reject_share=0.01)
    return folder / "store"


@pytest.fixture
def store(store_folder):
    return Store.open(store_folder)


@pytest.fixture
def predictions(store):
    """Random probabilities for every slice; each series in one split."""
    random = np.random.default_rng(0)
    codes, _ = pd.factorize(store.slices["series_instance_uid"])
    table = store.slices[["sop_instance_uid", "patient_id", "series_instance_uid"]].assign(
        split=np.array(SPLITS)[codes % 3]
    )
    table[list(TRUTHS)] = store.slices[list(LABELS)].to_numpy()
    table[list(PROBABILITIES)] = random.random((len(store), len(LABELS)))
    return table
