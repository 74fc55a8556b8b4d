"""Tests of trainmark.experiment.workloads."""

import json
import tarfile

import pytest
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites, workloads

from tests.conftest import CONFIG, ROOT


def test_digest_follows_what_is_computed():
    one = workloads.describe("mlp", CONFIG)
    assert workloads.digest(one) == workloads.digest(workloads.describe("mlp", dict(reversed(CONFIG.items()))))
    changes = {"epochs": 3, "train_samples": 400, "learning_rate": 0.01, "jit_compile": True, "suite": "cifar-10"}
    for key, value in changes.items():
        assert workloads.digest(workloads.describe("mlp", {**CONFIG, key: value})) != workloads.digest(one)
    other = workloads.describe("cnn", CONFIG)
    assert workloads.digest(other) != workloads.digest(one)
    assert workloads.settings_digest(other) == workloads.settings_digest(one)


def test_workloads_of_the_default_suite_are_those_of_before_there_were_suites():
    """By the records that this repository ships."""
    with tarfile.open(ROOT / "results/example/amd-epyc-2-vcpu.tar.gz") as archive:
        records = [json.load(archive.extractfile(name)) for name in archive.getnames() if "/runs/" in name]
    config = {**CONFIG, "epochs": 5, "suite": suites.DEFAULT}
    assert len(records) == 36
    for data in records:
        assert workloads.describe(data["model"], config) == data["workload"]
        assert workloads.digest(data["workload"]) == data["workload_digest"]


def test_other_suites_are_named_with_their_data():
    found = workloads.describe("resnet50", {**CONFIG, "suite": "cifar-100-resnet50"})
    assert found["suite"] == "cifar-100-resnet50"
    assert found["data"]["name"] == "cifar-100"
    assert set(found["data"]["sha256"]) == {"cifar-100-python.tar.gz"}
    invented = workloads.describe("resnet50", {**CONFIG, "suite": "invented-cifar-100-resnet50"})
    assert invented["data"] == {"name": "invented-cifar-100", "sha256": {}}


def test_model_that_the_suite_lacks_is_refused_with_those_that_it_has():
    with pytest.raises(TrainmarkError, match=r"cifar-10 has no model 'mlp'; expected one of cnn_123k, .*resnet50"):
        suites.model_of({"suite": "cifar-10", "model": "mlp"})
    with pytest.raises(TrainmarkError, match="no suite 'nothing'; expected one of fashion-mnist, cifar-10"):
        suites.of({"suite": "nothing"})
