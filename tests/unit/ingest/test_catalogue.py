"""Tests of trainmark.ingest.catalogue: which published figures are whose."""

import pytest
import yaml
from trainmark.ingest import catalogue

from tests.conftest import ROOT

HARDWARE = catalogue.load([ROOT / "config/hardware.yaml"])


def machine(chip="Synthetic Xeon", gpu="", gpu_cores=""):
    return {"machine": "synthetic", "chip": chip, "gpu": gpu, "gpu_cores": gpu_cores}


def found(**columns):
    return {row["kind"]: row for row in catalogue.look_up([machine(**columns)], HARDWARE)}


@pytest.mark.parametrize(
    ("gpu", "cores", "hardware", "tflops"),
    [
        ("Apple M1 GPU", "8", "apple-m1-8", 2.6),
        ("Apple M2 Max GPU", "30", "apple-m2-max-30", 10.7),
        ("Apple M2 Max GPU", "38", "apple-m2-max-38", 13.6),
        ("Tesla T4", "", "nvidia-t4", 8.1),
        ("2 x Tesla T4", "", "nvidia-t4", 8.1),
        ("NVIDIA T4", "", "nvidia-t4", 8.1),
        ("Tesla P100-PCIE-16GB", "", "nvidia-p100-pcie-16gb", 9.3),
        ("Tesla V100-SXM2-16GB", "", "nvidia-v100-sxm2", 15.7),
        ("Tesla V100-PCIE-32GB", "", "nvidia-v100-pcie", 14.0),
        ("NVIDIA H100 80GB HBM3", "", "nvidia-h100-sxm", 67),
    ],
)
def test_gpus_are_recognised_by_the_names_that_their_drivers_give(gpu, cores, hardware, tflops):
    row = found(gpu=gpu, gpu_cores=cores)["gpu"]
    assert (row["hardware"], row["fp32_tflops"]) == (hardware, tflops)
    assert len(row["fp32_tflops_source"]) > 20


@pytest.mark.parametrize(("gpu", "cores"), [("Tesla T40", ""), ("Apple M2 Max GPU", "24"), ("Apple M2 Max GPU", "")])
def test_what_is_not_in_the_catalogue_is_unknown_and_not_taken_for_its_neighbour(gpu, cores):
    row = found(gpu=gpu, gpu_cores=cores)["gpu"]
    assert row["hardware"] is None
    assert row["name"] == gpu
    assert "fp32_tflops" not in row


def test_processors_and_vendors():
    mac = found(chip="Apple M2 Max", gpu="Apple M2 Max GPU", gpu_cores="30")
    assert (mac["chip"]["hardware"], mac["chip"]["vendor"]) == ("apple-m2-max", "apple")
    assert mac["gpu"]["vendor"] == "apple"
    assert found(gpu="Tesla T4")["gpu"]["vendor"] == "nvidia"
    assert list(found()) == ["chip"]


def test_of_two_files_the_later_ones_entry_counts(tmp_path):
    mine = {"id": "nvidia-t4", "name": "My T4", "match": {"gpu": "Tesla T4"}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"sources": {}, "chips": [], "gpus": [mine]}))
    merged = catalogue.load([ROOT / "config/hardware.yaml", path])
    (row,) = (r for r in catalogue.look_up([machine(gpu="Tesla T4")], merged) if r["kind"] == "gpu")
    assert row["name"] == "My T4"
    assert "nvidia-v100-pcie" in merged["gpus"]


def test_a_family_has_a_peak_if_all_of_it_have_the_same():
    peaks = catalogue.peaks(HARDWARE)
    assert (peaks["nvidia-p100"], peaks["apple-m1"], peaks["nvidia-v100-sxm2"]) == (9.3, 2.6, 15.7)
    assert not {"nvidia-v100", "apple-m2-max", "apple-m3-max"} & set(peaks)
