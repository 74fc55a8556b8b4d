"""The tables that stand whole in a section of the page, with the words that the page adds to their rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from trainmark.analysis import series_names
from trainmark.contents import tables
from trainmark.report.figures import break_even, control_ratios
from trainmark.report.sections.document import Table, first_rows, rows_of
from trainmark.report.sections.report_data import ReportData

Rows = list[dict[str, Any]]


def in_section(data: ReportData, section: str) -> list[Table]:
    """The declared tables of a section that have rows, in the order of their declarations."""
    found = []
    for table in tables.TABLES:
        if table.section == section:
            found += first_rows(table.name, data.tables[table.name], _ROWS.get(table.name, rows_of))
    return found


def named(cells: pd.DataFrame) -> Rows:
    """Rows with candidate and baseline in words, with their stacks where these rows have several."""
    words = series_names.both(cells) if len(cells) else []
    return [{**row, "candidate": sides[0], "baseline": sides[1]} for row, sides in zip(rows_of(cells), words)]


def certain(row: dict[str, Any], above: str = "faster", below: str = "slower") -> str:
    """What an interval of a ratio says of it."""
    if row["low"] is None:
        return "needs two runs on each side"
    if row["low"] <= 1 <= row["high"]:
        return "may be chance, includes 1"
    return above if row["low"] > 1 else below


def _of_break_even(table: pd.DataFrame) -> Rows:
    return [{**row, "said": words} for row, words in zip(rows_of(table), break_even.in_words(table))]


def _of_drift(table: pd.DataFrame) -> Rows:
    return [{**row, "certain": certain(row, "slower", "faster")} for row in rows_of(table)]


def _of_control_ratios(table: pd.DataFrame) -> Rows:
    return [{**row, "certain": certain(row), "said": control_ratios.in_words(row["control"])} for row in rows_of(table)]


def _of_energy_ratios(table: pd.DataFrame) -> Rows:
    return [
        {**row, "certain": "not comparable" if row["why"] else certain(row, "less", "more"), "grey": bool(row["why"])}
        for row in named(table)
    ]


_ROWS: dict[str, Callable[[pd.DataFrame], Rows]] = {
    "break_even": _of_break_even,
    "drift": _of_drift,
    "control_ratios": _of_control_ratios,
    "energy_ratios": _of_energy_ratios,
}
