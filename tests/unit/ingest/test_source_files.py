"""Tests of trainmark.ingest.source_files: results that are not as they were packed. All data synthetic."""

import os
import shutil
from pathlib import Path

import pytest
from trainmark.ingest import packing

from tests.conftest import synthetic_record
from tests.unit.ingest.conftest import SCHEMAS, merge, problem_of, replace, tree, write


def repacked(here, harm) -> Path:
    """An archive whose content was changed after packing."""
    packing.pack("synthetic", tree(here / "theirs"), SCHEMAS, here / "x.tar.gz")
    shutil.unpack_archive(here / "x.tar.gz", here / "unpacked")
    harm(here / "unpacked/synthetic")
    return Path(shutil.make_archive(str(here / "y"), "gztar", here / "unpacked"))


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (lambda top: replace("0.86", "0.99")(top / "runs/tf-2.19/cpu/mlp/32/1.json"), "was changed after it was"),
        (lambda top: (top / "runs/tf-2.19/cpu/mlp/32/2.json").unlink(), "is missing, though it was packed"),
        (lambda top: write(synthetic_record(repeat=9), top.parent), "was added after the results were packed"),
    ],
    ids=["changed", "removed", "added"],
)  # fmt: skip
def test_results_that_were_changed_after_packing_are_refused(here, harm, expected):
    assert expected in problem_of(repacked(here, harm))


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "large"])
def test_list_of_checksums_that_is_none_is_refused_and_not_waited_for(here, kind):
    theirs = tree(here / "theirs")
    path = theirs / "synthetic/SHA256SUMS"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(bytes(2**25))
    planned = merge(theirs)
    assert planned.problems
    assert planned.new == {}
