"""Tests of trainmark.ingest.origins, with archives that the real ssh-keygen signs. All records are synthetic."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from trainmark import system
from trainmark.ingest import merge_lines, origins, renaming
from trainmark.machine import hardware

from tests import report
from tests.conftest import older, path_of, synthetic_record
from tests.unit.ingest.conftest import SCHEMAS, TARGET, snapshot, write
from tests.unit.ingest.signed_results import (
    NO_ID,
    OTHER_ID,
    RESULTS,
    key_of,
    merge,
    pack,
    refusal,
    results,
    said,
    table,
)

NOTES = RESULTS / "origins"
pytestmark = [
    pytest.mark.usefixtures("alice"),
    pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (OpenSSH)"),
]


def test_signed_archive_is_merged_and_the_page_says_by_whom(here):
    archive = pack(results(here / "theirs"))
    line = f"synthetic: 3 new, 0 identical; signed by {key_of('alice')}, a key that is new for this machine"
    assert said(archive).splitlines() == [line, merge_lines.BELIEVED]
    assert said(archive) == f"synthetic: 0 new, 3 identical; signed by {key_of('alice')}"
    before = snapshot(RESULTS)
    again = merge(archive)
    assert (again.new, again.notes, again.problems) == ({}, {}, [])
    assert snapshot(RESULTS) == before
    made = report.make([], here, draw=False)
    (shown,) = (t for s in made.document.sections for t in s.tables if t.name == "origins")
    assert "not that its numbers are true" in made.html
    assert "can forge this order, too" in made.html
    (row,) = shown.rows
    assert row == table()["synthetic"]
    assert (row["came"], row["records"]) == (f"signed by {key_of('alice')}", 2)
    archive = pack(results(here / "theirs", repeats=(1, 2, 3)))
    assert "1 new, 3 identical; signed by" in said(archive)
    assert table()["synthetic"]["came"] == f"signed by {key_of('alice')}"


@pytest.mark.parametrize("how", ["name", "identity", "both", "one merge"])
def test_another_key_is_refused_until_it_is_accepted(here, how):
    first = pack(results(here / "first", described=how != "name", **({"identity": NO_ID} if how == "name" else {})))
    changes = {"repeats": (7,), "machine": "synthetic-b" if how == "identity" else "synthetic"}
    changes |= {"described": False, "identity": NO_ID} if how == "name" else {}
    second = pack(results(here / "second", **changes), "mallory", changes["machine"])
    sources = [first, second] if how == "one merge" else [second]
    if how != "one merge":
        assert merge(first).written
    text = refusal(*sources)
    assert f"{changes['machine']}: is signed by {key_of('mallory')}, but earlier results of this machine were" in text
    assert f"signed by {key_of('alice')}. Ask the owner" in text
    assert f"make merge FROM={second} KEY={key_of('mallory')}" in text
    assert "is signed by" in refusal(*sources, accepted_keys=["SHA256:another"])
    assert merge(*sources, accepted_keys=[key_of("mallory")]).written
    assert merge(first, second).problems == []  # both are known now


def test_another_machine_under_the_name_is_told_as_that_and_not_as_another_key(here):
    merge(pack(results(here / "first")))
    text = refusal(pack(results(here / "second", repeats=(8,), identity=OTHER_ID), "bob"))
    assert "is not the machine that has this name here" in text


def test_another_key_of_another_machine_is_no_matter(here):
    merge(pack(results(here / "first")))
    assert merge(pack(results(here / "second", "synthetic-b", identity=OTHER_ID), "bob", "synthetic-b")).written
    rows = table()
    assert [rows[name]["came"] for name in ("synthetic", "synthetic-b")] == [
        f"signed by {key_of(user)}" for user in ("alice", "bob")
    ]


def test_two_of_a_kind_without_id_may_have_two_keys(here):
    merge(pack(results(here / "first", identity=NO_ID, described=False)))
    second = pack(results(here / "second", "synthetic-b", (4,), False, identity=NO_ID), "bob", "synthetic-b")
    assert merge(second).written


def test_refused_key_costs_the_others_nothing(here):
    merge(pack(results(here / "first")))
    bad = pack(results(here / "bad", repeats=(7,)), "mallory")
    good = pack(results(here / "good", "synthetic-b", identity=OTHER_ID), "bob", "synthetic-b")
    found = merge(bad, good, skip_bad=True)
    assert {path.partition("/")[0] for path in found.new} == {"synthetic-b"}
    assert len(found.problems) == 1


def test_what_is_refused_is_not_noted_nor_is_its_key(here):
    results(TARGET, "synthetic", repeats=(1,))
    copied = results(here / "copied", "synthetic-b", repeats=(1,), identity=OTHER_ID)
    theirs = path_of(synthetic_record(machine="synthetic-b")).relative_to(TARGET)
    times = synthetic_record(machine="synthetic", repeat=1)  # one measurement under two names
    data = json.loads((copied / theirs).read_text()) | {key: times[key] for key in ("started_at", "ended_at")}
    write(data, copied)
    found = merge(pack(copied, "mallory", "synthetic-b"), skip_bad=True)
    assert "filed under synthetic" in found.problems[0].what
    assert found.notes == {}
    assert not NOTES.exists()
    good = results(here / "good", "synthetic-b", repeats=(4,), identity=OTHER_ID)
    assert merge(pack(good, "bob", "synthetic-b")).written


def test_what_was_copied_by_hand_is_signed_once_its_archive_is_merged(here):
    archive = pack(results(here / "theirs"))
    shutil.copytree(here / "theirs", TARGET, dirs_exist_ok=True)
    assert table()["synthetic"]["came"] == "unsigned"
    assert "0 new, 3 identical; signed by" in said(archive)
    assert table()["synthetic"]["came"] == f"signed by {key_of('alice')}"


def test_what_comes_unsigned_later_does_not_wear_the_signature(here):
    merge(pack(results(here / "first")))
    for source in (pack(results(here / "packed", repeats=(3,)), None), results(here / "folder", repeats=(4,))):
        assert "synthetic: 1 new, 1 identical; unsigned" in said(source)
    by_hand = write(synthetic_record(repeat=5, seed=2028), TARGET)
    assert by_hand.exists()
    assert table()["synthetic"]["came"] == f"2 signed by {key_of('alice')}; 3 unsigned"
    # The same records, signed after all.
    assert "0 new, 2 identical; signed by" in said(pack(here / "packed"))
    assert table()["synthetic"]["came"] == f"3 signed by {key_of('alice')}; 2 unsigned"


def test_what_was_measured_here_is_nobodys_who_signs_it(here, monkeypatch):
    monkeypatch.setattr(hardware, "machine_id_hash", lambda: "0" * 32)
    results(TARGET, "synthetic-a")
    shutil.copytree(TARGET / "synthetic-a", here / "theirs/synthetic-a")
    forged = pack(results(here / "theirs", "synthetic-a", repeats=(3,)), "mallory", "synthetic-a")
    assert merge(forged).written
    assert report.GRID["machine"] == "synthetic-a"
    assert table()["synthetic-a"]["came"] == f"1 signed by {key_of('mallory')}; 2 measured here"


@pytest.mark.parametrize("how", ["rename", "as"])
def test_signature_and_key_survive_another_name(here, how):
    archive = pack(results(here / "theirs"))
    if how == "rename":
        merge(archive)
        renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
    else:
        assert merge(archive, rename_to="synthetic-new").written
    assert table()["synthetic-new"]["came"] == f"signed by {key_of('alice')}"
    text = refusal(pack(results(here / "second", repeats=(7,)), "mallory"), rename_to="synthetic-new")
    assert f"AS=synthetic-new KEY={key_of('mallory')}" in text
    assert merge(archive, rename_to="synthetic-new").new == {}


def test_other_key_is_refused_also_where_it_cannot_be_checked(here, monkeypatch):
    merge(pack(results(here / "first")))
    second = pack(results(here / "second", repeats=(7,)), "mallory")
    monkeypatch.setattr(system, "find_program", lambda name: None)
    assert "is signed by" in refusal(second)


DAMAGED = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "other key": lambda path: path.write_text(path.read_text().replace("SHA256:", "MD5:")),
    "no key": lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "key": None})),
    "unknown field": lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "x": 1})),
    "newer format": lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 2})),
    "deep": lambda path: path.write_text("[" * 100_000),
    "folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("harm", DAMAGED.values(), ids=DAMAGED)
def test_damaged_note_is_named_and_costs_no_record(here, harm):
    archive = pack(results(here / "theirs"))
    merge(archive)
    (path,) = NOTES.iterdir()
    harm(path)
    text = said(archive)
    assert f"{path}: " in text
    assert "0 new, 3 identical" in text
    row = table()["synthetic"]
    assert (row["records"], row["came"]) == (2, "unsigned")
    (left_out,) = csv.DictReader(Path("excluded_files.csv").read_text().splitlines())
    assert left_out["path"] == str(path.absolute())
    path.rmdir() if path.is_dir() else path.unlink()
    assert "0 new, 3 identical; signed by" in said(archive)
    assert table()["synthetic"]["came"] == f"signed by {key_of('alice')}"


def test_notes_of_two_folders_can_be_copied_together(here):
    merge(pack(results(here / "first")))
    Path("results").rename("one")
    TARGET.mkdir(parents=True)
    merge(pack(results(here / "second", "synthetic-b", identity=OTHER_ID), "bob", "synthetic-b"))
    shutil.copytree("one", "results", dirs_exist_ok=True)
    assert {row["came"] for row in table().values()} == {f"signed by {key_of(user)}" for user in ("alice", "bob")}
    assert "is signed by" in refusal(pack(results(here / "third", repeats=(7,)), "mallory"))


def test_of_several_notes_the_best_counts():
    memory = origins.Memory()
    for signature, key in (("unsigned", None), ("signed", "SHA256:k"), ("not checked", None)):
        fields = {"machine_id_hash": None, "hardware": None, "records": ["d"]}
        memory.add(origins.Note(signature=signature, key=key, **fields))
    assert memory.records == {"d": origins.Origin("signed", "SHA256:k")}
    assert memory.keys_of((None, None), []) == set()  # of nobody in particular
    assert memory.keys_of((None, None), ["d"]) == {"SHA256:k"}


def test_records_of_older_formats_are_signed_and_known_too(here):
    top = here / "theirs"
    for repeat in (1, 2):
        write(older(synthetic_record(repeat=repeat, seed=2023 + repeat), 3), top)
    assert "2 new, 0 identical; signed by" in said(pack(top))
    assert table()["synthetic"]["came"] == f"signed by {key_of('alice')}"
