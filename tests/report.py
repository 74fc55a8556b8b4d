"""The report's tables, figures and pages, made in this process as the workflow's scripts make them."""

import functools
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from trainmark.analysis import collecting, comparison_tables, convergence, experiments, ledger
from trainmark.experiment import workloads
from trainmark.ingest import catalogue
from trainmark.planning import claim_files
from trainmark.report import page
from trainmark.report.figures import drawing, figure_list, figure_spec, looks
from trainmark.report.sections import document as documents
from trainmark.report.sections import report_data

from tests import synthetic
from tests.conftest import CONFIG, ROOT

SETTINGS = workloads.settings_digest(workloads.describe("mlp", CONFIG))
PREFERENCE = experiments.Preference(SETTINGS, "synthetic-a")
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


# Read once, which takes longer than all that is made of a few records.
@functools.cache
def _hardware() -> dict:
    return catalogue.load([ROOT / "config/hardware.yaml"])


@functools.cache
def _claims() -> ledger.Ledger:
    return ledger.load(ROOT / path for path in claim_files.SHIPPED)


def write_tables(records, folder: Path, configured=(), kinds=None, gate=WITHOUT_REFERENCES, described=True) -> None:
    """Every CSV of the report, in ``folder``."""
    synthetic.write_tree(records, folder, kinds, described)
    collecting.collect(folder / "results/machines", ROOT / "workflow/schemas", folder, skip_bad=True, gate=gate)
    comparison_tables.write(comparison_tables.Inputs(folder, PREFERENCE, configured, "auto", _claims(), _hardware()))


def make(
    records,
    folder: Path,
    configured=(),
    kinds=None,
    draw: bool | Collection[str] = True,
    gate=WITHOUT_REFERENCES,
    described: bool = True,
) -> Report:
    """The whole report; figures that are not drawn, or not among the names in ``draw``, are planned and empty."""
    write_tables(records, folder, configured, kinds, gate, described)
    data = report_data.read_report(folder, GRID, [c["name"] for c in configured], PREFERENCE, ROOT / "results/example")
    planned = figure_list.plan(data.tables, data.runs, gate.references)
    names = {exhibit.name for exhibit in planned if draw is True or (draw and exhibit.name in draw)}
    looking = looks.assign_looks(data.runs)
    drawing.draw_all([e for e in planned if e.name in names], looking, folder / "figures", png=False)
    for exhibit in planned:
        if exhibit.name not in names:
            (folder / "figures" / f"{exhibit.name}.html").write_text("<p>not drawn</p>")
    figure_spec.write_index(planned, folder / "figures" / "figures.json")
    data = page.with_figures(data, figure_spec.index(planned), folder / "figures")
    document = page.write(data)
    html = page.render(document, TEMPLATES / "page.html.j2")
    (folder / "index.html").write_text(html)
    return Report(folder, data, planned, document, html, page.render(document, TEMPLATES / "report.md.j2"))
