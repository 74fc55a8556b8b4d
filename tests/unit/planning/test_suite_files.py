"""Tests of trainmark.planning.suite_files, and of the files of the project's suites."""

import pytest
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites
from trainmark.ingest import yaml_file
from trainmark.planning import config as configuration
from trainmark.planning import strict_yaml, suite_files

from tests.conftest import ROOT
from tests.unit.planning.conftest import DEFAULT, HERE

SCHEMA = yaml_file.read(ROOT / "workflow/schemas/config.schema.yaml")
OTHERS = [name for name in suites.NAMES if suites.published(name) != suites.DEFAULT]


def checked(*values: dict) -> dict:
    """The configuration of config.yaml, the suite's own file and what the user gives, in this order."""
    given = {key: value for each in values for key, value in each.items()}
    layers = [strict_yaml.read(str(ROOT / "config/config.yaml"))]
    if file := suite_files.overlay([DEFAULT, *values]):
        layers.append(strict_yaml.Layer(file, (ROOT / file).read_text(), yaml_file.read(ROOT / file)))
    layers.append(strict_yaml.Layer("--config on the command line", None, given))
    merged = {key: value for layer in layers for key, value in layer.values.items()}
    return configuration.check(merged, SCHEMA, layers, HERE)


@pytest.mark.parametrize("name", OTHERS)
def test_a_suites_own_values_are_a_configuration_of_it(name):
    found = checked({"suite": name})
    assert set(found["models"]) == set(suites.named(name).models)
    assert checked({"suite": name, "epochs": 1})["epochs"] == 1
    assert found["epochs"] == {"cifar-10": 10, "cifar-100-resnet50": 5}[suites.published(name)]


def test_default_suite_has_its_values_in_the_configuration_itself():
    assert suite_files.overlay([DEFAULT]) is suite_files.overlay([DEFAULT, {"suite": "invented-fashion-mnist"}]) is None
    assert suite_files.overlay([{"suite": "cifar-10"}, {"suite": "fashion-mnist"}]) is None
    assert suite_files.overlay([{"suite": ["cifar-10"]}]) is suite_files.overlay([{"suite": "../x"}]) is None
    assert suite_files.overlay([{"suite": "invented-cifar-10"}]) == "config/suites/cifar-10.yaml"


def refusal(*values: dict) -> str:
    with pytest.raises(TrainmarkError) as caught:
        checked(*values)
    return str(caught.value)


def test_what_a_suite_does_not_have_is_refused_with_what_it_has():
    said = refusal({"suite": "cifar-10", "models": ["mlp"]})
    assert 'models[0] is "mlp"; expected one of cnn_123k, cnn_487k, cnn_1093k, cnn_1649k, resnet50.' in said
    said = refusal({"suite": "cifar-10", "train_samples": 50_000})
    assert "config/suites/cifar-10.yaml, line" in said
    assert "at most 50000 together with train_samples, 50000" in said
    assert "expected one of fashion-mnist, cifar-10" in refusal({"suite": "mnist"})
    assert "test_samples is 20000" in refusal({"test_samples": 20_000}) or "10000" in refusal({"test_samples": 20_000})


@pytest.mark.parametrize("path", sorted((ROOT / "config/suites").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_value_has_a_reason_above_it(path):
    assert path.stem in suites.NAMES
    blocks = path.read_text().split("\n\n")
    assert all(block.startswith("#") for block in blocks)


def test_references_of_other_suites_lie_beside_the_named_ones(tmp_path):
    named = tmp_path / "references.yaml"
    for name in ("references.yaml", "references-cifar-10.yaml", "references-cifar-100-resnet50.yaml", "other.yaml"):
        (tmp_path / name).touch()
    found = suite_files.references(str(named))
    expected = ["references.yaml", "references-cifar-10.yaml", "references-cifar-100-resnet50.yaml"]
    assert found == [str(tmp_path / name) for name in expected]
    assert suite_files.references(found[1]) == [found[1], found[2]]
