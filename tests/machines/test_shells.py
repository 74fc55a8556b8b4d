"""Whole runs from shells whose variables and settings would change what is computed, drawn or installed."""

import re

import pytest

from tests.conftest import validate_record
from tests.integration.conftest import trained
from tests.machines import shells
from tests.machines.runs import Machine

both = pytest.mark.machine("calm", "hostile")


@pytest.fixture
def calm(running) -> Machine:
    """This machine, on which everything has run once from a clean shell, to the report."""
    return running("calm")


@pytest.fixture
def hostile(running) -> Machine:
    """The same from a hostile shell."""
    return running("hostile")


@both
def test_hostile_shell_changes_nothing_that_is_computed(calm, hostile):
    assert trained(hostile.output) == hostile.planned
    expected, found = calm.record("cpu"), hostile.record("cpu")
    validate_record(found)
    assert found["status"] == "ok", found["reason"]
    for part in ("machine", "workload_digest", "accuracy", "execution", "versions"):
        assert found[part] == expected[part], part


@both
def test_hostile_shell_is_on_record(calm, hostile):
    assert calm.record("cpu")["environment"]["dropped_variables"] == []
    dropped = hostile.record("cpu")["environment"]["dropped_variables"]
    assert set(dropped) >= shells.HOSTILE.keys() - {"MACHINE"}


@both
def test_hostile_shell_changes_nothing_that_is_drawn(calm, hostile):
    drawn = []
    for machine in (calm, hostile):
        figures = machine.folder / "results/report/figures"
        sizes = re.compile(r'width="[^"]+" height="[^"]+"')
        drawn.append({path.name: sizes.search(path.read_text())[0] for path in figures.glob("*.svg")})
    assert drawn[0]
    assert drawn[0] == drawn[1]


@pytest.mark.machine("notebook")
def test_notebook_runs_to_the_report(machine):
    assert trained(machine.output) == machine.planned
    record = machine.record("gpu")
    assert record["status"] == "ok", record["reason"]
    assert set(record["environment"]["dropped_variables"]) >= {"MPLBACKEND", "PYTHONPATH", "TF_FORCE_GPU_ALLOW_GROWTH"}
    assert "Tesla T4" in machine.page()
