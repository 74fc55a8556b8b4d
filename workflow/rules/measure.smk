# One job per run (plain ones in runs/, variants in controls/), and one sweep of matrix products per stack and device.
# Records are expensive: only a missing record, another workload or another protocol trains again.


# What all runs of a call have in common, as options. Of the params of measurements only "threads" trains again, see
# protect_measurements: what else counts, the record says. Resources, of which SLURM is asked the sum for jobs that are one
# for it, have to be numbers.
HOW_TO_MEASURE = f"--gpu {shlex.quote(str(config['gpu']))} --superseded {SUPERSEDED} --workflow-pid $PPID"
HOW_TO_TRAIN = (
    f"--time-limit {config['time_limit_seconds']} --idle {config['idle_seconds']} "
    f"--cool-down {config['cool_down_seconds']} --data {PLAN.suite.data.folder}"
)


rule time_training:
    input:
        data_set,
    output:
        # What is there stays until its successor is whole.
        update(f"results/machines/{FOLDER}/{{kind}}/{{stack}}/{{device}}/{{model}}/{{batch_size}}/{{repeat}}.json"),
    log:
        f"results/logs/time_training/{OF_MACHINE}{{kind}}/{{stack}}/{{device}}/{{model}}/{{batch_size}}/{{repeat}}.log",
    priority: priority_of_run
    group:
        ALLOCATION
    conda:
        ENVIRONMENT
    threads: ALL_CORES
    resources:
        **slurm_resources("time_training"),
    params:
        workload=workload_of_run,
        seed=seed_of_run,
        threads=threads_of_run,
        protocol=record.PROTOCOL,
        program=PROGRAM,
        made_with=made_with,
        how=HOW_TO_TRAIN,
        around=HOW_TO_MEASURE,
    # Stdout is the terminal: the one line that tells how the run went. $PPID is Snakemake's process.
    shell:
        "{params.program:q} workflow/scripts/time_training.py --workload {params.workload:q} --seed {params.seed} "
        "--threads {params.threads} {params.how} {params.made_with} {params.around} "
        "--session .snakemake/trainmark-session.json --log {log} {output} 2> {log}"


# Last, when no training is left: it warms the machine up.
rule measure_roofline:
    input:
        installed_stack,
    output:
        update(f"results/machines/{MACHINE}/roofline/{{stack}}/{{device}}.json"),
    log:
        f"results/logs/measure_roofline/{OF_MACHINE}{{stack}}/{{device}}.log",
    group:
        ALLOCATION
    conda:
        ENVIRONMENT
    threads: ALL_CORES
    resources:
        **slurm_resources("measure_roofline"),
    params:
        program=PROGRAM,
        made_with=made_with,
        around=HOW_TO_MEASURE,
        threads=config["threads"],
    shell:
        "{params.program:q} workflow/scripts/measure_roofline.py --threads {params.threads} {params.made_with} "
        "{params.around} {output} 2> {log}"


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
