"""Tests of trainmark.stacks: what envs/ holds is what is known, and said of each stack."""

import re

import pytest
from trainmark import stacks
from trainmark.errors import TrainmarkError

from tests.conftest import ROOT

ENVS = ROOT / "envs"


@pytest.fixture
def envs(tmp_path, monkeypatch):
    """Another folder of locks."""
    monkeypatch.setattr(stacks, "ENVS", tmp_path)
    (tmp_path / "stacks.json").write_text((ENVS / "stacks.json").read_text())
    caches = (stacks._files, stacks._said, stacks.named)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path
    for cache in caches:
        cache.cache_clear()


def test_stacks_are_those_that_have_locks(envs):
    for name in ("torch-2.11.linux-64.yaml", "torch-2.7.osx-arm64.yaml", "torch-2.7.linux-64.host.txt", "report.yaml"):
        (envs / name).touch()
    assert stacks.names() == ("torch-2.7", "torch-2.11")
    assert stacks.platforms("torch-2.7") == ("osx-arm64",)
    assert stacks.host_stacks("linux-64") == ("torch-2.7",)
    assert stacks.host_stacks(None) == ()


def test_every_stack_is_described_and_no_other():
    said = stacks._said()
    assert set(said["stacks"]) == set(stacks.names())
    assert {stack.partition("-")[0] for stack in stacks.names()} == set(said["frameworks"])
    for stack in map(stacks.named, stacks.names()):
        assert stack.packages
        assert stacks.platforms(stack.name) == stacks.PLATFORMS
        assert re.fullmatch(r"3\.\d+", stack.python)
        hosts = [each for each in stacks.PLATFORMS if stack.name in stacks.host_stacks(each)]
        assert hosts == (list(stacks.PLATFORMS) if stack.host_pythons else [])
        build = stack.build
        assert list(build.machine_code) == sorted(build.machine_code)
        assert (build.intermediate is None) == (build.compiling_driver is None)


def test_stack_that_is_not_described_is_told_with_the_key(envs):
    (envs / "mlx-0.32.osx-arm64.yaml").touch()
    with pytest.raises(TrainmarkError, match=r"envs/stacks\.json: 'mlx-0\.32' is missing"):
        stacks.named("mlx-0.32")


def test_make_installs_the_default_stack_where_none_is_named():
    assert f"\nDEFAULT_STACK = {stacks.DEFAULT}\n" in (ROOT / "Makefile").read_text()
    assert {stacks.DEFAULT, stacks.ARTICLES} <= set(stacks.names())


@pytest.mark.parametrize(
    ("stack", "label"),
    [
        ("tf-2.12", "TensorFlow 2.12"),
        ("torch-2.11", "Keras on torch 2.11"),
        ("torch-2.9.1-unpinned", "Keras on torch 2.9.1, not pinned"),
        ("elsewhere-1", "elsewhere-1"),
    ],
)
def test_label_is_what_people_call_it(stack, label):
    assert stacks.label(stack) == label


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("2.11.0+cu130", "torch-2.11.0-unpinned"),
        ("2.12.0.dev20260101+cu130", "torch-2.12.0.dev20260101-unpinned"),
        ("2.9.1", "torch-2.9.1-unpinned"),
    ],
)
def test_what_is_installed_is_named_by_its_version(version, name):
    assert stacks.unpinned("torch", version) == name
    assert stacks.is_unpinned(name)
    assert not stacks.is_unpinned("torch-2.11")
    schema = (ROOT / "workflow/schemas/record.schema.yaml").read_text()
    pattern = re.search(r"Pinned software stack\.\n.*\n\s+pattern: (.*)\n", schema) or re.search(
        r"\n  stack:\n(?:    .*\n)*?    pattern: (.*)\n", schema
    )
    assert re.fullmatch(pattern[1].strip("'"), name)
