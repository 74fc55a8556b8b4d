"""What Snakemake's own report says of the tables: it takes a caption from a file alone."""

from __future__ import annotations

from pathlib import Path

from trainmark import files
from trainmark.contents.table import Table


def file_of(table: Table, folder: Path) -> str:
    """The absolute path of a file with the table's caption, which is written unless it is there.

    Args:
        table: with a caption.
        folder: of the files.
    """
    path = folder.absolute() / f"{table.name}.rst"
    text = f"{table.caption}\n"
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, text)
    return str(path)
