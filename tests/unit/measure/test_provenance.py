"""Tests of trainmark.measure.provenance."""

import json

import pytest
from trainmark.install import lockfile, served_copy, stack_locks
from trainmark.measure import provenance

from tests.conftest import ROOT


def test_lock_is_told_by_its_name_and_digest_alone():
    lock = ROOT / "envs/tf-2.19.linux-64.yaml"
    found = provenance.describe(lock, None)["environment"]
    assert (found["lock_file"], found["lock_sha256"]) == (lock.name, lockfile.digest(lock.read_bytes()))
    assert "packages" not in found


def test_what_no_lock_pins_is_told_with_all_versions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stack_locks.write_lists(["tf-2.19.1-unpinned"])
    found = provenance.describe(stack_locks.path("tf-2.19.1-unpinned", "linux-64"), None)["environment"]
    assert found["packages"] == lockfile.installed_versions(found["packages"])
    assert found["packages"]["keras"] == "3.15.1"
    assert len(found["packages"]) > 50


@pytest.mark.parametrize(
    ("content", "commit"), [(None, None), ('{"commit": "a1b2-dirty"}', "a1b2-dirty"), ("[]", None)]
)
def test_commit_of_a_copy_is_the_one_that_was_copied(tmp_path, monkeypatch, content, commit):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "workflow/scripts/trainmark/measure/provenance.py"))
    (tmp_path / served_copy.OWN).mkdir()
    if content:
        (tmp_path / served_copy.COPY).write_text(content)
    assert provenance.code()["commit"] == commit
    (tmp_path / served_copy.COPY).write_text(json.dumps({"commit": 3}))
    assert provenance.code()["commit"] is None
