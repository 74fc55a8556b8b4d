"""Tests of trainmark.planning.registry_config, and of the repository that docs/registry is to be copied to."""

import re

import pytest
import yaml
from trainmark.errors import TrainmarkError
from trainmark.experiment import workloads
from trainmark.planning import registry_config

from tests.conftest import ROOT

TEMPLATE = ROOT / "docs/registry"
WORKFLOW = TEMPLATE / ".github/workflows/registry.yml"
ARTICLES = {"epochs": 5, "train_samples": 50000, "validation_samples": 10000, "test_samples": 10000}
ARTICLES |= {"learning_rate": 0.001, "jit_compile": False}


def settings_of(registry):
    return workloads.configuration_of(registry_config.read(registry, ROOT).settings)


def test_without_a_file_of_its_own_and_by_the_template_it_is_the_articles_experiment(tmp_path):
    assert settings_of(tmp_path) == settings_of(TEMPLATE) == ARTICLES
    config = registry_config.read(tmp_path, ROOT)
    assert [path.relative_to(ROOT).as_posix() for path in config.hardware] == ["config/hardware.yaml"]


def test_a_registry_says_what_is_compared_and_not_which_machine_draws(tmp_path):
    text = "epochs: 2\nlearning_rate: 1\nbaseline: synthetic-m1\nmachine: amd-epyc\non_bad_record: stop\n"
    (tmp_path / "registry.yaml").write_text(text)
    given = registry_config.read(tmp_path, ROOT).given
    assert settings_of(tmp_path) == {**ARTICLES, "epochs": 2, "learning_rate": 1.0}
    assert (given["baseline"], given["machine"], given["on_bad_record"]) == ("synthetic-m1", "registry", "skip")


def test_a_registry_of_another_suite_has_its_settings(tmp_path):
    (tmp_path / "registry.yaml").write_text("suite: cifar-10\nbatch_sizes: [32]\n")
    config = registry_config.read(tmp_path, ROOT)
    assert config.settings["suite"] == "cifar-10"
    assert (config.settings["epochs"], config.settings["train_samples"]) == (10, 40000)
    assert (config.given["suite"], config.given["batch_sizes"]) == ("cifar-10", [32])
    assert not config.given.keys() & {"models", "epochs"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("suite: cifar\n", r'registry\.yaml, line 1: suite is "cifar"; expected one of fashion-mnist, cifar-10'),
        ("epochs: many\n", r'registry\.yaml, line 1: epochs is "many"; expected'),
        ("epoch: 2\n", r"registry\.yaml, line 1: unknown key 'epoch'"),
        ("epochs: 2\nepochs: 3\n", "'epochs' is here a second time"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(tmp_path, text, said):
    (tmp_path / "registry.yaml").write_text(text)
    with pytest.raises(TrainmarkError, match=said):
        registry_config.read(tmp_path, ROOT)


def test_workflow_of_a_registry_gives_strangers_nothing():
    text = WORKFLOW.read_text()
    workflow = yaml.safe_load(text)
    assert set(workflow[True]) == {"pull_request", "push"}  # YAML 1.1 reads "on" as true
    assert workflow[True]["push"] == {"branches": ["main"]}
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets" not in text.split("jobs:")[1]
    check, publish = workflow["jobs"]["check"], workflow["jobs"]["publish"]
    assert "permissions" not in check
    assert publish["if"] == "github.event_name == 'push'"
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert [step.get("run") for step in publish["steps"]] == [None]
    checkouts = [step for step in check["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * 3
    # Of what the event holds, texts by strangers among it, only its kind is used in a command.
    commands = [step["run"] for step in check["steps"] if "run" in step]
    for expression in re.findall(r"\$\{\{(.*?)\}\}", " ".join(commands)):
        assert expression == " github.event_name == 'pull_request' && 'BEFORE=../before' || '' "


def test_actions_of_the_workflow_are_pinned_by_commit_as_the_projects_own_are():
    pinned = r"uses: (actions/[a-z-]+)@([0-9a-f]{40}) # (v[0-9.]+)"
    own = {name: commit for name, commit, _ in re.findall(pinned, (ROOT / ".github/workflows/ci.yaml").read_text())}
    found = re.findall(pinned, WORKFLOW.read_text())
    assert len(found) == WORKFLOW.read_text().count("uses: ")
    assert {name: commit for name, commit, _ in found if name in own} == {
        name: own[name] for name in ("actions/checkout", "actions/setup-python", "actions/upload-artifact")
    }
