"""Every table of the report that is made from the runs and compares them."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark.analysis import cell_statistics, comparisons, table_files
from trainmark.analysis.comparisons import Comparison
from trainmark.contents import tables
from trainmark.contents.table import COMPARE


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the tables are made from.

    Attributes:
        report: folder of runs.csv, controls.csv, peaks.csv and specifications.csv.
        preferred_settings: settings digest of the experiment to compare if there are runs of it.
        configured: the configuration's comparisons; without any, the sensible ones are made.
        baseline: a machine, or auto.
    """

    report: Path
    preferred_settings: str
    configured: Iterable[Mapping[str, Any]]
    baseline: str

    @functools.cached_property
    def _everything(self) -> pd.DataFrame:
        return table_files.read(self.report, "runs")

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """The runs that may be compared."""
        return cell_statistics.comparable(self._everything, self.preferred_settings)

    @functools.cached_property
    def controls(self) -> pd.DataFrame:
        """The controls of the experiment shown, whatever became of them."""
        controls = table_files.read(self.report, "controls")
        shown = cell_statistics.choose_experiment(self._everything, self.preferred_settings)
        return controls[cell_statistics.of_experiment(controls, shown)]

    @functools.cached_property
    def gpus(self) -> pd.DataFrame:
        """What was published of the GPUs."""
        return table_files.read(self.report, "specifications").query("kind == 'gpu'")

    @functools.cached_property
    def wanted(self) -> list[Comparison]:
        """What is compared; raises TrainmarkError if nothing of the baseline's runs can be."""
        further = comparisons.configured(self.configured) or comparisons.sensible(self.runs, self.baseline)
        return comparisons.article(self.runs, self.gpus, self.baseline) + further

    @property
    def gpu_against_cpu(self) -> pd.DataFrame:
        """The compared cells of the GPU and the CPU of each machine."""
        return self.made("comparisons").query("exhibit == '8'")

    @functools.cache  # noqa: B019, there is one of them
    def made(self, name: str) -> pd.DataFrame:
        """A table, by the function that its declaration names."""
        table = tables.named(name)
        module, function = table.made_by.split(".")
        make = getattr(importlib.import_module(f"trainmark.analysis.{module}"), function)
        found: pd.DataFrame = make(*map(self.given, table.given))
        return found

    def given(self, name: str) -> Any:
        """What a declaration says that its function is given: one of these attributes, or a table of that name."""
        if hasattr(self, name):
            return getattr(self, name)
        return self.made(name) if tables.named(name).made_by else table_files.read(self.report, name)


def write(inputs: Inputs) -> None:
    """Write them all beside what they are made from.

    Raises:
        TrainmarkError: if there are runs, and none of the baseline.
    """
    for table in tables.of_rule(COMPARE):
        table_files.write(inputs.report, table.name, inputs.made(table.name))
