"""A small store of synthetic heads, predictions for it, and a browser to look at pages with."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from ichreport.data.ingest.make_store import ingest
from ichreport.data.store import Store
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.labels import LABELS
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.phantom import write_phantom
from ichreport.splits import SPLITS
from tests.report import made_up


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory):
    """Ten heads that show every label."""
    folder = tmp_path_factory.mktemp("report")
    recipe = PhantomRecipe(patients=10, seed=3, matrix=96, slices=8, faults=False)
    write_phantom(folder / "rsna", recipe)
    ingest(folder / "rsna", folder / "store", image_size=96, max_reject_share=0.01)
    return folder / "store"


@pytest.fixture(scope="session")
def report(tmp_path_factory, store_folder):
    """A whole made-up report, rendered: `made_up.Report`."""
    return made_up.make(tmp_path_factory.mktemp("made-up"), store_folder.parent / "rsna")


@pytest.fixture
def store(store_folder):
    return Store.open(store_folder)


def draw_predictions(store):
    """Random probabilities for every slice; each series in one split."""
    random = np.random.default_rng(0)
    codes, _ = pd.factorize(store.slices["series_instance_uid"])
    table = store.slices[["sop_instance_uid", "patient_id", "series_instance_uid"]].assign(
        split=np.array(SPLITS)[codes % 3]
    )
    table[list(TRUTHS)] = store.slices[list(LABELS)].to_numpy()
    table[list(PROBABILITIES)] = random.random((len(store), len(LABELS)))
    return table


@pytest.fixture
def predictions(store):
    return draw_predictions(store)


@pytest.fixture
def planted(store, monkeypatch):
    """A store with a series whose name would run if it were not escaped; and that name."""
    name = '</script><img src=x onerror="alert(1)">{{7*7}}'
    uids = store.slices["series_instance_uid"]
    monkeypatch.setattr(
        store, "slices", store.slices.assign(series_instance_uid=uids.replace(uids[0], name))
    )
    return store, name


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium, without a window."""
    names = ("chromium", "chromium-browser", "google-chrome")
    binary = next((path for name in names if (path := shutil.which(name))), None)
    if binary is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=binary, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Opens a file: `open_page(path, **context_options)`.

    Returns the `page`, its `errors` (console and uncaught) and the addresses of its `requests`, but
    for the file itself and what it holds as data.
    """
    contexts = []

    def opened(path, **options):
        context = chromium.new_context(**options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        page, errors, requests = context.new_page(), [], []
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        own = (path.as_uri(), "data:", "blob:")
        requests[:] = [url for url in requests if not url.startswith(own)]
        return SimpleNamespace(page=page, errors=errors, requests=requests)

    yield opened
    for context in contexts:
        context.close()
