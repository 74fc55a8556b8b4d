"""Tests of trainmark.report.summary: the report in few words, on synthetic runs."""

from dataclasses import replace

import pandas as pd
import pytest
from trainmark.report import page, summary

from tests import report, synthetic
from tests.conftest import failed_record

MOST_BYTES = 4096


def rows(text: str) -> list[list[str]]:
    """The cells of the table's rows."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in lines}) <= 1
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_five_machines_are_ranked_with_what_speaks_against_them(five_machines):
    data, document = five_machines.data, five_machines.document
    text = summary.write(data, document)
    assert len(text.encode()) < MOST_BYTES
    assert f"**{document.first.sentence}**" in text
    ranking = data.of_experiment("ranking")
    whole = ranking[ranking["model"] == "all"]
    found = rows(text)
    assert [row[0] for row in found] == [f"{row.machine}, {row.device.upper()}" for row in whole.itertuples()]
    fastest = whole.iloc[0]
    assert found[0][1].startswith(f"{fastest['speed_up']:#.3g} \\[")
    assert "left out" not in text
    assert "more row" not in text
    assert "tf-2.19: Python 3.12.0, tensorflow 2.19.1, Keras 3.15.1; on Synthetic OS 1." in text
    assert document.lead in text


def test_a_machine_that_is_alone_has_its_own_times(tmp_path):
    records = synthetic.records_of("synthetic-m2-max", devices=["cpu"])
    made = report.make(records, tmp_path, draw=False)
    text = summary.write(made.data, made.document)
    found = rows(text)
    assert len(found) == 12
    seconds = {(row[0], int(row[1])): float(row[2].replace(",", "")) for row in found}
    assert seconds["cnn", 512] == pytest.approx(synthetic.seconds("synthetic-m2-max", "cpu", "cnn", 512), rel=0.01)


def test_of_many_machines_the_first_are_shown_and_the_others_counted(five_machines):
    data = five_machines.data
    ranking = data.tables["ranking"]
    more = [ranking.assign(machine=ranking["machine"] + f"-{number:03}", doubts="d" * 90) for number in range(200)]
    many = replace(data, tables={**data.tables, "ranking": pd.concat(more)})
    alerts = [(f"{number}: {'something to be known ' * 8}", "") for number in range(50)]
    text = summary.write(many, replace(five_machines.document, alerts=alerts))
    assert len(text.encode()) < MOST_BYTES
    shown = len(rows(text))
    assert shown >= 5
    assert f"{200 * 10 - shown:,} more rows of this table: see report.md." in text
    remarks = text.count("\n> ")
    assert remarks >= 2
    # The lead, a line of versions and one of trainmark's own come first.
    assert f"{50 - remarks} remarks left out." in text


@pytest.mark.parametrize("text", ["[" * 5000, "\u00e9" * 5000, "https://a " * 900, "<" * 5000])
def test_no_text_makes_it_longer(five_machines, text):
    first = replace(five_machines.document.first, sentence=text)
    document = replace(five_machines.document, first=first, lead=text, title=text, alerts=[(text, "")] * 9)
    assert len(summary.write(five_machines.data, document).encode()) < MOST_BYTES


def test_without_a_run_that_is_ok_it_says_so(tmp_path):
    made = report.make([failed_record()], tmp_path, draw=False)
    text = summary.write(made.data, made.document)
    assert "No run is ok" in text
    assert rows(text) == []


def test_answers_of_several_sentences_are_lists(five_machines):
    """And what a comparison is called is not said again by its sentence."""
    answers = five_machines.document.answers
    text = page.render(five_machines.document, report.TEMPLATES / "report.md.j2")
    for question, sentences in answers.items():
        part = text.split(f"**{question}**")[1].split("\n**")[0].split("\n#")[0]
        assert part.count("\n- ") == (len(sentences) if len(sentences) > 1 else 0)
    assert "Times faster: " in str(answers)
    assert not [line for line in text.splitlines() if "Times faster: " in line and "times as fast" in line]
