"""What a cluster is asked for, against sums worked by hand, and the graph that it gets."""

import re
from pathlib import Path

import pytest
import yaml

from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.workflow import cluster_resources

ROOT = Path(__file__).resolve().parents[2]
RSNA = yaml.safe_load((ROOT / "params" / "rsna.yaml").read_text())
EXPERIMENTS = {
    path.stem: yaml.safe_load(path.read_text())
    for path in (ROOT / "params" / "experiments").glob("*.yaml")
}


def profile_of(**values):
    return Profile.parse(values, where="test")


def experiment_of(**values):
    return Experiment.parse(values, where="test")


def test_real_data_are_taken_to_be_the_challenge():
    assert cluster_resources.slices(profile_of(phantom=None)) == 752_803


def test_synthetic_data_may_be_twice_what_the_recipe_says_is_typical():
    assert cluster_resources.slices(profile_of(phantom={"patients": 10, "slices": 20})) == 400


def test_parts_and_processes_share_the_time_of_an_ingest():
    # 752,803 files / 32 jobs / (8 processes x 50 a second) = 58.8 s: a minute, and 15 to start
    part = cluster_resources.reading(profile_of(phantom=None), threads=8, jobs=32)
    assert part.runtime == 15 + 1
    # alone on one core: 752,803 / 50 s = 250.9 minutes
    assert cluster_resources.reading(profile_of(phantom=None), threads=1).runtime == 15 + 251


def test_a_backbone_pass_on_a_gpu_slows_with_the_pixels():
    # 752,803 / 100 s = 125.5 minutes at 256 pixels; four times that at 512
    at = {
        size: cluster_resources.backbone_pass(profile_of(require_gpu=True, image_size=size)).runtime
        for size in (256, 512)
    }
    assert at == {256: 15 + 126, 512: 15 + 502}


def test_training_all_layers_takes_every_epoch_through_the_network():
    words = {"sample": "fullid", "require_gpu": True, "image_size": 256, "epochs": 10}
    seven_blocks = experiment_of(network="cnn7", **words)
    # 7,528,030 / 250 s = 501.9 minutes
    assert cluster_resources.training(seven_blocks).runtime == 15 + 502


def test_fine_tuning_takes_the_backbone_s_pass_and_every_epoch_through_it():
    words = {"sample": "fullid", "require_gpu": True, "image_size": 256, "epochs": 10}
    row = experiment_of(trainable_layers=20, **words)
    # 752,803 / 100 s and 7,528,030 / 40 s = 3,262.1 minutes
    assert cluster_resources.training(row).runtime == 15 + 3_263


def test_epochs_of_the_head_alone_take_its_own_time():
    words = {"sample": "fullid", "require_gpu": True, "image_size": 256, "epochs": 10}
    row = experiment_of(trainable_layers=20, head_epochs=60, **words)
    # as above, and 60 x 752,803 / 5,000 s = 3,412.7 minutes
    assert cluster_resources.training(row).runtime == 15 + 3_413


def test_a_head_holds_the_features_of_all_slices_twice():
    words = {"sample": "fullid", "require_gpu": True, "image_size": 256, "epochs": 10}
    head = experiment_of(network="efficientnetb7", **words)
    more = cluster_resources.training(head).mem_mb - cluster_resources.backbone_pass(head).mem_mb
    # 752,803 slices x 2,560 numbers x 4 bytes x 2 = 14,703 MiB
    assert more == 14_703


def test_a_learning_curve_takes_its_shares_of_every_epoch():
    words = {"sample": "fullid", "require_gpu": False, "image_size": 256, "epochs": 100}
    row = {"name": "a", "network": "densenet121", **words}
    plain, curve = (
        cluster_resources.training(experiment_of(**row, learning_curve=asked)).runtime - 15
        for asked in (None, {"run": "a", "shares": [0.5]})
    )
    backbone = cluster_resources.backbone_pass(experiment_of(**row)).runtime - 15
    assert curve - backbone == pytest.approx(1.5 * (plain - backbone), abs=2)


