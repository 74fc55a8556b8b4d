"""What a report is made of, whatever it is written as: sections of sentences, figures and tables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from trainmark.contents import tables
from trainmark.contents.columns import Column, ratio, unknown

# Rows that a table on the page has at most; more would make it large and slow. The CSV file beside it has them all.
MOST_ROWS = 200


def with_interval(value: float, low: float, high: float) -> str:
    """A ratio with its interval, as ``1.23 [1.20, 1.26]``; without, where it has none."""
    return ratio(value) + ("" if unknown(low) else f" [{ratio(low)}, {ratio(high)}]")


def mean_with_interval(row: Mapping[str, Any]) -> str:
    """A geometric mean with its interval, as ``with_interval`` writes it."""
    return with_interval(row["geometric_mean"], row["low"], row["high"])


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of the file when it is saved.
        title: what it is.
        columns: the columns.
        rows: one mapping a row, the first of very many; ``grey`` in a row marks one that enters no comparison.
        source: file of the report that holds all of it.
        note: a sentence above it.
        folded: on what a reader clicks to see it; empty where it is seen at once, unless it is long.
        further: how many more rows there are in that file.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    source: str = ""
    note: str = ""
    folded: str = ""
    further: int = 0

    @property
    def count(self) -> int:
        """How many rows it has with those that are in the file alone."""
        return len(self.rows) + self.further

    @functools.cached_property
    def shown(self) -> list[Column]:
        """Its columns but for those in which no row has a value and nothing is written for that."""
        return [c for c in self.columns if c.empty or any(not unknown(row.get(c.key)) for row in self.rows)]


@dataclass(frozen=True)
class Entry:
    """What stands at one place of a matrix.

    Attributes:
        text: as it is shown.
        value: with all its digits, None where it is none.
        look: how it is marked: ``up1`` to ``up5``, ``down1`` to ``down5``, ``even``, ``maybe``, ``soft`` or none.
        hint: more about it, in words.
    """

    text: str
    value: float | None = None
    look: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Matrix:
    """A table of one kind of value, with a column for each batch size, in groups.

    Attributes:
        name: of the file when it is saved.
        title: what it is.
        corner: what the rows are.
        groups: title of each group of columns, and the headings of its columns.
        rows: what each row is called, and an entry for each column.
        note: a sentence above it.
        source: file of the report that holds its values.
        left_out: how many more rows there would be.
        shaded: what ratios above and below 1 mean, where they are shaded.
    """

    name: str
    title: str
    corner: str
    groups: list[tuple[str, list[str]]]
    rows: list[tuple[str, list[Entry]]]
    note: str = ""
    source: str = ""
    left_out: int = 0
    shaded: tuple[str, str] | None = None

    @property
    def headings(self) -> list[tuple[str, str]]:
        """Heading of each column, and its whole name, which the group is part of."""
        return [(each, f"{group} {each}".strip()) for group, columns in self.groups for each in columns]


@dataclass(frozen=True)
class Picture:
    """A figure: the name of its files, its alternative text, its caption, and the file that has it as HTML."""

    name: str
    title: str
    alt: str
    caption: str
    file: Path

    @property
    def markup(self) -> str:
        """Itself as HTML, as soon as it is drawn."""
        return self.file.read_text()


@dataclass(frozen=True)
class Verdict:
    """What the measurements of one machine and stack say of a claim.

    Attributes:
        who: candidate and baseline.
        stack: of both.
        verdict: in a word or two.
        sign: of the verdict.
        measured: value with its interval; empty where nothing was measured.
        detail: by what it was decided.
        picture: SVG, made of numbers alone.
        where: key of the section that compares them; empty where there is none.
    """

    who: str
    stack: str
    verdict: str
    sign: str
    measured: str
    detail: str
    picture: str
    where: str


@dataclass(frozen=True)
class Card:
    """A published claim.

    Attributes:
        key: by which it is linked.
        claim: its name in the file of claims.
        statement: what was said.
        source: where.
        note: on how it is taken.
        expected: the values that it is taken to allow.
        verdicts: one for each machine and stack that it fits.
    """

    key: str
    claim: str
    statement: str
    source: str
    note: str
    expected: str
    verdicts: list[Verdict]

    @property
    def counted(self) -> str:
        """How often each verdict was given, in words."""
        counts: dict[str, int] = {}
        for each in self.verdicts:
            said = f"{each.sign} {each.verdict}"
            counts[said] = counts.get(said, 0) + 1
        return ", ".join(f"{count} {said}" for said, count in counts.items())


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
        matrices: above the tables.
        cards: of claims.
        claims: those that are about what is here.
        open: whether it is unfolded at first.
        how: how what is said here was decided, for those who ask.
        missing: why it has nothing to show, which something else would have to be measured for; else empty.
    """

    key: str
    title: str
    texts: list[str] = field(default_factory=list)
    figures: list[Picture] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    level: int = 2
    matrices: list[Matrix] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    claims: list[Card] = field(default_factory=list)
    open: bool = False
    how: str = ""
    missing: str = ""


@dataclass(frozen=True)
class FirstScreen:
    """What the reader sees first.

    Attributes:
        sentence: that is true of the whole.
        table: the ranking.
        picture: of the ranking.
        own: one machine's own times, where it is alone.
        disturbed: its runs that were disturbed, and how to repeat them.
    """

    sentence: str
    table: Table | None = None
    picture: Picture | None = None
    own: Matrix | None = None
    disturbed: Section | None = None


@dataclass(frozen=True)
class Document:
    """The report.

    Attributes:
        title: of the whole.
        lead: what was measured.
        first: what the reader sees first.
        intro: what the words mean.
        answers: question -> sentences.
        alerts: what the reader has to know before anything else, each with the key of a section.
        sections: the rest.
        choices: what the reader can choose, for the page's script; empty where there is nothing to choose.
    """

    title: str
    lead: str
    first: FirstScreen
    intro: str
    answers: Mapping[str, list[str]]
    alerts: list[tuple[str, str]]
    sections: list[Section]
    choices: Mapping[str, Any]

    @property
    def parts(self) -> list[list[Section]]:
        """The sections in groups: each of level 2 with those of lower levels that follow it."""
        found: list[list[Section]] = []
        for section in self.sections:
            if section.level == 2:
                found.append([section])
            else:
                found[-1].append(section)
        return found


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, None where there is no value."""
    # Column by column, which takes a tenth of what pandas' own way does: each section asks for some.
    columns = [
        [None if missing else value for value, missing in zip(column.to_list(), column.isna())]
        for _, column in table.items()
    ]
    return [dict(zip(table, row)) for row in zip(*columns)]


def declared(
    name: str, rows: Sequence[Mapping[str, Any]], columns: tuple[Column, ...] = (), key: str = "", title: str = ""
) -> list[Table]:
    """A table as it is declared, or a part of it under another key and title; none without rows."""
    table = tables.named(name)
    shown = Table(key or name, title or table.title, columns or table.headed, rows, table.file, table.note)
    return [shown] if rows else []


def first_rows(
    name: str, found: pd.DataFrame, words: Callable[[pd.DataFrame], Sequence[Mapping[str, Any]]], **rest: Any
) -> list[Table]:
    """The same of a table that may be long: only the rows that the page shows are put into words.

    Args:
        name: of the table.
        found: all rows.
        words: makes mappings of rows.
        rest: arguments of ``declared``.
    """
    further = max(0, len(found) - MOST_ROWS)
    return [replace(each, further=further) for each in declared(name, words(found.head(MOST_ROWS)), **rest)]
