"""The page's section on the experiments that are not the one shown first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trainmark.experiment import suites, workloads
from trainmark.report.sections import chooser, first_screen, matrices
from trainmark.report.sections.document import Section
from trainmark.report.sections.report_data import ReportData
from trainmark.words import enumerate_words, plural

KEY = "experiments"


def others(data: ReportData) -> list[ReportData]:
    """The data of each other experiment."""
    return [replace(data, experiments=[each]) for each in data.experiments[1:]]


def all_of_them(data: ReportData) -> list[Section]:
    """Each other experiment's ranking; nothing where there is one experiment."""
    names = chooser.experiment_names(data)
    found = []
    for number, other in enumerate(others(data), start=1):
        screen = first_screen.first_screen(other)
        tables = [replace(screen.table, name=f"{screen.table.name}-{number}")] if screen.table else []
        nothing = data.tables["outliers"].iloc[:0]
        own = matrices.of_one_machine(other.cells, nothing, other.example) if screen.own else None
        times = [replace(own, name=f"{own.name}-{number}")] if own else []
        runs = f"{plural(len(other.runs), 'run')} on {enumerate_words(sorted(other.runs['machine'].unique()))}."
        title = f"Experiment: {names[other.experiment]}"
        texts = [runs, screen.sentence, "To draw the whole page for it:"]
        command = report_command(data, other)
        found.append(Section(f"{KEY}-{number}", title, texts, tables=tables, code=[command], level=3, matrices=times))
    return [Section(KEY, "Other experiments", [_SAID]), *found] if found else []


_SAID = (
    "Runs are compared only if they computed the same, so each experiment has a ranking of its own. The page shows the "
    "configured experiment first, or else the one that was measured on this computer."
)


def report_command(data: ReportData, other: ReportData) -> str:
    """What to type so that an experiment is the one shown first."""
    settings = [_configuration_of(data.settings[digest]) for digest, _ in data.experiments]
    mine = _configuration_of(data.settings[other.experiment[0]])
    varies = [key for key in mine if len({str(each.get(key)) for each in settings}) > 1]
    pairs = " ".join(f"{key}={str(mine[key]).lower()}" for key in varies or mine)
    return f"{data.program} --cores 1 --config {pairs} -- report"


def _configuration_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration's keys of an experiment, its suite among them also where no workload names it."""
    return {"suite": suites.DEFAULT, **workloads.configuration_of(settings)}
