"""Tests of trainmark.analysis.kept_parts, and of what collecting makes of it."""

import json
import os
import shutil
from pathlib import Path

import pytest
from trainmark.analysis import collecting, convergence, kept_parts

from tests import synthetic
from tests.conftest import ROOT

WITHOUT_REFERENCES = convergence.Gate(None, 0.001)
FILES = ("runs.csv", "machines.csv", "origins.csv", "experiments.csv", "excluded_files.csv")


def collect(made_by: str = "code") -> dict[str, str]:
    kept = kept_parts.KeptParts(Path("kept.msgpack"), made_by, collecting.Collected)
    collecting.collect(
        Path("results/machines"), ROOT / "workflow/schemas", Path("out"), True, WITHOUT_REFERENCES, kept=kept
    )
    return {name: Path("out", name).read_text() for name in FILES}


@pytest.fixture
def read(tmp_path, monkeypatch):
    """The machines that were read, in a folder with the records of two."""
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    for name in ("synthetic-m1", "synthetic-p100"):
        synthetic.write_tree(synthetic.records_of(name, devices=["cpu"])[:6], tmp_path)
    found = []
    original = collecting.Collector.read_machine

    def counted(self, paths):
        found.append(paths[0].partition("/")[0])
        return original(self, paths)

    monkeypatch.setattr(collecting.Collector, "read_machine", counted)
    return found


def run(machine: str, repeat: int = 1) -> Path:
    return Path(f"results/machines/{machine}/runs/tf-2.19/cpu/mlp/32/{repeat}.json")


def test_what_has_not_changed_is_not_read_again_and_gives_the_same_tables(read):
    first = collect()
    assert read == ["synthetic-m1", "synthetic-p100"]
    read.clear()
    assert collect() == first
    assert read == []


@pytest.mark.parametrize("keeps_time", [False, True])
def test_machine_whose_file_changed_is_read_again_alone(read, keeps_time):
    first = collect()
    read.clear()
    path = run("synthetic-p100")
    before = path.stat()
    path.write_text(path.read_text().replace('"repeat": 1', '"repeat": 2'))  # of the same length
    if keeps_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = collect()
    assert read == ["synthetic-p100"]
    assert "synthetic-p100/runs/tf-2.19/cpu/mlp/32/1.json" in second["excluded_files.csv"]
    assert second["runs.csv"] != first["runs.csv"]


def test_machine_with_a_bad_file_is_read_at_every_call(read):
    run("synthetic-m1").write_text("{")
    collect()
    read.clear()
    collect()
    assert read == ["synthetic-m1"]


def test_machine_that_is_gone_is_in_no_table(read):
    collect()
    shutil.rmtree("results/machines/synthetic-m1")
    assert "synthetic-m1" not in collect()["runs.csv"]


def test_all_is_read_again_by_other_code(read):
    collect()
    read.clear()
    collect("other code")
    assert read == ["synthetic-m1", "synthetic-p100"]


@pytest.mark.parametrize("content", [b"", b"\x81", json.dumps({"synthetic-m1": 1}).encode()])
def test_what_cannot_be_read_back_costs_nothing(read, content):
    first = collect()
    read.clear()
    Path("kept.msgpack").write_bytes(content)
    assert collect() == first
    assert len(read) == 2


def test_measurement_under_two_names_is_excluded_from_what_was_kept_too(read):
    collect()
    shutil.copytree("results/machines/synthetic-m1", "results/machines/synthetic-copy")
    for path in Path("results/machines/synthetic-copy").rglob("*.json"):
        path.write_text(path.read_text().replace("synthetic-m1", "synthetic-copy"))
    found = collect()
    assert (
        "measurements of synthetic-" in found["excluded_files.csv"] or "synthetic-copy" in found["excluded_files.csv"]
    )
    assert "synthetic-m1" not in found["runs.csv"] or "synthetic-copy" not in found["runs.csv"]
    read.clear()
    assert collect() == found
