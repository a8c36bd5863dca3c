# Data of other hospitals -> their stores -> how runs do there -> their page.

def elsewhere(wildcards):
    """The profile by which a hospital's data are made and ingested."""
    return profile.elsewhere(wildcards.hospital)


def given_elsewhere(wildcards):
    """The files of a hospital that are watched, or the mark that its synthetic heads are made."""
    data = elsewhere(wildcards)
    if data.phantom is not None:
        return here(profile.external_heads(wildcards.hospital))
    labels = data.source_folder / "hemorrhage_diagnosis_raw_ct.csv", data.source_folder / "reads.csv"
    watched = (data.source_folder, data.labels_file or data.source_folder / "stage_2_train.csv", *labels)
    return sorted({here(path) for path in watched if path.is_file()})


def scores_of_another_system(wildcards):
    """The file in which a hospital's data bring another system's scores."""
    path = profile.elsewhere(wildcards.hospital).source_folder / "prediction_probabilities.csv"
    return here(path) if path.is_file() else []


def described(wildcards):
    """What the profile says of a hospital's data."""
    return profile.external_data(wildcards.hospital).model_dump_json(exclude={"runs"})


def recipe_of_heads(wildcards):
    """How a hospital's synthetic heads and their readers are made."""
    recipe = {"source", "phantom", "readers"}
    return profile.external_data(wildcards.hospital).model_dump_json(include=recipe)


def states_elsewhere():
    """What became of each evaluation, so that the page is made anew when that changes."""
    records = [Path(path) for path in EVALUATIONS]
    return {
        str(path): sha256_of_file(path) if path.is_file() else "missing"
        for record in records
        for path in (record, record.with_name("log.txt"))
    }


rule external_phantom:
    output:
        touch(f"{ELSEWHERE}/{{hospital}}/heads.done"),
    params:
        code=fingerprint("ichreport.phantom.readers", "ichreport.phantom"),
        recipe=recipe_of_heads,
        profile=PROFILE_FILE,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/external/{{hospital}}/phantom.log",
    threads: workflow.cores
    resources:
        mem_mb=memory(for_reading),
        runtime=minutes(for_reading),
    shell:
        job(
            "external_phantom-{wildcards.hospital}",
            "ichreport phantom {params.profile:q} --external {wildcards.hospital} --workers {threads}",
        )


rule external_ingest:
    input:
        given_elsewhere,
    output:
        f"{ELSEWHERE}/{{hospital}}/store/manifest.json",
    params:
        code=INGEST_CODE,
        recipe=lambda wildcards: elsewhere(wildcards).model_dump_json(include=set(INGEST_FIELDS)),
        profile=PROFILE_FILE,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/external/{{hospital}}/ingest.log",
    threads: workflow.cores
    resources:
        mem_mb=memory(for_reading),
        runtime=minutes(for_reading),
    shell:
        job(
            "external_ingest-{wildcards.hospital}",
            "ichreport ingest {params.profile:q} --external {wildcards.hospital} --workers {threads}",
        )


rule evaluate:
    input:
        scores_of_another_system,
        run=f"{REPORT}/runs/{{evaluated}}/record.json",
        own=MANIFEST,
        manifest=f"{ELSEWHERE}/{{hospital}}/store/manifest.json",
    output:
        f"{REPORT}/external/{{hospital}}/{{evaluated}}/record.json",
    params:
        code=fingerprint("ichreport.application.evaluate"),
        described=described,
        run=f"{REPORT}/runs/{{evaluated}}",
        store=f"{ELSEWHERE}/{{hospital}}/store",
        profile=PROFILE_FILE,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/external/{{hospital}}/{{evaluated}}/log.txt",
    threads: JOB_THREADS
    resources:
        gpu=JOB_GPUS,
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        FEW_THREADS + job(
            "evaluate-{wildcards.hospital}-{wildcards.evaluated}",
            "ichreport evaluate {params.run:q} {params.store:q} --profile {params.profile:q}",
        )


if profile.external:

    rule external:
        input:
            sorted(path for path in EVALUATIONS if Path(path).is_file()),
            notebook="notebooks/6-external.ipynb",
        output:
            f"{REPORT}/external.ipynb",
        params:
            code=fingerprint(Path("notebooks/6-external.ipynb")),
            values=profile.model_dump_json(),
            profile=PROFILE_FILE,
            states=states_elsewhere(),
            kernel=profile.kernel,
            notes=f"{REPORT}/timings",
        log:
            f"{REPORT}/external.log",
        resources:
            mem_mb=memory(for_showing),
            runtime=minutes(for_showing),
        shell:
            FEW_THREADS + job("external", EXECUTE + "{output:q} -f {params.profile:q}")
