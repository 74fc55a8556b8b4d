"""Texts made harmless where they leave: for the terminal, HTML, Markdown, reStructuredText and CSV.

A record may come from anybody, and its texts go where something obeys them: a terminal obeys control characters, GitHub
links, images and names, a spreadsheet formulas.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable
from typing import Any


def line(text: str) -> str:
    r"""A text in one line, in which nothing moves the cursor, changes a colour or turns the direction of writing.

    What cannot be printed is shown by its number, as ``\x1b`` or ``\u202e``.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else _number(c) for c in text)


def _number(character: str) -> str:
    return character.encode("unicode_escape").decode()


def terminal(text: str) -> str:
    """A message whose line breaks are ours; a text from elsewhere within it has been made one ``line``."""
    return "\n".join(map(line, text.split("\n")))


def html(text: str) -> str:
    """A text for HTML, where a line break is a space; the template's own escaping does the rest."""
    return terminal(text)


# Words that GitHub turns into links, or into calls to people, wherever they stand but in code; and formulas.
_LIVE_WORD = re.compile(r"://|www\.|@\w|#\d|\bGH-\d|\$", re.IGNORECASE)
# Underscores within a word do nothing.
_MARKUP = re.compile(r"[\\`*\[\]~|]|(?<![^\W_])_|_(?![^\W_])")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Beginnings of a line that make it a heading, a list or a rule: what stands before the backslash, and after it.
_BLOCK = re.compile(r"^(\d*)(#{1,6}(?!\S)|[-+](?!\S)|[-=]+$|[.)](?!\S))")


def markdown(text: str) -> str:
    """A text that Markdown shows as it is, in one line: no link, image, mention, HTML, format or end of a cell."""
    words = " ".join(_code(word) if _LIVE_WORD.search(word) else _plain(word) for word in text.split())
    return _BLOCK.sub(r"\1\\\2", words)


def _plain(word: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", line(word).translate(_HTML))


def _code(word: str) -> str:
    """A word as code, in which nothing is live; a bar would end a cell even there."""
    longest = max(map(len, re.findall("`+", word)), default=0)
    fence = "`" * (longest + 1)
    space = " " if word.startswith("`") or word.endswith("`") else ""
    return f"{fence}{space}{line(word)}{space}{fence}".replace("|", r"\|")


def rst(text: str) -> str:
    """A text that reStructuredText shows as it is, in one line, and in which Jinja finds nothing to do."""
    return " ".join(re.sub(r"[!-/:-@\[-`{-~]", r"\\\g<0>", line(word)) for word in text.split())


# A spreadsheet knows a formula by its first character, also by those of East Asian widths.
FORMULA = set("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def csv_cell(value: Any) -> Any:
    """A value for CSV: a text that a spreadsheet would take for a formula is marked as a text by an apostrophe."""
    if isinstance(value, str) and value[:1] in FORMULA and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def csv_rows(rows: Iterable[Iterable[Any]]) -> list[Iterable[Any]]:
    """Rows for CSV, each value as ``csv_cell`` makes it; values are hashable.

    Most rows have no such text, which is seen fastest by their different values.
    """
    rows = list(rows)
    texts = (value for value in set(itertools.chain.from_iterable(rows)) if isinstance(value, str))
    return [list(map(csv_cell, row)) for row in rows] if any(text[:1] in FORMULA for text in texts) else rows
