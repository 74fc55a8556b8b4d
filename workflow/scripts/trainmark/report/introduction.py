"""The home page of Snakemake's own report, which takes it from a file."""

from __future__ import annotations

from pathlib import Path

import jinja2

import trainmark
from trainmark import escaping
from trainmark.report.sections.document import Document


def render(document: Document, template: Path) -> str:
    """The introduction as reStructuredText that Snakemake's templates leave as it is."""
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: escaping.rst(value) if isinstance(value, str) else value,
    )
    template_of_it = environment.from_string(template.read_text())
    return str(template_of_it.render(document=document, version=trainmark.__version__))
