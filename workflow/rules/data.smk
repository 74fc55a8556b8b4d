# The data set and the description of the machine: what has to be there before or beside the measurements.


rule prepare_data:
    output:
        DATA_SET,
    log:
        "results/logs/prepare_data.log",
    priority: 2**40  # or the sweep of matrix products, which is last, would come while no training can start
    conda:
        "../../envs/report.yaml"
    resources:  # unlike params, they do not make again what checkouts of before have
        suite=PLAN.suite.name,
        to=str(PLAN.suite.data.folder),
    params:
        folder=config["data_folder"],
        download=config["data_download"],
    shell:
        "python workflow/scripts/prepare_data.py --suite {resources.suite} --data-folder={params.folder:q} "
        "--download {params.download} {resources.to} 2> {log}"


rule describe_machine:
    output:
        update(f"results/machines/{MACHINE}/machine.json"),  # what is there stays until its successor is whole
    log:
        "results/logs/describe_machine.log" if not FLEET else "results/logs/describe_machine/{machine}.log",
    priority: 2**40  # before the first training
    group:
        ALLOCATION
    conda:
        "../../envs/report.yaml"
    resources:
        **slurm_resources("describe_machine"),
    params:
        program=PROGRAM,
        node=expected_node if FLEET else "",
        which_gpu=str(config["gpu"]),
    shell:
        "{params.program:q} workflow/scripts/describe_machine.py --gpu {params.which_gpu:q} --node={params.node:q} "
        "{output} 2> {log}"
