"""Tests of trainmark.report.page and document: one document as HTML and as Markdown, on synthetic runs."""

import re
from dataclasses import replace

import pandas as pd
import pytest
from trainmark.contents.columns import Column, ratio, seconds
from trainmark.report import page
from trainmark.report.sections.document import Table

from tests import report, synthetic
from tests.benchmark import bounds
from tests.conftest import failed_record, synthetic_record


def test_page_needs_no_network(five_machines):
    text = five_machines.html
    assert not re.findall(r'src="', text)
    assert not re.findall(r'href="(?!#)', text)  # nor what lies beside it: it may be mailed alone
    assert len(text.encode()) < bounds.PAGE_MEGABYTES[5] * 1e6


def test_links_lead_somewhere(five_machines):
    for key in re.findall(r'href="#([^"]*)"', five_machines.html):
        assert five_machines.html.count(f'id="{key}"') == 1, key


def test_numbers_on_the_page_are_those_of_the_tables(five_machines):
    """Every number of every table of the page, with all its digits, is in the CSV file that the table names."""
    seen = 0
    for section in five_machines.document.sections:
        for table in section.tables:
            if not table.source:
                continue
            columns = [column for column in table.columns if column.numeric]
            csv = pd.read_csv(five_machines.folder / table.source, dtype=str, keep_default_na=False)
            part = five_machines.html.split(f'data-name="{table.name}"')[1].split("</table>")[0]
            shown = [number_of(cell) for cell in re.findall(r"<t[dh]((?: class=| data-value=)[^/]*)</t[dh]>", part)]
            for column in (c for c in columns if c.key in csv):
                there = {float(value) for value in csv[column.key] if value}
                wanted = [float(row[column.key]) for row in table.rows if row.get(column.key) not in (None, "")]
                assert set(wanted) <= there, (table.name, column.key)
                if column in table.shown:
                    assert {column.raw(value) for value in wanted} <= set(shown), (table.name, column.key)
                seen += len(wanted)
    assert seen > 1500


def number_of(cell: str) -> float | None:
    """The value of a table cell as the page holds it: in its attribute, or in its text."""
    value = re.search(r' data-value="([^"]*)"', cell)
    text = value[1] if value else cell.partition(">")[2].replace(",", "")
    return float(text) if re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", text) else None


def test_markdown_says_the_same(five_machines):
    markdown = five_machines.markdown
    for section in five_machines.document.sections:
        assert f"{'#' * section.level} {section.title}\n" in markdown
        for table in section.tables:
            lines = markdown.split(f"**{table.title}**")[1].splitlines()
            assert lines[1] == ""  # or it is no table
            assert len(table.rows) > page.FOLDED_ROWS or any(line.startswith("| ") for line in lines)
    for line in markdown.splitlines():
        assert not line.startswith("|") or line.endswith("|")
    claims = markdown.split("**Claims and verdicts**")[1]
    assert claims.count("| reproduced |") == 15
    assert "figures/training_time_gpus.svg" in markdown
    assert "\n\n\n\n" not in markdown


@pytest.mark.parametrize("fixture", ["five_machines", "two_machines"])
def test_readers_see_no_cells(request, fixture):
    """What the code calls a cell is a test case to a reader; names of files are not looked at."""
    made = request.getfixturevalue(fixture)
    html = re.sub(r"(?s)<(style|script|head)\b.*?</\1>", " ", made.html)
    text = re.sub(r"<[^>]*>", " ", html) + " ".join(re.findall(r'(?:alt|title|aria-label)="([^"]*)"', html))
    names = {table.source for section in made.document.sections for table in section.tables}
    for name in names:
        text = text.replace(name, "")
    assert len(text) > 10_000
    assert re.findall(r".{30}\bcells?\b.{30}", text, re.IGNORECASE) == []


def test_every_table_has_a_name_of_its_own_and_row_headers(five_machines):
    tables = re.findall(r"<table ([^>]*)>(.*?)</table>", five_machines.html, re.DOTALL)
    assert len(tables) > 15
    assert all(re.search(r'aria-label="[^"]+"', attributes) for attributes, _ in tables)
    keys = [re.search(r'id="([^"]+)"', attributes)[1] for attributes, _ in tables]
    assert len(set(keys)) == len(keys)
    for _, content in tables:
        rows = content.split("<tbody>")[1].count("<tr")
        assert content.count('<th scope="row"') == rows > 0


