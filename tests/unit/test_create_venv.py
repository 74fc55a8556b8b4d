"""Tests of envs/create_venv.py and of the pinned requirements."""

import importlib.util
import re
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


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.txt")), ids=lambda path: path.name)
def test_every_requirement_is_pinned_with_hashes(path):
    text = re.sub(r"\\\n", " ", path.read_text())
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(lines) > 10
    for line in lines:
        assert re.match(r"[a-z0-9._-]+(\[[a-z-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line[:80]
