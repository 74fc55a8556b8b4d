"""What the page's script needs so that a reader can choose: of every experiment the moments of each test case.

Ratios and their intervals follow from the moments alone (``analysis.comparison_statistics``): the script can hold any
series against any other one. A test holds the script's numbers against that module's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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
        series), ``models``, ``sizes``, ``alike`` (values of the properties), and the test cases: ``times`` and
        ``energies``, null where there are none. Each has columns, in which the test case of a series, model and batch
        size stands at (series * models + model) * sizes + size, by their numbers; a column of one value is that value.
        They are ``n`` (the count of runs, null where there is no such test case), ``alike`` (the number of its
        properties), ``mean`` and ``variance`` (of the logs of the seconds or joules; null for one run), and medians:
        ``seconds``, ``rate`` (samples/s) and ``accuracy``, or ``joules`` and ``scope`` (a number).
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
    axes = series, models, sizes
    times = energies = None
    if len(runs):
        table = comparison_statistics.moments(runs)
        rates = runs.groupby(cell_statistics.CELL)["throughput_samples_per_second"].median()
        more = {"seconds": table["fit_seconds"], "rate": rates, "accuracy": table["test_accuracy"]}
        times = _columns(table, axes, alike, {name: _rounded(values, _SHOWN) for name, values in more.items()})
    known = energy_use.of_one_scope(runs)
    if len(known):
        table = comparison_statistics.moments(known.assign(fit_seconds=known["energy_joules"].astype(float)))
        scope = known.groupby(cell_statistics.CELL)["energy_scope"].first().map(scopes.index).tolist()
        joules = _rounded(table["fit_seconds"], _SHOWN)
        energies = _columns(table, axes, alike, {"joules": joules, "scope": scope})
    return {**found, "times": times, "energies": energies, "alike": [list(values) for values in alike]}


def _columns(
    table: pd.DataFrame,
    axes: tuple[list[Any], list[str], list[int]],
    alike: dict[tuple[Any, ...], int],
    more: Mapping[str, list[Any]],
) -> dict[str, Any]:
    """The test cases as columns, in which a place says of what a value is.

    Args:
        table: as ``comparison_statistics.moments`` gives it.
        axes: the experiment's series, models and batch sizes.
        alike: the values of the properties -> their number; new ones are added.
        more: further columns.
    """
    properties = [
        [None if missing else str(value) for value, missing in zip(table[column].tolist(), table[column].isna())]
        for column in comparison_statistics.RESOLVED
    ]
    columns = {
        "alike": [alike.setdefault(values, len(alike)) for values in zip(*properties)],
        "n": table["n"].tolist(),
        "mean": _rounded(table["fit_seconds_mean"], _EXACT),
        "variance": _rounded(table["fit_seconds_variance"], _EXACT),
        **more,
    }
    series, models, sizes = ({value: number for number, value in enumerate(axis)} for axis in axes)
    keys = table[[*WHO, *_CASE]].itertuples(index=False, name=None)
    places = [(series[key[:3]] * len(models) + models[key[3]]) * len(sizes) + sizes[key[4]] for key in keys]
    return {name: _dense(values, places, len(series) * len(models) * len(sizes)) for name, values in columns.items()}


def _dense(values: list[Any], places: list[int], count: int) -> Any:
    """A column with a value for each place, null where there is none; one value alone where all are that one."""
    if len(values) == count and len(set(values)) == 1:
        return values[0]
    found = [None] * count
    for place, value in zip(places, values):
        found[place] = value
    return found


def _rounded(values: pd.Series, digits: int) -> list[float | None]:
    """Numbers with so many significant digits."""
    return [None if math.isnan(value) else float(f"{value:.{digits}g}") for value in values]
