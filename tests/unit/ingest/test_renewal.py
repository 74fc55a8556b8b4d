"""Tests of trainmark.ingest.renewal. Synthetic data."""

import json

from trainmark.ingest import catalogue, packing, renewal
from trainmark.records import supersession

from tests.conftest import synthetic_machine, synthetic_record
from tests.unit.ingest.conftest import RECORD, SCHEMAS, TARGET, snapshot, tree, write

LATER = {"started_at": "2026-02-01T00:00:00.000+00:00", "ended_at": "2026-02-01T00:01:00.000+00:00"}
EARLIER = {"started_at": "2024-02-01T00:00:00.000+00:00", "ended_at": "2024-02-01T00:01:00.000+00:00"}


def bring_in(folder, machine="synthetic"):
    archive = folder.parent / "x.tar.gz"
    packing.pack("synthetic", folder, SCHEMAS, archive)
    return renewal.bring_in([archive], machine, TARGET, SCHEMAS, catalogue.NOTHING_KNOWN)


def test_newer_measurement_takes_the_place_of_the_older_one_which_is_kept(here):
    tree(TARGET)
    old = (TARGET / RECORD).read_bytes()
    theirs = tree(here / "theirs")
    write(synthetic_record(durations__fit_seconds=30.0, **LATER), theirs)
    write(synthetic_record(repeat=3), theirs)
    merge = bring_in(theirs)
    assert merge.problems == []
    assert {*merge.new} == {RECORD, "synthetic/runs/tf-2.19/cpu/mlp/32/3.json"}
    assert (TARGET / RECORD).read_bytes() == (theirs / RECORD).read_bytes()
    (kept,) = supersession.SUPERSEDED.rglob("1.json")
    assert kept.read_bytes() == old
    assert kept.relative_to(supersession.SUPERSEDED).parts[1:] == ("synthetic", *RECORD.split("/")[1:])
    assert bring_in(theirs).new == {}


def test_older_measurement_is_a_conflict_as_anybodys_is(here):
    tree(TARGET)
    theirs = tree(here / "theirs")
    write(synthetic_record(durations__fit_seconds=30.0, **EARLIER), theirs)
    before = snapshot(TARGET)
    (problem,) = bring_in(theirs).problems
    assert "is a different measurement from results/machines/synthetic/runs" in str(problem)
    assert snapshot(TARGET) == before


def test_what_another_computer_has_measured_replaces_nothing(here):
    tree(TARGET)
    other = {"machine_id_hash": "1" * 32, "hardware": "1" * 16}
    write(synthetic_record(identity=other, **LATER), here / "theirs")
    before = snapshot(TARGET)
    problems = [str(each) for each in bring_in(here / "theirs").problems]
    assert any("is not the machine that has this name here" in each for each in problems), problems
    assert snapshot(TARGET) == before


def test_other_machines_than_the_one_that_was_measured_are_refused(here):
    theirs = tree(here / "theirs")
    (problem,) = bring_in(theirs, "another").problems
    assert "is not another, which was measured" in str(problem)
    assert snapshot(TARGET) == {}


def test_description_that_differs_in_the_system_alone_is_kept(here):
    tree(TARGET)
    theirs = tree(here / "theirs")
    newer = {**synthetic_machine(), "operating_system": "Synthetic OS 2"}
    (theirs / "synthetic/machine.json").write_text(json.dumps(newer))
    merge = bring_in(theirs)
    assert (merge.problems, len(merge.kept)) == ([], 1)
