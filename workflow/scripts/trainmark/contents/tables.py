"""Every table of the report, declared once: a CSV file in results/report and, if it has a title, a table of the page.

The rules name their outputs by these lists, the scripts write and read the files by them, and the page and Snakemake's
own report show them by them. To add a table, add an entry to one and write the function that it names.
"""

from __future__ import annotations

from trainmark.contents import collected, compared, energy, equal_nodes, judged, over_time, steps
from trainmark.contents.table import Table

TABLES = (
    *collected.TABLES,
    *compared.TABLES,
    *equal_nodes.TABLES,
    *over_time.TABLES,
    *energy.TABLES,
    *steps.TABLES,
    *judged.TABLES,
)
_BY_NAME = {table.name: table for table in TABLES}


def named(name: str) -> Table:
    """The table of a name.

    Raises:
        KeyError: if none is declared by that name.
    """
    return _BY_NAME[name]


def of_rule(rule: str) -> tuple[Table, ...]:
    """The tables that a rule writes."""
    return tuple(table for table in TABLES if table.rule == rule)
