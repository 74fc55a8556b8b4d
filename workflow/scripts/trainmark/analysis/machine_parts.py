"""What was read of one machine's files, before it is known whether they can be true together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from trainmark.analysis.run_rows import Row
from trainmark.ingest.consistency import Facts
from trainmark.records.chain import Link

T = TypeVar("T")


@dataclass
class MachinePart:
    """Rows of tables, by the paths of the files that they are of.

    Attributes:
        facts: what the files say of the machine.
        runs: rows of runs.csv.
        controls: rows of controls.csv.
        earlier: rows of earlier_runs.csv.
        further: rows of the tables that only some runs have a row of, with the tables' names.
        peaks: of each sweep, rows of peaks.csv.
        links: of all records.
    """

    facts: Facts
    runs: dict[str, Row] = field(default_factory=dict)
    controls: dict[str, Row] = field(default_factory=dict)
    earlier: dict[str, Row] = field(default_factory=dict)
    further: dict[str, list[tuple[str, Row]]] = field(default_factory=dict)
    peaks: dict[str, list[Row]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)

    @staticmethod
    def good(rows: Mapping[str, T], bad: Collection[str]) -> list[T]:
        """Those of files that can be used."""
        return [row for path, row in rows.items() if path not in bad]
