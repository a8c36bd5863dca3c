"""Jobs as pods: what Kubernetes is asked for, and a graph through the profile.

There is no cluster here: in place of kubectl stands a program that runs what a pod would run.
"""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.data.conftest import write_challenge

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PROFILE = {
    "profile": "tiny",
    "source": "data/tiny/rsna",
    "store": "data/tiny/store",
    "phantom": {"patients": 8, "matrix": 64, "slices": 8, "faults": False},
    "image_size": 32,
    "ingest_jobs": 2,
    "cam_run": "cnn",
}
STORE = "data/tiny/store/manifest.json"


@pytest.fixture
def cluster(tmp_path, make_project, monkeypatch):
    """A project below the shared mount, and a kubectl on the path."""
    (tmp_path / "shared").mkdir()
    project = make_project(tmp_path / "shared", PROFILE, {"cnn": {"network": "cnn7"}})
    (project.root / "profiles").symlink_to(ROOT / "profiles")
    for name in ("bin", "jobs"):
        (tmp_path / name).mkdir()
    kubectl = tmp_path / "bin" / "kubectl"
    program = ROOT / "tests" / "stand_in_for_kubectl.py"
    kubectl.write_text(f'#!/bin/sh\nexec {sys.executable} {program} "$@"\n')
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("JOBS", str(tmp_path / "jobs"))
    monkeypatch.setenv("ICHREPORT_IMAGE", "registry.example.org/python:3.12")
    monkeypatch.setenv("ICHREPORT_CLAIM", "shared-disk")
    monkeypatch.setenv("ICHREPORT_MOUNT", str(tmp_path / "shared"))
    return project, tmp_path / "jobs"


def manifests(jobs):
    found = [json.loads(path.read_text()) for path in sorted(jobs.glob("*/manifest.json"))]
    return {one["metadata"]["labels"]["rule"]: one for one in found}, len(found)


def run(project, *words):
    return project.run(
        "snakemake", "--workflow-profile", "profiles/kubernetes", "--cores", "2",
        "--latency-wait", "5", "--seconds-between-status-checks", "1",
        "--config", "profile=params/tiny.yaml", *words,
    )  # fmt: skip


def test_a_store_is_made_by_pods_part_by_part(cluster):
    project, jobs = cluster
    done = run(project, "--", STORE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project.root / STORE).is_file()
    by_rule, count = manifests(jobs)
    assert set(by_rule) == {"phantom", "ingest-part", "ingest"}
    assert count == 4
    pod = by_rule["ingest-part"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["image"] == "registry.example.org/python:3.12"
    assert container["workingDir"] == str(project.root)
    assert container["resources"]["limits"]["cpu"] == "2"
    assert container["resources"]["limits"] == container["resources"]["requests"]
    assert "nvidia.com/gpu" not in container["resources"]["limits"]
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "shared-disk"}
    assert container["volumeMounts"][0]["mountPath"] == os.environ["ICHREPORT_MOUNT"]


def test_a_pod_that_fails_is_tried_once_more_with_twice_the_memory_and_time(cluster):
    project, jobs = cluster
    source = project.root / PROFILE["source"]
    write_challenge(source)
    cut_short = min(source.glob("*/*.dcm"))
    cut_short.write_bytes(cut_short.read_bytes()[:-1])
    strict = PROFILE | {"phantom": None, "ingest_jobs": 1, "max_reject_share": 0.0}
    (project.root / "params" / "tiny.yaml").write_text(yaml.safe_dump(strict))
    done = run(project, "--", STORE)
    assert done.returncode != 0
    assert cut_short.name in (project.report / "ingest.log").read_text()
    specs = [json.loads(path.read_text())["spec"] for path in sorted(jobs.glob("*ingest*/*.json"))]
    memory = [
        int(spec["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"][:-1])
        for spec in specs
    ]
    assert memory == [memory[0], 2 * memory[0]]
    seconds = [spec["activeDeadlineSeconds"] for spec in specs]
    assert seconds == [seconds[0], 2 * seconds[0]]


