# From records to the page. One rule reads the records; every table and figure reads what that one wrote. The tables that
# a rule writes are those that trainmark/contents declares to be its own: see tables_of.


rule collect_records:
    input:
        records=local_records,
        rooflines=local_rooflines,
        machine=machine_file,
        references=config["references"],
        hardware=config["hardware"],
        schemas=expand("workflow/schemas/{file}.schema.yaml", file=["record", "machine", "roofline"]),
    output:
        tables_of("collect_records"),
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
        written("runs"),
    output:
        tables_of("summarise_cells"),
    log:
        "results/logs/summarise_cells.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("summarise_cells.py", "analysis"),
    shell:
        "python workflow/scripts/summarise_cells.py results/report 2> {log}"


rule look_up_hardware:
    input:
        machines=written("machines"),
        hardware=config["hardware"],
    output:
        tables_of("look_up_hardware"),
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
        written("runs", "controls", "peaks", "specifications"),
    output:
        tables_of("compare_cells"),
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
        written("runs", "peaks", "specifications"),
        claims=config["claims"],
    output:
        tables_of("judge_claims"),
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
        written(*(table.name for table in tables.TABLES)),
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
        captions=figures.captions(),
    shell:
        "python workflow/scripts/draw_figures.py --settings {params.preferred} --references {input.references:q} "
        "results/report {output} 2> {log}"


rule render_page:
    input:
        written(*(table.name for table in tables.TABLES)),
        figures="results/report/figures",
        html="workflow/report/page.html.j2",
        markdown="workflow/report/report.md.j2",
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
        "python workflow/scripts/render_page.py --report results/report --settings {params.preferred} "
        "--grid {params.grid:q} --comparisons={params.comparisons:q} "
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
