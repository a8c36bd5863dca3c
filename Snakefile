# The report as a graph of jobs: RSNA folder -> store -> features -> runs -> pages.
#
#   ichreport report params/demo.yaml -- --cores all
#
# or `make report`, which is this, runs it in two calls, so that a failed run does not keep the
# pages away, and looks after locks, kills and what a person sees:
#
#   snakemake --cores all --config profile=params/demo.yaml --keep-going runs
#   snakemake --cores all --config profile=params/demo.yaml --allowed-rules results pages report -- report
#
# Every job is a command that also works by hand. On a cluster `--workflow-profile profiles/slurm`
# takes the place of `--cores all`: see docs/cluster.md.

import os
from pathlib import Path

from ichreport.files import sha256_of_file
from ichreport.params.experiment import read_each_experiment
from ichreport.workflow import forkserver, lifetime, make_report, progress, report_lock, reservations, timed

PROFILE_FILE = config.get("profile", "params/demo.yaml")
profile = make_report.read_profile(PROFILE_FILE)
experiments, mistakes = read_each_experiment(profile)

os.environ[timed.RUNNER] = str(os.getpid())  # its jobs end with it
if workflow.is_main_process and progress.JOURNAL in os.environ:
    lifetime.end_with_parent()
    progress.attach(frozenset({"runs", "report"}), os.environ[progress.JOURNAL], workflow.local_exec)
if not workflow.local_exec:
    os.environ.pop(forkserver.ADDRESS, None)  # jobs on other machines cannot be forked here


def here(path):
    """A path as seen from the working directory, where it lies below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


SOURCE = here(profile.source_folder)
STORE = here(profile.store_folder)
FEATURES = here(profile.features_folder)
REPORT = here(profile.report_folder)
MANIFEST = f"{STORE}/manifest.json"

# On a GPU one job computes at a time, with all cores; on a CPU one job a core.
JOB_THREADS = workflow.cores if profile.require_gpu else 1
# How many `devices: all` are, only the machine knows; a cluster has to be told a number.
JOB_GPUS = (1 if profile.devices == "all" else profile.devices) if profile.require_gpu else 0
FEW_THREADS = "OMP_NUM_THREADS={threads} TF_NUM_INTRAOP_THREADS={threads} "
EXECUTE = "ichreport execute --kernel {params.kernel:q} {input.notebook:q} "
TO_LOG = " > {log:q} 2>&1"

PARTS = range(1, profile.ingest_jobs + 1) if profile.ingest_jobs > 1 else []


def job(name, command):
    """A job's command, with a note of what it takes, its output in its log, and its end ours."""
    return f"python -m ichreport.workflow.timed {{params.notes:q}}/{name}.json -- {command}{TO_LOG}"


def code(*packages):
    """The source files of parts of the package: a job runs again when its code changes."""
    shared = [f"ichreport/{name}.py" for name in ("labels", "params", "parameter_files", "files", "splits")]
    own = [path for name in packages for path in Path("ichreport", name).rglob("*.*")]
    return shared + sorted(str(path) for path in own if "__pycache__" not in path.parts)


def shared_features(wildcards):
    """The marker of the stored features that an experiment trains on.

    One that sets the backbone's weights or seed for itself computes its own.
    """
    experiment = experiments.get(wildcards.name)
    if experiment is None or not experiment.needs_features:
        return []
    own = any(getattr(experiment, key) != getattr(profile, key) for key in ("weights", "seed"))
    return [] if own else here(experiment.features_marker)


def file_of(wildcards):
    """The parameter file of an experiment, also of one with a mistake."""
    experiment = experiments.get(wildcards.name)
    row = wildcards.name if experiment is None else experiment.row
    return here(profile.experiment_files[row])


def training_seed(wildcards):
    """What tells a row's further run with another seed from its first."""
    experiment = experiments.get(wildcards.name)
    if experiment is None or experiment.training_seed is None:
        return ""
    return f"-p name {experiment.name} -p training_seed {experiment.training_seed}"


def samples_over(wildcards):
    """The samples whose slices some experiment needs through this input and network."""
    wanted = (wildcards.input, wildcards.network)
    return sorted({e.sample for e in experiments.values() if (e.input, e.network) == wanted})