def test_batch_sizes_are_written_as_they_are_typed_and_sorted_as_numbers(five_machines):
    part = five_machines.html.split('data-name="cells"')[1].split("</table>")[0]
    assert '<td class="number">1024</td>' in part
    assert "1,024" not in five_machines.section("cells")


def test_columns_without_any_value_are_not_shown():
    columns = (Column("a", "A"), Column("b", "B"), Column("c", "C", empty="none"))
    assert [c.key for c in Table("t", "T", columns, [{"a": 1, "b": None, "c": None}]).shown] == ["a", "c"]


@pytest.mark.parametrize(("value", "text"), [(1.0, "1.00"), (0.8405, "0.841"), (12.34, "12.3"), (1234.5, "1,234")])
def test_ratios_have_three_digits(value, text):
    assert ratio(value) == text


@pytest.mark.parametrize(("value", "text"), [(3.456, "3.46"), (34.56, "34.6"), (3456.7, "3,457")])
def test_seconds_have_three_digits(value, text):
    assert seconds(value) == text


def test_a_page_of_very_many_rows_shows_the_first_and_names_the_file(two_machines, monkeypatch):
    monkeypatch.setattr(page, "MOST_ROWS", 10)
    text = page.render(two_machines.document, report.TEMPLATES / "page.html.j2")
    cells = text.split('id="cells"')[1].split("<h2")[0]
    assert "Only the first 10 are here; all are in cells.csv." in cells
    assert cells.count("<tr>") == 1 + 10


def test_texts_of_strangers_end_no_row_and_their_markup_is_text(tmp_path):
    evil = "<script>alert(1)</script>"
    texts = ("Epoch 1\r2/5", "a\r\nb", 'quoted "text", with commas', evil)
    records = [synthetic_record(machine="synthetic-a")]
    records += [failed_record(machine="synthetic-a", repeat=n, reason=text) for n, text in enumerate(texts, start=2)]
    made = report.make(records, tmp_path, draw=False)
    assert "1 of 5 runs ok on 1 machine" in made.html
    assert "4 runs failed" in made.html
    for line in made.markdown.splitlines():
        assert not line.startswith("|") or line.endswith("|")
    assert evil not in made.html
    assert evil not in made.markdown
    assert "&lt;script&gt;alert(1)" in made.markdown


def test_names_that_look_like_numbers_are_names(tmp_path):
    records = synthetic.records_of("synthetic-m1") + synthetic.records_of("synthetic-m2-max")
    for record in records:
        record["code"] = {"version": "1.0", "commit": "123456"}
        record["environment"]["lock_sha256"] = "1" * 64
    made = named(records, tmp_path, {"007": "synthetic-m1", "12": "synthetic-m2-max"}, draw=False)
    assert "12, GPU trains 2.20" in made.html
    assert "claims reproduced (m1-always" in made.html
    assert "111111111111" in made.section("software")


def named(records, folder, names, **options):
    """A report of invented machines under other names: new name -> kind."""
    for record in records:
        record["machine"] = next(new for new, kind in names.items() if kind == record["machine"])
    return report.make(records, folder, kinds=names, **options)


def test_a_dollar_in_a_title_is_a_dollar(tmp_path):
    wanted = [{"name": "costs $\\foo$ more", "candidate": {"device": "gpu"}, "baseline": {"device": "cpu"}}]
    made = report.make(synthetic.records_of("synthetic-m1"), tmp_path, wanted, draw=["comparison_1"])
    assert "$\\foo$" in (made.folder / "figures/comparison_1.svg").read_text()


def test_cells_that_were_left_out_for_their_length_are_named_and_not_missed(two_machines):
    data = two_machines.data
    grid = {**data.grid, "batch_sizes": [*data.grid["batch_sizes"], 2048]}
    missed = replace(data, grid=grid, configured_settings=data.experiment[0])
    of_cpu = missed.missing[(missed.missing["machine"] == grid["machine"]) & (missed.missing["device"] == "cpu")]
    assert set(of_cpu["batch_size"]) == {2048}
    left_out = {
        "left_out": [["tf-2.19", "cpu", model, 2048] for model in grid["models"]],
        "left_out_why": ["mlp on the CPU at batch size 2048: synthetic"],
    }
    found = replace(missed, grid=grid | left_out)
    assert len(found.missing) == len(missed.missing) - len(of_cpu)
    said = [text for text, _ in page.alerts(found)]
    assert "Left out: mlp on the CPU at batch size 2048: synthetic." in said
