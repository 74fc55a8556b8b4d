"""The report's first sentences: answers to what people come to ask, made from the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trainmark.analysis import (
    cell_statistics,
    comparison_statistics,
    comparisons,
    convergence,
    series_names,
    stability,
    verdicts,
)
from trainmark.analysis.series_names import BASELINE, WHO
from trainmark.contents.columns import ratio, seconds
from trainmark.machine import disturbances
from trainmark.records.record import INVENTED, NOT_CONVERGED, OK
from trainmark.report.figures import break_even as break_even_figure
from trainmark.report.sections.document import mean_with_interval
from trainmark.words import enumerate_words, plural

FASTER = "Which is faster, and by how much?"
NOISE = "How large is the noise?"
LEARNED = "Did they learn?"
ARTICLE = "Were the published claims reproduced?"
_ALONE = "A second machine or device is needed to say what is faster."
_NOTHING = "No two of their test cases are comparable, so there is nothing to compare."
# Pairs of a comparison that each get a sentence; more are taken together.
_MOST_PAIRS = 3
# Accuracies that differ by less are written alike.
_SAME_ACCURACY = 0.0005


def which_is_faster(runs: pd.DataFrame, summary: pd.DataFrame, break_even: pd.DataFrame) -> list[str]:
    """One or more sentences for each comparison, or what was measured where there is none.

    Args:
        runs: runs of the experiment shown.
        summary: comparisons_summary.csv.
        break_even: break_even.csv.
    """
    ok = runs[runs["status"] == OK]
    if ok.empty:
        return ["No run is ok, so there are no times to compare."]
    overall = summary[summary["model"] == comparison_statistics.ALL_MODELS]
    if overall.empty:
        medians = ok.groupby(["model", "batch_size", *WHO])["fit_seconds"].median()
        names = enumerate_words(series_names.label(key) for key in ok.groupby(WHO).groups)
        ends = [
            f"{seconds(medians[key])} s ({key[0]}, batch size {key[1]})" for key in (medians.idxmin(), medians.idxmax())
        ]
        return [
            f"Measured: {names}. {_NOTHING if len(ok.groupby(WHO)) > 1 else _ALONE}",
            f"Median training times go from {ends[0]} to {ends[1]}.",
        ]
    said = []
    for (name, _), rows in overall.groupby(["comparison", "exhibit"], sort=False):
        ranked = rows.sort_values("geometric_mean", ascending=False)
        if len(rows) <= _MOST_PAIRS:
            pairs = zip(ranked.to_dict("records"), series_names.both(ranked))
            said += [_pair(row, *sides) for row, sides in pairs]
        else:
            said.append(f"{name}: {_ranking(ranked)}.")
    if len(break_even):
        stacks = break_even["stack"].nunique() > 1
        who = [
            series_names.label((row.machine, "", row.stack), (True, False, stacks)) for row in break_even.itertuples()
        ]
        each = zip(who, break_even["model"], break_even_figure.in_words(break_even))
        words = [f"{machine}, {model}: {word}" for machine, model, word in each]
        said.append(f"GPU against CPU, by batch size: {'; '.join(words[:3])}{'; and more below' * (len(words) > 3)}.")
    return list(dict.fromkeys(said))  # a pair may be in two comparisons


def _pair(row: Mapping[str, Any], candidate: str, baseline: str) -> str:
    """A candidate against its baseline."""
    cells = plural(row["cells"], "test case")
    reach = f"; each {ratio(row['minimum'])} to {ratio(row['maximum'])}" if row["cells"] > 1 else ""
    times = mean_with_interval(row)
    return f"{candidate} trains {times} times as fast as {baseline} (geometric mean of {cells}{reach})."


def _ranking(ranked: pd.DataFrame) -> str:
    """Pairs from fastest to slowest, the first and the last of many; those over fewer cells apart, uncompared."""
    names = series_names.pairs(ranked)
    most = ranked["cells"].max()
    words, others = [], []
    for row in ranked.to_dict("records"):
        said = f"{names[tuple(row[column] for column in series_names.SIDES)]} {mean_with_interval(row)}"
        if row["cells"] == most:
            words.append(said)
        else:
            others.append(f"{said} ({row['cells']})")
    if len(words) > 7:
        words = [*words[:3], f"... ({len(words) - 6} more)", *words[-3:]]
    apart = f"; measured in fewer test cases, so not in this order: {enumerate_words(others)}" if others else ""
    return f"{', '.join(words)} times as fast (geometric means of {plural(most, 'test case')}){apart}"


def does_it_hold(cells: pd.DataFrame, compared: pd.DataFrame) -> list[str]:
    """How many comparisons may be chance, and how far repeats spread.

    Args:
        cells: cells.csv, of the experiment shown.
        compared: comparisons.csv.
    """
    said = []
    compared = comparisons.distinct(compared)
    known = compared[compared["low"].notna()]
    if len(known):
        chance = int(known["includes_1"].sum())
        said.append(
            f"Of {plural(len(known), 'compared test case')}, {len(known) - chance} have a 95 % interval that excludes "
            f"1; in {chance} the difference may be chance."
        )
    if len(compared) > len(known):
        said.append(
            f"No interval for {plural(len(compared) - len(known), 'compared test case')}: it needs two runs on each "
            "side."
        )
    spreads = cells["fit_seconds_spread"].dropna()
    if spreads.empty:
        return [*said, "No test case has repeats, so how far repeats would differ is not known."]
    unstable = int((spreads > disturbances.UNSTABLE).sum())
    said.append(
        f"The spread of the repeats is {100 * spreads.median():.1f} % (standard deviation over mean; median of "
        f"{plural(len(spreads), 'test case')}); {plural(unstable, 'test case')} {'is' if unstable == 1 else 'are'} "
        f"unstable, with a spread over {100 * disturbances.UNSTABLE:.0f} %."
    )
    return said


def did_it_drift(drift: pd.DataFrame) -> list[str]:
    """A sentence for each machine that became slower or faster over its session, as drift.csv has it."""
    moved = stability.drifted(drift).to_dict("records")
    return [
        f"{series_names.label([row[axis] for axis in WHO])}: the last repeats took {ratio(row['ratio'])} "
        f"[{ratio(row['low'])}, {ratio(row['high'])}] times as long as the first ones, so the machine drifted."
        for row in moved[:_MOST_PAIRS]
    ]


def did_they_learn(runs: pd.DataFrame, compared: pd.DataFrame) -> list[str]:
    """The accuracies, and how far they differ between the sides of a comparison.

    Args:
        runs: runs of the experiment shown.
        compared: comparisons.csv.
    """
    said = []
    ok = runs[runs["status"] == OK]
    if len(ok):
        medians = ok.groupby(cell_statistics.CELL)["test_accuracy"].median()
        said.append(f"The median test accuracies of the test cases are {medians.min():.3f} to {medians.max():.3f}.")
    if len(compared):
        gaps = compared["test_accuracy_candidate"] - compared["test_accuracy_baseline"]
        most = compared.loc[gaps.abs().idxmax()]
        sides = [series_names.label(most[columns]) for columns in (WHO, BASELINE)]
        if gaps.abs().max() < _SAME_ACCURACY:
            said.append("The compared test cases have the same accuracies, to three digits.")
        else:
            said.append(
                f"They differ most between {sides[0]} and {sides[1]}: {most['test_accuracy_candidate']:.3f} against "
                f"{most['test_accuracy_baseline']:.3f} ({most['model']}, batch size {most['batch_size']})."
            )
    bad = int((runs["status"] == NOT_CONVERGED).sum())
    judged, by = runs["gate"].notna().sum(), (runs["gate"] == convergence.REFERENCES).sum()
    if judged:
        verdict = f"{plural(bad, 'run')} of {judged:,} did not converge and {'is' if bad == 1 else 'are'} excluded"
        if not bad:
            verdict = f"All {plural(judged, 'run')} that ended without a fault converged"
        said.append(
            f"{verdict}: {by:,} were compared with reference runs, {judged - by:,} were judged by the weaker rules "
            "alone."
        )
    failed = int((~runs["status"].isin([OK, NOT_CONVERGED, INVENTED])).sum())
    if failed:
        said.append(f"{plural(failed, 'run')} failed and {'is' if failed == 1 else 'are'} excluded.")
    return said or ["No run is ok, so nothing is known of what they learned."]


def what_of_the_article(judged: pd.DataFrame) -> list[str]:
    """How many claims were reproduced, contradicted and so on, and which.

    Args:
        judged: claims.csv. A claim that was asked of several machines counts once for each verdict.
    """
    said = []
    if len(judged) > judged["claim"].nunique():
        said.append(
            f"{plural(judged['claim'].nunique(), 'claim')} got {len(judged)} verdicts, one for each machine and "
            "stack that a claim fits: the same claim may be in several of these lists."
        )
    for source, of_source in judged.groupby("source", sort=False):
        for verdict in verdicts.VERDICTS:
            which = list(dict.fromkeys(of_source.loc[of_source["verdict"] == verdict, "claim"]))
            if which:
                what = f"{plural(len(which), 'claim')} {verdict}"
                names = (
                    "what is missing is in the list below the cards"
                    if verdict == verdicts.NOT_MEASURED
                    else enumerate_words(which, 20)
                )
                said.append(f"{source}: {what} ({names}).")
    return said or ["The configuration names no claims that these machines could test."]
