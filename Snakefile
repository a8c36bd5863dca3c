# The report as a graph of jobs: RSNA folder -> store -> features -> runs -> pages.
#
#   snakemake --cores all --config profile=params/demo.yaml --keep-going runs
#   snakemake --cores all --config profile=params/demo.yaml --allowed-rules results pages report -- report
#
# or `make report`, which is these two. Every job is a command that also works by hand. On a cluster
# `--workflow-profile profiles/slurm` takes the place of `--cores all`: see docs/cluster.md.

from pathlib import Path

from ichreport import reservations
from ichreport.files import sha256_of_file
from ichreport.params import Profile, read_experiments

PROFILE_FILE = config.get("profile", "params/demo.yaml")
profile = Profile.from_files(PROFILE_FILE)
experiments = read_experiments(profile)
if Path(PROFILE_FILE).stem != profile.profile:
    raise ValueError(f"{PROFILE_FILE}: profile must be the file's name, got {profile.profile!r}.")
if profile.cam_run not in experiments:
    known = ", ".join(experiments)
    raise ValueError(f"cam_run: {profile.cam_run!r} is no experiment. There are {known}.")
if profile.kernel != "python3":
    from ichreport import kernels

    kernels.environment_of(profile.kernel)  # a kernel that is missing stops here, not hours later


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
PAPERMILL = f"papermill --kernel {profile.kernel} --log-output --no-progress-bar "


PARTS = range(1, profile.ingest_jobs + 1) if profile.ingest_jobs > 1 else []


def timed(job):
    """What goes before a job's command, so that it leaves a note of its time and memory."""
    return f"python -m ichreport.timed {REPORT}/timings/{job}.json -- "


def code(*packages):
    """The source files of parts of the package: a job runs again when its code changes."""
    shared = [f"ichreport/{name}.py" for name in ("labels", "params", "parameter_files", "files", "splits")]
    own = [path for name in packages for path in Path("ichreport", name).rglob("*.*")]
    return shared + sorted(str(path) for path in own if "__pycache__" not in path.parts)


def shared_features(experiment):
    """The marker of the stored features that an experiment trains on.

    One that sets the backbone's weights or seed for itself computes its own.
    """
    own = any(getattr(experiment, key) != getattr(profile, key) for key in ("weights", "seed"))
    return [] if own or not experiment.needs_features else here(experiment.features_marker)


def training_seed(wildcards):
    """What tells a row's further run with another seed from its first."""
    experiment = experiments[wildcards.name]
    if experiment.training_seed is None:
        return ""
    return f" -p name {experiment.name} -p training_seed {experiment.training_seed}"


def samples_over(wildcards):
    """The samples whose slices some experiment needs through this input and network."""
    wanted = (wildcards.input, wildcards.network)
    return sorted({e.sample for e in experiments.values() if (e.input, e.network) == wanted})


def states():
    """What became of each experiment, so that the pages are made anew when that changes."""
    logs = {name: Path(REPORT, "runs", name, "log.txt") for name in experiments}
    done = {name for name, log in logs.items() if log.with_name("record.json").is_file()}
    return {
        name: "done" if name in done else sha256_of_file(log) if log.is_file() else "missing"
        for name, log in logs.items()
    }


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
    return reservations.training(experiments[wildcards.name])


def for_showing(wildcards, threads):
    return reservations.showing(profile)


wildcard_constraints:
    part="[0-9]+",
    input="raw|linear|sigmoid|adjacent",
    network="densenet121|efficientnetb7|inceptionresnetv2",
    name="[A-Za-z0-9][A-Za-z0-9._-]*",


localrules: report


rule runs:
    input:
        f"{REPORT}/explore.ipynb",
        f"{REPORT}/cam.ipynb",
        [f"{REPORT}/runs/{name}/record.json" for name in experiments],


