"""Tests of trainmark.records.sessions: nothing that was measured is lost, and nothing is moved by mistake."""

import datetime
import json
from pathlib import Path

import pytest
from trainmark.errors import TrainmarkError
from trainmark.records import chain, layout, sessions, writing

from tests.conftest import path_of, synthetic_machine, synthetic_record, synthetic_sweep

MACHINES = Path("results/machines")
HERE = MACHINES / "synthetic"
NOW = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.timezone.utc)
KEPT = HERE / "sessions/20260304T050607Z"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A machine with a record of a plain run and of a control, a sweep and a description."""
    monkeypatch.chdir(tmp_path)
    for data in (synthetic_record(), synthetic_record(control="threads-2")):
        put(path_of(data), data)
    put(HERE / "roofline/tf-2.19/cpu.json", synthetic_sweep())
    put(HERE / "machine.json", synthetic_machine())
    return tmp_path


def put(path: Path, data: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def files() -> dict[str, bytes]:
    return {path: Path(entry.path).read_bytes() for path, entry in layout.result_files(HERE)}


def begin(now=NOW, **options) -> sessions.Begun:
    return sessions.begin("synthetic", MACHINES, now, **options)


def test_all_that_was_measured_is_kept_as_it_was_and_can_be_measured_again(here):
    before = files()
    last = chain.last(HERE)
    begun = begin()
    assert (begun.kept, begun.records) == (KEPT, 2)
    assert str(begun) == f"synthetic: 2 records are kept as an earlier session, in {KEPT}"
    assert files() == {f"sessions/20260304T050607Z/{path}": content for path, content in before.items()}
    assert all(layout.of_session(f"synthetic/{path}")[0] == "20260304T050607Z" for path in files())
    assert chain.last(HERE) == last  # of which the next record names it


def test_interrupted_session_goes_on_when_the_same_command_is_given_again(here):
    begin()
    assert str(begin()) == "synthetic: there is nothing to keep"
    young = synthetic_record(repeat=2, started_at="2026-03-04T05:10:00.000+00:00")
    path = put(path_of(young), young)
    later = NOW + datetime.timedelta(hours=23)
    begun = begin(later)
    assert begun.goes_on
    assert "synthetic: its last run was less than 24 hours ago" in str(begun)
    assert path.exists()
    assert begin(later, new=True).records == 1
    assert not path.exists()


def test_session_ends_a_day_after_its_last_run(here):
    young = synthetic_record(repeat=2, started_at="2026-03-04T05:06:06.000+00:00")
    put(path_of(young), young)
    assert begin().goes_on
    assert begin(NOW + datetime.timedelta(hours=24)).records == 3


@pytest.mark.parametrize("start", ["2026-13-45T05:10:00.000+00:00", "2026-03-04T05:10:00.000000000", "at noon"])
def test_damaged_time_of_start_keeps_nothing_from_being_kept(here, start):
    put(path_of(synthetic_record()), synthetic_record(started_at=start))
    assert begin().records == 2


def test_two_sessions_that_end_at_once_lie_apart(here):
    begin()
    put(path_of(synthetic_record()), synthetic_record(durations__fit_seconds=30.0))
    assert begin(new=True).kept == KEPT.with_name(f"{KEPT.name}-2")
    assert all(layout.RECORD.fullmatch(f"synthetic/{path}") for path in files() if "/runs/" in path)


def test_machine_that_is_being_measured_is_left_alone(here):
    before = files()
    with (
        writing.measured(MACHINES, "synthetic", "a test"),
        pytest.raises(TrainmarkError, match=r"synthetic is being measured now by .*Nothing was moved"),
    ):
        begin()
    assert files() == before


def test_machine_that_is_not_there_has_nothing_to_keep(here):
    assert sessions.begin("another", MACHINES, NOW).kept is None
    assert not (MACHINES / "another").exists()
