"""Tests of envs/create_venv.py."""

import importlib.util
import subprocess
import sys

import pytest

from tests.conftest import ROOT

SPEC = importlib.util.spec_from_file_location("create_venv", ROOT / "envs/create_venv.py")
create_venv = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(create_venv)


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 10, 13), (3, 13, 0)])
def test_other_pythons_are_refused_with_a_message(version, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as caught:
        create_venv.refuse_other_pythons()
    assert "Python 3.11 or 3.12 is needed, found" in str(caught.value)
    assert "make run PYTHON=" in str(caught.value)


@pytest.mark.parametrize("version", [(3, 11, 7), (3, 12, 1)])
def test_supported_pythons_pass(version, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    create_venv.refuse_other_pythons()


def test_environment_is_created_where_ensurepip_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ensurepip", None)  # as in Debian and Colab
    python = tmp_path / "venv/bin/python"
    create_venv.create(str(tmp_path / "venv"), str(python))
    before = python.lstat()
    assert subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=True).stdout
    create_venv.create(str(tmp_path / "venv"), str(python))
    assert python.lstat() == before


def test_unsupported_platform_gets_one_sentence(monkeypatch):
    from trainmark import hardware

    monkeypatch.setattr(hardware.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(hardware.platform, "machine", lambda: "x86_64")
    with pytest.raises(SystemExit, match=r"No pinned TensorFlow runs on this platform \(Darwin on x86_64\)"):
        create_venv.requirements_file()
