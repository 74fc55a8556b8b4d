"""The tables and figures that the report is made from."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark.analysis import cell_statistics, experiments, table_files
from trainmark.analysis.experiments import Experiment, Preference
from trainmark.contents import tables
from trainmark.experiment import suites
from trainmark.experiment.suites.suite import Suite


@dataclass(frozen=True)
class ReportData:
    """What the report is made from.

    Attributes:
        tables: name -> table, of every CSV in results/report.
        settings: of each experiment, by their digest.
        figures: what figures.json says of the figures, with ``caption`` and ``file``, the figure as HTML; none until
            they are planned.
        grid: axes of the configured grid.
        configured: names of the configured comparisons.
        experiments: every one, the one that is shown first at the beginning.
        configured_settings: settings digest of the configured one.
        shipped: cells of the records that this repository ships, of every experiment.
        program: how Snakemake is called here.
    """

    tables: Mapping[str, pd.DataFrame]
    settings: Mapping[str, Any]
    grid: Mapping[str, Any]
    configured: list[str]
    experiments: list[Experiment]
    configured_settings: str
    shipped: pd.DataFrame
    program: str = "snakemake"
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def experiment(self) -> Experiment:
        """The one that is shown."""
        return self.experiments[0]

    @property
    def suite(self) -> Suite:
        """The suite of the experiment that is shown."""
        return suites.of(self.settings[self.experiment[0]])

    @property
    def own(self) -> set[str]:
        """The machines that the configuration is about: this computer, or those of a fleet."""
        return set(self.grid.get("fleet") or [self.grid["machine"]])

    @functools.cached_property
    def shown(self) -> pd.Series:
        """Of each run, whether it belongs to the experiment shown."""
        return experiments.belongs(self.tables["runs"], self.experiment)

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """Runs of the experiment shown."""
        return self.tables["runs"][self.shown]

    @functools.cached_property
    def controls(self) -> pd.DataFrame:
        """Controls of the experiment shown."""
        controls = self.tables["controls"]
        return controls[experiments.belongs(controls, self.experiment)]

    @functools.cached_property
    def missing(self) -> pd.DataFrame:
        """Test cases of the configured grid that lack runs; none where another experiment is shown than its own."""
        found = cell_statistics.missing_runs(self.runs, self.grid, self.tables["runs"]["machine"])
        left_out = {(self.grid["machine"], *cell) for cell in map(tuple, self.grid.get("left_out", []))}
        cells = found[cell_statistics.CELL].itertuples(index=False, name=None)
        found = found[[cell not in left_out for cell in cells]] if left_out else found
        return found if self.experiment[0] == self.configured_settings else found[:0]

    def of_experiment(self, name: str) -> pd.DataFrame:
        """The rows of the experiment shown, of a table that holds every experiment's."""
        table = self.tables[name]
        return table[experiments.belongs(table, self.experiment)]

    @functools.cached_property
    def example(self) -> pd.DataFrame:
        """Cells of the experiment shown that are shipped, of machines that have no runs here."""
        shipped = self.shipped[experiments.belongs(self.shipped, self.experiment)]
        return shipped[~shipped["machine"].isin(self.runs["machine"])]

    @functools.cached_property
    def cells(self) -> pd.DataFrame:
        """Cells of the experiment shown."""
        cells = self.tables["cells"]
        return cells[experiments.belongs(cells, self.experiment)]


def read_report(
    folder: Path, grid: Mapping[str, Any], configured: list[str], preference: Preference, example: Path
) -> ReportData:
    """All tables of results/report, without figures.

    Args:
        folder: results/report.
        grid: axes of the configured grid.
        configured: names of the configured comparisons.
        preference: which experiment to show first.
        example: folder of the shipped records, with their cells.csv; it may be missing.
    """
    found = {table.name: table_files.read(folder, table.name) for table in tables.TABLES}
    settings = found["experiments"].set_index("settings_digest")["settings"].map(json.loads).to_dict()
    shipped = table_files.read(example, "cells") if (example / "cells.csv").exists() else found["cells"].iloc[:0]
    order = experiments.in_order(found["runs"], preference)
    return ReportData(found, settings, grid, configured, order, preference.settings, shipped)


def snakemake_here() -> str:
    """How Snakemake is called where this process runs: by its virtual environment, or by its name alone."""
    environment = Path(sys.prefix)
    own = environment.parent == Path.cwd() and environment.name.startswith(".venv")
    return f"{environment.name}/bin/python -m snakemake" if own else "snakemake"


def why_apart(data: ReportData, settings: str, protocol: int) -> str:
    """In what an experiment or protocol differs from the one shown; empty where it is that one."""
    found = experiments.difference(data.settings[data.experiment[0]], data.settings[settings])
    if protocol != data.experiment[1]:
        found.append(f"protocol {protocol} against {data.experiment[1]}")
    return ", ".join(found)
