"""The report in few words, to be pasted into an issue: what its first screen says, and with what it was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import trainmark
from trainmark import escaping
from trainmark.analysis import series_names
from trainmark.analysis.comparison_statistics import ALL_MODELS
from trainmark.analysis.series_names import BASELINE, WHO
from trainmark.contents.columns import FORMATS, ratio, seconds, unknown
from trainmark.records.record import OK
from trainmark.report.sections.document import Document, rows_of, with_interval
from trainmark.report.sections.report_data import ReportData
from trainmark.words import cut, enumerate_words, plural

# All of it has fewer bytes than this, whatever was measured; no single text has more than the other.
_MOST_BYTES, _MOST_OF_A_TEXT = 4000, 700
# What is kept free for the table, of which the first rows are the most important.
_FOR_THE_TABLE = 1200


def write(data: ReportData, document: Document) -> str:
    """The summary as Markdown.

    Args:
        data: what the report is made from.
        document: the report.
    """
    head = [f"# {_text(document.title)}", f"**{_text(document.first.sentence)}**"]
    more = [_text(document.lead), *_versions(data), *(f"> {_text(alert)}" for alert, _ in document.alerts)]
    end = f"Made by trainmark {trainmark.__version__}. Everything else is in report.md and index.html."
    fixed = _size([*head, end])
    kept = _fitting(more, _MOST_BYTES - fixed - _FOR_THE_TABLE)
    if len(kept) < len(more):
        kept.append(f"{plural(len(more) - len(kept), 'remark')} left out.")
    table = _table(data, _MOST_BYTES - fixed - _size(kept))
    return "\n\n".join([*head, *table, *kept, end]) + "\n"


def _text(text: str) -> str:
    """A text for Markdown, cut if it is long."""
    most, shown = len(text), escaping.markdown(text)
    while len(shown.encode()) > _MOST_OF_A_TEXT:
        most = most * 3 // 4
        shown = escaping.markdown(cut(text, most))
    return shown


def _size(blocks: Iterable[str]) -> int:
    """Bytes of some blocks, with the blank line after each."""
    return sum(len(block.encode()) + 2 for block in blocks)


def _fitting(blocks: Iterable[str], most: int) -> list[str]:
    """The first blocks, as many as have so many bytes together."""
    found: list[str] = []
    for block in blocks:
        if _size([*found, block]) > most:
            break
        found.append(block)
    return found


def _table(data: ReportData, most: int) -> list[str]:
    """The ranking, or the times of a machine that is alone, as blocks that have so many bytes together."""
    ranked = data.of_experiment("ranking")
    if ranked.empty:
        return []
    alone = len(ranked[WHO].drop_duplicates()) == 1
    note, headings, rows = _own_times(data) if alone else _ranking(data)
    lines = [_row(headings), "|---|" + "---:|" * (len(headings) - 1)]
    left = most - _size([note, *lines]) - 100  # for the sentence below
    kept = _fitting(map(_row, rows), left)
    out = [note, "\n".join([*lines, *kept])]
    missing = len(rows) - len(kept)
    return [*out, f"{plural(missing, 'more row')} of this table: see report.md."] if missing else out


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_text(cell) for cell in cells)} |"


def _ranking(data: ReportData) -> tuple[str, list[str], list[list[str]]]:
    """A note, the headings and the rows: each machine and device, the fastest first."""
    table = data.of_experiment("ranking")
    models = [model for model in dict.fromkeys(table["model"]) if model != ALL_MODELS]
    shown = True, True, table["stack"].nunique() > 1
    by_series: dict[tuple[str, ...], dict[str, Mapping[str, Any]]] = {}
    for row in rows_of(table):  # of all at once: of each series by itself, it takes twenty times as long
        by_series.setdefault(tuple(row[axis] for axis in WHO), {})[row["model"]] = row
    rows = []
    for key, of in by_series.items():
        whole = of[ALL_MODELS]
        times: list[Any] = [of.get(model, {}).get("speed_up") for model in models]
        rows.append(
            [
                series_names.label(key, shown),
                "-" if unknown(whole["speed_up"]) else with_interval(whole["speed_up"], whole["low"], whole["high"]),
                *("-" if unknown(value) else ratio(value) for value in times),
                FORMATS["integer"](whole["samples_per_second"]),
                whole["doubts"] or "nothing",
            ]
        )
    base = _text(series_names.label(table[BASELINE].iloc[0], shown))
    note = f"Times as fast as {base} (geometric means, with 95 % intervals), and what speaks against the figures:"
    return note, ["machine and device", "overall", *models, "samples/s", "against it"], rows


def _own_times(data: ReportData) -> tuple[str, list[str], list[list[str]]]:
    """A note, the headings and the rows of a machine that is alone."""
    rows = [
        [
            row["model"],
            str(row["batch_size"]),
            seconds(row["fit_seconds_median"]),
            FORMATS["integer"](row["throughput_samples_per_second_median"]),
            FORMATS["accuracy"](row["test_accuracy_median"]),
            str(row["n"]),
        ]
        for row in rows_of(data.cells[data.cells["n"] > 0])
    ]
    return "Medians:", ["model", "batch size", "seconds", "samples/s", "test accuracy", "runs"], rows


def _versions(data: ReportData) -> list[str]:
    """With what the runs were made, one line a stack, and by which trainmark."""
    runs = data.runs[data.runs["status"] == OK]
    found = []
    for stack, part in runs.groupby("stack"):
        names = {
            "Python ": "python",
            f"{part['framework'].iloc[0]} ": "framework_version",
            "Keras ": "keras",
            "": "plugin",
        }
        versions = {name: sorted(part[column].dropna().unique()) for name, column in names.items()}
        words = [f"{name}{enumerate_words(each, 3)}" for name, each in versions.items() if each]
        systems = enumerate_words(sorted(part["operating_system"].dropna().unique()), 4)
        found.append(_text(f"{stack}: {', '.join(words)}; on {systems or 'an unknown system'}."))
    commits = sorted(f"{commit[:12]}" for commit in runs["code_commit"].dropna().unique())
    codes = enumerate_words(sorted(runs["code_version"].dropna().unique()), 3)
    by = f"Measured by trainmark {codes}" + (f", commit {enumerate_words(commits, 3)}" if commits else "")
    return [*found, _text(f"{by}.")] if codes else found
