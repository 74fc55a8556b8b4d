"""Tests of trainmark.ingest.merge_lines. Synthetic data, but for the shipped example."""

from trainmark.ingest import merge_lines, merging

from tests.conftest import ROOT, synthetic_record
from tests.unit.ingest.conftest import SCHEMAS, TARGET, merge, snapshot, tree, write


def test_fifty_bad_files_are_fifty_lines(here):
    theirs = tree(here / "theirs")
    for repeat in range(10, 60):
        write(synthetic_record(repeat=repeat, seed=-1), theirs)
    merged = merge(theirs)
    assert len([line for line in merge_lines.lines(merged) if line.startswith("  - ")]) == 50
    assert snapshot(TARGET) == {}


def test_the_projects_example_can_be_brought_in(here):
    planned = merging.plan_merge([ROOT / "results/example/amd-epyc-2-vcpu.tar.gz"], TARGET, SCHEMAS)
    assert planned.problems == []
    assert merge_lines.lines(planned) == ["amd-epyc-2-vcpu: 38 new, 0 identical; unsigned", merge_lines.BELIEVED]
