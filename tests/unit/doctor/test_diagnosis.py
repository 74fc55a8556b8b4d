"""Tests of trainmark.doctor.diagnosis: all findings, of machines that are invented."""

import copy

from trainmark.doctor import condition_findings, diagnosis, report_files, stack_findings, storage_findings
from trainmark.machine import disturbances

from tests.unit.doctor.conftest import CALM, PLAN, part


def test_without_a_platform_nothing_is_said_of_stacks_and_gpus(monkeypatch):
    monkeypatch.setattr(diagnosis, "WATCH_SECONDS", 0.1)
    there = report_files.Finding("data set", "good", "synthetic")
    monkeypatch.setattr(storage_findings, "data_set", lambda plan: there)
    refused = {"platform": "translated (Rosetta 2)", "machine": None, "stacks": {}}
    plan = {**PLAN, "platform": None, "refused": refused, "clocks": [*vars(disturbances.clocks()).values()]}
    facts = {}
    topics = [finding.topic for finding in diagnosis.diagnose(plan, [], facts)]
    assert topics == ["machine", "platform", "power", "heat", "sleep", "neighbours", "data set", "disk", "clock"]
    assert "machine_id_hash" not in facts["machine"]


def test_facts_of_a_part_are_left_as_they_are():
    before = part()
    after = copy.deepcopy(before)
    list(stack_findings.devices(after))
    condition_findings.heat(CALM, [after])
    assert after == before
