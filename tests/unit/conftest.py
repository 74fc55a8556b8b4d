"""Reports of synthetic machines that several tests read, and which tests are slow."""

from pathlib import Path

import pytest
from trainmark.analysis import convergence

from tests import report, synthetic
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


@pytest.fixture(scope="session")
def two_machines(tmp_path_factory):
    records = synthetic_grid(["synthetic-a", "synthetic-b"], times)
    return report.make(records, tmp_path_factory.mktemp("two"), draw=False)


@pytest.fixture(scope="session")
def five_machines(tmp_path_factory):
    gate = convergence.Gate(synthetic.references(), 0.001)
    records = synthetic.article(metered=True)
    plain = [record for record in records if (record["machine"], record["device"]) == ("synthetic-v100", "gpu")]
    for record in plain:
        record["execution"]["intra_op_threads"] = 8
    records += synthetic.controls_of(plain, "device-data", 1.25) + synthetic.controls_of(plain, "threads-4", 1.01)
    return report.make(records, tmp_path_factory.mktemp("five"), gate=gate)
