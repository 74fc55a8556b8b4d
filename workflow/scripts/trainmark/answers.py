"""The report's first sentences: answers to what people come to ask, made from the tables."""

from __future__ import annotations

import pandas as pd

from trainmark import claims, comparing, exhibits, tables
from trainmark.document import enumerate_words, plural, ratio, seconds
from trainmark.record import OK

FASTER = "Which is faster, and by how much?"
NOISE = "Does that hold against the noise?"
LEARNED = "Did they learn?"
ARTICLE = "What did the article say, and is it so here?"
# Pairs of a comparison that each get a sentence; more are taken together.
_MOST_PAIRS = 3


def which_is_faster(runs: pd.DataFrame, summary: pd.DataFrame, break_even: pd.DataFrame) -> list[str]:
    """One or more sentences for each comparison, or what was measured where there is none.

    Args:
        runs: runs of the experiment shown.
        summary: comparisons_summary.csv.
        break_even: break_even.csv.
    """
    ok = runs[runs["status"] == OK]
    if ok.empty:
        return ["No run is ok, so nothing can be said of speed."]
    overall = summary[summary["model"] == comparing.ALL_MODELS]
    if overall.empty:
        medians = ok.groupby(["model", "batch_size"])["fit_seconds"].median()
        fastest, slowest = medians.idxmin(), medians.idxmax()
        who = enumerate_words(exhibits.label(key) for key in ok.groupby(exhibits.WHO).groups)
        return [
            f"There is nothing to compare: only {who} was measured.",
            f"Its median training times go from {seconds(medians[fastest])} s ({fastest[0]}, batch size {fastest[1]}) "
            f"to {seconds(medians[slowest])} s ({slowest[0]}, batch size {slowest[1]}).",
        ]
    said = []
    for name, rows in overall.groupby("comparison", sort=False):
        ranked = rows.sort_values("geometric_mean", ascending=False)
        if len(rows) <= _MOST_PAIRS:
            said += [_pair(row) for _, row in ranked.iterrows()]
        else:
            said.append(f"{name}: {_ranking(ranked)}.")
    if len(break_even):
        pairs = zip(break_even.itertuples(), exhibits.say_break_even(break_even))
        words = [f"{row.machine}, {row.model}: {word}" for row, word in pairs]
        said.append(f"GPU against CPU, by batch size: {'; '.join(words[:3])}{'; and more below' * (len(words) > 3)}.")
    return said


def _pair(row: pd.Series) -> str:
    """A candidate against its baseline, in words that name what differs between them."""
    shown = (True, True, row["stack"] != row["stack_baseline"])
    candidate = exhibits.label(row[list(comparing.AXES)], shown)
    baseline = exhibits.label(row[exhibits.BASELINE], shown)
    cells = plural(row["cells"], "cell")
    reach = f"; by cell {ratio(row['minimum'])} to {ratio(row['maximum'])}" if row["cells"] > 1 else ""
    return f"{candidate} trains {_times(row)} times as fast as {baseline} (geometric mean of {cells}{reach})."


def _times(row: pd.Series) -> str:
    interval = "" if pd.isna(row["low"]) else f" [{ratio(row['low'])}, {ratio(row['high'])}]"
    return ratio(row["geometric_mean"]) + interval


def _ranking(ranked: pd.DataFrame) -> str:
    """Candidates from fastest to slowest, the first and the last of many."""
    shown = (True, False, (ranked["stack"] != ranked["stack_baseline"]).any() or ranked["stack"].nunique() > 1)
    by_baseline = ranked["machine"].nunique() == 1 < ranked["machine_baseline"].nunique()
    columns = exhibits.BASELINE if by_baseline else exhibits.WHO
    words = [
        f"{'against ' * by_baseline}{exhibits.label(row[columns], shown)} {_times(row)}" for _, row in ranked.iterrows()
    ]
    if len(words) > 7:
        words = [*words[:3], f"... ({len(words) - 6} more)", *words[-3:]]
    return ", ".join(words) + " times as fast (geometric means)"


def does_it_hold(cells: pd.DataFrame, comparisons: pd.DataFrame) -> list[str]:
    """How many comparisons may be chance, and how far repeats spread.

    Args:
        cells: cells.csv, of the experiment shown.
        comparisons: comparisons.csv.
    """
    said = []
    compared = comparisons.drop_duplicates([*comparing.WHO, "model", "batch_size"])
    known = compared[compared["low"].notna()]
    if len(known):
        chance = int((known["includes_1"].astype(str) == "True").sum())
        said.append(
            f"Of {plural(len(known), 'compared cell')}, {len(known) - chance} have a 95 % interval that excludes 1; in "
            f"{chance} the difference may be chance."
        )
    if len(compared) > len(known):
        said.append(f"{plural(len(compared) - len(known), 'compared cell')} cannot tell: an interval needs repeats.")
    spreads = cells["fit_seconds_spread"].dropna()
    if spreads.empty:
        return [*said, "No cell has repeats, so nothing is known of the noise."]
    unstable = int((spreads > tables.UNSTABLE).sum())
    said.append(
        f"The repeats of a cell spread by {spreads.median():.1%} of their mean (standard deviation; median of "
        f"{plural(len(spreads), 'cell')}); {unstable} {'is' if unstable == 1 else 'are'} unstable, over "
        f"{tables.UNSTABLE:.0%}."
    )
    return said


def did_they_learn(runs: pd.DataFrame, comparisons: pd.DataFrame) -> list[str]:
    """The accuracies, and how far they differ between the sides of a comparison.

    Args:
        runs: runs of the experiment shown.
        comparisons: comparisons.csv.
    """
    said = []
    ok = runs[runs["status"] == OK]
    if len(ok):
        medians = ok.groupby(tables.CELL)["test_accuracy"].median()
        said.append(f"Test accuracy, the median of a cell: {medians.min():.3f} to {medians.max():.3f}.")
    if len(comparisons):
        gaps = comparisons["test_accuracy_candidate"] - comparisons["test_accuracy_baseline"]
        most = comparisons.loc[gaps.abs().idxmax()]
        sides = [exhibits.label(most[columns]) for columns in (exhibits.WHO, exhibits.BASELINE)]
        said.append(
            f"It differs most between {sides[0]} and {sides[1]}: {most['test_accuracy_candidate']:.3f} against "
            f"{most['test_accuracy_baseline']:.3f} ({most['model']}, batch size {most['batch_size']})."
        )
    failed = int((runs["status"] != OK).sum())
    said.append(f"{plural(failed, 'run')} failed and {'counts' if failed == 1 else 'count'} nowhere." if failed else "")
    said.append("Accuracies are not yet held against references of what each model should reach.")
    return [sentence for sentence in said if sentence]


def what_of_the_article(verdicts: pd.DataFrame) -> list[str]:
    """How many claims were reproduced, contradicted and so on, and which.

    Args:
        verdicts: claims.csv. A claim that was asked of several machines counts once for each verdict.
    """
    said = []
    for verdict in claims.VERDICTS:
        which = list(dict.fromkeys(verdicts.loc[verdicts["verdict"] == verdict, "claim"]))
        if which:
            names = ", for want of what the ledger names" if verdict == claims.NOT_MEASURED else ""
            names = names or f": {enumerate_words(which, 20)}"
            said.append(f"{plural(len(which), 'claim')} {verdict}{names}.")
    return said or ["No claims are named in the configuration."]
