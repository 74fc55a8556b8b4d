"""Tests of trainmark.ingest.machine_names, by the commands that take a name. All data synthetic."""

import pytest
from trainmark.errors import TrainmarkError
from trainmark.ingest import packing, renaming

from tests.unit.ingest.conftest import SCHEMAS, TARGET, snapshot, tree


@pytest.mark.parametrize("name", ["../theirs", ".", "..", ".trainmark", "gone", "synthetic/runs", ""])
def test_what_is_no_machine_is_neither_renamed_nor_packed(here, name):
    tree(TARGET)
    tree(here / "results/theirs")
    before = snapshot(here)
    for command in (
        lambda: renaming.rename(name, "synthetic-new", TARGET, SCHEMAS),
        lambda: packing.pack(name, TARGET, SCHEMAS, here / "x.tar.gz"),
    ):
        with pytest.raises(
            TrainmarkError, match=r"There are no results of .* below results/machines\. There are: synthetic\."
        ):
            command()
    assert snapshot(here) == before
