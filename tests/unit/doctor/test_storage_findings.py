"""Tests of trainmark.doctor.storage_findings: what it says of disks that are invented."""

import collections
import dataclasses
from pathlib import Path

import pytest
from trainmark.dataset import fashion_mnist
from trainmark.doctor import storage_findings
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites

from tests.unit.doctor.conftest import H100, PLAN, T4, check


@pytest.fixture
def found(monkeypatch):
    """What the doctor says of the data set in a folder, which ``obtain`` would give otherwise."""

    def look(folder, obtain=None):
        suite = suites.named(suites.DEFAULT)
        data = dataclasses.replace(suite.data, folder=folder, obtain=obtain)
        monkeypatch.setattr(suites, "of", lambda settings: dataclasses.replace(suite, data=data))
        return storage_findings.data_set(PLAN)

    return look


def test_data_set(found, tmp_path, data_folder):
    check(found(data_folder), "good", "decoded and verified")
    for name in fashion_mnist.PAYLOADS:
        (tmp_path / f"{name}.npy").write_bytes(b"x")
    check(found(tmp_path), "wrong", f"rm -r {tmp_path}")
    nothing = tmp_path / "nothing"
    check(found(nothing, lambda folder, download: ({}, "the folder of a test")), "good", "from the folder of a test")

    def refuse_one(folder, download):
        print("trainmark: data set: the folder x: REFUSED, not used: y.gz is damaged")
        return {}, "the folder of a test"

    check(found(nothing, refuse_one), "warning", "REFUSED, not used: y.gz")

    def fail(folder, download):
        raise TrainmarkError("Fashion-MNIST was not found. --config data_folder=")

    check(found(nothing, fail), "wrong", "was not found")


@pytest.mark.parametrize(("free", "verdict"), [(1e8, "wrong"), (1.2e9, "warning"), (1e11, "good")])
def test_disk(monkeypatch, tmp_path, free, verdict):
    Usage = collections.namedtuple("Usage", "total used free")
    monkeypatch.setattr(storage_findings.shutil, "disk_usage", lambda folder: Usage(1e12, 0, free))
    here, there = storage_findings.disk({Path(): 4e8, tmp_path / "not yet/there": 5e8})
    check(here, verdict, f"{free / 1e9:.1f} GB free for this folder", "about 0.4 GB")
    check(there, verdict, "not yet/there")


def test_what_is_still_to_be_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(storage_findings.kernel_cache, "cache_folder", lambda: tmp_path / "cache")
    all_there = {**PLAN, "records_missing": 0}
    least = storage_findings.needed_bytes(all_there, T4)[Path()]
    assert storage_findings.needed_bytes(PLAN, T4)[Path()] > least
    missing = {**all_there, "environment_bytes": 5e9}
    assert storage_findings.needed_bytes(missing, T4)[Path()] == least + 5e9
    (tmp_path / "results/data").mkdir(parents=True)
    (tmp_path / "results/data/x.npy").touch()
    assert storage_findings.needed_bytes(all_there, T4)[Path()] < least
    assert set(storage_findings.needed_bytes(PLAN, T4)) == {Path()}
    assert set(storage_findings.needed_bytes(PLAN, H100)) == {Path(), tmp_path / "cache"}
