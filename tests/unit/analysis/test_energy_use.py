"""Tests of trainmark.analysis.energy_use, and of what the page says of energy."""

import re

import pytest
from trainmark.analysis import cell_statistics, comparisons, energy_use, experiments, table_files
from trainmark.machine import energy

from tests import report, synthetic


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """An Apple machine with its SoC's energy, an NVIDIA one with package and board, one without a meter."""
    records = synthetic.records_of("synthetic-m2-max", metered=True)
    records += synthetic.records_of("synthetic-p100", metered=True)
    records += synthetic.records_of("synthetic-t4", energy=energy.unmeasured("no meter is there"))
    return report.make(records, tmp_path_factory.mktemp("mixed"), draw=False)


def runs_of(made):
    return experiments.comparable(experiments.of_shown(table_files.read(made.folder, "runs"), report.PREFERENCE))


def test_energy_of_a_cell_is_that_of_its_median_run(mixed):
    table = energy_use.per_cell(runs_of(mixed)).set_index(cell_statistics.CELL)
    row = table.loc[("synthetic-m2-max", "tf-2.19", "gpu", "cnn", 32)]
    seconds = synthetic.seconds("synthetic-m2-max", "gpu", "cnn", 32)
    assert row["joules"] == pytest.approx(32 * seconds)
    assert row["joules_per_epoch"] == pytest.approx(16 * seconds)
    assert row["joules_per_million_samples"] == pytest.approx(320 * seconds)
    assert row["above_idle_joules"] == pytest.approx(30 * seconds)
    assert (row["watts"], row["energy_scope"], row["runs"]) == (pytest.approx(32), "SoC + memory", 3)
    assert "synthetic-t4" not in table.index.get_level_values("machine")


def test_ratios_of_one_scope_are_efficiencies_and_of_two_are_marked(mixed):
    runs = runs_of(mixed)
    sides = {"device": "gpu", "machine": "synthetic-m2-max"}, {"device": "cpu", "machine": "synthetic-m2-max"}
    same = energy_use.ratios(runs, [comparisons.Comparison("same", *sides)])
    assert set(same["why"]) == {""}
    row = same.query("machine == 'synthetic-m2-max' and model == 'cnn' and batch_size == 512").iloc[0]
    assert row["ratio"] == pytest.approx(5.1 * 22 / 32)  # times as long on the CPU, at 22 W against 32 W
    assert row["low"] < row["ratio"] < row["high"]
    pair = {"machine": "synthetic-m2-max", "device": "gpu"}, {"machine": "synthetic-p100", "device": "gpu"}
    other = energy_use.ratios(runs, [comparisons.Comparison("other", *pair)])
    assert set(other["why"]) == {"different scopes: SoC + memory against GPU board"}


def test_cell_whose_runs_differ_in_scope_is_in_no_ratio(mixed):
    runs = runs_of(mixed)
    runs.loc[runs.query("machine == 'synthetic-p100' and device == 'gpu' and repeat == 1").index, "energy_scope"] = (
        "SoC"
    )
    found = energy_use.ratios(runs, [comparisons.Comparison("same", {"device": "gpu"}, {"device": "cpu"})])
    assert set(found["machine"]) == {"synthetic-m2-max"}


def test_page_marks_unlike_scopes_and_gives_the_reasons(mixed):
    part = mixed.section("energy")
    assert "no meter is there" in part
    assert "different scopes: SoC + memory against GPU board" in part
    assert set(re.findall(r'<td class="([^"]*)"[^>]*title="different scopes:', part)) == {"maybe"}  # in the matrix
    rows = [row for row in part.split("<tr") if ">different scopes:" in row]
    assert rows
    assert all("not comparable" in row and "grey" in row.split(">")[0] for row in rows)


def test_page_without_any_meter_says_so(tmp_path):
    made = report.make(synthetic.records_of("synthetic-m1"), tmp_path, draw=False)
    assert 'id="energy"' not in made.html
    assert "It needs a meter that may be read." in made.section("additions")
    assert "Energy by test case" not in made.html
    assert "Energy ratio" not in made.html
