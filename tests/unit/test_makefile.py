"""Tests of the Makefile: what it makes of the variables of make merge."""

import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT


def command_of(*arguments: str) -> str:
    """The command that make would run for merge."""
    result = subprocess.run(["make", "--dry-run", "merge", *arguments], cwd=ROOT, capture_output=True, text=True)
    (line,) = re.findall(r"merge_results\.py *(.*)", result.stdout)
    return " ".join(line.split())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["FROM=a.zip"], "a.zip"),
        (["FROM=a b"], "a b"),
        pytest.param(
            ["FROM=a", "FROM=b"], "a b", marks=pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps")
        ),
        (["FROM=a", "AS=m"], "--as m a"),
        (["FROM=a", "SKIP=1"], "--skip-bad a"),
    ],
)
def test_variables_of_merge(given, expected):
    assert command_of(*given) == expected


def test_merge_from_nowhere_is_explained():
    result = subprocess.run(["make", "--dry-run", "merge"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode
    assert "say from where: make merge FROM=PATH" in result.stderr
