"""The report as one HTML page and as Markdown: the same document, written twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2

import trainmark
from trainmark import escaping, stacks
from trainmark.contents import figures
from trainmark.records.record import INVENTED, NOT_CONVERGED, OK
from trainmark.report.sections import (
    additions,
    chooser,
    claims,
    details,
    energy_and_controls,
    first_screen,
    headline,
    other_experiments,
    repeating,
    speed,
)
from trainmark.report.sections.document import MOST_ROWS, Document
from trainmark.report.sections.report_data import ReportData
from trainmark.words import enumerate_words, plural

INTRO = (
    "A stack is a pinned set of software. A test case is one machine, stack, device, model and batch size. Each run is "
    "a process of its own that trains once, from fresh weights. The repeats of a test case are the sample."
)
# Rows beyond which a table on the page is folded, and is left out of the Markdown.
FOLDED_ROWS = 60


def write(data: ReportData) -> Document:
    """The whole report."""
    t, runs = data.tables, data.runs
    ok = runs[runs["status"] == OK]
    machines = runs["machine"].nunique()
    first, days = runs.iloc[0], sorted({runs["started_at"].min()[:10], runs["ended_at"].max()[:10]})
    lead = (
        f"{len(ok):,} of {plural(len(runs), 'run')} ok on {plural(machines, 'machine')}, measured "
        f"{' to '.join(days)}{'' if data.shown.all() else '; one of several experiments is shown'}. "
        f"{data.suite.title}, {first['train_samples']:,} training images, {plural(int(first['epochs']), 'epoch')}, "
        f"float32; experiment {data.experiment[0][:12]}, protocol {data.experiment[1]}."
    )
    said = {
        headline.FASTER: headline.which_is_faster(runs, t["comparisons_summary"], t["break_even"]),
        headline.NOISE: headline.does_it_hold(data.cells, t["comparisons"])
        + repeating.noticed(t["outliers"], len(ok))
        + headline.did_it_drift(t["drift"]),
        headline.LEARNED: headline.did_they_learn(runs, t["comparisons"]),
        headline.ARTICLE: headline.what_of_the_article(claims.of_these_machines(t["claims"])),
    }
    parts = [
        claims.ledger(data),
        *speed.article(data),
        *energy_and_controls.all_of_it(data),
        *speed.other_comparisons(data),
        *other_experiments.all_of_them(data),
        details.every_cell(data),
        *details.not_counted(data),
        *details.provenance(data),
    ]
    parts = additions.gather(data, parts)
    claims.link_back(parts)
    first = first_screen.first_screen(data)
    return Document(
        f"Training time of {data.suite.kind}",
        lead,
        first,
        f"{data.suite.experiment} {INTRO}",
        said,
        list(alerts(data)),
        parts,
        chooser.choices(data),
    )


def alerts(data: ReportData) -> Iterable[tuple[str, str]]:
    """What has to be known before anything else is read, each with the section that tells more."""
    yield from _run_alerts(data)
    controls = int((data.controls["status"] != OK).sum())
    if controls:
        yield (
            f"{plural(controls, 'control')} failed or did not converge and {_is(controls)} left out.",
            "failed-controls",
        )
    for why in data.grid.get("left_out_why", []):
        yield f"Left out: {why}.", ""
    missing = len(data.missing)
    if missing:
        yield (
            f"{plural(missing, 'test case')} of the configured grid {'lacks' if missing == 1 else 'lack'} runs.",
            "missing",
        )
    lost = len(data.grid.get("lost", []))
    if lost:
        yield f"{plural(lost, 'job')} of the last command ended without a record.", "lost"
    if len(data.experiments) > 1:
        names = chooser.experiment_names(data)
        each = [
            f"{names[other.experiment]} ({plural(len(other.runs), 'run')} on "
            f"{enumerate_words(sorted(other.runs['machine'].unique()))})"
            for other in other_experiments.others(data)
        ]
        yield (
            f"There are {len(data.experiments)} experiments, and only runs of the same one are compared. Shown: "
            f"{names[data.experiment]}. Also here: {'; '.join(each)}. Choose it below, or begin the page with it: "
            f"{other_experiments.report_command(data, other_experiments.others(data)[0])}",
            other_experiments.KEY,
        )
    for name in data.configured:
        if name not in set(data.tables["comparisons"]["comparison"]):
            yield f"{name}: not measured. No test case was measured on both sides of this comparison.", ""
    bad = len(data.tables["excluded_files"])
    if bad:
        yield f"{plural(bad, 'file')} cannot be used and {_is(bad)} left out.", "bad-files"


def _run_alerts(data: ReportData) -> Iterable[tuple[str, str]]:
    """What has to be known of the runs of the experiment that is shown."""
    runs = data.runs
    bad, invented = (int((runs["status"] == status).sum()) for status in (NOT_CONVERGED, INVENTED))
    failed = int((runs["status"] != OK).sum()) - bad - invented
    if invented:
        yield (
            f"{plural(invented, 'run')} trained on invented data, to try the suite {data.suite.name}, and "
            f"{_is(invented)} in no figure and no comparison.",
            "failed",
        )
    elif not (runs["status"] == OK).any():
        yield "No run is ok, so there is nothing to draw.", "failed"
    if runs["epochs"].max() == 1:
        yield (
            "One epoch only: start-up is much of the time and there is no steady state. This is a trial, not a result.",
            "",
        )
    if bad:
        yield f"{plural(bad, 'run')} did not converge and {_is(bad)} in no ratio.", "failed"
    unpinned = runs[runs["stack"].map(stacks.is_unpinned).astype(bool)]
    if len(unpinned):
        yield (
            f"{plural(len(unpinned), 'run')} {'was' if len(unpinned) == 1 else 'were'} made with software that no lock "
            f"pins ({enumerate_words(sorted(unpinned['stack'].unique()))}): compared only where the configuration "
            "names it.",
            "software",
        )
    if failed:
        yield f"{plural(failed, 'run')} failed and {_is(failed)} in no figure and no ratio.", "failed"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def with_figures(data: ReportData, planned: Iterable[Mapping[str, Any]], folder: Path) -> ReportData:
    """The data with the figures, which need not be drawn before the page is rendered.

    Args:
        data: as ``report_data.read_report`` gives it.
        planned: what ``figure_spec.index`` says of the figures.
        folder: in which they are, or will be.
    """
    more = ((entry, entry["name"]) for entry in planned)
    found = {
        name: {**entry, "caption": figures.named(name).caption, "file": folder / f"{name}.html"} for entry, name in more
    }
    return replace(data, figures=found)


def render(document: Document, template: Path) -> str:
    """The document as the template's kind of text: HTML if its name says so, else Markdown."""
    as_html = ".html" in template.suffixes
    escape = escaping.html if as_html else escaping.markdown
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=as_html,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever is put in is made harmless, but what the template itself calls safe, since it is our own.
        finalize=lambda value: escape(value) if isinstance(value, str) and not hasattr(value, "__html__") else value,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    bounds = {"most": MOST_ROWS, "folded": FOLDED_ROWS, "most_verdicts": claims.MOST_VERDICTS}
    context = {"version": trainmark.__version__, "document": document, **bounds}
    return str(environment.get_template(template.name).render(**context))
