"""The figures of the report in their order, each of the rows that it is to show."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from trainmark.analysis import convergence, experiments
from trainmark.analysis.experiments import Experiment
from trainmark.contents import figures, making, tables
from trainmark.contents.figures import Figure
from trainmark.contents.table import EXPERIMENT
from trainmark.records.record import OK
from trainmark.report.figures import without_result
from trainmark.report.figures.figure_spec import Exhibit, lacking

# Rows of a figure beyond which nobody reads it.
MOST_SERIES = 60


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the figures are of.

    Attributes:
        tables: name -> table, of every CSV in results/report.
        everything: runs of the experiment shown, whatever became of them.
        references: those that runs were held against.
    """

    tables: Mapping[str, pd.DataFrame]
    everything: pd.DataFrame
    references: convergence.References | None

    @property
    def experiment(self) -> Experiment:
        """The experiment shown."""
        settings, protocol = self.everything[list(EXPERIMENT)].iloc[0]
        return settings, protocol

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """Runs that are ok."""
        return self.everything[self.everything["status"] == OK]

    @property
    def cpus(self) -> pd.DataFrame:
        """Those on CPUs."""
        return self.runs[self.runs["device"] == "cpu"]

    @property
    def all_gpus(self) -> pd.DataFrame:
        """Those on GPUs."""
        return self.runs[self.runs["device"] == "gpu"]

    @property
    def apple_gpus(self) -> pd.DataFrame:
        """Those on Apple's GPUs."""
        return self._apple(self.all_gpus)

    @functools.cached_property
    def lost(self) -> pd.DataFrame:
        """Test cases without a result."""
        return without_result.cases(self.everything)

    @property
    def lost_on_cpus(self) -> pd.DataFrame:
        """Those on CPUs."""
        return self.lost[self.lost["device"] == "cpu"]

    @property
    def lost_on_gpus(self) -> pd.DataFrame:
        """Those on GPUs."""
        return self.lost[self.lost["device"] == "gpu"]

    @property
    def lost_on_apple_gpus(self) -> pd.DataFrame:
        """Those on Apple's GPUs."""
        return self._apple(self.lost_on_gpus)

    def _apple(self, rows: pd.DataFrame) -> pd.DataFrame:
        known = self.given("specifications").query("kind == 'gpu' and vendor == 'apple'")
        return rows[rows["machine"].isin(known["machine"])]

    @property
    def among_apple(self) -> pd.DataFrame:
        """The cells of the article's figure 5."""
        return self._of_exhibit("5")

    @property
    def apple_against_nvidia(self) -> pd.DataFrame:
        """The cells of the article's figure 7."""
        return self._of_exhibit("7")

    @property
    def gpu_against_cpu(self) -> pd.DataFrame:
        """The cells of the article's figure 8."""
        return self._of_exhibit("8")

    def _of_exhibit(self, number: str) -> pd.DataFrame:
        cells = self.given("comparisons")
        found: pd.DataFrame = cells[cells["exhibit"] == number]
        return found

    @functools.cache  # noqa: B019, there is one of them
    def given(self, name: str) -> Any:
        """What a declaration says that its function is given: one of these attributes, or a table of that name."""
        if making.has(type(self), name):
            return getattr(self, name)
        table = self.tables[name]
        if not tables.named(name).of_every_experiment:
            return table
        return table[experiments.belongs(table, self.experiment)]


def plan(
    found: Mapping[str, pd.DataFrame], everything: pd.DataFrame, references: convergence.References | None
) -> list[Exhibit]:
    """Every figure of the report, in its order; those that cannot be drawn say why.

    Arguments are those of ``Inputs``.
    """
    inputs = Inputs(found, everything, references)
    exhibits = [_make(figure, *map(inputs.given, figure.given)) for figure in figures.FIGURES]
    others = inputs.given("comparisons").query("exhibit == ''")
    for number, (_, cells) in enumerate(others.groupby("comparison", sort=False), start=1):
        figure = figures.named(f"{figures.COMPARISON.name}_{number}")
        exhibits.append(_make(figure, cells, *map(inputs.given, figure.given[1:])))
    return exhibits


def _make(figure: Figure, *given: object) -> Exhibit:
    """A figure by the function that its declaration names, or what is said in its place where nobody could read it."""
    exhibit: Exhibit = making.function("trainmark.report.figures", figure.made_by)(figure, *given)
    if exhibit.missing or exhibit.kind == "scatter":
        return exhibit
    count = len(exhibit.table[exhibit.series].drop_duplicates())
    if count <= MOST_SERIES:
        return exhibit
    return lacking(figure, f"It would have {count} rows, more than can be read: see the tables.")
