# Times the training of small Keras models on this machine and draws the comparison; see README.md.
from snakemake.utils import min_version

min_version("9.17")  # older ones refuse a priority that is a function


include: "workflow/rules/guard.smk"
include: "workflow/rules/config_layers.smk"


configfile: "config/config.yaml"


if SUITE_FILE:

    configfile: SUITE_FILE


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"


rule all:
    input:
        machine_file,
        local_records,  # named here, or a missing record below an up-to-date report would not be made
        local_rooflines,
        "results/report/index.html",
        "results/report/checked.txt",


rule measure:
    input:
        machine_file,
        local_records,
        local_rooflines,
        "results/report/checked.txt",


rule report:
    input:
        "results/report/index.html",


include: "workflow/rules/data.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/doctor.smk"


# Of a fleet, what measures runs on the nodes, and all else where the command is given.
if FLEET:
    snakemake_cluster.run_here(workflow, lost_jobs.RULES)
    snakemake_cluster.find_once(workflow, lost_jobs.RULES)
