"""Tests of trainmark.measure.provenance."""

from trainmark.install import lockfile, stack_locks
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
