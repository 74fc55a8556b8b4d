"""Reports of synthetic machines that several tests read, and which tests are slow."""

import os
from pathlib import Path

import pytest

from tests import report, shared
from tests.conftest import synthetic_grid

HERE = Path(__file__).parent
SLOW = {line for line in (HERE / "slow_tests.txt").read_text().splitlines() if not line.startswith("#")}


@pytest.hookimpl(tryfirst=True)  # before pytest looks for the mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that slow_tests.txt names, and those that use a fixture which it names."""
    for item in items:
        if HERE in item.path.parents and not SLOW.isdisjoint([item.originalname, *item.fixturenames]):
            item.add_marker(pytest.mark.slow)


def times(machine, device, model, batch_size, repeat):
    factor = {"mlp": 1, "cnn": 2, "lstm": 3}[model] * (2 if machine.endswith("b") else 1)
    return factor * (1 + 0.01 * repeat) * (40 if device == "cpu" else 640 / batch_size)


@pytest.fixture(scope="session", autouse=True)
def _without_fsync():
    """What a test writes need not outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def two_machines(tmp_path_factory):
    records = synthetic_grid(["synthetic-a", "synthetic-b"], times)
    return shared.make_once(tmp_path_factory, "two", lambda folder: report.make(records, folder, draw=False).whole())


@pytest.fixture(scope="session")
def five_machines(tmp_path_factory):
    return report.of_five(tmp_path_factory)
