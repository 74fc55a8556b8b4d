"""Reports of synthetic machines that several tests read, and which tests are slow."""

import copy
import functools
from pathlib import Path

import pytest
from trainmark.analysis import convergence
from trainmark.ingest import schemas

from tests import report, shared, synthetic
from tests.conftest import ROOT, synthetic_grid

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
def _schemas_are_read_once():
    """To read the project's schemas takes a fifth of a second, and every reader of records does."""
    real = schemas.load
    once = functools.cache(real)
    own = ROOT / "workflow/schemas"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "load", lambda path: copy.deepcopy(once(path)) if path.parent == own else real(path))
        yield


@pytest.fixture(scope="session")
def two_machines(tmp_path_factory):
    records = synthetic_grid(["synthetic-a", "synthetic-b"], times)
    return shared.make_once(tmp_path_factory, "two", lambda folder: report.make(records, folder, draw=False))


def five() -> list[dict]:
    """The records of ``five_machines``: those of the article's, with meters and controls."""
    records = synthetic.article(metered=True)
    plain = [record for record in records if (record["machine"], record["device"]) == ("synthetic-v100", "gpu")]
    for record in plain:
        record["execution"]["intra_op_threads"] = 8
    return records + synthetic.controls_of(plain, "device-data", 1.25) + synthetic.controls_of(plain, "threads-4", 1.01)


FIVE_GATE = convergence.Gate(synthetic.references(), 0.001)


@pytest.fixture(scope="session")
def five_machines(tmp_path_factory):
    return shared.make_once(tmp_path_factory, "five", lambda folder: report.make(five(), folder, gate=FIVE_GATE))
