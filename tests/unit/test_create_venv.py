"""Tests of envs/create_venv.py, started as make starts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.installs import find_python

SCRIPT = ROOT / "envs/create_venv.py"


def call(python: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    command = [python, "-I", SCRIPT, *arguments]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)


@pytest.mark.parametrize("version", ["3.5", "3.6"])
def test_very_old_python_gets_one_sentence(version, tmp_path):
    result = call(find_python(version), str(tmp_path / "venv"))
    assert result.returncode == 1
    assert result.stderr.startswith("trainmark: Python 3.11 or 3.12 is needed, or 3.7 or newer to fetch one; found 3.")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("version", ["3.7", "3.8", "3.9", "3.10", "3.13", "3.14"])
def test_named_python_that_does_not_fit_is_refused(version, tmp_path):
    result = call(find_python(version), "--no-other-python", str(tmp_path / "venv"))
    assert result.returncode == 1
    assert f"Python 3.11 or 3.12 is needed, and PYTHON= names {version}." in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "venv").exists()


def test_python_has_to_fit_the_stack(tmp_path):
    """Jax 0.11 is for Python 3.12 and newer alone."""
    result = call(find_python("3.11"), "--stack", "jax-0.11", "--no-other-python", str(tmp_path / "venv"))
    assert result.returncode == 1
    assert "trainmark: Python 3.12 is needed, and PYTHON= names 3.11." in result.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("stack", ["tf-2.12", "mlx-0.32", "../tf-2.19", ""])
def test_stack_that_make_cannot_install_is_refused_with_those_that_it_can(stack, tmp_path):
    result = call(Path(sys.executable), f"--stack={stack}", str(tmp_path / "venv"))
    assert result.returncode == 2
    assert f"invalid choice: '{stack}' (choose from 'jax-0.11', 'tf-2.19', 'torch-2.7', 'torch-2.11')" in result.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("version", ["3.10", "3.13", "3.14"])
def test_nothing_is_fetched_where_no_stack_runs(version, tmp_path):
    """Another processor, told by a module that Python itself starts with."""
    packages = tmp_path / "lib" / f"python{version}" / "site-packages"
    python = find_python(version)
    subprocess.run([python, "-m", "venv", "--without-pip", tmp_path], check=True)
    (packages / "other.pth").write_text("import platform; platform.machine = lambda: 'riscv64'\n")
    result = call(tmp_path / "bin/python", str(tmp_path / "venv"))
    assert result.returncode == 1
    assert result.stderr.startswith("trainmark: No pinned stack runs on this platform (")
    assert not result.stdout


def test_folder_that_is_something_else_is_not_emptied(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    result = call(Path(sys.executable), str(tmp_path))
    assert result.returncode == 1
    assert f"trainmark: {tmp_path} is not a virtual environment, so it is not emptied" in result.stderr
    assert (tmp_path / "thesis.tex").read_text() == "precious"
