# RSNA folder -> store.

if profile.phantom is not None:

    rule phantom:
        output:
            f"{SOURCE}/phantom.json",
        params:
            code=fingerprint("ichreport.phantom"),
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


# Labels are watched, and so are synthetic heads and a zip; of files that come to a folder of real
# ones or change there, nobody knows before `ichreport ingest` has looked.
WATCHED = [
    profile.source_folder,
    profile.labels_file or profile.source_folder / "stage_2_train.csv",
    profile.source_folder / "hemorrhage_diagnosis_raw_ct.csv",
]
GIVEN = (
    [f"{SOURCE}/phantom.json"]
    if profile.phantom
    else [here(path) for path in WATCHED if path.is_file()]
)
INGEST_CODE = fingerprint("ichreport.data.ingest.make_store")
INGEST_FIELDS = (
    *("source", "labels", "group_by", "series", "pseudonymise"),
    *("store", "image_size", "max_reject_share"),
)
INGEST_RECIPE = profile.model_dump_json(include=set(INGEST_FIELDS))

if PARTS:

    rule ingest_part:
        input:
            GIVEN,
        output:
            touch(f"{STORE}.parts/{{part}}-of-{profile.ingest_jobs}.done"),
        params:
            code=INGEST_CODE,
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
        GIVEN,
        [f"{STORE}.parts/{part}-of-{profile.ingest_jobs}.done" for part in PARTS],
    output:
        MANIFEST,
    params:
        code=INGEST_CODE,
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
