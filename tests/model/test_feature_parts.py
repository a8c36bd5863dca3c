"""What is read of stored features is what was written, and damage is found where it is read."""

import shutil

import numpy as np
import pytest
from tqdm import tqdm

from ichreport.model.features import feature_parts
from ichreport.model.features.feature_parts import FeatureParts, PartsWriter

ROWS = np.random.default_rng(0).permutation(200)[:95]
FEATURES = np.random.default_rng(1).normal(size=(95, 6)).astype(np.float32)
BY_ROW = dict(zip(ROWS.tolist(), FEATURES, strict=True))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(feature_parts, "ROWS_PER_PART", 20)


@pytest.fixture
def folder(tmp_path):
    """Five parts: of 20 slices each, and the last of 15."""
    write(tmp_path, ROWS, FEATURES)
    return tmp_path


def write(folder, rows, features):
    with tqdm(disable=True) as bar, PartsWriter(folder, rows, bar) as parts:
        for start in range(0, len(rows), 10):
            parts.add(features[start : start + 10])


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("count", [1, 3, 40, 400])
def test_any_rows_in_any_order_have_the_features_that_were_written(folder, count):
    rows = np.random.default_rng(count).choice(ROWS, count)
    read = FeatureParts(folder).read(rows)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, [BY_ROW[row] for row in rows.tolist()])


def test_what_is_missing_is_what_nobody_has_written(folder, tmp_path):
    wanted = np.array([199, 0, *range(50, 150), 0])
    expected = sorted(set(wanted.tolist()) - set(ROWS.tolist()))
    assert FeatureParts(folder).missing(wanted).tolist() == expected
    assert FeatureParts(folder).missing(ROWS).size == 0
    assert FeatureParts(tmp_path / "nothing").missing(np.array([3, 1, 3])).tolist() == [1, 3]


def test_features_that_nobody_has_written_are_not_made_up(folder):
    lacking = FeatureParts(folder).missing(np.arange(200))
    with pytest.raises(KeyError, match="lacks the features of 2 slices"):
        FeatureParts(folder).read(np.array([ROWS[0], lacking[0], lacking[-1]]))


@pytest.mark.parametrize("kind", ["features", "hashes"])
@pytest.mark.parametrize("harm", ["flip", "cut", "gone"])
def test_damage_of_a_part_is_found_by_who_reads_it_and_by_nobody_else(folder, kind, harm):
    path = folder / f"{kind}-00002.npy"
    {
        "flip": lambda: flip(path, -1),  # of slice 59, the last of the third part
        "cut": lambda: path.write_bytes(path.read_bytes()[:-1]),
        "gone": path.unlink,
    }[harm]()
    parts, others = FeatureParts(folder), np.delete(ROWS, range(40, 60))
    np.testing.assert_array_equal(parts.read(others), [BY_ROW[row] for row in others.tolist()])
    with pytest.raises(ValueError, match=rf"{path} .*Remove {folder}; what needs these features"):
        parts.read(ROWS[[1, 59]])


def test_damage_of_a_slices_features_is_found_by_who_reads_that_slice(folder):
    flip(folder / "features-00000.npy", 128 + 7 * 6 * 4)
    parts = FeatureParts(folder)
    np.testing.assert_array_equal(parts.read(ROWS[[6, 8]]), FEATURES[[6, 8]])
    with pytest.raises(ValueError, match=r"features-00000\.npy is damaged: the hash of a slice's"):
        parts.read(ROWS[[6, 7, 8]])


@pytest.mark.parametrize("kind", ["features", "hashes"])
def test_the_features_of_another_part_are_found(folder, kind):
    shutil.copy(folder / f"{kind}-00001.npy", folder / f"{kind}-00000.npy")
    with pytest.raises(ValueError, match=rf"{kind}-00000\.npy is damaged"):
        FeatureParts(folder).read(ROWS[:1])


@pytest.mark.parametrize("name", ["rows-00003.npy", "part-00003.json"])
def test_damage_of_what_says_whose_features_there_are_is_found_at_once(folder, name):
    flip(folder / name, -5)
    with pytest.raises(
        ValueError, match=rf"{name} is .*Remove {folder}; what needs these features"
    ):
        FeatureParts(folder)


def test_a_part_without_a_note_does_not_count_and_none_is_written_over(folder):
    (folder / "part-00001.json").unlink()
    lost = ROWS[20:40]
    assert FeatureParts(folder).missing(ROWS).tolist() == sorted(lost.tolist())
    write(folder, lost, -FEATURES[20:40])
    again = FeatureParts(folder).read(ROWS)
    expected = np.concatenate([FEATURES[:20], -FEATURES[20:40], FEATURES[40:]])
    np.testing.assert_array_equal(again, expected)


def test_features_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(ValueError, match="features that are not finite"):
        write(tmp_path, np.array([1, 2]), np.array([[1.0], [np.nan]], dtype=np.float32))
    assert not list(tmp_path.iterdir())


def test_disk_space_is_what_the_arrays_take(folder):
    headers = 3 * 5 * 128
    total = sum(path.stat().st_size for path in folder.glob("*.npy"))
    assert feature_parts.bytes_on_disk(95, 6) == total - headers
