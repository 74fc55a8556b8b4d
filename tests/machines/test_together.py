"""One report of all: what was measured on several imitated machines, brought together on this one."""

import csv
import shutil

import pytest

from tests.integration.conftest import Checkout

# Machine in ``runs`` -> what its results are called.
NAMES = {
    "m2_max": "apple-m2-max-30-core-gpu",
    "t4": "intel-xeon-tesla-t4",
    "p100": "intel-xeon-tesla-p100-pcie-16gb",
    "v100_beside_t4": "intel-xeon-tesla-v100-sxm2-16gb",
    "part_of_an_a100": "amd-epyc-7742-nvidia-a100-sxm4-40gb-mig-1g-5gb",
}


@pytest.fixture(scope="module")
def report(running, tmp_path_factory) -> Checkout:
    """A checkout with the results of all these machines, and the report of them."""
    first = running("m2_max").folder
    checkout = Checkout(tmp_path_factory.mktemp("together") / "checkout")
    shutil.copytree(first, checkout.folder, ignore=shutil.ignore_patterns(".venv", ".snakemake"))
    for name, called in NAMES.items():
        source = running(name).folder / "results/machines" / called
        shutil.copytree(source, checkout.folder / "results/machines" / called, dirs_exist_ok=True)
    checkout.run("report")
    return checkout


def rows(checkout: Checkout, name: str) -> list[dict]:
    with (checkout.folder / "results/report" / name).open() as file:
        return list(csv.DictReader(file))


@pytest.mark.machine(*NAMES)
def test_each_machine_is_shown_under_its_name(report):
    assert {row["machine"] for row in rows(report, "runs.csv")} == set(NAMES.values())
