"""Tests of trainmark.report.sections.additions: one list in the place of sections without content."""

from trainmark.experiment import workloads
from trainmark.report.sections import additions

from tests import report, synthetic
from tests.conftest import CONFIG, ROOT, synthetic_record


def keys(made) -> list[str]:
    return [section.key for section in made.document.sections]


def rows(made) -> dict[str, dict]:
    (section,) = (each for each in made.document.sections if each.key == additions.KEY)
    return {row["what"]: row for row in section.tables[0].rows}


def test_with_several_machines_the_list_stands_behind_what_was_compared(two_machines):
    assert keys(two_machines).index(additions.KEY) == keys(two_machines).index("cells") - 1
    assert {"Runs of Macs", "Energy"} <= set(rows(two_machines))
    assert not {"Another machine", "Runs on a GPU", "Repeats"} & set(rows(two_machines))


def test_where_nothing_is_missing_there_is_no_list(five_machines):
    assert additions.KEY not in keys(five_machines)


def test_one_machine_alone_is_told_first_what_it_lacks(tmp_path):
    made = report.make([synthetic_record(machine="synthetic-a")], tmp_path, draw=False)
    assert keys(made)[:2] == ["claims", additions.KEY]
    found = rows(made)
    assert next(iter(found)) == "Another machine"
    assert "make merge FROM=" in found["Another machine"]["how"]
    assert "Spread of the repeats" in found["Repeats"]["shows"]
    assert "Two epochs or more" not in found  # its runs have two
    assert "Does the winner change in the steady state?" in found["Another machine"]["shows"]


def test_no_heading_stands_above_nothing(tmp_path):
    records = synthetic.records_of("synthetic-p100", devices=["cpu"], noise=(1.0,))
    made = report.make(records, tmp_path, draw=False)
    for part in made.document.parts:
        for section in part:
            content = (section.texts, section.figures, section.tables, section.matrices, section.cards, section.code)
            assert any(content) or (section.level == 2 and len(part) > 1), section.key


def test_section_with_a_table_stays_though_its_figure_is_missing(tmp_path):
    record = synthetic_record(machine="synthetic-a", noise__fit_other_cpu_seconds=30.0)
    made = report.make([record], tmp_path, draw=False)
    assert "spread" in keys(made)
    assert "Outliers and disturbed runs" in made.section("spread")
    assert "Repeats" in rows(made)


def test_a_machine_alone_is_offered_the_shipped_example_of_its_experiment(tmp_path):
    """Two epochs, which no example has, are offered none; nor is the example's own machine."""
    one = workloads.describe("mlp", {**CONFIG, "epochs": 1})
    of_one = {"workload": one, "workload_digest": workloads.digest(one)}
    name = "amd-epyc-2-vcpu-one-epoch"
    archive = additions.EXAMPLE.format(name)
    assert (ROOT / archive).exists()
    for machine, more, offered in (("synthetic-a", of_one, True), ("synthetic-a", {}, False), (name, of_one, False)):
        made = report.make([synthetic_record(machine=machine, **more)], tmp_path / f"{machine}{len(more)}", draw=False)
        said = [row["how"] for what, row in rows(made).items() if what.startswith("The example's machine")]
        assert said == [f"make merge FROM={archive}, then make report. It takes seconds."] * offered
        own = made.document.first.own
        assert [said for said, _ in own.rows if said.startswith("the example")] == (
            ["the example, CPU: mlp", "the example, CPU: cnn", "the example, CPU: lstm"] if offered else []
        )
        assert (name in own.note) == offered
        for written in (made.html, made.markdown):
            assert written.count("the example, CPU: mlp") == offered
