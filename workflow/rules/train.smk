# Store -> features -> runs. A run finds its training where nothing that it depends on has changed.

rule features:
    input:
        MANIFEST,
        weights=lambda wildcards: weights_of(profile, wildcards.network),
    output:
        touch(f"{FEATURES}/{{input}}-{{network}}.done"),
    params:
        code=fingerprint("ichreport.data.samples", "ichreport.model.features.feature_store"),
        software=SOFTWARE,
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


rule experiment:
    input:
        shared_features,
        network=run_that_it_reads,
        weights=weights_of_row,
        notebook="notebooks/2-experiment.ipynb",
        manifest=MANIFEST,
    output:
        f"{REPORT}/runs/{{name}}/record.json",
    params:
        notebook=lambda wildcards: f"{REPORT}/runs/{wildcards.name}/notebook.ipynb",
        code=fingerprint(Path("notebooks/2-experiment.ipynb")),
        software=SOFTWARE,
        values=values_of,
        experiment=file_of,
        profile=PROFILE_FILE,
        beside=beside_its_file,
        kernel=profile.kernel,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/runs/{{name}}/log.txt",
    threads: JOB_THREADS
    resources:
        gpu=JOB_GPUS,
        mem_mb=memory(for_experiment),
        runtime=minutes(for_experiment),
    wildcard_constraints:
        name=named(TRAININGS),
    shell:
        FEW_THREADS + job(
            "experiment-{wildcards.name}",
            EXECUTE + "{params.notebook:q} -f {params.profile:q} -f {params.experiment:q} {params.beside}",
        )


# A row that trains nothing and combines others; anew when one of them has been made anew.
rule combination:
    input:
        runs_that_it_combines,
        notebook="notebooks/2-combination.ipynb",
        manifest=MANIFEST,
    output:
        f"{REPORT}/runs/{{name}}/record.json",
    params:
        notebook=lambda wildcards: f"{REPORT}/runs/{wildcards.name}/notebook.ipynb",
        code=fingerprint(Path("notebooks/2-combination.ipynb")),
        values=values_of,
        experiment=file_of,
        profile=PROFILE_FILE,
        beside=beside_its_file,
        kernel=profile.kernel,
        notes=f"{REPORT}/timings",
    log:
        f"{REPORT}/runs/{{name}}/log.txt",
    resources:
        mem_mb=memory(for_combination),
        runtime=minutes(for_combination),
    wildcard_constraints:
        name=named(COMBINATIONS),
    shell:
        FEW_THREADS + job(
            "experiment-{wildcards.name}",
            EXECUTE + "{params.notebook:q} -f {params.profile:q} -f {params.experiment:q} {params.beside}",
        )
