"""Tests of trainmark.analysis.collecting."""

import csv
import json
from pathlib import Path

import pytest
from trainmark.analysis import collecting, convergence
from trainmark.errors import TrainmarkError
from trainmark.experiment import grid
from trainmark.records import record

from tests.conftest import ROOT, failed_record, older, path_of, synthetic_machine, synthetic_record


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(synthetic_record())
    write(failed_record(repeat=2))
    machine = grid.MACHINES / "synthetic" / "machine.json"
    machine.write_text(json.dumps(synthetic_machine()))
    return tmp_path


def write(data, path=None):
    path = path or path_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def collect():
    gate = convergence.Gate(None, 0.001)
    collecting.collect(grid.MACHINES, ROOT / "workflow/schemas", grid.MACHINES.parent, skip_bad=False, gate=gate)
    return [list(csv.DictReader((grid.MACHINES.parent / f"{name}.csv").open())) for name in ("runs", "machines")]


def test_one_row_a_run_and_a_machine(here):
    runs, machines = collect()
    ok, failed = runs
    assert (ok["fit_seconds"], ok["throughput_samples_per_second"], ok["test_accuracy"]) == ("20.0", "5000.0", "0.86")
    assert (ok["status"], ok["framework_version"], ok["variable_devices"]) == ("ok", "2.19.1", "CPU:0")
    assert (failed["status"], failed["reason"], failed["fit_seconds"]) == ("killed", "Synthetic: killed.", "")
    assert (machines[0]["gpu"], machines[0]["core_levels"]) == ("Synthetic GPU", "4 performance + 4 efficiency")


def test_hidden_temporary_files_are_no_records(here):
    (path_of(synthetic_record()).parent / ".3.json.tmp").write_text("half a rec")
    assert len(collect()[0]) == 2


def test_all_bad_files_are_named_at_once_and_no_table_is_written(here):
    write(synthetic_record(batch_size=64), path_of(synthetic_record(batch_size=128)))
    path_of(synthetic_record(repeat=5)).write_text("")
    write(synthetic_machine("other"), grid.MACHINES / "mine" / "machine.json")
    with pytest.raises(TrainmarkError) as caught:
        collect()
    message = str(caught.value)
    assert "3 files below results/machines cannot be used" in message
    assert message.count("\n  - results/machines/") == 3
    assert "on_bad_record=skip" in message
    assert not list(here.glob("results/*.csv"))


def test_older_formats_are_upgraded_in_memory(here):
    written = [
        write(older(synthetic_record(repeat=2 + version), version)) for version in range(1, record.FORMAT_VERSION)
    ]
    before = [path.read_bytes() for path in written]
    assert len(collect()[0]) == 2 + len(written)
    assert [path.read_bytes() for path in written] == before


def test_two_machines_under_one_name_are_refused(here):
    write(synthetic_record(repeat=3, identity={"machine_id_hash": "1" * 32, "hardware": None}))
    with pytest.raises(TrainmarkError, match=r"1 of its 3 records were measured on another machine.*make merge FROM="):
        collect()


def test_many_files_are_read_by_several_processes_with_the_same_result(here, monkeypatch):
    for name in ("synthetic-b", "synthetic-c", "synthetic-d"):
        write(synthetic_record(machine=name))
        (grid.MACHINES / name / "machine.json").write_text(json.dumps(synthetic_machine(name)))
    expected = collect()
    monkeypatch.setattr(collecting, "_FEW_FILES", 0)
    monkeypatch.setattr(collecting.hardware, "usable_cores", lambda: 3)
    assert collect() == expected
    assert len(expected[0]) == 5


def test_nothing_to_report_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainmarkError, match="There is no record"):
        collect()


def older_energy(device, **joules):
    """The energy of a record of format 3, which added all meters up."""
    scopes = {"package": "CPU package", "board": "GPU board"}
    fixed = {"source": "synthetic", "idle_watts": 10.0, "reason": None}
    domains = [{"domain": name, "scope": scopes[name], "joules": value, **fixed} for name, value in joules.items()]
    total = sum(joules.values())
    window = {"window_seconds": 20.0, "idle_seconds": 5.0}
    return {
        "reason": None,
        "joules": total,
        "joules_above_idle": total - 200.0 * len(joules),
        **window,
        "domains": domains,
    }


@pytest.mark.parametrize(
    ("device", "joules", "expected"),
    [
        ("cpu", {"package": 800.0, "board": 600.0}, ("800.0", "600.0", "CPU package", "")),
        ("cpu", {"board": 600.0}, ("", "", "", "no meter counts the CPU: no kind of meter is known for it")),
        ("gpu", {"package": 800.0, "board": 3000.0}, ("3000.0", "2800.0", "GPU board", "")),
    ],
)
def test_energy_of_the_device_that_did_not_train_is_left_out_of_older_records(
    tmp_path, monkeypatch, device, joules, expected
):
    monkeypatch.chdir(tmp_path)
    data = older(synthetic_record(device=device), 3) | {"energy": older_energy(device, **joules)}
    write(data)
    collect()
    with Path("results/runs.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    found = tuple(row[f"energy_{name}"] for name in ("joules", "above_idle_joules", "scope", "reason"))
    assert found == expected


def test_run_that_ended_before_it_started_is_refused(here):
    write(
        synthetic_record(repeat=3, started_at="2026-01-01T00:00:30.000+00:00", ended_at="2026-01-01T00:00:00.000+00:00")
    )
    with pytest.raises(TrainmarkError, match=r"cannot be true: it ended at 2026-01-01T00:00:00.*before it started"):
        collect()
