"""The report as one HTML page and as Markdown: the same document, written twice."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2

import trainmark
from trainmark.content import ReportData
from trainmark.document import Column, Document

# Rows that a table on the page has at most; more would make it slow to open. The CSV file beside it has them all.
MOST_ROWS = 3000
# Rows beyond which a table on the page is folded, and is left out of the Markdown.
FOLDED_ROWS = 60


def with_figures(data: ReportData, folder: Path, captions: Path, embedded: bool) -> ReportData:
    """The data with each figure's caption and address.

    Args:
        data: as ``content.read_report`` gives it.
        folder: of the figures.
        captions: the template of the captions, which Snakemake's own report has too.
        embedded: whether the address holds the whole figure, or leads to the file.
    """
    template = jinja2.Template(captions.read_text())
    figures = {}
    for name, entry in data.figures.items():
        found: dict[str, Any] = {"caption": " ".join(template.render(snakemake={"wildcards": {"name": name}}).split())}
        if not entry["missing"]:
            found["address"] = _data_address(folder / f"{name}.svg") if embedded else f"figures/{name}.png"
        figures[name] = {**entry, **found}
    return replace(data, figures=figures)


def _data_address(path: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()


def render(document: Document, template: Path) -> str:
    """The document as the template's kind of text: HTML if its name says so, else Markdown."""
    html = ".html" in template.suffixes
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent), autoescape=html, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["cell"] = markdown_cell
    context = {"version": trainmark.__version__, "most": MOST_ROWS, "folded": FOLDED_ROWS, "document": document}
    return environment.get_template(template.name).render(**context)


def markdown_cell(row: Mapping[str, Any], column: Column) -> str:
    """A value as a cell of a Markdown table, which neither a bar nor a line break may end."""
    return column.show(row.get(column.key)).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
