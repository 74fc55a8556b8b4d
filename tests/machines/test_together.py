"""One report of all: what was measured on several imitated machines, brought together on this one."""

import csv
import shutil
from pathlib import Path

import pytest

from tests.integration.conftest import Checkout, copy_project, run_once
from tests.machines.runs import LONG_ENOUGH

# Machine in ``runs`` -> what its results are called.
NAMES = {
    "m2_max": "apple-m2-max-30-core-gpu",
    "t4": "intel-xeon-tesla-t4",
    "p100": "intel-xeon-tesla-p100-pcie-16gb",
    "v100_beside_t4": "intel-xeon-tesla-v100-sxm2-16gb",
    "part_of_an_a100": "amd-epyc-7742-nvidia-a100-sxm4-40gb-mig-1g-5gb",
}


@pytest.fixture(scope="module")
def report(running, tmp_path_factory, data_folder) -> Checkout:
    """A checkout with the results of all these machines, and the tables of them."""
    checkout = Checkout(copy_project(tmp_path_factory.mktemp("together") / "checkout", data_folder))
    for name, called in NAMES.items():
        results = Path("results/machines", called)
        shutil.copytree(running(name).folder / results, checkout.folder / results)
    checkout.run("report", "--until", "make_tables", **LONG_ENOUGH)
    return checkout


def rows(checkout: Checkout, name: str) -> list[dict]:
    with (checkout.folder / "results/report" / name).open() as file:
        return list(csv.DictReader(file))


@pytest.mark.machine(*NAMES)
def test_each_machine_is_shown_under_its_name(report):
    assert {row["machine"] for row in rows(report, "runs.csv")} == set(NAMES.values())


@pytest.mark.machine(*NAMES)
def test_specifications_are_those_of_the_gpu_that_trained(report):
    """A V100 beside a T4 is no T4, and a part of an A100 is not the catalogue's A100."""
    found = {row["machine"]: row["family"] for row in rows(report, "specifications.csv") if row["kind"] == "gpu"}
    families = dict.fromkeys(NAMES.values(), "") | {
        NAMES["m2_max"]: "apple-m2-max",
        NAMES["t4"]: "nvidia-t4",
        NAMES["p100"]: "nvidia-p100",
        NAMES["v100_beside_t4"]: "nvidia-v100",
    }
    assert found == families


@pytest.mark.machine(*NAMES)
def test_what_has_no_energy_says_why_in_the_report(report):
    found = {(row["machine"], row["device"]): row["why"] for row in rows(report, "energy_unmeasured.csv")}
    instance = found.pop((NAMES["part_of_an_a100"], "gpu"), "MIG")  # of the whole grid's experiment alone
    assert set(found) == {(NAMES["t4"], "cpu")}
    assert "RAPL" in found[NAMES["t4"], "cpu"]
    assert "MIG" in instance


@pytest.mark.machine("m2_max")
def test_optimizer_of_a_mac_is_that_of_linux(running, tmp_path_factory, data_folder):
    """Of the stack that is installed; test_optimizers is about the other one, where Keras asks for the platform."""
    linux, _ = run_once(tmp_path_factory, data_folder)
    expected = linux.records()[64]["execution"]
    assert expected["optimizer_operations"]
    for device in ("cpu", "gpu"):
        found = running("m2_max").record(device)["execution"]
        for part in ("optimizer_class", "optimizer_operations"):
            assert found[part] == expected[part]
