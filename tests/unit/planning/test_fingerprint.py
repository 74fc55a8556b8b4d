"""Tests of trainmark.planning.fingerprint."""

import os

from trainmark.planning import fingerprint as module

from tests.conftest import synthetic_record
from tests.unit.planning.conftest import write


def fingerprint(known):
    """As a call that has not asked before finds it."""
    return module.fingerprint.__wrapped__(tuple(map(str, known)))


def test_fingerprint_follows_what_is_there(here):
    known = [write(synthetic_record())]
    other = write(synthetic_record(machine="synthetic-b"))
    seen = {fingerprint(known)}
    os.utime(other, (1, 1))  # replaced by an older file
    seen.add(fingerprint(known))
    other.write_text("{}")
    os.utime(other, (1, 1))
    seen.add(fingerprint(known))
    other.unlink()
    seen.add(fingerprint(known))
    assert len(seen) == 4
    (known[0].parents[6] / "stray.json").write_text("{}")
    assert fingerprint(known) not in seen
    (known[0].parents[6] / "stray.json").unlink()


def test_fingerprint_is_the_same_before_and_after_the_local_runs(here):
    before = fingerprint([])
    known = write(synthetic_record())
    assert fingerprint([known]) == before


def test_fingerprint_of_many_machines_is_the_same_by_processes(here, monkeypatch):
    for number in range(5):
        write(synthetic_record(machine=f"synthetic-{number}"))
    (here / "results/machines/empty").mkdir()
    (here / "results/machines/\u00e9").mkdir()
    (here / "results/machines/\u00e9/1.json").write_text("{}")
    known = [str(write(synthetic_record()))]
    expected = fingerprint(known)
    monkeypatch.setattr(module, "_FEW_MACHINES", 0)
    assert fingerprint(known) == expected
    monkeypatch.setattr(module.sys, "executable", "/bin/false")
    assert fingerprint(known) == expected
    os.utime(here / "results/machines/synthetic-3/runs/tf-2.19/cpu/mlp/32/1.json", (1, 1))
    assert fingerprint(known) != expected


def test_fingerprint_ignores_the_local_grid_and_unfinished_files(here):
    known = [write(synthetic_record())]
    before = fingerprint(known)
    known[0].write_text("{}")
    (known[0].parent / ".2.json.tmp").write_text("")
    assert fingerprint(known) == before
