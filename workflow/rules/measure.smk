# One job per run (plain ones in runs/, variants in controls/), and one sweep of matrix products per stack and device.
# Records are expensive: only a missing record, another workload or another protocol trains again.


rule time_training:
    input:
        data_set,
    output:
        # What is there stays until its successor is whole.
        update(f"results/machines/{FOLDER}/{{kind}}/{{stack}}/{{device}}/{{model}}/{{batch_size}}/{{repeat}}.json"),
    log:
        f"results/logs/time_training/{OF_MACHINE}{{kind}}/{{stack}}/{{device}}/{{model}}/{{batch_size}}/{{repeat}}.log",
    priority: lambda w: plan_of(w).priority(run_of(w))
    conda:
        environment_file
    threads: ALL_CORES
    resources:  # unlike params, these may change without training again
        **slurm_resources("time_training"),
        time_limit_seconds=config["time_limit_seconds"],
        idle=config["idle_seconds"],
        cool_down=config["cool_down_seconds"],
        which_gpu=str(config["gpu"]),
        program=PROGRAM,
        made_with=made_with,
        superseded=str(SUPERSEDED),
        data=str(PLAN.suite.data.folder),
    params:
        workload=lambda w: workloads.canonical_json(plan_of(w).workload(w.model)),
        seed=lambda w: plan_of(w).seed(run_of(w)),
        threads=lambda w: plan_of(w).threads(run_of(w)),
        protocol=record.PROTOCOL,
    # Stdout is the terminal: the one line that tells how the run went. $PPID is Snakemake's process.
    shell:
        "{resources.program:q} workflow/scripts/time_training.py --workload {params.workload:q} --seed {params.seed} "
        "--threads {params.threads} --time-limit {resources.time_limit_seconds} --idle {resources.idle} "
        "--cool-down {resources.cool_down} --gpu {resources.which_gpu:q} --data {resources.data} "
        "{resources.made_with} "
        "--superseded {resources.superseded} --workflow-pid $PPID --session .snakemake/trainmark-session.json "
        "--log {log} {output} 2> {log}"


# Last, when no training is left: it warms the machine up.
rule measure_roofline:
    input:
        installed_stack,
    output:
        update(f"results/machines/{MACHINE}/roofline/{{stack}}/{{device}}.json"),
    log:
        f"results/logs/measure_roofline/{OF_MACHINE}{{stack}}/{{device}}.log",
    conda:
        environment_file
    threads: ALL_CORES
    resources:
        **slurm_resources("measure_roofline"),
        program=PROGRAM,
        made_with=made_with,
        superseded=str(SUPERSEDED),
        threads_of_run=str(config["threads"]),
        which_gpu=str(config["gpu"]),
    shell:
        "{resources.program:q} workflow/scripts/measure_roofline.py --threads {resources.threads_of_run} "
        "--gpu {resources.which_gpu:q} {resources.made_with} "
        "--superseded {resources.superseded} --workflow-pid $PPID {output} 2> {log}"


# With "repeats: auto", after each round of repeats: which cells need another one.
checkpoint choose_repeats:
    input:
        lambda w: repeats_before(plan_of(w), int(w.round)),
    output:
        f"results/repeats/{OF_MACHINE}{{round}}.json",
    log:
        f"results/logs/choose_repeats/{OF_MACHINE}{{round}}.log",
    priority: 1  # before the sweep
    conda:
        "../../envs/report.yaml"
    resources:
        superseded=str(SUPERSEDED),
    params:
        precision=config["repeats_precision"],
        limit=config["repeats_limit"],
    shell:
        "python workflow/scripts/choose_repeats.py --precision {params.precision} --limit {params.limit} "
        "--session .snakemake/trainmark-session.json --superseded {resources.superseded} {output} {input} 2> {log}"
