"""How tests draw examples, and a checkout of its own in which a test makes whole reports."""

import gc
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from ichreport.importing import without_garbage_collection
from tests import (
    dry_run,
    few_threads,  # noqa: F401 - before what comes next imports numpy
)
from tests import small_report as of_small_report

# A busy machine is no reason to fail, and a commit passes or fails each time.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parents[1]

TOGETHER = {
    "tests/test_combinations.py": "small_report",
    "tests/test_external_report.py": "small_report",
    "tests/test_hospital.py": "small_report",
    "tests/workflow/test_killed_reports.py": "small_report",
    "tests/application": "finished_runs",
}
"""By module, or folder of modules: what they share and takes long to make, so one worker has it."""


class _Together(LoadScopeScheduling):
    """Modules that share what takes long to make run one after the other, where it was made."""

    def _split_scope(self, nodeid):
        module = nodeid.partition("::")[0]
        above = (str(path) for path in (Path(module), *Path(module).parents))
        return next((TOGETHER[path] for path in above if path in TOGETHER), module)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return _Together(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    gc.set_threshold(20_000, 20, 20)  # tables and figures leave little that only this collects
    with without_garbage_collection():  # all test modules and what they import
        return (yield)


def pytest_collection_modifyitems(items):
    """Modules of what is slow first: one left for the end keeps a worker while the other rests."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


class Project:
    """A checkout with one profile and its experiments; its code is the tested one, or a copy."""

    def __init__(self, root, profile, experiments, *, copied=False):
        self.root, self.profile, self.copied = root, profile["profile"], copied
        self.report = root / "reports" / self.profile
        root.mkdir(parents=True, exist_ok=True)
        for name in ("notebooks", "ichreport", "Makefile", "workflow"):
            if copied and (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, root / name, ignore=ignored)
            else:
                (root / name).symlink_to(ROOT / name)
        (root / "params" / "experiments").mkdir(parents=True)
        (root / "params" / f"{self.profile}.yaml").write_text(yaml.safe_dump(profile))
        for name, values in experiments.items():
            self.write_experiment(name, values)
        if "phantom" not in profile:  # splits follow from pseudonyms: the same in each run
            key = root / f"{profile['store']}.key"
            key.parent.mkdir(parents=True, exist_ok=True)
            key.write_text("1c" * 32 + "\n")
            key.chmod(0o600)

    def write_experiment(self, name, values):
        path = self.root / "params" / "experiments" / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"name": name, **values}))

    @property
    def environment(self):
        """The environment variables of what runs in it."""
        of_make = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")  # of the one that tests
        kept = {name: value for name, value in os.environ.items() if name not in of_make}
        binaries = Path(sys.executable).parent
        return kept | {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.root / "cache"),
            **({"PYTHONPATH": str(self.root)} if self.copied else {}),
        }

    def making(self, *, cores):
        """`make report`, with the running Python's environment in place of a new one."""
        binaries, run_on = Path(sys.executable).parent, f"RUN_ON=--cores {cores}"
        return ("make", "report", f"PROFILE={self.profile}", "READY=", f"BIN={binaries}", run_on)

    def run(self, *words):
        return subprocess.run(
            words, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )

    def make_report(self, *, cores=1):
        """`make report`; of several cores, each has a worker that imports what a job imports."""
        return self.run(*self.making(cores=cores))

    def start_report(self, *, cores="all", **options):
        """The process of `make report`, the first of a session of its own."""
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(
            self.making(cores=cores), cwd=self.root, env=self.environment, start_new_session=True,
            **(silent | options),
        )  # fmt: skip

    def make(self, *targets):
        """Make files by the runner alone."""
        profile = f"profile=params/{self.profile}.yaml"
        done = self.run("snakemake", "--cores", "1", "--config", profile, "--", *targets)
        assert done.returncode == 0, done.stdout + done.stderr

    def planned(self, target, *options):
        """What the runner says it would do for a target now."""
        profile, log = f"profile=params/{self.profile}.yaml", self.root / "dry-run.log"
        words = [*options, "--dry-run", "--config", profile, "--", target]
        log.unlink(missing_ok=True)
        status = dry_run.run(self.root, self.environment, words, log)
        said = log.read_text(encoding="utf-8")
        assert status == 0, said
        return said

    def jobs(self, target="runs"):
        """The jobs that a target would need now."""
        said = self.planned(target, "--cores", "2")
        return re.findall(r"^rule (\w+):", said, flags=re.MULTILINE)

    def page(self, name):
        return (self.report / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def make_project():
    """Makes a checkout: `make_project(folder, profile, experiments)`."""
    return Project


@pytest.fixture(scope="session")
def small_report(tmp_path_factory, make_project):
    """The project of `tests/small_report.py`, made; who changes something of it puts it back.

    Besides what a project has: its `slices`, and `first`, the call that has made it.
    """
    asked = of_small_report.PROFILE, of_small_report.EXPERIMENTS
    project = make_project(tmp_path_factory.mktemp("small"), *asked)
    with warnings.catch_warnings(action="ignore"):  # identifiers that are no valid UIDs
        scratch = tmp_path_factory.mktemp("heads")
        project.slices = of_small_report.write_hospital(project.root, scratch)
    project.first = project.make_report(cores=2)
    assert project.first.returncode == 0, project.first.stdout + project.first.stderr
    return project
