"""Which runs belong together: those of one experiment, measured by one protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from trainmark.analysis import cell_statistics
from trainmark.experiment import suites
from trainmark.records.record import OK

# Settings digest and protocol.
Experiment = tuple[str, int]


@dataclass(frozen=True)
class Preference:
    """Which experiment the reader wants to see first.

    Attributes:
        settings: settings digest of the configured one.
        machine: this computer's name.
    """

    settings: str
    machine: str = ""


def in_order(runs: pd.DataFrame, preference: Preference) -> list[Experiment]:
    """Every experiment, the one to be shown first at the beginning.

    That is the configured one. If this computer has runs, but none of that, it is the one that this computer has the
    most runs of: whoever measured wants to see it. If there are no runs of the configured one, it is the one with the
    most runs. The newest protocol comes first.

    Args:
        runs: runs.csv.
        preference: of the reader.

    Returns:
        Settings digests and protocols.
    """
    keys = ["settings_digest", "protocol"]
    mine = runs[runs["machine"] == preference.machine]
    counts, of_mine = runs["settings_digest"].value_counts(), mine["settings_digest"].value_counts()
    wanted = preference.settings in (of_mine.index if len(of_mine) else counts.index)

    def rank(experiment: Experiment) -> tuple[Any, ...]:
        settings, protocol = experiment
        configured = wanted and settings == preference.settings
        return not configured, -of_mine.get(settings, 0), -counts[settings], settings, -protocol

    found = [(str(settings), int(protocol)) for settings, protocol in set(zip(*(runs[key] for key in keys)))]
    return sorted(found, key=rank)


def belongs(table: pd.DataFrame, experiment: Experiment) -> pd.Series:
    """For each row of a table of runs or cells, whether it belongs to the experiment."""
    settings, protocol = experiment
    return (table["settings_digest"] == settings) & (table["protocol"] == protocol)


def of_shown(runs: pd.DataFrame, preference: Preference) -> pd.DataFrame:
    """The runs of the experiment that is shown first, whatever became of them; arguments as for ``in_order``."""
    return runs[belongs(runs, in_order(runs, preference)[0])]


def comparable(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of an experiment that may be compared: those that are ok, each cell measured in one way."""
    return cell_statistics.alike(runs[runs["status"] == OK])


def difference(shown: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> list[str]:
    """In which fields two experiments differ, each as "epochs 5 against 3"; the other's value first."""
    found = []
    for key in sorted({*shown, *other}):
        absent = suites.DEFAULT if key == "suite" else None  # which workloads do not name
        ours, theirs = shown.get(key, absent), other.get(key, absent)
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            found += difference(ours, theirs, f"{prefix}{key} ")
        elif ours != theirs:
            name = f"{prefix}{key}".replace("_", " ")
            found.append(f"{name} {cell_statistics.short(theirs)} against {cell_statistics.short(ours)}")
    return found
