"""Pictures of slices show the pixels of the store, in the windows that they name."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ichreport.files import write_sealed_json
from ichreport.labels import LABELS, SUBTYPES
from ichreport.report.html import slice_images
from ichreport.report.html.blocks import Sentences

SIDE = slice_images.TILE  # so that no picture is resized
WINDOWS = {"brain": (40, 80), "subdural": (80, 200), "bone": (600, 2800)}
"""Center and width in HU, as radiologists set them."""


@pytest.fixture
def store():
    """Twelve slices: smooth ramps of HU, each shifted by its number; the truth is a square."""
    ramp = np.linspace(-150, 250, SIDE)[None, :, None] * np.ones((12, 1, SIDE))
    hu = (ramp + 5 * np.arange(12)[:, None, None]).astype(np.int16)
    table = pd.DataFrame(0, index=range(12), columns=list(LABELS))
    for number, label in enumerate(SUBTYPES):
        table.loc[2 * number : 2 * number + 1, label] = 1  # the last two slices have no bleeding
    table["any"] = table[list(SUBTYPES)].max(axis=1)
    table["sop_instance_uid"] = [f"ID_{number}" for number in range(12)]
    mask = np.zeros((12, SIDE, SIDE), dtype=np.uint8)
    mask[:10, 40:80, 60:100] = 1
    return SimpleNamespace(
        slices=table, hu=lambda rows: hu[rows], truth=lambda rows: mask[rows], has_truth=True
    )


def _square(bits):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[40:80, 60:100] = bits
    return mask


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB")).astype(float)


def windowed(hu, center, width):
    """The formula of DICOM's linear window, by hand."""
    return 255 * np.clip((hu - center) / width + 0.5, 0, 1)


def test_each_slice_stands_in_three_windows_with_its_labels(store):
    sheet = slice_images.by_label(store)
    assert [name for name, _ in sheet.rows] == ["no bleeding", *SUBTYPES]
    for name, tiles in sheet.rows:
        assert len(tiles) == 2
        for tile in tiles:
            assert tile.alternatives == [f"{window} window: {name}." for window in WINDOWS]
    clear = dict(sheet.rows)["no bleeding"]
    for row, tile in zip((10, 11), clear, strict=True):
        for image, (center, width) in zip(tile.images, WINDOWS.values(), strict=True):
            expected = windowed(store.hu([row])[0], center, width)[..., None]
            assert np.abs(pixels(image) - expected).mean() < 3  # what compression loses


def test_a_sheet_names_its_windows_and_how_many_slices_it_holds(store):
    sheet = slice_images.by_label(store, columns=1)
    for name, (center, width) in WINDOWS.items():
        assert f"{name} (center {center}, width {width} HU)" in sheet.caption
    assert all(len(tiles) == 1 for _, tiles in sheet.rows)


def test_a_label_without_slices_has_an_empty_row(store):
    store.slices["epidural"] = 0
    assert len(dict(slice_images.by_label(store).rows)["epidural"]) == 0


def test_a_heat_map_lies_over_its_slice_and_says_so(store):
    heat = np.zeros((2, SIDE, SIDE), dtype=np.float32)
    heat[:, :80] = 1
    sheet = slice_images.gallery(
        store, np.array([0, 11]), heat, caption="c", alternative="a", texts=["p 0.9", ""]
    )
    [(_, [bleeding, clear])] = sheet.rows
    assert bleeding.alternatives == [
        f"{SUBTYPES[0]}. p 0.9",
        f"The same slice with its heat map: {SUBTYPES[0]}. p 0.9",
    ]
    plain, warm = map(pixels, clear.images)
    np.testing.assert_allclose(plain[90:], warm[90:], atol=12)
    assert np.abs(plain[:70] - warm[:70]).mean() > 20


def test_truth_is_outlined_where_it_is_known(store):
    def greenish(tile):
        shown = pixels(tile.images[0])
        return (shown[..., 1] > shown[..., 0] + 60).sum()

    outlined = slice_images.plain_tiles(store, np.array([0, 11]), outlined=True)
    assert [greenish(tile) > 100 for tile in outlined] == [True, False]
    store.has_truth = False
    [unknown] = slice_images.plain_tiles(store, np.array([0]), outlined=True)
    assert greenish(unknown) == 0


def test_a_labels_own_bleeding_is_outlined_whole_and_other_kinds_by_dashes(store):
    edge = 2 * (40 + 40)  # pixels around the square of 40, outside of it
    store.truth = lambda rows: np.full((len(rows), SIDE, SIDE), 0, np.uint8) + _square(1 << 3)

    def outlines(label):
        heat = np.zeros((1, SIDE, SIDE), dtype=np.float32)
        sheet = slice_images.gallery(
            store, np.array([0]), heat, caption="c", alternative="a", label=label
        )
        shown = pixels(sheet.rows[0][1][0].images[0])
        red, green, blue = np.moveaxis(shown, -1, 0)
        colored = np.abs(green - red) > 25
        return (colored & (green > blue)).sum(), (colored & (blue > green)).sum()

    for label in (LABELS[3], "any"):
        green, _ = outlines(label)
        assert green > 0.7 * edge
    green, blue = outlines(LABELS[0])
    assert green == 0
    assert 0.25 * edge < blue < 0.8 * edge


def test_look_alikes_are_slices_without_bleeding_by_what_looks_alike(store, tmp_path):
    described = [
        {"name": "falx", "sop_instance_uids": ["ID_3", "ID_10", "ID_11"]},
        {"name": "pineal gland", "sop_instance_uids": ["ID_4", "ID_unknown"]},
    ]
    study = {"study_instance_uid": "1", "lookalikes": described}
    made = {"patients": [{"studies": [study]}]}
    write_sealed_json(tmp_path / "phantom.json", made)
    store.manifest = {"synthetic": True}
    sheet = slice_images.look_alikes(store, tmp_path)
    [(name, tiles)] = sheet.rows
    assert name == "falx"
    assert [tile.alternatives for tile in tiles] == [["brain window: falx. no bleeding."]]
    text = (tmp_path / "phantom.json").read_text()
    (tmp_path / "phantom.json").write_text(text.replace("ID_3", "ID_1"))
    with pytest.raises(ValueError, match=r"phantom\.json is damaged"):
        slice_images.look_alikes(store, tmp_path)


@pytest.mark.parametrize(
    ("synthetic", "told"),
    [
        (False, "Real data do not say where their look-alikes are."),
        (True, "phantom.json, which says where they are, is not in the source any more."),
    ],
)
def test_without_a_description_the_store_is_asked_whether_the_heads_are_real(
    tmp_path, synthetic, told
):
    store = SimpleNamespace(manifest={"synthetic": synthetic})
    shown = slice_images.look_alikes(store, tmp_path)
    assert isinstance(shown, Sentences)
    assert str(shown) == told