if profile.phantom is not None:

    rule phantom:
        input:
            code("phantom"),
        output:
            f"{SOURCE}/phantom.json",
        params:
            recipe=profile.phantom.model_dump_json(),
            profile=PROFILE_FILE,
        threads: workflow.cores
        resources:
            mem_mb=memory(for_reading),
            runtime=minutes(for_reading),
        shell:
            timed("phantom") + "ichreport phantom {params.profile} --workers {threads}"


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
        threads: workflow.cores
        resources:
            mem_mb=memory(for_reading),
            runtime=minutes(for_reading),
        shell:
            timed("ingest_part-{wildcards.part}") +
            "ichreport ingest {params.profile} --part {params.part} --workers {threads}"


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
    threads: 1 if PARTS else workflow.cores
    resources:
        mem_mb=memory(for_reading),
        runtime=minutes(for_reading),
    shell:
        timed("ingest") + "ichreport ingest {params.profile} --workers {threads}"


rule features:
    input:
        code("data", "model"),
        MANIFEST,
    output:
        touch(f"{FEATURES}/{{input}}-{{network}}.done"),
    params:
        samples=samples_over,
        recipe=profile.model_dump_json(include={"sampa_share", "sampb_share", "seed", "weights", "batch_size", "require_gpu", "kernel", "devices", "precision"}),
        profile=PROFILE_FILE,
    log:
        f"{FEATURES}/{{input}}-{{network}}.log",
    threads: JOB_THREADS
    resources:
        gpu=JOB_GPUS,
        mem_mb=memory(for_features),
        runtime=minutes(for_features),
    shell:
        FEW_THREADS + timed("features-{wildcards.input}-{wildcards.network}") +
        "ichreport features {params.profile} --input {wildcards.input} --network {wildcards.network} "
        "--samples {params.samples} > {log} 2>&1"


rule explore:
    input:
        code("data", "poster", "report"),
        notebook="notebooks/1-explore.ipynb",
        profile=PROFILE_FILE,
        manifest=MANIFEST,
    output:
        f"{REPORT}/explore.ipynb",
    log:
        f"{REPORT}/explore.log",
    resources:
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        FEW_THREADS + timed("explore") + PAPERMILL + "{input.notebook} {output} -f {input.profile} > {log} 2>&1"


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
        lambda wildcards: shared_features(experiments[wildcards.name]),
        notebook="notebooks/2-experiment.ipynb",
        experiment=lambda wildcards: here(profile.experiment_files[experiments[wildcards.name].row]),
        profile=PROFILE_FILE,
        manifest=MANIFEST,
    output:
        f"{REPORT}/runs/{{name}}/record.json",
    params:
        notebook=f"{REPORT}/runs/{{name}}/notebook.ipynb",
        seed=training_seed,
    log:
        f"{REPORT}/runs/{{name}}/log.txt",
    threads: JOB_THREADS
    resources:
        gpu=JOB_GPUS,
        mem_mb=memory(for_experiment),
        runtime=minutes(for_experiment),
    shell:
        FEW_THREADS + timed("experiment-{wildcards.name}") + PAPERMILL + "{input.notebook} {params.notebook} -f {input.experiment} -f {input.profile}{params.seed} > {log} 2>&1"


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
    log:
        f"{REPORT}/cam.log",
    threads: JOB_THREADS
    resources:
        gpu=JOB_GPUS,
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        FEW_THREADS + timed("cam") + PAPERMILL + "{input.notebook} {output.notebook} -f {input.profile} > {log} 2>&1"


rule results:
    input:
        code("evaluation", "poster", "report"),
        sorted(str(path) for path in Path(REPORT, "runs").glob("*/record.json")),
        notebook="notebooks/4-results.ipynb",
        profile=PROFILE_FILE,
    output:
        f"{REPORT}/results.ipynb",
    params:
        states=states(),
    log:
        f"{REPORT}/results.log",
    resources:
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        FEW_THREADS + timed("results") + PAPERMILL + "{input.notebook} {output} -f {input.profile} > {log} 2>&1"


rule pages:
    input:
        code("poster", "report"),
        [path for path in (f"{REPORT}/explore.ipynb", f"{REPORT}/cam.ipynb") if Path(path).is_file()],
        results=f"{REPORT}/results.ipynb",
    output:
        f"{REPORT}/index.html",
    params:
        report=REPORT,
        profile=PROFILE_FILE,
    resources:
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        timed("pages") + "ichreport render {params.report} --profile {params.profile}"


rule report:
    input:
        f"{REPORT}/index.html",
