"""Tests of trainmark.ingest.arrivals: machines that were measured again, on their way to others. Synthetic data."""

import datetime
import json
import shutil
from pathlib import Path

import pytest
from trainmark.analysis import collecting, convergence
from trainmark.ingest import arrivals, merge_lines, merging, packing, renaming
from trainmark.records import sessions

from tests.conftest import synthetic_machine, synthetic_record
from tests.unit.ingest.conftest import RECORD, SCHEMAS, TARGET, merge, problem_of, snapshot, tree, write

NOW = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.timezone.utc)
EARLIER = RECORD.replace("runs", "sessions/20260304T050607Z/runs")
LATER = {"durations__fit_seconds": 22.0, "started_at": "2026-03-04T06:00:00.000+00:00"}
LATER["ended_at"] = "2026-03-04T06:00:32.000+00:00"


@pytest.fixture
def owners(here):
    """The owner's folder, whose machine was measured again, and their archives of before and after."""
    theirs = tree(here / "theirs")
    packing.pack("synthetic", theirs, SCHEMAS, here / "before.tar.gz")
    sessions.begin("synthetic", theirs, NOW)
    write(synthetic_record(**LATER), theirs)
    (theirs / "synthetic/machine.json").write_text(json.dumps({**synthetic_machine(), "kernel": "Synthetic 2"}))
    packing.pack("synthetic", theirs, SCHEMAS, here / "after.tar.gz")
    return theirs


def test_stopped_half_way_the_same_merge_goes_on(here, owners):
    """After the earlier session got its place, and before anything else lost its own."""
    merge(here / "before.tar.gz")
    planned = merging.plan_merge([here / "after.tar.gz"], TARGET, SCHEMAS)
    planned.moved, moved = set(), planned.moved
    for path in moved & planned.new.keys():
        del planned.new[path]
    merging.write(planned, TARGET)
    assert not same(owners)
    assert merge(here / "after.tar.gz").problems == []
    assert same(owners)


def same(theirs: Path) -> bool:
    """Whether all of the owner's files are here, where they are there, and nothing else."""
    return snapshot(TARGET) == {str(TARGET / Path(p).relative_to(theirs)): c for p, c in snapshot(theirs).items()}


def test_sessions_travel_with_an_archive(here, owners):
    assert merge(here / "after.tar.gz").problems == []
    assert same(owners)


def test_who_has_the_earlier_session_gets_both(here, owners):
    merge(here / "before.tar.gz")
    found = merge(here / "after.tar.gz")
    assert found.problems == []
    assert "synthetic: was measured again; 3 files stand in an earlier session now" in merge_lines.lines(found)
    assert same(owners)
    assert merge(here / "after.tar.gz").new == {}


def test_archive_of_before_brings_nothing_to_who_has_both(here, owners):
    merge(here / "after.tar.gz")
    found = merge(here / "before.tar.gz")
    assert (found.new, found.problems) == ({}, [])
    assert same(owners)


@pytest.mark.parametrize("order", [("before", "after"), ("after", "before")])
def test_both_archives_at_once_are_merged_in_any_order(here, owners, order):
    assert merge(*(here / f"{name}.tar.gz" for name in order)).problems == []
    assert same(owners)


def test_measurement_that_stands_in_no_session_is_still_in_conflict(here, owners):
    merge(here / "before.tar.gz")
    shutil.rmtree(owners / "synthetic/sessions")
    assert "is a different measurement from results/machines/synthetic/runs" in problem_of(owners)


def test_what_is_there_is_kept_where_its_copy_in_a_session_was_refused(here, owners):
    """As with SKIP=1, where the record of the earlier session cannot be used."""
    merge(here / "before.tar.gz")
    before = (TARGET / RECORD).read_bytes()
    planned = merging.plan_merge([here / "after.tar.gz"], TARGET, SCHEMAS)
    del planned.new[EARLIER]
    merging.write(planned, TARGET)
    assert (TARGET / RECORD).read_bytes() == before
    assert RECORD not in planned.new


def test_renaming_takes_the_sessions_along(here, owners):
    merge(here / "after.tar.gz")
    renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
    assert (
        json.loads((TARGET / EARLIER.replace("synthetic", "synthetic-new")).read_text())["machine"] == "synthetic-new"
    )


def test_report_counts_the_last_session_alone(here, owners):
    merge(here / "after.tar.gz")
    collecting.collect(TARGET, SCHEMAS, here, skip_bad=False, gate=convergence.Gate(None, 0.001))
    runs, earlier = (here / f"{name}.csv" for name in ("runs", "earlier_runs"))
    assert [line.count("synthetic") > 0 for line in runs.read_text().splitlines()[1:]] == [True]
    assert [line.split(",")[0] for line in earlier.read_text().splitlines()] == ["session", *['"20260304T050607Z"'] * 2]
    (machine,) = (here / "machines.csv").read_text().splitlines()[1:]
    assert "Synthetic 2" in machine
    assert "Synthetic 1," in (here / "earlier_machines.csv").read_text()


def test_record_of_another_place_in_a_session_is_refused(here, owners):
    (owners / EARLIER).rename((owners / EARLIER).with_name("7.json"))
    assert "belongs to results/machines/synthetic/runs/tf-2.19/cpu/mlp/32/1.json" in problem_of(owners)


@pytest.mark.parametrize("name", ["x.json", "yesterday/machine.json", "20260304T050607Z/x.json"])
def test_what_lies_in_no_session_as_a_result_does_is_named(here, name):
    theirs = tree(here / "theirs")
    path = theirs / "synthetic/sessions" / name
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert f"synthetic/sessions/{name}: lies where no record and no machine file belongs" in problem_of(theirs)


def test_where_nothing_lies_nothing_can_be_lost(here):
    assert arrivals.stands_in_session(TARGET, RECORD)
