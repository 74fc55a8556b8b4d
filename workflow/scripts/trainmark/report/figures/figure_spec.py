"""What a figure of the report is: of which rows, with which words. ``drawing`` draws it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark.analysis.series_names import WHO, Key
from trainmark.contents.figures import Figure
from trainmark.words import plural

# What a figure's page entry holds beside its picture.
_ON_THE_PAGE = ("name", "number", "title", "alt", "missing")
NOTHING = pd.DataFrame(columns=["model", "batch_size", "value", "why"])


@dataclass(frozen=True)
class Exhibit:
    """One figure.

    Attributes:
        name: of its files.
        number: of the article's exhibit; empty for what the article does not have.
        title: what the page calls it; ``subtitle`` follows it above the figure.
        kind: how it is drawn: lines, ratios, rows, scatter, curves or dots.
        table: its data, one row a point.
        value: column of ``table`` on the value axis.
        axis: that axis' label, with its unit.
        note: the line below the figure; ``marks``, before it, says what a line or point is, and ``row_marks`` does so
            where there are so many series that each has a row.
        alt: the finding, for who cannot see it.
        missing: why there is none; empty if there is one.
        series: columns that tell its series apart.
        names: those columns' values -> what the series is called.
        panels: whether each model has a panel.
        marker: column that rows are marked by.
        log: whether the value axis is logarithmic.
        highest_first: whether rows with high values are on top.
        ticks: of the value axis of rows, with their labels.
        reference: a value to draw a line at, with ``reference_label`` on it.
        limits: more of them -> what stands on each.
        across: column on the horizontal axis of a scatter; ``across_axis``, its label; ``diagonal``, what stands on the
            line on which both axes are equal.
        shade: whether the quarters in which the two axes disagree are shaded.
        apart: column whose values are different measures, which share no axis.
        lost: test cases without a result, to be crossed out at their place: the columns of ``series``, ``model``,
            ``batch_size`` and ``why``.
        published: the columns of ``series``, ``model``, ``batch_size`` and ``value`` of published figures to draw
            beside.
        band: ``model``, ``batch_size``, ``epoch``, ``low`` and ``high`` of what curves should reach.
    """

    name: str
    title: str
    subtitle: str = ""
    kind: str = ""
    number: str = ""
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    value: str = ""
    axis: str = ""
    note: str = ""
    marks: str = ""
    row_marks: str = "Points: every run."
    alt: str = ""
    missing: str = ""
    series: list[str] = field(default_factory=lambda: WHO)
    names: Mapping[Key, str] = field(default_factory=dict)
    panels: bool = True
    marker: str = "batch_size"
    log: bool = False
    highest_first: bool = False
    ticks: Mapping[float, str] = field(default_factory=dict)
    reference: float | None = None
    reference_label: str = ""
    limits: Mapping[float, str] = field(default_factory=dict)
    across: str = ""
    across_axis: str = ""
    diagonal: str = ""
    shade: bool = False
    apart: str = ""
    lost: pd.DataFrame = field(default_factory=lambda: NOTHING)
    published: pd.DataFrame = field(default_factory=lambda: NOTHING)
    band: pd.DataFrame = field(default_factory=pd.DataFrame)


def lacking(figure: Figure, missing: str = "") -> Exhibit:
    """A figure that cannot be drawn, and why: as its declaration says, if nothing else is said."""
    return Exhibit(figure.name, figure.title, number=figure.number, missing=missing or figure.missing)


def ratio_exhibit(name: str, title: str, cells: pd.DataFrame, **rest: Any) -> Exhibit:
    """A figure of ratios of training times (``speed_up``, with ``low`` and ``high``), above and below 1."""
    return Exhibit(
        name,
        title,
        kind="ratios",
        table=cells,
        value="speed_up",
        marks="Points: ratio of training times; upright lines: its 95 % interval, where there are repeats.",
        row_marks="Points: ratio of training times; lines: its 95 % interval, where there are repeats.",
        log=True,
        highest_first=True,
        reference=1.0,
        **rest,
    )


def index(exhibits: list[Exhibit]) -> list[dict[str, Any]]:
    """What the page has to know of the figures."""
    return [{key: getattr(exhibit, key) for key in _ON_THE_PAGE} for exhibit in exhibits]


def write_index(exhibits: list[Exhibit], path: Path) -> None:
    """The same as a file, for Snakemake's own report."""
    path.write_text(json.dumps(index(exhibits), indent=1) + "\n")


def constants(rows: pd.DataFrame) -> str:
    """Device and stack that all rows share, in words."""
    values = [rows[column].unique() for column in ("device", "stack")]
    return ", ".join(str(v[0]).upper() if v[0] in ("cpu", "gpu") else str(v[0]) for v in values if len(v) == 1)


def noted(*sentences: str) -> str:
    """A note of these sentences, of which some may be empty; what has no full stop, the last."""
    return " ".join(sorted(filter(None, sentences), key=lambda sentence: not sentence.endswith(".")))


def count_range(counts: Iterable[int], noun: str) -> str:
    """``3 runs``, ``1 run``, ``2 to 3 runs``."""
    low, high = min(counts), max(counts)
    return plural(low, noun) if low == high else f"{low} to {high} {noun}s"


def few(words: list[str], most: int = 5, count: int | None = None) -> str:
    """The first of some words, of which there are ``count`` in all, and how many more there are."""
    rest = (len(words) if count is None else count) - most
    return "; ".join(words[:most]) + (f"; and {rest} more" if rest > 0 else "")


def few_values(rows: pd.DataFrame, keys: Iterable[str], value: str, names: Mapping[Key, str], most: int = 5) -> str:
    """The names of the first rows, each with its value, and how many more there are."""
    first = rows.head(most)
    each = zip(first[list(keys)].itertuples(index=False, name=None), first[value])
    return few([f"{names[key]} {number:.3g}" for key, number in each], most, len(rows))
