"""Tests of trainmark.planning.reference_files: what is told to who mistypes a claim or a piece of hardware."""

import copy

import pytest
import yaml
from trainmark.errors import TrainmarkError
from trainmark.ingest import yaml_file
from trainmark.planning import claim_files, reference_files

from tests.conftest import ROOT

SCHEMAS = ROOT / "workflow/schemas"
REFERENCES = str(ROOT / "config/references.yaml")
CLAIMS, HARDWARE = (ROOT / f"config/{name}.yaml" for name in ("claims/article", "hardware"))


def check(tmp_path, claims=None, hardware=None):
    paths = []
    for name, source, change in (("claims", CLAIMS, claims), ("hardware", HARDWARE, hardware)):
        data = copy.deepcopy(yaml.safe_load(source.read_text()))
        if change:
            change(data)
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.dump(data, sort_keys=False, Dumper=NoAliases))
        paths.append([str(path)])
    reference_files.check(*paths, REFERENCES, SCHEMAS)


def test_files_that_have_passed_are_checked_again_when_they_or_the_code_have_changed(tmp_path, monkeypatch):
    claims, checked = tmp_path / "claims.yaml", []
    claims.write_bytes(CLAIMS.read_bytes())
    monkeypatch.setattr(reference_files, "check", lambda *arguments: checked.append(arguments))

    def check_once():
        reference_files.check_once([str(claims)], [str(HARDWARE)], REFERENCES, SCHEMAS, tmp_path / "new/passed.txt")
        return len(checked)

    assert [check_once(), check_once()] == [1, 1]
    claims.write_text(claims.read_text() + "# mine\n")
    assert [check_once(), check_once()] == [2, 2]
    monkeypatch.setattr(reference_files.layers, "code_digest", lambda folder: "another")
    assert [check_once(), check_once()] == [3, 3]
    claims.unlink()
    assert check_once() == 4


def test_files_that_do_not_pass_are_refused_at_every_command(tmp_path):
    claims = tmp_path / "claims.yaml"
    claims.write_text("claims: 1\n")
    for _ in range(2):
        with pytest.raises(TrainmarkError):
            reference_files.check_once([str(claims)], [str(HARDWARE)], REFERENCES, SCHEMAS, tmp_path / "passed.txt")


class NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def test_the_projects_own_ledgers_are_good():
    shipped = [str(ROOT / path) for path in claim_files.SHIPPED]
    reference_files.check(shipped, [str(HARDWARE)], REFERENCES, SCHEMAS)


def test_every_file_of_claims_is_in_the_configuration_and_the_articles_is_the_first():
    named = yaml_file.read(ROOT / "config/config.yaml")["claims"]
    assert tuple(named) == claim_files.SHIPPED
    assert set(named) == {path.relative_to(ROOT).as_posix() for path in (ROOT / "config/claims").iterdir()}
    assert named[0] == "config/claims/article.yaml"


def test_who_names_the_file_of_before_is_told_where_its_claims_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainmarkError, match=r"config/claims\.yaml.* is now config/claims/article\.yaml"):
        reference_files.check(["config/claims.yaml"], [str(HARDWARE)], REFERENCES, SCHEMAS)


def claim(number, **changes):
    return lambda data: data["claims"][number].update(changes)


def without(number, key):
    return lambda data: data["claims"][number].pop(key)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (claim(2, relaton="above"), ["relaton", "did you mean 'relation'"]),
        (claim(2, relation="over"), ["claims[2].relation", '"over"', "equals, differs, above, below"]),
        (claim(2, value="one"), ["claims[2].value", '"one"', "a number"]),
        (claim(2, source="artcle"), ["claims[2].source", '"artcle"', "one of the sources: article"]),
        (claim(2, tolerance=0.1), ["claims[2].tolerance", "none with above and below"]),
        (without(3, "tolerance"), ["claims[3].tolerance", "a tolerance with equals"]),
        (without(2, "cells"), ["claims[2].cells", "expected this key, which a claim about a speed-up needs"]),
        (claim(0, statistic="every"), ["claims[0].statistic", "peak_tflops"]),
        (claim(2, id="m1-cnn-max"), ["claims[3].id", "an id that no other entry has"]),
        (claim(2, candidate={"hardware": "apple-m9", "device": "gpu"}), ["apple-m9", "apple-m1-8"]),
        (claim(2, candidate={"device": "gpu"}), ["claims[2].candidate", "an id or family"]),
        (claim(2, cells={"models": ["mpl"], "batch_sizes": [32]}), ["models", '"mpl"', "one of mlp, cnn, lstm"]),
        (claim(2, cells={"models": ["mlp"], "batch_sizes": [0]}), ["batch_sizes", "a whole number"]),
    ],
)
def test_bad_claims_are_named_with_file_and_line(tmp_path, change, words):
    with pytest.raises(TrainmarkError) as error:
        check(tmp_path, claims=change)
    message = str(error.value)
    assert "nothing was run" in message
    assert f"{tmp_path}/claims.yaml, line " in message or "is missing" in message
    assert [word for word in words if word not in message] == []


