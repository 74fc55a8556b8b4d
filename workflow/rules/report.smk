# From records to the page. One rule reads the records; every table and figure reads what that one wrote.


rule collect_records:
    input:
        records=local_records,
        rooflines=local_rooflines,
        machine=machine_file,
        references=config["references"],
        hardware=config["hardware"],
        schemas=expand("workflow/schemas/{file}.schema.yaml", file=["record", "machine", "roofline"]),
    output:
        runs="results/report/runs.csv",
        machines="results/report/machines.csv",
        origins="results/report/origins.csv",
        experiments="results/report/experiments.csv",
        left_out="results/report/left_out.csv",
        controls="results/report/controls.csv",
        peaks="results/report/peaks.csv",
    log:
        "results/logs/collect_records.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("collect_records.py", "analysis"),
        # Other machines' records, and local ones outside today's grid. The local grid's are inputs.
        others=other_files,
        bad=config["on_bad_record"],
        level=config["convergence_level"],
        contents=files.digests([config["references"], *config["hardware"]]),
    shell:
        "python workflow/scripts/collect_records.py --on-bad-record {params.bad} --references {input.references:q} "
        "--hardware {input.hardware:q} --level {params.level} -- results/report 2> {log}"


rule summarise_cells:
    input:
        runs="results/report/runs.csv",
    output:
        report(
            "results/report/cells.csv",
            caption="../report/cells.rst",
            category="Tables",
            labels={"table": "Cells"},
        ),
    log:
        "results/logs/summarise_cells.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("summarise_cells.py", "analysis"),
    shell:
        "python workflow/scripts/summarise_cells.py {input.runs} {output} 2> {log}"


rule look_up_hardware:
    input:
        machines="results/report/machines.csv",
        hardware=config["hardware"],
    output:
        report(
            "results/report/specifications.csv",
            caption="../report/specifications.rst",
            category="Tables",
            labels={"table": "Exhibits 1 and 2: published specifications"},
        ),
    log:
        "results/logs/look_up_hardware.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("look_up_hardware.py", "ingest"),
        contents=files.digests(config["hardware"]),
    shell:
        "python workflow/scripts/look_up_hardware.py --hardware {input.hardware:q} -- {input.machines} {output} 2> {log}"


rule compare_cells:
    input:
        expand("results/report/{name}.csv", name=["runs", "controls", "peaks", "specifications"]),
    output:
        report(
            "results/report/comparisons.csv",
            caption="../report/comparisons.rst",
            category="Tables",
            labels={"table": "Times faster, by cell"},
        ),
        report(
            "results/report/comparisons_summary.csv",
            caption="../report/comparisons.rst",
            category="Tables",
            labels={"table": "Times faster, averages"},
        ),
        report(
            "results/report/break_even.csv",
            caption="../report/break_even.rst",
            category="Tables",
            labels={"table": "Break-even batch sizes"},
        ),
        report(
            "results/report/tflops.csv",
            caption="../report/tflops.rst",
            category="Tables",
            labels={"table": "TFLOPS against training time"},
        ),
        report(
            "results/report/utilisation.csv",
            caption="../report/utilisation.rst",
            category="Tables",
            labels={"table": "Utilisation"},
        ),
        report(
            "results/report/products.csv",
            caption="../report/utilisation.rst",
            category="Tables",
            labels={"table": "Matrix products"},
        ),
        report(
            "results/report/bottlenecks.csv",
            caption="../report/bottlenecks.rst",
            category="Tables",
            labels={"table": "Controls against plain runs"},
        ),
        report(
            "results/report/gpu_states.csv",
            caption="../report/gpu_states.rst",
            category="Tables",
            labels={"table": "GPU clock, temperature, throttling"},
        ),
        report(
            "results/report/outlying.csv",
            caption="../report/outlying.rst",
            category="Tables",
            labels={"table": "Outliers and disturbed runs"},
        ),
        report(
            "results/report/drift.csv",
            caption="../report/drift.rst",
            category="Tables",
            labels={"table": "Drift over the session"},
        ),
        report(
            "results/report/energy.csv",
            caption="../report/energy.rst",
            category="Tables",
            labels={"table": "Energy by cell"},
        ),
        report(
            "results/report/energy_comparisons.csv",
            caption="../report/energy.rst",
            category="Tables",
            labels={"table": "Energy ratio"},
        ),
        "results/report/energy_unmeasured.csv",
        "results/report/unlike.csv",
    log:
        "results/logs/compare_cells.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("compare_cells.py", "analysis"),
        preferred=PLAN.settings_digest,
        comparisons=workloads.canonical_json(config["comparisons"]),
        baseline=config["baseline"],
    shell:
        "python workflow/scripts/compare_cells.py --settings {params.preferred} --comparisons={params.comparisons:q} "
        "--baseline={params.baseline:q} results/report 2> {log}"


