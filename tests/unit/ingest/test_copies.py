"""Tests of trainmark.ingest.copies: one measurement under two names. All data synthetic."""

import json

from trainmark.ingest import copies, file_reader
from trainmark.ingest.file_reader import Reader

from tests.conftest import path_of, synthetic_record
from tests.unit.ingest.conftest import SCHEMAS, TARGET, write


def place_of(data: dict) -> str:
    return str(path_of(data).relative_to(TARGET))


def copied(machine: str, **changes) -> dict:
    """The measurement of synthetic-a under another name."""
    return synthetic_record(machine="synthetic-a", **changes) | {"machine": machine}


def test_copy_of_what_is_there_is_found_and_nothing_else_is_read(here, monkeypatch):
    write(synthetic_record(machine="synthetic-a"), TARGET)
    write(synthetic_record(machine="synthetic-b"), TARGET)
    starts, reader, read = copies.Starts(TARGET), Reader(SCHEMAS), []
    real = file_reader.read_bytes
    monkeypatch.setattr(file_reader, "read_bytes", lambda path: read.append(path) or real(path))
    mine, other = synthetic_record(machine="synthetic-c"), copied("synthetic-d")
    new = {place_of(data): json.dumps(data).encode() for data in (mine, other)}
    assert copies.find(TARGET, new, [place_of(mine)], starts, reader) == []
    assert len(read) == 2  # once each, to know when they started
    (refusal,) = copies.find(TARGET, new, [place_of(other)], starts, reader)
    assert refusal.paths == [place_of(other)]
    assert "filed under synthetic-a, too" in refusal.what
    assert len(read) == 3


def test_copies_that_come_one_after_the_other_are_both_refused(here):
    one, other = synthetic_record(machine="synthetic-a"), copied("synthetic-b")
    new = {place_of(data): json.dumps(data).encode() for data in (one, other)}
    starts, reader = copies.Starts(TARGET), Reader(SCHEMAS)
    assert copies.find(TARGET, {place_of(one): new[place_of(one)]}, [place_of(one)], starts, reader) == []
    starts.add([(place_of(one), new[place_of(one)])])
    found = copies.find(TARGET, new, [place_of(other)], starts, reader)
    assert sorted(path for refusal in found for path in refusal.paths) == sorted(new)


def test_record_that_is_written_otherwise_is_looked_at_all_the_same(here):
    path = write(synthetic_record(machine="synthetic-a"), TARGET)
    path.write_text(path.read_text().replace('"started_at": ', '"started_at" :  '))
    other = copied("synthetic-b")
    new = {place_of(other): json.dumps(other).encode()}
    (refusal,) = copies.find(TARGET, new, list(new), copies.Starts(TARGET), Reader(SCHEMAS))
    assert refusal.paths == list(new)


def test_record_that_has_gone_meanwhile_is_no_copy(here):
    path = write(synthetic_record(machine="synthetic-a"), TARGET)
    starts, other = copies.Starts(TARGET), copied("synthetic-b")
    starts.add([])  # which reads what is there
    path.unlink()
    new = {place_of(other): json.dumps(other).encode()}
    assert copies.find(TARGET, new, list(new), starts, Reader(SCHEMAS)) == []
