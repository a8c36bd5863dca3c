# Store and runs -> pages.

rule explore:
    input:
        notebook="notebooks/1-explore.ipynb",
        manifest=MANIFEST,
    output:
        f"{REPORT}/explore.ipynb",
    params:
        code=fingerprint(Path("notebooks/1-explore.ipynb")),
        values=PROFILE_VALUES,
        profile=PROFILE_FILE,
        kernel=profile.kernel,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/explore.log",
    resources:
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        FEW_THREADS + job("explore", EXECUTE + "{output:q} -f {params.profile:q}")


rule cam:
    input:
        notebook="notebooks/3-cam.ipynb",
        manifest=MANIFEST,
        record=f"{REPORT}/runs/{profile.cam_run}/record.json",
    output:
        notebook=f"{REPORT}/cam.ipynb",
        measures=f"{REPORT}/cam.json",
    params:
        code=fingerprint(Path("notebooks/3-cam.ipynb")),
        software=SOFTWARE,
        values=PROFILE_VALUES,
        profile=PROFILE_FILE,
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
        FEW_THREADS + job("cam", EXECUTE + "{output.notebook:q} -f {params.profile:q}")


rule results:
    input:
        sorted(here(path) for path in profile.report_folder.glob("runs/*/record.json")),
        notebook="notebooks/4-results.ipynb",
    output:
        f"{REPORT}/results.ipynb",
    params:
        code=fingerprint(Path("notebooks/4-results.ipynb")),
        values=PROFILE_VALUES,
        profile=PROFILE_FILE,
        states=states(),
        kernel=profile.kernel,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/results.log",
    resources:
        mem_mb=memory(for_showing),
        runtime=minutes(for_showing),
    shell:
        FEW_THREADS + job("results", EXECUTE + "{output:q} -f {params.profile:q}")


if GOES_BEYOND:

    rule beyond:
        input:
            sorted(here(path) for path in profile.report_folder.glob("runs/*/record.json")),
            notebook="notebooks/7-beyond-the-poster.ipynb",
        output:
            f"{REPORT}/beyond.ipynb",
        params:
            code=fingerprint(Path("notebooks/7-beyond-the-poster.ipynb")),
            values=PROFILE_VALUES,
            profile=PROFILE_FILE,
            states=states(),
            kernel=profile.kernel,
            notes=f"{REPORT}/timings",
        log:
            f"{REPORT}/beyond.log",
        resources:
            mem_mb=memory(for_showing),
            runtime=minutes(for_showing),
        shell:
            FEW_THREADS + job("beyond", EXECUTE + "{output:q} -f {params.profile:q}")


rule pages:
    input:
        [here(path) for path in (profile.report_folder / "explore.ipynb", profile.report_folder / "cam.ipynb") if path.is_file()],
        [f"{REPORT}/beyond.ipynb"] if GOES_BEYOND else [],
        [f"{REPORT}/external.ipynb"] if profile.external else [],
        results=f"{REPORT}/results.ipynb",
    output:
        f"{REPORT}/index.html",
    params:
        code=fingerprint("ichreport.report.site"),
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
