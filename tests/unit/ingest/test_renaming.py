"""Tests of trainmark.ingest.renaming. All data synthetic."""

import os

import pytest
from trainmark.analysis import collecting, convergence
from trainmark.errors import TrainmarkError
from trainmark.ingest import renaming
from trainmark.records import writing

from tests.conftest import synthetic_record
from tests.unit.ingest.conftest import BAD, RECORD, SCHEMAS, TARGET, snapshot, tree, write


def test_renaming_changes_folder_and_content(here):
    tree(TARGET)
    (TARGET / "synthetic/notes.txt").write_text("mine")
    assert renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS) == 3
    assert (TARGET / "synthetic/notes.txt").read_text() == "mine"
    assert len(snapshot(TARGET / "synthetic-new")) == 3
    collecting.collect(TARGET, SCHEMAS, here / "results", False, convergence.Gate(None, 0.001))
    assert (here / "results/runs.csv").read_text().count('\n"synthetic-new",') == 2
    tree(TARGET)
    with pytest.raises(TrainmarkError, match="cannot be the name of a machine"):
        renaming.rename("synthetic", "My Mac", TARGET, SCHEMAS)
    write(synthetic_record(durations__fit_seconds=30.0), TARGET)
    before = snapshot(TARGET)
    with pytest.raises(TrainmarkError, match="is there already, with other results"):
        renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
    assert snapshot(TARGET) == before


def test_machine_that_is_being_measured_is_not_renamed_nor_is_another_to_its_name(here):
    tree(TARGET)
    for measured in ("synthetic", "synthetic-new"):
        with writing.measured(TARGET, measured, "a benchmark"):
            before = snapshot(TARGET)
            with pytest.raises(
                TrainmarkError, match=rf"^{measured} is being measured now by process .*Nothing was renamed"
            ):
                renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
            assert snapshot(TARGET) == before
    assert renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS) == 3


@pytest.mark.parametrize("kind", sorted(BAD.keys() - {"other machine"}))  # which is what renaming mends
def test_machine_with_a_damaged_record_is_not_renamed_and_the_record_is_named(here, kind):
    tree(TARGET)
    harm, _ = BAD[kind]
    harm(TARGET / RECORD)
    before = snapshot(TARGET)
    named = r"^Nothing was renamed; mend these first\.\n  - synthetic/runs/tf-2\.19/cpu/mlp/32/"
    with pytest.raises(TrainmarkError, match=named):
        renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
    assert snapshot(TARGET) == before


def test_machine_whose_folder_was_renamed_by_hand_is_renamed_in_full(here):
    tree(TARGET)
    (TARGET / "synthetic").rename(TARGET / "My Mac")
    assert renaming.rename("My Mac", "my-mac", TARGET, SCHEMAS) == 3
    assert os.listdir(TARGET / "my-mac/runs") == ["tf-2.19"]
    assert not (TARGET / "My Mac").exists()


def test_renaming_removes_nothing_that_has_appeared_meanwhile(here, monkeypatch):
    tree(TARGET)
    real = os.sync

    def copy_by_hand():
        write(synthetic_record(repeat=7), TARGET)
        real()

    monkeypatch.setattr(os, "sync", copy_by_hand)
    renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
    (left,) = (TARGET / "synthetic").rglob("*.json")
    assert left.name == "7.json"
