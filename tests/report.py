"""The report's tables, figures and pages, made in this process as the workflow's scripts make them."""

import csv
from dataclasses import dataclass
from pathlib import Path

from trainmark.analysis import cell_statistics, claims, collecting, comparison_tables, convergence
from trainmark.experiment import workloads
from trainmark.ingest import catalogue
from trainmark.report import page
from trainmark.report.figures import drawing, figure_list, figure_spec
from trainmark.report.sections import document as documents
from trainmark.report.sections import report_data

from tests import synthetic
from tests.conftest import CONFIG, ROOT

SETTINGS = workloads.settings_digest(workloads.describe("mlp", CONFIG))
GRID = {
    "machine": "synthetic-a",
    "stacks": ["tf-2.19"],
    "devices": ["cpu", "gpu"],
    "models": ["mlp", "cnn", "lstm"],
    "batch_sizes": [32, 128, 512, 1024],
    "repeats": 3,
}
WITHOUT_REFERENCES = convergence.Gate(None, 0.001)
TEMPLATES = ROOT / "workflow/report"


@dataclass(frozen=True)
class Report:
    """A report and what it was made from."""

    folder: Path
    data: report_data.ReportData
    exhibits: list[figure_spec.Exhibit]
    document: documents.Document
    html: str
    markdown: str

    def section(self, key: str) -> str:
        """The HTML of one section."""
        return self.html.split(f'id="{key}"')[1].split("<h2")[0].split("<h3")[0]


def write_tables(records, folder: Path, configured=(), kinds=None, gate=WITHOUT_REFERENCES, described=True) -> None:
    """Every CSV of the report, in ``folder``."""
    synthetic.write_tree(records, folder, kinds, described)
    collecting.collect(folder / "results/machines", ROOT / "workflow/schemas", folder, skip_bad=True, gate=gate)
    known = catalogue.load([ROOT / "config/hardware.yaml"])
    with (folder / "machines.csv").open(newline="") as file:
        rows = catalogue.look_up(csv.DictReader(file), known)
    (folder / "specifications.csv").write_text(catalogue.csv_text(rows))
    runs = cell_statistics.read_runs(folder / "runs.csv")
    specifications = cell_statistics.read_specifications(folder / "specifications.csv")
    chosen, peaks = cell_statistics.comparable(runs, SETTINGS), cell_statistics.read_table(folder / "peaks.csv")
    ledger, ids = claims.load([ROOT / "config/claims.yaml"]), cell_statistics.hardware_ids(specifications)
    written = {
        "cells": cell_statistics.summarise(runs),
        **comparison_tables.derive(folder, SETTINGS, configured, "auto"),
        "claims": claims.judge_all(ledger, chosen, peaks, ids),
        "published": claims.published(ledger, chosen, ids),
    }
    for name, table in written.items():
        (folder / f"{name}.csv").write_text(cell_statistics.csv_text(table))


def make(
    records,
    folder: Path,
    configured=(),
    kinds=None,
    draw: bool = True,
    gate=WITHOUT_REFERENCES,
    described: bool = True,
) -> Report:
    """The whole report; without the drawing, figures are planned and their files empty."""
    write_tables(records, folder, configured, kinds, gate, described)
    runs = cell_statistics.of_shown_experiment(cell_statistics.read_runs(folder / "runs.csv"), SETTINGS)
    planned = figure_list.plan(folder, runs, gate.references)
    if draw:
        drawing.draw_all(planned, drawing.assign_looks(runs), folder / "figures")
    else:
        (folder / "figures").mkdir()
        for exhibit in planned:
            (folder / "figures" / f"{exhibit.name}.svg").write_text("<svg/>")
    figure_spec.write_index(planned, folder / "figures" / "figures.json")
    data = report_data.read_report(folder, GRID, [c["name"] for c in configured], SETTINGS)
    captions = TEMPLATES / "figures.rst"
    document = page.write(page.with_figures(data, folder / "figures", captions))
    html = page.render(document, TEMPLATES / "page.html.j2")
    (folder / "index.html").write_text(html)
    return Report(folder, data, planned, document, html, page.render(document, TEMPLATES / "report.md.j2"))
