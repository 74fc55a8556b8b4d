"""Tests of trainmark.records.chain: the order in which a machine's records were committed. All records synthetic."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest
from trainmark.analysis import collecting, convergence
from trainmark.ingest import merging, renaming
from trainmark.records import chain, record
from trainmark.records.chain import Chain

from tests.conftest import ROOT, failed_record, older, path_of, synthetic_machine, synthetic_record

SCHEMAS = ROOT / "workflow/schemas"
MACHINES = Path("results/machines")
HERE = MACHINES / "synthetic"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    HERE.mkdir(parents=True)
    return tmp_path


def written(data: dict) -> bytes:
    """A record as this project writes it."""
    return record.Record(**data).to_json().encode()


def start(number: int) -> dict[str, str]:
    """Times of a run, of which none starts when another does."""
    return {f"{key}ed_at": f"2025-01-0{number}T00:0{minute}:00.000+00:00" for key, minute in (("start", 0), ("end", 1))}


def add(number: int, **changes) -> Path:
    """Commit one more record of the machine, as a run does."""
    make = failed_record if number % 3 == 0 else synthetic_record
    data = make(repeat=number, seed=2023 + number, **{**start(number), "previous": chain.last(HERE), **changes})
    path = path_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(data))
    return path


def row(machine: str = "synthetic") -> Chain:
    """What the report's table says of the chain."""
    collecting.collect(MACHINES, SCHEMAS, Path("results"), False, convergence.Gate(None, 0.001))
    rows = csv.DictReader(Path("results/origins.csv").read_text().splitlines())
    (found,) = (each for each in rows if each["machine"] == machine)
    return Chain(*(int(found[each.name]) for each in dataclasses.fields(Chain)))


def test_each_record_names_the_one_before_whatever_became_of_it(here):
    paths = [add(number) for number in range(1, 6)]
    names = [json.loads(path.read_text())["previous"] for path in paths]
    assert names == [None, *(chain.digest(path.read_bytes()) for path in paths[:-1])]
    assert row() == Chain(5, 4, 0, 1, 0, 0)


def test_controls_are_in_the_chain_and_sweeps_and_machine_files_are_not(here):
    (HERE / "machine.json").write_text(json.dumps(synthetic_machine()))
    (HERE / "roofline/tf-2.19").mkdir(parents=True)
    (HERE / "roofline/tf-2.19/cpu.json").write_text('{"started_at": "2026-01-01T00:00:00.000+00:00"}')
    assert chain.last(HERE) is None
    path = add(1, control="device-data", execution__look_up_devices=["CPU:0"])
    assert chain.last(HERE) == chain.digest(path.read_bytes())


def test_record_that_was_removed_is_told(here):
    paths = [add(number) for number in range(1, 6)]
    paths[2].unlink()
    assert row() == Chain(4, 2, 1, 1, 0, 0)


def test_record_that_was_changed_is_told(here):
    paths = [add(number) for number in range(1, 6)]
    text = paths[1].read_text()
    paths[1].write_text(text.replace('"test_accuracy": 0.86', '"test_accuracy": 0.87'))
    assert paths[1].read_text() != text
    assert row() == Chain(5, 3, 1, 1, 0, 0)


def test_record_that_was_put_in_is_told(here):
    first, *_ = (add(number) for number in range(1, 4))
    add(4, previous=chain.digest(first.read_bytes()))
    add(5, previous=chain.last(HERE), **start(1) | {"started_at": "2025-01-01T00:00:30.000+00:00"})
    assert row() == Chain(5, 4, 0, 1, 1, 1)


def test_measuring_again_leaves_a_link_to_what_was_superseded_and_no_fork(here):
    for number in range(1, 4):
        add(number)
    add(1, **start(5))  # in the place of the first
    add(2, **start(6))  # and of one that is in the middle
    assert row() == Chain(3, 2, 1, 0, 0, 0)


def test_clock_that_was_set_back_makes_no_fork(here):
    for number in (5, 6, 2, 3, 4):
        add(number)
    assert row() == Chain(5, 4, 0, 1, 0, 1)


def test_older_records_are_named_and_name_none(here):
    data = older(synthetic_record(repeat=1, **start(1)), 3)
    path_of(data).parent.mkdir(parents=True)
    path_of(data).write_text(json.dumps(data))
    add(2)
    assert row() == Chain(2, 1, 0, 1, 0, 0)


@pytest.mark.parametrize("how", ["rename", "merge"])
def test_chain_and_bytes_survive_another_name(here, how):
    paths = [add(number, machine="synthetic") for number in range(1, 5)]
    # As other programs write JSON: whatever stands around the name stays as it is.
    data = json.loads(paths[-1].read_text())
    paths[-1].write_text(json.dumps(data, separators=(",", ":"), ensure_ascii=False))
    before = {path.relative_to(HERE): path.read_bytes() for path in paths}
    if how == "rename":
        renaming.rename("synthetic", "synthetic-new", MACHINES, SCHEMAS)
    else:
        MACHINES.rename("theirs")
        MACHINES.mkdir()
        assert merging.bring_in([Path("theirs")], MACHINES, SCHEMAS, rename_to="synthetic-new").written
    for path, content in before.items():
        new = (MACHINES / "synthetic-new" / path).read_bytes()
        assert new == content.replace(b'"synthetic"', b'"synthetic-new"', 1)
        assert chain.digest(new) == chain.digest(content)
    assert row("synthetic-new") == Chain(4, 3, 0, 1, 0, 0)


def test_name_that_is_written_in_another_way_is_refused_and_not_taken_for_another(here):
    path = add(1)
    path.write_text(path.read_text().replace('"machine": "synthetic"', r'"machine": "syn\u0074hetic"'))
    MACHINES.rename("theirs")
    MACHINES.mkdir()
    merge = merging.bring_in([Path("theirs")], MACHINES, SCHEMAS, rename_to="synthetic-new")
    assert not merge.written
    assert "1.json: is the record of synthetic" in str(merge.problems[0])


def test_text_that_looks_like_a_name_is_none():
    content = written(failed_record(log_tail=['"machine": "other"', '"started_at": "x"'], reason='"machine": "x"'))
    assert json.loads(chain.renamed(content, "new")) == {**json.loads(content), "machine": "new"}
