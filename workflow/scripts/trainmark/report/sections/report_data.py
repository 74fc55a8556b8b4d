"""The tables and figures that the report is made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark.analysis import cell_statistics, table_files
from trainmark.contents import tables
from trainmark.report.figures import figure_spec


@dataclass(frozen=True)
class ReportData:
    """What the report is made from.

    Attributes:
        tables: name -> table, of every CSV in results/report.
        experiments: settings digest -> settings.
        figures: what figures.json says of the figures, with ``caption`` and ``address``.
        grid: axes of the configured grid.
        configured: names of the configured comparisons.
        experiment: settings digest and protocol of the experiment shown.
    """

    tables: Mapping[str, pd.DataFrame]
    experiments: Mapping[str, Any]
    figures: Mapping[str, Mapping[str, Any]]
    grid: Mapping[str, Any]
    configured: list[str]
    experiment: tuple[str, int]

    @property
    def shown(self) -> pd.Series:
        """Of each run, whether it belongs to the experiment shown."""
        return cell_statistics.of_experiment(self.tables["runs"], self.experiment)

    @property
    def runs(self) -> pd.DataFrame:
        """Runs of the experiment shown."""
        return self.tables["runs"][self.shown]

    @property
    def controls(self) -> pd.DataFrame:
        """Controls of the experiment shown."""
        controls = self.tables["controls"]
        return controls[cell_statistics.of_experiment(controls, self.experiment)]

    @property
    def cells(self) -> pd.DataFrame:
        """Cells of the experiment shown."""
        cells = self.tables["cells"]
        return cells[cell_statistics.of_experiment(cells, self.experiment)]


def read_report(folder: Path, grid: Mapping[str, Any], configured: list[str], preferred_settings: str) -> ReportData:
    """All tables of results/report.

    Args:
        folder: results/report.
        grid: axes of the configured grid.
        configured: names of the configured comparisons.
        preferred_settings: settings digest of the experiment to show if there are runs of it.
    """
    found = {table.name: table_files.read(folder, table.name) for table in tables.TABLES}
    experiments = found["experiments"].set_index("settings_digest")["settings"].map(json.loads).to_dict()
    figures = {entry["name"]: entry for entry in figure_spec.read_index(folder / "figures" / "figures.json")}
    experiment = cell_statistics.choose_experiment(found["runs"], preferred_settings)
    return ReportData(found, experiments, figures, grid, configured, experiment)


def why_apart(data: ReportData, settings: str, protocol: int) -> str:
    """In what an experiment or protocol differs from the one shown; empty where it is that one."""
    found = cell_statistics.difference(data.experiments[data.experiment[0]], data.experiments[settings])
    if protocol != data.experiment[1]:
        found.append(f"protocol {protocol} against {data.experiment[1]}")
    return ", ".join(found)
