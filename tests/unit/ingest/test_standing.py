"""Tests of trainmark.ingest.standing: merges that know what earlier ones have written. All data synthetic."""

from trainmark.ingest import catalogue, merging, origins
from trainmark.ingest.standing import Standing

from tests.unit.ingest.conftest import SCHEMAS, TARGET, tree


def test_what_a_merge_has_written_is_known_to_the_next_as_if_it_were_read(here):
    standing = Standing.of(TARGET, SCHEMAS, catalogue.NOTHING_KNOWN)
    for name in ("synthetic-a", "synthetic-b"):
        merge = merging.plan_merge([tree(here / name, name)], TARGET, SCHEMAS, standing=standing)
        assert merge.problems == []
        merging.write(merge, TARGET)
        standing.remember(merge.notes)
    again = origins.load(TARGET.parent / "origins")
    assert (standing.memory.records, standing.memory.keys) == (again.records, again.keys)
    assert len(again.records) == 4
