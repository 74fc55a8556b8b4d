"""Columns of the report's tables, and how their values are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Written where nothing is known.
UNKNOWN = "unknown"


def unknown(value: Any) -> bool:
    """Whether there is no value."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def seconds(value: float) -> str:
    """Seconds with three significant digits."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def ratio(value: float) -> str:
    """A ratio with three significant digits."""
    return f"{value:#.3g}".rstrip(".") if value < 100 else f"{value:,.0f}"


def brief(value: float) -> str:
    """A number with as few digits as say it, at most three below 1,000."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def gib(value: float) -> str:
    """Bytes as GiB, one decimal."""
    return f"{value / 2**30:.1f}"


def megahertz(value: float) -> str:
    """Hertz as MHz."""
    return f"{value / 1e6:,.0f}"


# How the values of a column are written; texts and truth values as they are.
FORMATS: dict[str, Callable[[Any], str]] = {
    "text": str,
    "long": str,
    "flag": str,
    "integer": lambda value: f"{value:,.0f}",
    "size": lambda value: f"{value:.0f}",  # a batch size is written as it is typed
    "number": lambda value: f"{value:,.4g}",
    "seconds": seconds,
    "ratio": ratio,
    "accuracy": lambda value: f"{value:.3f}",
    "percent": lambda value: f"{100 * value:.1f}",
    "gib": gib,
    "megahertz": megahertz,
}
TEXTS = ("text", "long")
# What a value is multiplied by, to be in the unit of its column's heading.
_SCALES = {"percent": 100, "gib": 1 / 2**30, "megahertz": 1e-6}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: its name in the CSV file.
        heading: on the page, with its unit; without one, it is in the file alone.
        kind: one of FORMATS; a ``long`` text may take several lines.
        published: whether it holds what somebody published, which was not measured here.
        empty: what the page has where there is no value.
        record: where a record holds its value, of the columns of runs.csv that records hold.
        in_file: whether the file has it; a column of words is made for the page.
    """

    key: str
    heading: str = ""
    kind: str = "text"
    published: bool = False
    empty: str = ""
    record: str = ""
    in_file: bool = True

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind not in (*TEXTS, "flag")

    def raw(self, value: Any) -> Any:
        """A value in the unit of the heading, with ten digits: more than any clock has."""
        if unknown(value) or not isinstance(value, float):
            return value
        return float(f"{value * _SCALES.get(self.kind, 1):.10g}")

    def show(self, value: Any) -> str:
        """A value as the page has it."""
        return self.empty if unknown(value) else FORMATS[self.kind](value)
