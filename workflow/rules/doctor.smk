# "snakemake doctor": whether what this machine will measure counts, said in a minute, without a training.


rule examine_stack:
    output:
        ".snakemake/trainmark-doctor/{stack}.json",
    log:
        "results/logs/examine_stack/{stack}.log",
    conda:
        environment_file
    threads: ALL_CORES
    params:
        plan=lambda w: doctor_plan(),
        lock_file=lock_file,
        prefix=job_environment.job_prefix(sys.prefix, HERE.use_conda),
        python=job_python,
    # As in time_training, stdout is the terminal, and $PPID is Snakemake's process.
    shell:
        "python workflow/scripts/examine_stack.py --plan {params.plan:q} --lock-file {params.lock_file} "
        "--interpreter {params.prefix} {params.python} --workflow-pid $PPID {output} 2> {log}"


# Without an output it is always done. Its script takes no package: it says what is wrong where packages are missing, too.
rule doctor:
    input:
        examined_stacks,
    log:
        "results/logs/doctor.log",
    conda:
        "../../envs/report.yaml"
    params:
        plan=lambda w: doctor_plan(),
    shell:
        "python workflow/scripts/diagnose_machine.py --plan {params.plan:q} {input} 2> {log}"
