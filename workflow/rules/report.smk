# From records to the page. One rule reads the records; every table and figure reads what that one wrote. The tables that
# a rule writes are those that trainmark/contents declares to be its own: see tables_of.


# The home page of Snakemake's own report.
report: str(REPORT.absolute() / "introduction.rst")


# The machine whose own experiment is shown if it has no runs of the configured one; none where this call names one.
SHOWN_FIRST = "" if FLEET or call.names_experiment(LAYERS[1:]) else PLAN.machine


rule collect_records:
    input:
        records=local_records,
        rooflines=local_rooflines,
        machine=machine_file,
        references=REFERENCES,
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
        contents=files.digests([*REFERENCES, *config["hardware"]]),
    shell:
        "python workflow/scripts/collect_records.py --on-bad-record {params.bad} --references {input.references:q} "
        "--hardware {input.hardware:q} --level {params.level} -- results/report 2> {log}"


rule make_tables:
    input:
        written("runs", "controls", "peaks", "machines"),
        hardware=config["hardware"],
        claims=config["claims"],
    output:
        tables_of("make_tables"),
    log:
        "results/logs/make_tables.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("make_tables.py", "analysis"),
        preferred=PLAN.settings_digest,
        machine=SHOWN_FIRST,
        comparisons=workloads.canonical_json(config["comparisons"]),
        baseline=config["baseline"],
        contents=files.digests([*config["hardware"], *config["claims"]]),
    shell:
        "python workflow/scripts/make_tables.py --settings {params.preferred} --machine={params.machine:q} --comparisons={params.comparisons:q} "
        "--baseline={params.baseline:q} --hardware {input.hardware:q} --claims {input.claims:q} -- results/report 2> {log}"


# Figures and page in one process: see the script.
rule render_page:
    input:
        written(*(table.name for table in tables.TABLES)),
        references=REFERENCES,
        templates=expand("workflow/report/{file}.j2", file=["page.html", "report.md", "introduction.rst"]),
        included=expand("workflow/report/{file}", file=["page.css", "page.js", "statistics.js", "choose.js"]),
        example=[str(path) for path in Path("results/example").glob("cells.csv")],
    output:
        # Replaced as a whole by the script, all of it; Snakemake would remove one file after the other, and may be
        # killed meanwhile.
        report(
            update(directory("results/report/figures")),
            patterns=["{name}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels=figure_labels,
        ),
        report(
            update("results/report/index.html"),
            caption="../report/page.rst",
            category="Page",
            labels={"page": "The whole report"},
        ),
        update("results/report/report.md"),
        update("results/report/summary.md"),
        update("results/report/introduction.rst"),
    log:
        "results/logs/render_page.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=layers.digest("render_page.py", "report"),
        preferred=PLAN.settings_digest,
        machine=SHOWN_FIRST,
        contents=files.digests(REFERENCES),
        captions=figures.captions(),
        png=config["png"],
        grid=described_grid,
        comparisons=workloads.canonical_json(config["comparisons"]),
    shell:
        "python workflow/scripts/render_page.py --report results/report --settings {params.preferred} --machine={params.machine:q} "
        "--grid {params.grid:q} --comparisons={params.comparisons:q} --example results/example --references {input.references:q} "
        "--templates workflow/report --png {params.png} 2> {log}"


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
