"""Tests of trainmark.collecting."""

import csv
import json

import pytest
from trainmark import collecting, grid
from trainmark.errors import TrainmarkError

from tests.conftest import ROOT, failed_record, path_of, synthetic_machine, synthetic_record


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
    runs, machines = grid.MACHINES.parent / "runs.csv", grid.MACHINES.parent / "machines.csv"
    collecting.collect(grid.MACHINES, ROOT / "workflow/schemas", runs, machines)
    return [list(csv.DictReader(path.open())) for path in (runs, machines)]


def test_one_row_a_run_and_a_machine(here):
    runs, machines = collect()
    ok, failed = runs
    assert (ok["fit_seconds"], ok["throughput_samples_per_second"], ok["test_accuracy"]) == ("20.0", "5000.0", "0.86")
    assert (ok["status"], ok["tensorflow"], ok["variable_devices"]) == ("ok", "2.19.1", "CPU:0")
    assert (failed["status"], failed["reason"], failed["fit_seconds"]) == ("killed", "Synthetic: killed.", "")
    assert (machines[0]["gpu"], machines[0]["cores_performance"]) == ("Synthetic GPU", "4")


def test_hidden_temporary_files_are_no_records(here):
    (path_of(synthetic_record()).parent / ".3.json.tmp").write_text("half a rec")
    assert len(collect()[0]) == 2


def test_all_bad_files_are_named_at_once_and_no_table_is_written(here):
    write(synthetic_record(batch_size=64), path_of(synthetic_record(batch_size=128)))
    write(synthetic_record(repeat=3, durations__fit_seconds=-1.0))
    path_of(synthetic_record(repeat=4)).write_text('{"format_version": 1,')
    path_of(synthetic_record(repeat=5)).write_text("")
    path_of(synthetic_record(repeat=6)).write_bytes(b'{"chip": "\xe9"}')
    path_of(synthetic_record(repeat=7)).mkdir()
    write(synthetic_record(repeat=8, format_version=9))
    write(synthetic_machine("other"), grid.MACHINES / "mine" / "machine.json")
    with pytest.raises(TrainmarkError) as caught:
        collect()
    message = str(caught.value)
    assert "8 files below" in message
    for expected in (
        "128/1.json: the record says otherwise than its path: batch_size 64 against 128",
        "3.json: durations.fit_seconds must be",
        "4.json: is not JSON",
        "5.json: is not JSON",
        "6.json: is not UTF-8 text",
        "7.json: cannot be read (Is a directory)",
        "8.json: format_version must be",
        "mine/machine.json: its machine is 'other'",
    ):
        assert expected in message
    assert not list(here.glob("results/*.csv"))


def test_nothing_to_report_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainmarkError, match="There is no record"):
        collect()
