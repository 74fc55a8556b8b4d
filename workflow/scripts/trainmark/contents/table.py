"""What a table of the report is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trainmark.contents.columns import UNKNOWN, Column

# The rules that write tables: from records, and from those tables.
COLLECT, MAKE = "collect_records", "make_tables"
# The columns that say of which experiment a row is.
EXPERIMENT = ("settings_digest", "protocol")


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its file, results/report/<name>.csv.
        rule: that writes it.
        columns: of the file in its order, and among them those that only the page has.
        title: of the table on the page and in Snakemake's own report; empty if it is not a table of its own there.
        caption: what Snakemake's own report says of it, as reStructuredText.
        section: of the page in which it stands whole; empty if it is shown otherwise.
        note: a sentence above it on the page.
        made_by: module and function of ``analysis`` that make it, where the rule is MAKE.
        given: what that function is given: attributes of ``comparison_tables.Inputs``, or names of tables.
        of_every_experiment: whether it holds the rows of every experiment, one experiment after the other.
        blank_texts: whether an empty text is a text; it is a missing value otherwise.
        category: in Snakemake's own report.
    """

    name: str
    rule: str
    columns: tuple[Column, ...]
    title: str = ""
    caption: str = ""
    section: str = ""
    note: str = ""
    made_by: str = ""
    given: tuple[str, ...] = ()
    of_every_experiment: bool = False
    blank_texts: bool = False
    category: str = "Tables"

    @property
    def file(self) -> str:
        """Its name in results/report."""
        return f"{self.name}.csv"

    @property
    def keys(self) -> list[str]:
        """The file's columns."""
        return [column.key for column in self.columns if column.in_file] + list(EXPERIMENT) * self.of_every_experiment

    @property
    def headed(self) -> tuple[Column, ...]:
        """The columns that the page has."""
        return tuple(column for column in self.columns if column.heading)

    def pick(self, keys: str, **headings: str) -> tuple[Column, ...]:
        """Some of the columns, by their keys with spaces between; with other headings, by the key."""
        known = {column.key: column for column in self.columns}
        return tuple(replace(known[key], heading=headings.get(key, known[key].heading)) for key in keys.split())


def interval(low: str = "low", high: str = "high", empty: str = "needs repeats") -> tuple[Column, ...]:
    """The two limits of a 95 % interval."""
    return Column(low, "95 % from", "ratio", empty=empty), Column(high, "to", "ratio", empty=empty)


def words(key: str, heading: str, kind: str = "text") -> Column:
    """A column of words that only the page has."""
    return Column(key, heading, kind, in_file=False)


def published(figure: str, heading: str = "", kind: str = "text") -> tuple[Column, Column]:
    """A published figure, and where it is from."""
    return Column(figure, heading, kind, published=True, empty=UNKNOWN), Column(f"{figure}_source")
