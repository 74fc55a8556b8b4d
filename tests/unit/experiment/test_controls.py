"""Tests of trainmark.experiment.controls."""

import pytest
from trainmark.experiment import controls


@pytest.mark.parametrize(
    ("control", "plain_threads", "cores", "expected"),
    [
        ("device-data", 1, 1, True),
        ("threads-2", 8, 8, True),
        ("threads-2", 2, 8, False),  # like the plain runs
        ("threads-2", 1, 8, False),
        ("threads-4", 8, 2, False),  # more than there are
        ("threads-4", 5, 4, True),
    ],
)
def test_control_is_made_where_it_differs_from_the_plain_runs(monkeypatch, control, plain_threads, cores, expected):
    monkeypatch.setattr(controls.hardware, "usable_cores", lambda: cores)
    assert (controls.why_like_plain(control, plain_threads, False) is None) is expected


def test_xla_is_no_control_where_the_plain_runs_have_it():
    assert controls.why_like_plain("xla", 2, False) is None
    assert "compiled already" in controls.why_like_plain("xla", 2, True)


def test_threads_are_those_of_as_few_cores_as_will_do(monkeypatch):
    monkeypatch.setattr(controls.hardware, "cpus_by_core", lambda: [0, 4, 1, 5, 2, 6])
    assert controls.cpus("threads-2") == [0, 4]
    assert controls.cpus("threads-4") == [0, 4, 1, 5]
    assert controls.cpus("device-data") is controls.cpus(None) is None
    monkeypatch.setattr(controls.hardware, "cpus_by_core", lambda: None)
    assert controls.cpus("threads-2") is None
    assert [controls.threads(name) for name in ("device-data", "threads-2", "threads-4")] == [None, 2, 4]
