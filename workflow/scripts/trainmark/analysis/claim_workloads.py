"""Which of the experiments that were measured a claim is about, and what would have to be run where none is."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trainmark import stacks
from trainmark.analysis import comparison_statistics, comparisons
from trainmark.analysis.ledger import Claim
from trainmark.experiment import suites


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of one experiment.

    Attributes:
        runs: its comparable runs of pinned stacks.
        settings: its workload but for the model, as experiments.csv has it; empty where that is not known.
        shown: whether it is the one that the page shows.
    """

    runs: pd.DataFrame
    settings: Mapping[str, Any]
    shown: bool = True
    _compared: dict[Any, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    @property
    def suite(self) -> str:
        """Its suite; records from before there were suites have none."""
        return str(self.settings.get("suite", suites.DEFAULT))

    @functools.cached_property
    def moments(self) -> pd.DataFrame:
        """The moments of its cells, as ``comparison_statistics.moments`` gives them."""
        return comparison_statistics.moments(self.runs)

    def compared(self, candidate: comparisons.Side, baseline: comparisons.Side) -> pd.DataFrame:
        """The compared cells of two sides, as ``comparisons.compare`` gives them.

        They are compared once, since many claims are about other cells of the same sides.
        """
        key = tuple(candidate.items()), tuple(baseline.items())
        if key not in self._compared:
            self._compared[key] = comparisons.compare(self.moments, comparisons.Comparison("", candidate, baseline))
        return self._compared[key]

    @property
    def words(self) -> str:
        """What it is called where the page shows another one."""
        epochs = f", {self.settings['epochs']} epochs" if "epochs" in self.settings else ""
        return f"{self.suite}{epochs}"


def fitting(claim: Claim, measured: Sequence[Measured]) -> list[Measured]:
    """The experiments that a claim may be asked of, the one that the page shows first.

    A claim that names no workload is about what the page shows: it is asked of one experiment at most.
    """
    found = [each for each in measured if each.suite == claim["suite"] and _settings_fit(claim, each.settings)]
    return found if "workload" in claim else found[:1]


def _settings_fit(claim: Claim, settings: Mapping[str, Any]) -> bool:
    """Whether an experiment computes what a claim's workload says; what either does not say is no difference."""
    workload = claim.get("workload", {})
    computed = {
        "data_set": settings.get("data", {}).get("name"),
        "epochs": settings.get("epochs"),
        "train_samples": settings.get("train_samples"),
        "optimizer": settings.get("optimizer", {}).get("name"),
        "precision": settings.get("precision"),
    }
    return all(value is None or workload.get(key, value) == value for key, value in computed.items())


def has_framework(claim: Claim, stack: str) -> bool:
    """Whether a stack's framework is the one that a claim names; any is if it names none."""
    wanted = claim.get("workload", {}).get("framework")
    return wanted is None or stacks.framework(stack) == wanted


def command(claim: Claim) -> str:
    """What to type to measure what a claim is about; nothing for a claim that names no workload or cannot be tested."""
    workload = claim.get("workload", {})
    if "cannot_run" in claim or "cells" not in claim or not workload:
        return ""
    pairs = [] if claim["suite"] == suites.DEFAULT else [f"suite={claim['suite']}"]
    if set(claim["cells"]["models"]) != set(suites.named(claim["suite"]).models):
        pairs.append(f"'models=[{','.join(claim['cells']['models'])}]'")
    sizes = claim.get("with_batch_sizes", claim["cells"]["batch_sizes"])  # one command for a table
    pairs.append(f"'batch_sizes=[{','.join(map(str, sizes))}]'")
    pairs += [f"{key}={workload[key]}" for key in ("epochs", "train_samples") if key in workload]
    pairs += [f"'stacks=[{stack}]'" for stack in _stack(claim)]
    return f"snakemake --cores 1 --config {' '.join(pairs)}"


def _stack(claim: Claim) -> list[str]:
    """The stack that has to be named for a claim: its own, or the newest of a framework that is not the default."""
    if "stack" in claim["candidate"]:
        return [claim["candidate"]["stack"]]
    wanted = claim["workload"].get("framework")
    if wanted in (None, stacks.framework(stacks.DEFAULT)):
        return []
    return [stack for stack in stacks.names() if stacks.framework(stack) == wanted][-1:]