@pytest.mark.parametrize(
    ("sample", "cache"),
    [
        # 752,803 x 0.1 x 256 x 256 x 2 bytes = 9,410 MiB (of 75,281 slices)
        ("sampa", 9_410),
        ("fullid", 32_000),  # of 94,100 MiB
    ],
)
def test_who_reads_slices_each_epoch_may_keep_them_in_memory_up_to_a_limit(sample, cache):
    words = {"sample": sample, "sampa_share": 0.1, "require_gpu": True, "image_size": 256}
    row = experiment_of(network="cnn7", **words)
    more = cluster_resources.training(row).mem_mb - cluster_resources.backbone_pass(row).mem_mb
    assert more == cache


def test_a_sample_takes_the_time_of_its_own_slices():
    words = {"network": "cnn7", "require_gpu": True, "image_size": 256, "epochs": 10}
    part = experiment_of(sample="sampa", sampa_share=0.1, **words)
    # 75,281 x 10 / 250 s = 50.2 minutes
    assert cluster_resources.training(part).runtime == 15 + 51


def test_drawing_takes_an_hour_whatever_the_epochs():
    runtimes = {
        cluster_resources.showing(profile_of(require_gpu=True, epochs=epochs)).runtime
        for epochs in (1, 1000)
    }
    assert runtimes == {15 + 60}


def test_memory_of_a_network_on_a_cpu_grows_with_batch_and_image():
    small, large = (
        cluster_resources.backbone_pass(profile_of(batch_size=batch, image_size=size)).mem_mb
        for batch, size in ((64, 96), (128, 192))
    )
    # 64 x 96 x 96 pixels x 3 KiB = 1,728 MiB; eight times as many pixels take 13,824
    assert large - small == 13_824 - 1_728


@pytest.fixture(scope="module")
def planned(tmp_path_factory, make_project):
    """What a cluster would be given for the challenge's 752,803 slices, shared by 32 jobs."""
    profile = RSNA | {"ingest_jobs": 32, "kernel": "python3"}
    project = make_project(tmp_path_factory.mktemp("cluster"), profile, EXPERIMENTS)
    return project.planned("runs", "--workflow-profile", str(ROOT / "profiles" / "slurm"))


def blocks(planned, rule):
    """The lines that the runner prints for each job of a rule."""
    return re.findall(rf"^rule {rule}:\n((?:    .*\n)+)", planned, flags=re.MULTILINE)


def test_the_graph_for_the_whole_challenge(planned):
    counts = dict(re.findall(r"^(\w+) +(\d+)$", planned, flags=re.MULTILINE))
    expected = {
        "ingest_part": 32,
        "ingest": 1,
        "explore": 1,
        # DenseNet121 on four inputs, two other backbones on raw HU
        "features": 4 + 2,
        # the poster's 14 rows, one of our own and seven twins; those on features with five seeds
        "experiment": 5 + 5 * (14 + 1 + 7 - 5),
        "cam": 1,
        "runs": 1,
    }
    assert {rule: int(count) for rule, count in counts.items() if rule != "total"} == expected
    assert int(counts["total"]) == 132


@pytest.mark.parametrize("rule", ["features", "experiment", "cam"])
def test_every_job_with_a_network_asks_for_a_gpu_memory_and_time(planned, rule):
    for block in blocks(planned, rule):
        assert "threads: 8" in block
        resources = dict(re.findall(r"(\w+)=(\d+)", block.split("resources:")[1]))
        assert int(resources["gpu"]) == 1
        assert int(resources["mem_mb"]) >= 8_000
        assert 15 < int(resources["runtime"]) < 36 * 60


def test_a_job_on_several_devices_asks_for_as_many_gpus(tmp_path, make_project):
    profile = RSNA | {"devices": 4, "kernel": "python3"}
    project = make_project(tmp_path, profile, EXPERIMENTS)
    for block in blocks(project.planned("runs", "--cores", "8"), "experiment"):
        assert re.search(r"\bgpu=4\b", block)


def test_the_parts_of_the_ingest_wait_for_nothing_and_the_index_for_all(planned):
    parts = blocks(planned, "ingest_part")
    assert len(parts) == 32
    assert all("phantom" not in block.split("output:")[0] for block in parts)
    [index] = blocks(planned, "ingest")
    named = re.findall(r"store\.parts/(\d+)-of-32\.done", index.split("output:")[0])
    assert sorted(map(int, named)) == list(range(1, 33))
