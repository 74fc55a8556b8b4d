"""What the page's script needs so that a reader can choose: of every experiment the moments of each test case.

Ratios and their intervals follow from the moments alone (``analysis.comparison_statistics``): the script can hold any
series against any other one. A test holds the script's numbers against that module's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from trainmark.analysis import cell_statistics, comparison_statistics, comparisons, energy_use, experiments
from trainmark.analysis.experiments import Experiment
from trainmark.analysis.series_names import BASELINE, WHO
from trainmark.report.sections.report_data import ReportData
from trainmark.words import plural

_CASE = ["model", "batch_size"]
# Significant digits of what intervals are computed from, and of what is only shown.
_EXACT, _SHOWN = 13, 6


def choices(data: ReportData) -> dict[str, Any]:
    """Everything that a reader can choose from; empty where there is nothing to choose.

    Returns:
        ``resolved``: the properties that two test cases must share, each with where ("always", "stack" or "device");
        ``scopes``: of energies; ``experiments``, the one that is shown first at the beginning. Each of these has
        ``key``, ``name``, ``series`` (machine, device, stack and what speaks against it), ``baseline`` (the number of a
        series), ``models``, ``sizes``, ``alike`` (values of the properties), and the test cases: ``times`` with the
        numbers of series, model, batch size and properties, the count of runs, mean and variance of the logs of the
        seconds (null for one run), and the medians of seconds, samples/s and test accuracy; ``energies`` likewise, of
        joules, with the median and the number of the scope.
    """
    scopes: list[str] = sorted(data.tables["energy"]["energy_scope"].dropna().unique())
    found = [_experiment(replace(data, experiments=[each]), scopes) for each in data.experiments]
    found = [each for each in found if each["series"]]
    if len(found) < 2 and all(len(each["series"]) < 2 for each in found):
        return {}
    names = experiment_names(data)
    for each in found:
        each["name"] = names[each.pop("experiment")]
    applies = (
        *((column, "always") for column in cell_statistics.RESOLVED),
        *((column, "stack") for column in cell_statistics.RESOLVED_IN_STACK),
        *((column, "device") for column in cell_statistics.RESOLVED_ON_DEVICE),
    )
    resolved = [[column.replace("_", " "), where] for column, where in applies]
    return {"resolved": resolved, "scopes": scopes, "experiments": found}


def experiment_names(data: ReportData) -> dict[Experiment, str]:
    """What each experiment is called: its epochs, and in what else it differs from the one shown first."""
    found = {}
    shown = data.settings[data.experiment[0]]
    protocols = len({protocol for _, protocol in data.experiments}) > 1
    for settings, protocol in data.experiments:
        other = data.settings[settings]
        differs = [each.split(" against ")[0] for each in experiments.difference(shown, other)]
        words = [plural(int(other["epochs"]), "epoch"), *(each for each in differs if not each.startswith("epochs "))]
        found[settings, protocol] = ", ".join([*words, *([f"protocol {protocol}"] if protocols else [])])
    return found


def _experiment(data: ReportData, scopes: list[str]) -> dict[str, Any]:
    """What there is of the one experiment that ``data`` has."""
    runs = comparisons.pinned(experiments.comparable(data.runs))
    ranking = data.of_experiment("ranking")
    doubts = ranking.drop_duplicates(WHO).set_index(WHO)["doubts"].fillna("")
    series = list(doubts.index)
    models = sorted(runs["model"].unique(), key=cell_statistics.model_rank)
    sizes = sorted(int(size) for size in runs["batch_size"].unique())
    alike: dict[tuple[Any, ...], int] = {}
    settings, protocol = data.experiment
    found = {
        "experiment": data.experiment,
        "key": f"{settings[:12]}-{protocol}",
        "series": [[*key, doubts[key]] for key in series],
        "baseline": series.index(tuple(ranking[BASELINE].iloc[0])) if series else 0,
        "models": models,
        "sizes": sizes,
    }
    places = [{value: number for number, value in enumerate(axis)} for axis in (series, models, sizes)]
    rates = runs.groupby([*WHO, *_CASE])["throughput_samples_per_second"].median()
    times = []
    for row, numbers in _cases(runs, places, alike):
        rate = rates[(*(row[axis] for axis in WHO), row["model"], row["batch_size"])]
        shown = (row["fit_seconds"], rate, row["test_accuracy"])
        times.append([*numbers, *(_rounded(value, _SHOWN) for value in shown)])
    energies = []
    known = energy_use.of_one_scope(runs)
    scope_of = known.groupby(cell_statistics.CELL)["energy_scope"].first()
    for row, numbers in _cases(known.assign(fit_seconds=known["energy_joules"].astype(float)), places, alike):
        scope = scopes.index(scope_of[tuple(row[axis] for axis in cell_statistics.CELL)])
        energies.append([*numbers, _rounded(row["fit_seconds"], _SHOWN), scope])
    return {**found, "times": times, "energies": energies, "alike": [list(values) for values in alike]}


def _cases(
    runs: pd.DataFrame, places: list[dict[Any, int]], alike: dict[tuple[Any, ...], int]
) -> list[tuple[dict[str, Any], list[Any]]]:
    """Each test case as a row, and its numbers: of its axes, of its properties, and its moments."""
    if runs.empty:
        return []
    resolved = comparison_statistics.RESOLVED
    table = comparison_statistics.moments(runs)
    series, models, sizes = places
    found = []
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        values = tuple(None if row[column] is None else str(row[column]) for column in resolved)
        axes = [series[tuple(row[axis] for axis in WHO)], models[row["model"]], sizes[int(row["batch_size"])]]
        moments = [_rounded(row[f"fit_seconds_{moment}"], _EXACT) for moment in ("mean", "variance")]
        found.append((row, [*axes, alike.setdefault(values, len(alike)), int(row["n"]), *moments]))
    return found


def _rounded(value: float | None, digits: int) -> float | None:
    """A number with so many significant digits."""
    return None if value is None else float(f"{value:.{digits}g}")