def submit(project, *words, **changes):
    environment = {**os.environ, **changes}
    asked = ("--rule", "features", "--cpus", "8", "--gpus", "2", "--mem-mb", "9000")
    return subprocess.run(
        [ROOT / "profiles/kubernetes/submit", *asked, "--minutes", "90", *words],
        cwd=project.root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def status(job):
    done = subprocess.run(
        [ROOT / "profiles/kubernetes/status", job], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def in_time(is_so):
    """Whether something is so within ten seconds."""
    ends = time.monotonic() + 10
    while not is_so() and time.monotonic() < ends:
        time.sleep(0.1)
    return is_so()


def test_a_job_says_what_it_needs_and_how_it_ended(cluster):
    project, jobs = cluster
    job = submit(project, "true.sh")
    assert job.returncode == 0, job.stderr
    name = job.stdout.strip()
    while status(name) == "running":
        time.sleep(0.05)
    assert status(name) == "failed"  # there is no such script
    by_rule, _ = manifests(jobs)
    spec = by_rule["features"]["spec"]
    [container] = spec["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {
        "cpu": "8", "memory": "9000M", "nvidia.com/gpu": "2",
    }  # fmt: skip
    assert spec["activeDeadlineSeconds"] == 5400
    assert spec["backoffLimit"] == 0


def test_a_job_that_is_cancelled_is_gone_and_counts_as_failed(cluster):
    project, _ = cluster
    (project.root / "long.sh").write_text("sleep 300\n")
    name = submit(project, "long.sh").stdout.strip()
    assert status(name) == "running"
    subprocess.run([ROOT / "profiles/kubernetes/cancel", name], check=True)
    assert in_time(lambda: status(name) != "running")
    assert status(name) == "failed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_report_that_is_ended_takes_its_jobs_back(cluster, number, monkeypatch):
    """From the keyboard, or by a signal to the call alone.

    While Snakemake asks how its jobs are, it forgets them; so the signal comes just after that.
    """
    project, jobs = cluster
    monkeypatch.setenv("PODS_WAIT", "1")
    often = ("--seconds-between-status-checks", "5")
    asked = ("--workflow-profile", "profiles/kubernetes", "--cores", "2", *often)
    words = ("ichreport", "report", "params/tiny.yaml", "--", *asked)
    call = subprocess.Popen(
        words, cwd=project.root, env=project.environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        while not list(jobs.glob("*/asked")):
            time.sleep(0.1)
            assert call.poll() is None
        time.sleep(1)  # until the answer has come; the next question follows in five seconds
        if number == signal.SIGTERM:
            call.send_signal(number)
        else:
            os.killpg(call.pid, number)
        _, said = call.communicate(timeout=60)
    finally:
        if call.poll() is None:
            os.killpg(call.pid, signal.SIGKILL)
            call.communicate()
    assert call.returncode == 128 + number, said
    submitted = list(jobs.glob("*/pid"))
    assert submitted
    assert in_time(lambda: all(pid.with_name("deleted").exists() for pid in submitted))
    assert said == "make report: interrupted; the same command goes on from here.\n"


def test_nobody_answering_is_no_failure(cluster, tmp_path, monkeypatch):
    silent = tmp_path / "silent"
    silent.mkdir()
    shutil.copy(shutil.which("false"), silent / "kubectl")
    monkeypatch.setenv("PATH", f"{silent}{os.pathsep}{os.environ['PATH']}")
    assert status("job.batch/any") == "running"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ICHREPORT_IMAGE": "", "ICHREPORT_CLAIM": ""}, "set ICHREPORT_IMAGE, ICHREPORT_CLAIM;"),
        ({"ICHREPORT_MOUNT": "/elsewhere"}, "must lie below ICHREPORT_MOUNT, /elsewhere"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_submitted(cluster, changes, told):
    project, jobs = cluster
    done = submit(project, "true.sh", **changes)
    assert done.returncode == 1
    assert told in done.stderr
    assert not list(jobs.iterdir())
