"""Every table of the report that is made from the collected ones."""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark.analysis import (
    comparison_statistics,
    comparisons,
    equal_nodes,
    experiments,
    over_time,
    ranking,
    specifications,
    table_files,
)
from trainmark.analysis.claim_workloads import Measured
from trainmark.analysis.comparisons import Comparison
from trainmark.analysis.experiments import Experiment, Preference
from trainmark.analysis.ledger import Ledger
from trainmark.contents import making, tables
from trainmark.contents.table import EXPERIMENT, MAKE, Table
from trainmark.ingest import catalogue


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the tables are made from.

    Attributes:
        report: folder of the collected tables, and of what is written.
        preference: which experiment is shown first.
        configured: the configuration's comparisons; without any, the sensible ones are made.
        baseline: a machine, or auto.
        ledger: the published claims and tables.
        published_hardware: figures of hardware, as ``catalogue.load`` gives them.
        chosen: the experiment that the tables are of, None for the one that is shown first.
    """

    report: Path
    preference: Preference
    configured: Iterable[Mapping[str, Any]]
    baseline: str
    ledger: Ledger
    published_hardware: Mapping[str, Any]
    chosen: Experiment | None = None

    @functools.cached_property
    def everything(self) -> pd.DataFrame:
        """All runs."""
        return table_files.read(self.report, "runs")

    @functools.cached_property
    def all_experiments(self) -> list[Experiment]:
        """Every experiment, the one that is shown first at the beginning."""
        return experiments.in_order(self.everything, self.preference)

    @property
    def experiment(self) -> Experiment:
        """The experiment that the tables are of."""
        return self.chosen or self.all_experiments[0]

    @functools.cached_property
    def each_experiment(self) -> list[Inputs]:
        """The same of every experiment."""
        return [self, *(replace(self, chosen=other) for other in self.all_experiments[1:])]

    @functools.cached_property
    def shown(self) -> pd.DataFrame:
        """The runs of the experiment, whatever became of them."""
        return self.everything[experiments.belongs(self.everything, self.experiment)]

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """The runs that may be compared."""
        return experiments.comparable(self.shown)

    @functools.cached_property
    def earlier(self) -> pd.DataFrame:
        """The runs of machines' earlier sessions, of the experiment, that may be compared."""
        earlier = table_files.read(self.report, "earlier_runs")
        return over_time.comparable(earlier[experiments.belongs(earlier, self.experiment)])

    @functools.cached_property
    def moments(self) -> pd.DataFrame:
        """The moments of their cells, by which they are compared."""
        return comparison_statistics.moments(self.runs)

    @functools.cached_property
    def pinned_runs(self) -> pd.DataFrame:
        """Those of stacks that a lock pins; the others are compared only where the configuration names them."""
        return comparisons.pinned(self.runs)

    @functools.cached_property
    def pinned_moments(self) -> pd.DataFrame:
        """The moments of their cells."""
        return comparisons.pinned(self.moments)

    @functools.cached_property
    def measured(self) -> list[Measured]:
        """What was measured of each experiment, the one that the tables are of at the beginning."""
        settings = table_files.read(self.report, "experiments").set_index("settings_digest")["settings"]
        return [
            Measured(each.pinned_runs, json.loads(settings.get(each.experiment[0], "{}")), each is self)
            for each in self.each_experiment
        ]

    @functools.cached_property
    def controls(self) -> pd.DataFrame:
        """The controls of the experiment, whatever became of them."""
        controls = table_files.read(self.report, "controls")
        return controls[experiments.belongs(controls, self.experiment)]

    @functools.cached_property
    def machines(self) -> list[dict[str, str]]:
        """Rows of machines.csv, every value a text."""
        with (self.report / tables.named("machines").file).open(newline="") as file:
            return list(csv.DictReader(file))

    @functools.cached_property
    def node_cells(self) -> pd.DataFrame:
        """The cells that several machines of one kind have measured."""
        return equal_nodes.cells(self.runs, self.machines)

    @functools.cached_property
    def specifications(self) -> pd.DataFrame:
        """What was published of the hardware, as it was written before."""
        return table_files.read(self.report, "specifications")

    @functools.cached_property
    def gpus(self) -> pd.DataFrame:
        """What was published of the GPUs."""
        return self.specifications.query("kind == 'gpu'")

    @property
    def hardware_ids(self) -> dict[str, set[str]]:
        """Machine -> ids and families of its hardware."""
        return specifications.hardware_ids(self.specifications)

    @property
    def published_peaks(self) -> dict[str, float]:
        """Id of each GPU, and family of GPUs with one peak -> published FP32 peak, TFLOPS."""
        return catalogue.peaks(self.published_hardware)

    @functools.cached_property
    def wanted(self) -> list[Comparison]:
        """What is compared; raises TrainmarkError if nothing of the baseline's runs can be."""
        runs = self.pinned_runs
        further = comparisons.configured(self.configured) or comparisons.sensible(runs, self.baseline)
        return comparisons.article(runs, self.gpus, self.baseline) + further

    @property
    def gpu_against_cpu(self) -> pd.DataFrame:
        """The compared cells of the GPU and the CPU of each machine."""
        return self.made("comparisons").query("exhibit == '8'")

    @functools.cached_property
    def against_baseline(self) -> pd.DataFrame:
        """The compared cells of every series and the one that all are held against."""
        return ranking.against_baseline(self.pinned_moments, self.baseline)

    @functools.cache  # noqa: B019, there is one of them
    def made(self, name: str) -> pd.DataFrame:
        """A table, by the function that its declaration names."""
        table = tables.named(name)
        if not table.of_every_experiment:
            return self._made(table)
        parts = [each._made(table).assign(**dict(zip(EXPERIMENT, each.experiment))) for each in self.each_experiment]
        parts = [part for part in parts if len(part)] or [table_files.nothing(name)]
        return pd.concat(parts)[table.keys]

    def _made(self, table: Table) -> pd.DataFrame:
        make = making.function("trainmark.analysis", table.made_by)
        found: pd.DataFrame = make(*map(self.given, table.given))
        return found

    def given(self, name: str) -> Any:
        """What a declaration says that its function is given: one of these attributes, or a table of that name."""
        if making.has(type(self), name):
            return getattr(self, name)
        return self.made(name) if tables.named(name).made_by else table_files.read(self.report, name)


def write(inputs: Inputs) -> None:
    """Write them all beside what they are made from, those first that others are made from.

    Raises:
        TrainmarkError: if there are runs, and none of the baseline.
    """
    for table in tables.of_rule(MAKE):
        table_files.write(inputs.report, table.name, inputs.made(table.name))
