"""Tests of the page's section on the time to accuracy, on invented records."""

import html
import re
from types import SimpleNamespace

import pandas as pd
import pytest
from trainmark.contents import tables
from trainmark.report.sections import time_to_accuracy

from tests import synthetic


def section_of(made):
    return next(each for each in made.document.sections if each.key == time_to_accuracy.KEY)


def test_table_has_what_two_series_reached_and_the_file_has_the_rest(five_machines):
    section = section_of(five_machines)
    (table,) = section.tables
    cases = {(row["model"], row["batch_size"]) for row in table.rows}
    # With two epochs the mean curves of the references reach 84 % and 82 % at small batch sizes alone.
    assert {("cnn", 32), ("cnn", 128), ("lstm", 32), ("lstm", 128)} <= cases
    assert not {("mlp", 1024), ("cnn", 512), ("cnn", 1024), ("lstm", 1024)} & cases
    row = next(r for r in table.rows if (r["machine"], r["device"], r["model"], r["batch_size"]) == P100)
    setup, epochs = row["seconds"] / synthetic.seconds("synthetic-p100", "gpu", "cnn", 128), row["epochs"]
    assert (epochs, row["of_runs"]) == (2, "3 of 3")
    assert setup == pytest.approx(0.05 + 0.9)  # of fit: before its first epoch, and both epochs
    file = pd.read_csv(five_machines.folder / "time_to_accuracy.csv")
    assert len(file) == 5 * 2 * 12
    assert f"{len(file) - len(table.rows)} test cases with nothing to compare are in" in " ".join(section.texts)
    said = html.unescape(five_machines.section(time_to_accuracy.KEY))
    assert "86 % (mlp), 84 % (cnn) and 82 % (lstm)" in said
    assert re.search(r"the time of synthetic-\S+, CPU, tf-2.19 divided by that of the row", said)
    assert '<details class="folded"' in said


P100 = ("synthetic-p100", "gpu", "cnn", 128)


def row(machine, batch_size, seconds):
    cell = {"machine": machine, "device": "gpu", "stack": "tf-2.19", "model": "cnn", "batch_size": batch_size}
    return {**cell, "target_accuracy": 0.84, "seconds": seconds, "runs": 3, "reached": 3}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "a target comes from convergence references, and there are none of this experiment."),
        ([row("a", 512, None)], "with 1 epoch, no test case reached its target (84 % (cnn)) in most of its runs."),
        (
            [row("a", 32, 5.0), row("b", 32, None)],
            "with 1 epoch, no test case of two machines, devices or stacks reached its target (84 % (cnn)) in most of "
            "its runs on both sides.",
        ),
    ],
    ids=["no references", "never reached", "by one side"],
)
def test_without_anything_to_show_a_sentence_says_why(rows, said):
    columns = tables.named("time_to_accuracy").keys
    found = pd.DataFrame(rows, columns=columns)
    data = SimpleNamespace(tables={"time_to_accuracy": found}, runs=pd.DataFrame({"epochs": [1]}))
    section = time_to_accuracy.section(data)
    assert section.tables == []
    assert section.texts == [f"Not shown: {said}"]


def test_of_several_series_only_test_cases_of_two_are_shown_and_of_one_all():
    table = pd.DataFrame([row("a", 32, 5.0), row("b", 32, 6.0), row("a", 128, 7.0), row("b", 128, None)])
    assert set(time_to_accuracy.comparable(table)["batch_size"]) == {32}
    assert set(time_to_accuracy.comparable(table[table["machine"] == "a"])["batch_size"]) == {32, 128}


def test_one_machine_alone_has_its_times_and_no_ratios():
    found = pd.DataFrame([{**row("a", 32, 5.0), "speed_up": 1.0}], columns=tables.named("time_to_accuracy").keys)
    data = SimpleNamespace(tables={"time_to_accuracy": found}, of_experiment=lambda name: found)
    (table,) = time_to_accuracy.section(data).tables
    headings = [column.heading for column in table.shown]
    assert "Seconds, median" in headings
    assert "Times as fast" not in headings
