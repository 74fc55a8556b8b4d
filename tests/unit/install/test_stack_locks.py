"""Tests of trainmark.install.stack_locks."""

import numpy
import pytest
from trainmark import stacks
from trainmark.install import lockfile, stack_locks

from tests.conftest import ROOT


def installed(**versions):
    """A stand-in for what is asked of the environment: package -> version; all others are not installed."""
    return lambda names: {name: versions.get(name.replace("-", "_")) for name in names}


def test_version_of_a_framework_is_that_of_the_lock():
    assert stack_locks.framework_version("tf-2.12", "osx-arm64") == "2.12.0"
    for stack in stacks.names():
        versions = {stack_locks.framework_version(stack, platform) for platform in stacks.platforms(stack)}
        assert len(versions) == 1, stack
        assert versions.pop().startswith(f"{stack.partition('-')[2]}.")


def test_installed_stack_is_the_one_whose_framework_is_there(monkeypatch):
    assert stack_locks.installed("linux-64") == ("tf-2.19",)
    assert stack_locks.installed(None) == ()
    monkeypatch.setattr(lockfile, "installed_versions", installed(torch="2.11.0", jax="0.11.2"))
    assert stack_locks.installed("osx-arm64") == ("jax-0.11", "torch-2.11")
    monkeypatch.setattr(lockfile, "installed_versions", installed(torch="2.11.0+cu126", tensorflow="2.18.0"))
    assert stack_locks.installed("linux-64-cuda") == ()
    monkeypatch.setattr(lockfile, "installed_versions", installed(tensorflow_cpu="2.19.1"))
    assert stack_locks.installed("linux-64-cuda") == ("tf-2.19",)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({"keras": "3.9.0", "torch": "2.9.1+cu128", "jax": "0.10.2"}, ("jax-0.10.2-unpinned", "torch-2.9.1-unpinned")),
        ({"torch": "2.9.1"}, ()),  # Keras is what trains
        ({"keras": "3.9.0"}, ()),
    ],
)
def test_whatever_is_installed_with_keras_can_be_timed(monkeypatch, versions, expected):
    monkeypatch.setattr(lockfile, "installed_versions", installed(**versions))
    assert stack_locks.unpinned() == expected


def test_list_of_what_is_installed_stands_for_the_lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stack = "tf-2.19.1-unpinned"
    stack_locks.write_lists(["tf-2.19", stack])
    (path,) = tmp_path.rglob("*.txt")
    assert stack_locks.path(stack, "linux-64") == path.relative_to(tmp_path)
    pinned = lockfile.pins(path.read_text())
    assert pinned["numpy"].version == numpy.__version__
    assert len(pinned) > 50
    lockfile.refuse_differences(path, lockfile.installed_versions(pinned))


def test_lock_of_a_pinned_stack_is_in_the_checkout():
    assert (ROOT / stack_locks.path("tf-2.19", "osx-arm64")).is_file()