def states():
    """What became of each experiment, so that the pages are made anew when that changes."""
    runs = profile.report_folder / "runs"
    logs = {name: runs / name / "log.txt" for name in experiments}
    done = {name for name, log in logs.items() if log.with_name("record.json").is_file()}
    known = {
        name: "done" if name in done else sha256_of_file(log) if log.is_file() else "missing"
        for name, log in logs.items()
    }
    return known | mistakes


def memory(reserve):
    """The memory, in MB, of a reservation that is made for a job; more when it is tried again."""
    return lambda wildcards, threads, attempt: attempt * reserve(wildcards, threads).mem_mb


def minutes(reserve):
    """The minutes of a reservation that is made for a job; more when it is tried again."""
    return lambda wildcards, threads, attempt: attempt * reserve(wildcards, threads).runtime


def for_reading(wildcards, threads):
    return reservations.reading(profile, threads=threads, jobs=profile.ingest_jobs)


def for_features(wildcards, threads):
    return reservations.backbone_pass(profile)


def for_experiment(wildcards, threads):
    experiment = experiments.get(wildcards.name)
    return reservations.training(experiment) if experiment else for_showing(wildcards, threads)


def for_showing(wildcards, threads):
    return reservations.showing(profile)


wildcard_constraints:
    part="[0-9]+",
    input="raw|linear|sigmoid|adjacent",
    network="densenet121|efficientnetb7|inceptionresnetv2",
    name="[A-Za-z0-9][A-Za-z0-9._-]*",


localrules: report


onstart:
    forkserver.wake()
    if progress.JOURNAL not in os.environ:  # nobody else has seen to it
        report_lock.hold_until_exit(profile.report_folder)


rule runs:
    input:
        f"{REPORT}/explore.ipynb",
        f"{REPORT}/cam.ipynb",
        [f"{REPORT}/runs/{name}/record.json" for name in (*experiments, *mistakes)],


if profile.phantom is not None:

    rule phantom:
        input:
            code("phantom"),
        output:
            f"{SOURCE}/phantom.json",
        params:
            recipe=profile.phantom.model_dump_json(),
            profile=PROFILE_FILE,
            notes=f"{REPORT}/timings",
        log:
            f"{REPORT}/phantom.log",
        threads: workflow.cores
        resources:
            mem_mb=memory(for_reading),
            runtime=minutes(for_reading),
        shell:
            job("phantom", "ichreport phantom {params.profile:q} --workers {threads}")


# What makes a store: not the modules that only count what is in it.
STORE_CODE = [path for path in code("data") if Path(path).stem not in ("summary", "samples")]
INGEST_FIELDS = ("source", "labels", "pseudonymise", "store", "image_size", "max_reject_share")
INGEST_RECIPE = profile.model_dump_json(include=set(INGEST_FIELDS))

if PARTS:

    rule ingest_part:
        input:
            STORE_CODE,
            f"{SOURCE}/phantom.json" if profile.phantom else [],
        output:
            touch(f"{STORE}.parts/{{part}}-of-{profile.ingest_jobs}.done"),
        params:
            recipe=INGEST_RECIPE,
            profile=PROFILE_FILE,
            part=f"{{part}}/{profile.ingest_jobs}",
            notes=f"{REPORT}/timings",
        log:
            f"{REPORT}/ingest_part-{{part}}.log",
        threads: workflow.cores
        resources:
            mem_mb=memory(for_reading),
            runtime=minutes(for_reading),
        shell:
            job(
                "ingest_part-{wildcards.part}",
                "ichreport ingest {params.profile:q} --part {params.part} --workers {threads}",
            )


rule ingest:
    input:
        STORE_CODE,
        f"{SOURCE}/phantom.json" if profile.phantom else [],
        [f"{STORE}.parts/{part}-of-{profile.ingest_jobs}.done" for part in PARTS],
    output:
        MANIFEST,
    params:
        recipe=INGEST_RECIPE,
        profile=PROFILE_FILE,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/ingest.log",
    threads: 1 if PARTS else workflow.cores
    resources:
        mem_mb=memory(for_reading),
        runtime=minutes(for_reading),
    shell:
        job("ingest", "ichreport ingest {params.profile:q} --workers {threads}")