rule judge_claims:
    input:
        "results/report/runs.csv",
        "results/report/peaks.csv",
        "results/report/specifications.csv",
        claims=config["claims"],
    output:
        report(
            "results/report/claims.csv",
            caption="../report/claims.rst",
            category="Claims",
            labels={"table": "Claims and verdicts"},
        ),
        "results/report/published.csv",
    log:
        "results/logs/judge_claims.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("judge_claims.py", "analysis"),
        preferred=PLAN.settings_digest,
        contents=files.digests(config["claims"]),
    shell:
        "python workflow/scripts/judge_claims.py --settings {params.preferred} --claims {input.claims:q} -- "
        "results/report 2> {log}"


rule draw_figures:
    input:
        expand(
            "results/report/{name}.csv",
            name=[
                "runs",
                "specifications",
                "comparisons",
                "comparisons_summary",
                "break_even",
                "tflops",
                "published",
                "bottlenecks",
            ],
        ),
        references=config["references"],
    output:
        report(
            # Replaced as a whole by the script; Snakemake would remove one file after the other, and may be killed meanwhile.
            update(directory("results/report/figures")),
            patterns=["{name}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels=figure_labels,
        ),
    log:
        "results/logs/draw_figures.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("draw_figures.py", "report/figures"),
        preferred=PLAN.settings_digest,
        contents=files.digests([config["references"]]),
    shell:
        "python workflow/scripts/draw_figures.py --settings {params.preferred} --references {input.references:q} "
        "results/report {output} 2> {log}"


rule render_page:
    input:
        expand(
            "results/report/{name}.csv",
            name=[
                "runs",
                "controls",
                "cells",
                "machines",
                "origins",
                "experiments",
                "left_out",
                "specifications",
                "comparisons",
                "comparisons_summary",
                "break_even",
                "tflops",
                "utilisation",
                "products",
                "bottlenecks",
                "gpu_states",
                "outlying",
                "drift",
                "energy",
                "energy_comparisons",
                "energy_unmeasured",
                "unlike",
                "claims",
            ],
        ),
        figures="results/report/figures",
        html="workflow/report/page.html.j2",
        markdown="workflow/report/report.md.j2",
        captions="workflow/report/figures.rst",
    output:
        html=report(
            "results/report/index.html",
            caption="../report/page.rst",
            category="Page",
            labels={"page": "The whole report"},
        ),
        markdown="results/report/report.md",
    log:
        "results/logs/render_page.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("render_page.py", "report"),
        preferred=PLAN.settings_digest,
        grid=workloads.canonical_json(PLAN.described_grid),
        comparisons=workloads.canonical_json(config["comparisons"]),
    shell:
        "python workflow/scripts/render_page.py --report results/report --captions {input.captions} "
        "--settings {params.preferred} --grid {params.grid:q} --comparisons={params.comparisons:q} "
        "--page {input.html} {output.html} --markdown {input.markdown} {output.markdown} 2> {log}"


# After the report is drawn: a failed run must not cost it.
rule check_runs:
    input:
        records=local_records,
        page=page_unless_only_measuring,
        runs=verdicts_unless_only_measuring,
    output:
        "results/report/checked.txt",
    log:
        "results/logs/check_runs.log",
    conda:
        "../../envs/report.yaml"
    shell:
        "python workflow/scripts/check_runs.py --session .snakemake/trainmark-session.json --runs {input.runs} -- "
        "{output} {input.records} 2> {log}"