def gpu(number, **changes):
    return lambda data: data["gpus"][number].update(changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (gpu(0, fp32_tflop={"value": 1, "source": "article"}), ["fp32_tflop", "did you mean 'fp32_tflops'"]),
        (gpu(0, fp32_tflops=2.6), ["fp32_tflops", "{value: a number above 0"]),
        (gpu(0, fp32_tflops={"value": 2.6, "source": "memory"}), ["fp32_tflops.source", '"memory"', "one of the"]),
        (gpu(0, match={"gpu": "Tesla ("}), ["match.gpu", "a regular expression"]),
        (gpu(0, match={}), ["gpus[0].match"]),
        (gpu(0, id="nvidia-t4"), ["an id that no other entry has"]),
    ],
)
def test_bad_hardware_is_named(tmp_path, change, words):
    with pytest.raises(TrainmarkError) as error:
        check(tmp_path, hardware=change)
    assert [word for word in words if word not in str(error.value)] == []


def test_files_that_are_not_there_or_no_yaml(tmp_path):
    (tmp_path / "broken.yaml").write_text("claims: [")
    (tmp_path / "list.yaml").write_text("- 1")
    for name, words in (
        ("absent", "cannot be read"),
        ("broken", "is not YAML"),
        ("list", "holds no keys"),
    ):
        with pytest.raises(TrainmarkError, match=words):
            reference_files.check([str(tmp_path / f"{name}.yaml")], [str(HARDWARE)], REFERENCES, SCHEMAS)


def test_hardware_may_hold_processors_alone_and_its_faults_cost_no_claim_a_word(tmp_path):
    def chips_alone(data):
        del data["gpus"]

    with pytest.raises(TrainmarkError, match="id or family of the hardware files"):
        check(tmp_path, hardware=chips_alone)
    with pytest.raises(TrainmarkError) as error:
        check(tmp_path, hardware=gpu(0, match={}))
    assert "id or family" not in str(error.value)


def test_a_users_own_claim_beside_the_articles(tmp_path):
    own = {
        "id": "my-paper",
        "statement": "The T4 trains the CNN twice as fast as the M1",
        "source": "mine",
        "candidate": {"hardware": "nvidia-t4", "device": "gpu"},
        "baseline": [{"hardware": "apple-m1", "device": "gpu"}],
        "cells": {"models": ["cnn"], "batch_sizes": [32]},
        "statistic": "every",
        "relation": "equals",
        "value": 2,
        "tolerance": 0.1,
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"sources": {"mine": "My paper, 2024"}, "claims": [own]}))
    reference_files.check([str(CLAIMS), str(path)], [str(HARDWARE)], REFERENCES, SCHEMAS)


def test_references_that_are_not_there_or_something_else():
    with pytest.raises(TrainmarkError, match=r"absent\.yaml cannot be read"):
        reference_files.check([str(CLAIMS)], [str(HARDWARE)], "absent.yaml", SCHEMAS)
    with pytest.raises(
        TrainmarkError, match=r"article.yaml.* lacks settings or accuracy; expected a file that 'make ref"
    ):
        reference_files.check([str(CLAIMS)], [str(HARDWARE)], str(CLAIMS), SCHEMAS)


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [
        ("5", "has settings or accuracy without keys"),
        ("{mlp: 5}", "has no batch sizes under accuracy, 'mlp'"),
        ("{mlp: {a: [[0.8], [0.8]]}}", "has no batch sizes under accuracy, 'mlp'"),
        ("{mlp: {32: 0.8}}", "needs several runs with the same number of epochs under accuracy, 'mlp', 32"),
        ("{mlp: {32: [[0.8]]}}", "needs several runs with the same number of epochs"),
        ("{mlp: {32: [[], []]}}", "needs several runs with the same number of epochs"),
        ("{mlp: {32: [[0.8], [0.8, 0.9]]}}", "needs several runs with the same number of epochs"),
        ("{mlp: {32: [[0.8], [1.8]]}}", "has an accuracy that is not from 0 to 1 under 'mlp', 32"),
        ("{mlp: {32: [[0.8], [text]]}}", "has an accuracy that is not from 0 to 1"),
    ],
)
def test_references_in_which_something_is_wrong_are_refused(tmp_path, accuracy, expected):
    (tmp_path / "r.yaml").write_text(f"settings: {{}}\naccuracy: {accuracy}\n")
    with pytest.raises(TrainmarkError) as caught:
        reference_files.check([str(CLAIMS)], [str(HARDWARE)], str(tmp_path / "r.yaml"), SCHEMAS)
    assert expected in str(caught.value)


def test_references_of_another_suite_are_checked_beside_those_that_are_named(tmp_path):
    named, other = tmp_path / "references.yaml", tmp_path / "references-cifar-10.yaml"
    named.write_text("settings: {}\naccuracy: {}\n")
    other.write_text("settings: {}\naccuracy: {resnet50: {32: [[0.5], [0.5, 0.6]]}}\n")
    with pytest.raises(TrainmarkError, match=r"references-cifar-10\.yaml, beside .*needs several runs with the same"):
        reference_files.check([], [], str(named), SCHEMAS)