rule features:
    input:
        code("data", "model"),
        MANIFEST,
    output:
        touch(f"{FEATURES}/{{input}}-{{network}}.done"),
    params:
        samples=samples_over,
        recipe=profile.model_dump_json(include={"sampa_share", "sampb_share", "seed", "weights", "batch_size", "backbone_size", "require_gpu", "kernel", "devices", "precision"}),
        profile=PROFILE_FILE,
        notes=f"{REPORT}/timings",
    log:
        f"{FEATURES}/{{input}}-{{network}}.log",
    threads: JOB_THREADS
    resources:
        gpu=JOB_GPUS,
        mem_mb=memory(for_features),
        runtime=minutes(for_features),
    shell:
        FEW_THREADS + job(
            "features-{wildcards.input}-{wildcards.network}",
            "ichreport features {params.profile:q} --input {wildcards.input} "
            "--network {wildcards.network} --samples {params.samples}",
        )


rule explore:
    input:
        code("data", "poster", "report"),
        notebook="notebooks/1-explore.ipynb",
        profile=PROFILE_FILE,
        manifest=MANIFEST,
    output:
        f"{REPORT}/explore.ipynb",
    params:
        kernel=profile.kernel,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/explore.log",
    resources:
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        FEW_THREADS + job("explore", EXECUTE + "{output:q} -f {input.profile:q}")


# Modules whose results no run keeps.
ONLY_SHOWN = (
    *("cam", "sanity", "heatmaps", "summary"),
    *("comparisons", "curves", "findings", "learned", "mistakes", "net_benefit", "seeds", "subgroups"),
)


rule experiment:
    input:
        # Not maps, tables and figures: a new look is no reason to train again.
        [path for path in code("data", "model", "evaluation") if Path(path).stem not in ONLY_SHOWN],
        "ichreport/report/records.py",
        shared_features,
        notebook="notebooks/2-experiment.ipynb",
        experiment=file_of,
        profile=PROFILE_FILE,
        manifest=MANIFEST,
    output:
        f"{REPORT}/runs/{{name}}/record.json",
    params:
        notebook=lambda wildcards: f"{REPORT}/runs/{wildcards.name}/notebook.ipynb",
        seed=training_seed,
        kernel=profile.kernel,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/runs/{{name}}/log.txt",
    threads: JOB_THREADS
    resources:
        gpu=JOB_GPUS,
        mem_mb=memory(for_experiment),
        runtime=minutes(for_experiment),
    shell:
        FEW_THREADS + job(
            "experiment-{wildcards.name}",
            EXECUTE + "{params.notebook:q} -f {input.experiment:q} -f {input.profile:q} {params.seed}",
        )


rule cam:
    input:
        code("data", "model", "evaluation", "poster", "report"),
        notebook="notebooks/3-cam.ipynb",
        profile=PROFILE_FILE,
        manifest=MANIFEST,
        record=f"{REPORT}/runs/{profile.cam_run}/record.json",
    output:
        notebook=f"{REPORT}/cam.ipynb",
        measures=f"{REPORT}/cam.json",
    params:
        kernel=profile.kernel,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/cam.log",
    threads: JOB_THREADS
    resources:
        gpu=JOB_GPUS,
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        FEW_THREADS + job("cam", EXECUTE + "{output.notebook:q} -f {input.profile:q}")


rule results:
    input:
        code("evaluation", "poster", "report"),
        sorted(here(path) for path in profile.report_folder.glob("runs/*/record.json")),
        notebook="notebooks/4-results.ipynb",
        profile=PROFILE_FILE,
    output:
        f"{REPORT}/results.ipynb",
    params:
        states=states(),
        kernel=profile.kernel,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/results.log",
    resources:
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        FEW_THREADS + job("results", EXECUTE + "{output:q} -f {input.profile:q}")


rule pages:
    input:
        code("poster", "report"),
        [here(path) for path in (profile.report_folder / "explore.ipynb", profile.report_folder / "cam.ipynb") if path.is_file()],
        results=f"{REPORT}/results.ipynb",
    output:
        f"{REPORT}/index.html",
    params:
        report=REPORT,
        profile=PROFILE_FILE,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/pages.log",
    resources:
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        job("pages", "ichreport render {params.report:q} --profile {params.profile:q}")


rule report:
    input:
        f"{REPORT}/index.html",
