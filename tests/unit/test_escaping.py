"""Tests of trainmark.escaping: what texts from elsewhere do where they end up."""

import csv
import io
import random
import re
import unicodedata

import docutils.core
import jinja2
import markdown_it
import pandas as pd
import pytest
from trainmark import escaping, files
from trainmark.analysis import table_files

# Pieces that something obeys, of which hostile texts are put together.
PIECES = [
    *("\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\r", "\n", "\t", "\x00", "\x7f", "\b", "\u202e", "\u2066", "\u200b"),
    *("\u2028", "\ufeff", "\udcff", "[text](https://evil.example)", "![x](//evil.example/x.png)", "<img src=x>", "<b>"),
    *("https://evil.example/a_b", "www.evil.example", "@somebody", "a@evil.example", "owner/repo#12", "GH-12", "#1"),
    *(
        "`",
        "``",
        "\\",
        "|",
        "*",
        "_",
        "**bold**",
        "__bold__",
        "~~gone~~",
        "~",
        "$a$",
        "&amp;",
        "&#64;you",
        "[^1]",
        "[1]: /x",
    ),
    *(
        "# ",
        "- ",
        "+ ",
        "1. ",
        "1) ",
        "> ",
        "---",
        "===",
        "```",
        "    ",
        ":---|",
        "=1+1",
        "+1",
        "-1",
        "@SUM(1)",
        "x",
        " ",
        "é",
    ),
]


def hostile_texts(count: int = 2000) -> list[str]:
    dice = random.Random(1)
    return PIECES + ["".join(dice.choices(PIECES, k=dice.randint(1, 8))) for _ in range(count)]


def is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def test_a_line_for_the_terminal_is_one_line_of_what_can_be_printed():
    for text in hostile_texts():
        assert not any(map(is_control, escaping.line(text))), ascii(text)
    assert escaping.line("a\x1b[31m\u202eb\nc") == r"a\x1b[31m\u202eb\nc"
    assert escaping.line("±5 %, 10⁹ samples, é, 漢, \u00a0") == "±5 %, 10⁹ samples, é, 漢, \u00a0"


def test_a_message_keeps_its_own_line_breaks():
    assert escaping.terminal("1 problem\n  - a\x1b") == "1 problem\n  - a\\x1b"
    assert escaping.html("a\nb\u202e") == "a\nb\\u202e"


def tokens_of(text: str) -> list:
    """What a Markdown parser makes of a text; tables and crossed-out texts as on GitHub."""
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = parser.parse(text)
    return [inner for token in found for inner in [token, *(token.children or [])]]


def test_markdown_of_any_text_is_plain_text():
    for text in hostile_texts():
        written = escaping.markdown(text)
        kinds = {token.type for token in tokens_of(written)}
        assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "code_inline"}, (ascii(text), written)
        # GitHub makes links and mentions of words in any text but code.
        for token in tokens_of(written):
            if token.type == "text":
                assert not escaping._LIVE_WORD.search(token.content), (ascii(text), written)
                assert not any(map(is_control, token.content))


def test_markdown_shows_the_text():
    def without_escaped_bars(text):  # a bar is escaped in code, too, for the sake of tables
        return re.sub(r"\\+\|", "|", text).split()

    for text in hostile_texts():
        shown = "".join(t.content for t in tokens_of(escaping.markdown(text)) if t.type in ("text", "code_inline"))
        expected = " ".join(map(escaping.line, text.split()))
        assert without_escaped_bars(shown) == without_escaped_bars(expected), ascii(text)


def test_markdown_of_any_text_is_one_cell_of_a_table():
    for text in hostile_texts():
        table = f"| a | b |\n|---|---|\n| {escaping.markdown(text)} | last |\n"
        found = tokens_of(table)
        assert [t.type for t in found].count("td_open") == 2, ascii(text)
        assert next(t.content for t in reversed(found) if t.type == "text") == "last"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("-1.5", "-1.5"),
        ("tf-2.19, intra_op_threads 2", "tf-2.19, intra_op_threads 2"),
        ("x | y\nz", r"x \| y z"),
        ("see https://a.example now", "see `https://a.example` now"),
        ("AMD EPYC (2 vCPUs) & more", "AMD EPYC (2 vCPUs) &amp; more"),
    ],
)
def test_plain_words_stay_plain_in_markdown(text, written):
    assert escaping.markdown(text) == written


def test_no_cell_of_csv_is_a_formula_and_numbers_stay_numbers():
    for text in hostile_texts():
        (cell,) = next(csv.reader(io.StringIO(files.csv_text([[text.replace("\x00", "")]]))))
        if cell and cell[0] in "=+-@\t\r":
            float(cell)
    rows = [["-1.5", "+2", "-1e-5", -1.5, 3, None, "text", "-x", "=1+1", "－1", "-", "+"]]
    assert files.csv_text(rows) == "-1.5,+2,-1e-5,-1.5,3,,text,'-x,'=1+1,'－1,'-,'+\n"


def test_tables_mark_texts_and_leave_numbers_and_gaps():
    table = pd.DataFrame(
        {"comparison": ["=1+1", "-2", None], "ratio": [-1.5, float("nan"), 2.0], "ok": [True, False, True]}
    )
    assert table_files.csv_text(table) == "comparison,ratio,ok\n'=1+1,-1.5,True\n-2,,False\n,2.0,True\n"


def test_restructured_text_shows_a_text_as_it_is():
    """Neither docutils nor the Jinja that Snakemake applies to it finds anything to do."""
    for text in [
        *hostile_texts(300),
        "{{ 7 * 7 }}",
        "{% raw %}",
        "{# a #}",
        "a_ `b`_ |c| [1]_ :d:`e`",
        ".. include:: /etc/passwd",
    ]:
        made = jinja2.Environment().from_string(escaping.rst(text)).render()
        document = docutils.core.publish_doctree(
            f"**x** {made}", settings_overrides={"report_level": 1, "halt_level": 1}
        )
        (paragraph,) = document.children
        shown = " ".join(escaping.line(word) for word in text.split())
        assert paragraph.astext() == f"x {shown}".strip()
        assert {type(node).__name__ for node in paragraph.children} <= {"strong", "Text"}
