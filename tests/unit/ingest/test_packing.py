"""Tests of trainmark.ingest.packing. All data synthetic."""

import shutil

import pytest
from trainmark.errors import TrainmarkError
from trainmark.ingest import packing, renaming

from tests.conftest import synthetic_record
from tests.unit.ingest.conftest import SCHEMAS, TARGET, merge, tree, write


def test_equal_results_give_equal_archives(here):
    tree(TARGET)
    packed = []
    for name in ("a.tar.gz", "b.tar.gz"):
        assert packing.pack("synthetic", TARGET, SCHEMAS, here / name) == 3
        packed.append((here / name).read_bytes())
    assert packed[0] == packed[1]
    with pytest.raises(TrainmarkError, match=r"no results of 'other'.*There are: synthetic"):
        packing.pack("other", TARGET, SCHEMAS, here / "c.tar.gz")


def test_unpacked_archive_can_be_measured_on_packed_and_renamed(here):
    packing.pack("synthetic", tree(here / "theirs"), SCHEMAS, here / "x.tar.gz")
    shutil.unpack_archive(here / "x.tar.gz", TARGET)
    assert (TARGET / "synthetic/SHA256SUMS").exists()
    write(synthetic_record(repeat=9), TARGET)
    assert packing.pack("synthetic", TARGET, SCHEMAS, here / "y.tar.gz") == 4
    shutil.rmtree(here / "theirs")
    shutil.unpack_archive(here / "y.tar.gz", here / "theirs")
    assert merge(here / "theirs").problems == []
    assert renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS) == 4
    assert not (TARGET / "synthetic").exists()
