"""The commands, and what they say to a mistake."""

from pathlib import Path

import pytest

from ichreport.cli import main

ROOT = Path(__file__).resolve().parents[1]


def test_an_unknown_parameter_ends_with_one_line_and_status_2(tmp_path, capsys):
    profile = tmp_path / "p.yaml"
    profile.write_text("image_sise: 64\n")
    assert main(["ingest", str(profile)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ichreport ingest: {profile}: image_sise is not a known parameter.")
    assert error.count("\n") == 1


def test_a_missing_profile_is_named(tmp_path, capsys):
    assert main(["phantom", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err


def test_real_data_have_no_phantom_to_make(capsys):
    assert main(["phantom", str(ROOT / "params" / "rsna.yaml")]) == 2
    assert "phantom must be a recipe, got null" in capsys.readouterr().err


def test_ingest_of_a_missing_folder_says_what_to_put_where(tmp_path, capsys):
    profile = tmp_path / "p.yaml"
    profile.write_text(f"source: {tmp_path}/nowhere\nstore: {tmp_path}/store\nphantom: null\n")
    assert main(["ingest", str(profile)]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_the_seven_block_network_has_no_features_to_compute():
    with pytest.raises(SystemExit):
        main(["features", "p.yaml", "--input", "raw", "--network", "cnn7", "--samples", "sampa"])
