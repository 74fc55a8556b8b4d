"""Tests of envs/write_locks.py: one real lock is resolved again, with uv, for a platform that this is not."""

import importlib.util
import re
import shutil
import sys

import pytest

from tests.conftest import ROOT

SPEC = importlib.util.spec_from_file_location("write_locks", ROOT / "envs/write_locks.py")
write_locks = importlib.util.module_from_spec(SPEC)
sys.modules["write_locks"] = write_locks  # where dataclasses look a module up
SPEC.loader.exec_module(write_locks)
Pin = write_locks.Pin

MAC = write_locks.Lock("tf-2.12.osx-arm64.yaml", ("tf-2.12.osx-arm64",), ("osx-arm64",), ("3.10",))


@pytest.fixture
def envs(tmp_path, monkeypatch):
    """A copy of envs/, and uv on the path as make puts it there."""
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    monkeypatch.setattr(write_locks, "ENVS", tmp_path / "envs")
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin", prepend=":")
    return tmp_path / "envs"


def changed(path, pattern, replacement):
    text = path.read_text()
    path.write_text(re.sub(pattern, replacement, text, count=1))
    assert path.read_text() != text


def test_every_environment_has_its_lock():
    assert MAC in write_locks.LOCKS
    names = {lock.name for lock in write_locks.LOCKS}
    assert names == {path.name for path in (ROOT / "envs").iterdir() if path.suffix in (".yaml", ".txt")}


def test_lock_is_what_its_inputs_give(envs):
    assert write_locks.check(MAC) == []


def test_lock_is_written_where_no_file_was(envs):
    """As make lock does for a new one, or one that was deleted to renew all its pins."""
    (lock,) = (lock for lock in write_locks.LOCKS if lock.name == "uv.txt")
    (name,) = write_locks.resolve(lock, {})
    assert name == "uv"


@pytest.mark.parametrize(
    ("pattern", "replacement", "expected"),
    [
        (r"(keras==2.12.0 --hash=sha256:)\w{12}", r"\g<1>000000000000", "keras==2.12.0: hash 000000000000... is"),
        (r"absl-py==\S+", "absl-py==2.1.0", "absl-py==2.1.0: hash .* of no file that can be installed on osx-arm64"),
        (r"numpy==1.23.5", "numpy==1.23.4", "numpy==1.23.4 is pinned; the inputs give 1.23.5 for osx-arm64"),
        (r"      - keras==.*\n", "", "keras is missing; the inputs give 2.12.0"),
        (r"python=3.10", "python=3.11", "stale: something other than the pins"),
        (r"For osx-arm64", "For linux-64", "stale: something other than the pins"),
    ],
)  # fmt: skip
def test_whatever_is_not_right_is_named_with_its_package(envs, pattern, replacement, expected):
    changed(envs / MAC.name, pattern, replacement)
    (line,) = write_locks.check(MAC)
    assert re.search(expected, line)


def test_lock_of_another_platform_is_not_right(envs):
    shutil.copy(envs / "tf-2.12.linux-64.yaml", envs / MAC.name)
    lines = "\n".join(write_locks.check(MAC))
    assert "tensorflow-cpu==2.12.0 is pinned, but the inputs do not ask for it" in lines
    assert "tensorflow-metal is missing; the inputs give 0.8.0" in lines


def test_changed_input_and_wheel_that_is_missing_are_told(envs):
    changed(envs / "inputs/tf-2.12.osx-arm64.in", "tensorflow-metal==0.8.0", "tensorflow-metal==0.7.1")
    assert "tensorflow-metal==0.8.0 is pinned; the inputs give 0.7.1" in "\n".join(write_locks.check(MAC))
    changed(envs / "inputs/tf-2.12.osx-arm64.in", "tensorflow-macos==2.12.0", "tensorflow-macos==2.5.0")
    (problem,) = write_locks.check(MAC)
    assert "nothing satisfies the inputs on osx-arm64, Python 3.10" in problem
    assert "tensorflow-macos" in problem


def test_package_for_some_pythons_gets_a_marker():
    lock = write_locks.Lock("x.txt", (), ("linux-64",), ("3.11", "3.12"))
    old, new = Pin("1", frozenset({"aa"})), Pin("1", frozenset({"bb"}))
    both = write_locks.merge("a", {("linux-64", "3.11"): old, ("linux-64", "3.12"): new}, lock)
    assert both == Pin("1", frozenset({"aa", "bb"}))
    one = write_locks.merge("a", {("linux-64", "3.11"): old}, lock)
    assert one.marker == "python_version in '3.11'"
    assert "a==1 ; python_version in '3.11' \\\n    --hash=sha256:aa\n" in write_locks.rendered(lock, {"a": one})


def test_package_for_some_systems_gets_a_marker():
    lock = write_locks.Lock("x.txt", (), ("linux-64", "osx-arm64"), ("3.12",))
    pin = Pin("1", frozenset({"aa"}))
    assert write_locks.merge("a", {("osx-arm64", "3.12"): pin}, lock).marker == "sys_platform in 'darwin'"
    alike = write_locks.Lock("x.txt", (), ("linux-64", "linux-aarch64"), ("3.12",))
    with pytest.raises(write_locks.ResolutionError, match="locks of their own"):
        write_locks.merge("a", {("linux-64", "3.12"): pin}, alike)


def test_different_versions_are_refused():
    lock = write_locks.Lock("x.txt", (), ("linux-64",), ("3.11", "3.12"))
    found = {("linux-64", "3.11"): Pin("1", frozenset()), ("linux-64", "3.12"): Pin("2", frozenset())}
    with pytest.raises(write_locks.ResolutionError, match=r"1 on linux-64 3\.11, 2 on linux-64 3\.12"):
        write_locks.merge("a", found, lock)


def test_missing_file_is_told(envs):
    (envs / MAC.name).unlink()
    assert write_locks.check(MAC) == ["is missing"]
