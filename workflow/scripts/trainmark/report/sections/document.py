"""What a report is made of, whatever it is written as: sections of sentences, figures and tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

# Written where nothing is known.
UNKNOWN = "unknown"


def seconds(value: float) -> str:
    """Seconds with three significant digits."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def ratio(value: float) -> str:
    """A ratio with three significant digits."""
    return f"{value:#.3g}".rstrip(".") if value < 100 else f"{value:,.0f}"


def mean_with_interval(row: Mapping[str, Any]) -> str:
    """A geometric mean with its interval, as ``1.23 [1.20, 1.26]``; without, where it has none."""
    interval = "" if unknown(row["low"]) else f" [{ratio(row['low'])}, {ratio(row['high'])}]"
    return ratio(row["geometric_mean"]) + interval


def gib(value: float) -> str:
    """Bytes as GiB, one decimal."""
    return f"{value / 2**30:.1f}"


def megahertz(value: float) -> str:
    """Hertz as MHz."""
    return f"{value / 1e6:,.0f}"


# How the values of a column are written; texts as they are.
FORMATS: dict[str, Callable[[Any], str]] = {
    "text": str,
    "long": str,
    "integer": lambda value: f"{value:,.0f}",
    "number": lambda value: f"{value:,.4g}",
    "seconds": seconds,
    "ratio": ratio,
    "accuracy": lambda value: f"{value:.3f}",
    "percent": lambda value: f"{100 * value:.1f}",
    "gib": gib,
    "megahertz": megahertz,
}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: of the rows.
        heading: with its unit.
        kind: one of FORMATS.
        published: whether it holds what somebody published, which was not measured here.
        empty: what is written where there is no value.
    """

    key: str
    heading: str
    kind: str = "text"
    published: bool = False
    empty: str = ""

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind not in ("text", "long")

    def raw(self, value: Any) -> Any:
        """A value with all its digits, in the unit of the heading."""
        scale = {"percent": 100, "gib": 1 / 2**30, "megahertz": 1e-6}.get(self.kind)
        return value if scale is None or unknown(value) else value * scale

    def show(self, value: Any) -> str:
        """A value as it is written."""
        return self.empty if unknown(value) else FORMATS[self.kind](value)


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of the file when it is saved.
        title: what it is.
        columns: the columns.
        rows: one mapping a row; ``grey`` in a row marks one that enters no comparison.
        source: file of the report that holds all of it.
        note: a sentence above it.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    source: str = ""
    note: str = ""

    @property
    def shown(self) -> list[Column]:
        """Its columns but for those in which no row has a value and nothing is written for that."""
        return [c for c in self.columns if c.empty or any(not unknown(row.get(c.key)) for row in self.rows)]


@dataclass(frozen=True)
class Figure:
    """A figure that was drawn: its files, its alternative text and its caption."""

    name: str
    title: str
    alt: str
    caption: str
    address: str


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        key: by which it is linked.
        title: above it.
        texts: paragraphs.
        figures: drawn ones.
        tables: those that have rows.
        code: lines to be typed.
        level: of its heading.
    """

    key: str
    title: str
    texts: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    level: int = 2


@dataclass(frozen=True)
class Document:
    """The report.

    Attributes:
        title: of the whole.
        lead: what was measured.
        intro: what the words mean.
        answers: question -> sentences.
        alerts: what the reader has to know before anything else, each with the key of a section.
        sections: the rest.
    """

    title: str
    lead: str
    intro: str
    answers: Mapping[str, list[str]]
    alerts: list[tuple[str, str]]
    sections: list[Section]


def unknown(value: Any) -> bool:
    """Whether there is no value."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, None where there is no value."""
    found: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")
    return found
