"""The report's tables, figures and pages, made in this process as the workflow's scripts make them."""

import csv
from dataclasses import dataclass
from pathlib import Path

from trainmark import (
    catalogue,
    claims,
    collecting,
    content,
    convergence,
    derived,
    exhibits,
    figures,
    gallery,
    page,
    tables,
    workloads,
)
from trainmark import (
    document as documents,
)

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
    data: content.ReportData
    exhibits: list[exhibits.Exhibit]
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
    runs = tables.read_runs(folder / "runs.csv")
    specifications = tables.read_specifications(folder / "specifications.csv")
    chosen, peaks = tables.comparable(runs, SETTINGS), tables.read_table(folder / "peaks.csv")
    ledger, ids = claims.load([ROOT / "config/claims.yaml"]), tables.hardware_ids(specifications)
    written = {
        "cells": tables.summarise(runs),
        **derived.derive(folder, SETTINGS, configured, "auto"),
        "claims": claims.judge_all(ledger, chosen, peaks, ids),
        "published": claims.published(ledger, chosen, ids),
    }
    for name, table in written.items():
        (folder / f"{name}.csv").write_text(tables.csv_text(table))


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
    runs = tables.of_shown_experiment(tables.read_runs(folder / "runs.csv"), SETTINGS)
    planned = gallery.plan(folder, runs, gate.references)
    if draw:
        figures.draw_all(planned, figures.assign_looks(runs), folder / "figures")
    else:
        (folder / "figures").mkdir()
        for exhibit in planned:
            (folder / "figures" / f"{exhibit.name}.svg").write_text("<svg/>")
    exhibits.write_index(planned, folder / "figures" / "figures.json")
    data = content.read_report(folder, GRID, [c["name"] for c in configured], SETTINGS)
    captions = TEMPLATES / "figures.rst"
    document = page.write(page.with_figures(data, folder / "figures", captions))
    html = page.render(document, TEMPLATES / "page.html.j2")
    (folder / "index.html").write_text(html)
    return Report(folder, data, planned, document, html, page.render(document, TEMPLATES / "report.md.j2"))
