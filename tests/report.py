"""The report's tables, figures and pages, made in this process as the workflow's scripts make them."""

import functools
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pytest
from trainmark.analysis import collecting, comparison_tables, convergence, experiments, ledger, table_files
from trainmark.experiment import workloads
from trainmark.ingest import catalogue
from trainmark.planning import claim_files
from trainmark.report import page
from trainmark.report.figures import drawing, figure_list, figure_spec, looks
from trainmark.report.sections import document as documents
from trainmark.report.sections import report_data

from tests import shared, synthetic
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
    """A report, of which no more is made than a test asks for: the tables are there, the rest is made when it is read.

    Attributes:
        folder: of the tables.
        configured: names of the configured comparisons.
        gate: which runs were held against.
        draw: whether figures are drawn, or the names of those that are; the others are planned and empty.
    """

    folder: Path
    configured: list[str]
    gate: convergence.Gate
    draw: bool | Collection[str]

    @functools.cached_property
    def exhibits(self) -> list[figure_spec.Exhibit]:
        """The figures, of which those that are wanted are drawn."""
        runs, figures = self.data.runs, self.folder / "figures"
        planned = figure_list.plan(self.data.tables, runs, self.gate.references)
        names = {each.name for each in planned if self.draw is True or (self.draw and each.name in self.draw)}
        drawn = [each for each in planned if each.name in names]
        with drawing.drawing(drawn, looks.assign_looks(runs), figures, png=False) as finish:
            finish()
        for exhibit in planned:
            if exhibit.name not in names:
                (figures / f"{exhibit.name}.html").write_text("<p>not drawn</p>")
        figure_spec.write_index(planned, figures / "figures.json")
        return planned

    @functools.cached_property
    def data(self) -> report_data.ReportData:
        """What the page is made from, but for the figures."""
        return report_data.read_report(self.folder, GRID, self.configured, PREFERENCE, ROOT / "results/example")

    @functools.cached_property
    def document(self) -> documents.Document:
        """The whole page."""
        return page.write(page.with_figures(self.data, figure_spec.index(self.exhibits), self.folder / "figures"))

    @functools.cached_property
    def html(self) -> str:
        """The page as HTML."""
        return page.render(self.document, TEMPLATES / "page.html.j2")

    @functools.cached_property
    def markdown(self) -> str:
        """The page as Markdown."""
        return page.render(self.document, TEMPLATES / "report.md.j2")

    @functools.cached_property
    def file(self) -> Path:
        """The page in a file."""
        file = self.folder / "index.html"
        file.write_text(self.html)
        return file

    def section(self, key: str) -> str:
        """The HTML of one section."""
        return self.html.split(f'id="{key}"')[1].split("<h2")[0].split("<h3")[0]

    def with_figures(self) -> "Report":
        """The same with its figures drawn."""
        assert self.exhibits
        return self

    def whole(self) -> "Report":
        """The same with all of it made, before others take it."""
        assert self.file
        assert self.markdown
        return self


# Read once, which takes longer than all that is made of a few records.
@functools.cache
def _hardware() -> dict:
    return catalogue.load([ROOT / "config/hardware.yaml"])


@functools.cache
def _claims() -> ledger.Ledger:
    return ledger.load(ROOT / path for path in claim_files.SHIPPED)


def write_tables(
    records,
    folder: Path,
    configured=(),
    kinds=None,
    gate=WITHOUT_REFERENCES,
    described: bool = True,
    only: Collection[str] | None = None,
) -> None:
    """The report's CSVs in ``folder``: every one, or those ``only`` beside the collected ones."""
    synthetic.write_tree(records, folder, kinds, described)
    collecting.collect(folder / "results/machines", ROOT / "workflow/schemas", folder, skip_bad=True, gate=gate)
    inputs = comparison_tables.Inputs(folder, PREFERENCE, configured, "auto", _claims(), _hardware())
    if only is None:
        comparison_tables.write(inputs)
    for name in () if only is None else ("specifications", *only):  # others are made from that file
        table_files.write(folder, name, inputs.made(name))


def make(
    records,
    folder: Path,
    configured=(),
    kinds=None,
    draw: bool | Collection[str] = True,
    gate=WITHOUT_REFERENCES,
    described: bool = True,
) -> Report:
    """The tables and the figures that are to be drawn; all else is made as soon as it is read."""
    write_tables(records, folder, configured, kinds, gate, described)
    found = Report(folder, [each["name"] for each in configured], gate, draw)
    return found.with_figures() if draw else found


def five() -> list[dict]:
    """Records of the article's five machines, with meters and controls."""
    records = synthetic.article(metered=True)
    plain = [record for record in records if (record["machine"], record["device"]) == ("synthetic-v100", "gpu")]
    for record in plain:
        record["execution"]["intra_op_threads"] = 8
    return records + synthetic.controls_of(plain, "device-data", 1.25) + synthetic.controls_of(plain, "threads-4", 1.01)


FIVE_GATE = convergence.Gate(synthetic.references(), 0.001)


def of_five(factory: pytest.TempPathFactory) -> Report:
    """The whole report of these, made once for all tests; nobody may change it."""
    return shared.make_once(factory, "five", lambda folder: make(five(), folder, gate=FIVE_GATE).whole())
