# One job per run (plain ones in runs/, variants in controls/), and one sweep of matrix products per stack and device.
# Records are expensive: only a missing record, another workload or another protocol trains again.


rule time_training:
    input:
        data_set,
    output:
        # What is there stays until its successor is whole.
        update(f"results/machines/{PLAN.folder}/{{kind}}/{{stack}}/{{device}}/{{model}}/{{batch_size}}/{{repeat}}.json"),
    log:
        "results/logs/time_training/{kind}/{stack}/{device}/{model}/{batch_size}/{repeat}.log",
    priority: lambda w: PLAN.priority(PLAN.run(**w))
    conda:
        environment_file
    threads: ALL_CORES
    resources:  # unlike params, these may change without training again
        time_limit_seconds=config["time_limit_seconds"],
        idle=config["idle_seconds"],
        cool_down=config["cool_down_seconds"],
        lock_file=lock_file,
        which_gpu=str(config["gpu"]),
        prefix=job_environment.job_prefix(sys.prefix, HERE.use_conda),
        python=job_python,
        superseded=str(SUPERSEDED),
        data=str(PLAN.suite.data.folder),
    params:
        workload=lambda w: workloads.canonical_json(PLAN.workload(w.model)),
        seed=lambda w: PLAN.seed(PLAN.run(**w)),
        threads=lambda w: PLAN.threads(PLAN.run(**w)),
        protocol=record.PROTOCOL,
    # Stdout is the terminal: the one line that tells how the run went. $PPID is Snakemake's process.
    shell:
        "python workflow/scripts/time_training.py --workload {params.workload:q} --seed {params.seed} "
        "--threads {params.threads} --time-limit {resources.time_limit_seconds} --idle {resources.idle} "
        "--cool-down {resources.cool_down} --gpu {resources.which_gpu:q} --data {resources.data} "
        "--lock-file {resources.lock_file} --interpreter {resources.prefix} {resources.python} "
        "--superseded {resources.superseded} --workflow-pid $PPID --session .snakemake/trainmark-session.json "
        "--log {log} {output} 2> {log}"


# Last, when no training is left: it warms the machine up.
rule measure_roofline:
    input:
        installed_stack,
    output:
        update(f"results/machines/{PLAN.machine}/roofline/{{stack}}/{{device}}.json"),
    log:
        "results/logs/measure_roofline/{stack}/{device}.log",
    conda:
        environment_file
    threads: ALL_CORES
    resources:
        lock_file=lock_file,
        prefix=job_environment.job_prefix(sys.prefix, HERE.use_conda),
        python=job_python,
        superseded=str(SUPERSEDED),
        threads_of_run=str(config["threads"]),
        which_gpu=str(config["gpu"]),
    shell:
        "python workflow/scripts/measure_roofline.py --threads {resources.threads_of_run} "
        "--gpu {resources.which_gpu:q} "
        "--lock-file {resources.lock_file} --interpreter {resources.prefix} {resources.python} "
        "--superseded {resources.superseded} --workflow-pid $PPID {output} 2> {log}"


# With "repeats: auto", after each round of repeats: which cells need another one.
checkpoint choose_repeats:
    input:
        lambda w: repeats_before(int(w.round)),
    output:
        "results/repeats/{round}.json",
    log:
        "results/logs/choose_repeats/{round}.log",
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
