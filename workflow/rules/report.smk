# From records to the page. One rule reads the records; every table and figure reads what that one wrote.


rule collect_records:
    input:
        records=local_records,
        machine=machine_file,
        schemas=expand("workflow/schemas/{file}.schema.yaml", file=["record", "machine"]),
    output:
        runs="results/report/runs.csv",
        machines="results/report/machines.csv",
        experiments="results/report/experiments.csv",
        left_out="results/report/left_out.csv",
    log:
        "results/logs/collect_records.log",
    conda:
        "../../envs/report.yaml"
    params:
        # Other machines' records, and local ones outside today's grid. The local grid's are inputs.
        others=other_files,
        bad=config["on_bad_record"],
    shell:
        "python workflow/scripts/collect_records.py --on-bad-record {params.bad} results/report 2> {log}"


rule summarise_cells:
    input:
        runs="results/report/runs.csv",
        code=["workflow/scripts/summarise_cells.py", "workflow/scripts/trainmark/tables.py"],
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
    shell:
        "python workflow/scripts/summarise_cells.py {input.runs} {output} 2> {log}"


rule compare_cells:
    input:
        runs="results/report/runs.csv",
        code=[
            "workflow/scripts/compare_cells.py",
            "workflow/scripts/trainmark/comparing.py",
            "workflow/scripts/trainmark/tables.py",
        ],
    output:
        cells=report(
            "results/report/comparisons.csv",
            caption="../report/comparisons.rst",
            category="Tables",
            labels={"table": "Comparisons, by cell"},
        ),
        summary=report(
            "results/report/comparisons_summary.csv",
            caption="../report/comparisons.rst",
            category="Tables",
            labels={"table": "Comparisons, taken together"},
        ),
    log:
        "results/logs/compare_cells.log",
    conda:
        "../../envs/report.yaml"
    params:
        preferred=PLAN.settings_digest,
        comparisons=workloads.canonical_json(config["comparisons"]),
        baseline=config["baseline"],
    shell:
        "python workflow/scripts/compare_cells.py --settings {params.preferred} --comparisons={params.comparisons:q} "
        "--baseline={params.baseline:q} {input.runs} {output.cells} {output.summary} 2> {log}"


rule draw_figures:
    input:
        runs="results/report/runs.csv",
        comparisons="results/report/comparisons.csv",
        code=[
            "workflow/scripts/draw_figures.py",
            "workflow/scripts/trainmark/comparing.py",
            "workflow/scripts/trainmark/figures.py",
            "workflow/scripts/trainmark/tables.py",
        ],
    output:
        report(
            directory("results/report/figures"),
            patterns=["{name}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
    log:
        "results/logs/draw_figures.log",
    conda:
        "../../envs/report.yaml"
    params:
        preferred=PLAN.settings_digest,
    shell:
        "python workflow/scripts/draw_figures.py {input.runs} {input.comparisons} {output} "
        "--settings {params.preferred} 2> {log}"


rule render_page:
    input:
        runs="results/report/runs.csv",
        cells="results/report/cells.csv",
        tables=expand(
            "results/report/{name}.csv",
            name=["machines", "experiments", "left_out", "comparisons", "comparisons_summary"],
        ),
        figures="results/report/figures",
        template="workflow/report/page.html.j2",
        code=[
            "workflow/scripts/render_page.py",
            "workflow/scripts/trainmark/comparing.py",
            "workflow/scripts/trainmark/page.py",
        ],
    output:
        report(
            "results/report/index.html",
            caption="../report/page.rst",
            category="Page",
            labels={"page": "The whole report"},
        ),
    log:
        "results/logs/render_page.log",
    conda:
        "../../envs/report.yaml"
    params:
        preferred=PLAN.settings_digest,
        grid=workloads.canonical_json(PLAN.axes),
        comparisons=workloads.canonical_json(config["comparisons"]),
    shell:
        "python workflow/scripts/render_page.py --report results/report --template {input.template} --settings {params.preferred} "
        "--grid {params.grid:q} --comparisons={params.comparisons:q} {output} 2> {log}"


# After the report is drawn: a failed run must not cost it.
rule check_runs:
    input:
        records=local_records,
        page=page_unless_only_measuring,
    output:
        "results/report/checked.txt",
    log:
        "results/logs/check_runs.log",
    conda:
        "../../envs/report.yaml"
    shell:
        "python workflow/scripts/check_runs.py --session .snakemake/trainmark-session.json {output} {input.records} 2> {log}"
