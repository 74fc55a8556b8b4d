"""Tests of trainmark.report.sections.equal_nodes: machines of one kind on the page. All data synthetic."""

import re
from types import SimpleNamespace

import pytest
from trainmark.analysis import equal_nodes as analysis
from trainmark.contents import tables
from trainmark.report.sections import equal_nodes

from tests import report, synthetic
from tests.unit.analysis.test_equal_nodes import machine, runs_of


def nodes(count: int, slow: float = 1.0) -> tuple[list[dict], dict[str, str]]:
    """Records of synthetic nodes of one kind, one of which is slow."""
    kinds = {f"synthetic-n{number}": "synthetic-t4" for number in range(count)}
    records = []
    for number, name in enumerate(kinds):
        factor = (1 + 0.004 * (number % 5)) * (slow if number == 3 else 1)
        records += synthetic.records_of(name, "synthetic-t4", ["cpu"], factor=lambda *_, f=factor: f)
    return records, kinds


@pytest.fixture(scope="module")
def ten_nodes(tmp_path_factory):
    records, kinds = nodes(10, slow=1.1)
    return report.make(records, tmp_path_factory.mktemp("nodes"), kinds=kinds, draw={"equal_nodes"})


def test_slow_node_is_named_with_how_that_was_decided(ten_nodes):
    (section,) = (each for each in ten_nodes.document.sections if each.key == "equal-nodes")
    (said,) = section.texts
    assert said.startswith("10 nodes of one kind (Synthetic Xeon, 8 threads, 16 GiB, Tesla T4): the slowest takes ")
    assert re.search(r"The typical node is synthetic-n\d, with [\d,]+ samples per second", said)
    assert re.search(r"Outlier: synthetic-n3 \(1\.1\d? times the median\)\.$", said)
    assert "Rosner's generalized ESD test" in section.how
    assert "Holm's method" in section.how
    assert [table.title for table in section.tables] == [
        tables.named(name).title for name in ("equal_nodes", "equal_nodes_each")
    ]
    assert section.tables[1].rows[0]["machine"] == "synthetic-n3"


def test_every_node_is_a_dot_and_the_outlier_is_named(ten_nodes):
    (exhibit,) = (each for each in ten_nodes.exhibits if each.name == "equal_nodes")
    assert len(exhibit.table) == 10
    assert exhibit.alt.endswith("outliers: synthetic-n3 1.1.")
    picture = ten_nodes.section("equal-nodes")
    assert picture.count("synthetic-n3</text>") == 1
    assert "synthetic-n4</text>" not in picture
    assert "outlier</li>" in picture


def sentences(factors: dict[str, float], **columns) -> list[str]:
    """What is said of invented nodes whose times are multiplied by these."""
    runs, machines = runs_of(factors, **columns), [machine(name) for name in factors]
    cells = analysis.cells(runs, machines)
    each = analysis.per_node(cells, machines)
    made = {"equal_nodes_each": each, "equal_nodes": analysis.per_kind(cells, each, runs)}
    return equal_nodes.sentences(SimpleNamespace(tables=made))


def test_of_two_equal_machines_nothing_is_called_an_outlier():
    (said,) = sentences({"a": 1.0, "b": 1.3})
    assert "the slowest takes 1.30 times as long as the fastest" in said
    assert said.endswith("Too few nodes to tell whether one is an outlier: that needs 5.")


def test_nodes_that_are_alike_have_no_outlier_and_without_repeats_no_spread_of_them():
    (said,) = sentences({f"n{number}": 1 + 0.004 * number for number in range(6)}, repeats=1)
    assert said.endswith("No node is an outlier.")
    assert "repeats" not in said


def test_machines_of_other_kinds_have_no_such_section(five_machines):
    assert "equal-nodes" not in [section.key for section in five_machines.document.sections]
    assert "qual nodes" not in five_machines.html
    assert five_machines.data.tables["equal_nodes_each"].empty
