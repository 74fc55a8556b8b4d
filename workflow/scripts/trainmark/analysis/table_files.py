"""The report's tables as files: read and written as they are declared."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trainmark import files
from trainmark.contents import tables
from trainmark.contents.columns import TEXTS


def read(folder: Path, name: str) -> pd.DataFrame:
    """A table of results/report.

    Args:
        folder: results/report.
        name: of the table.

    Returns:
        Its columns, texts as texts, however much a name or a version looks like a number. A missing value is NaN; an
        empty text is one, too, where the table does not say otherwise.
    """
    table = tables.named(name)
    texts = {column.key for column in table.columns if column.kind in TEXTS}
    blank = texts if table.blank_texts else set()
    return pd.read_csv(
        folder / table.file,
        dtype={c.key: str if c.key in texts else "boolean" for c in table.columns if c.kind in (*TEXTS, "flag")},
        keep_default_na=False,
        na_values={column.key: [""] for column in table.columns if column.key not in blank},
    )


def write(folder: Path, name: str, found: pd.DataFrame) -> None:
    """Write a table as it is declared; columns that are not are left out.

    Raises:
        KeyError: if a declared column is missing.
    """
    table = tables.named(name)
    files.write_whole(folder / table.file, csv_text(found[table.keys]))


def nothing(name: str) -> pd.DataFrame:
    """A table without rows."""
    return pd.DataFrame(columns=tables.named(name).keys)


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV; a text that a spreadsheet would take for a formula is marked as a text."""
    values = (column.astype(object).where(column.notna(), "").tolist() for _, column in table.items())
    return files.csv_text([table.columns, *zip(*values)])
