"""Tests of the Makefile: what it makes of variables, given and exported, and how it starts what it starts."""

import os
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


VARIABLES = (
    "VENV",
    "PYTHON",
    "MACHINE",
    "FROM",
    "TO",
    "AS",
    "SKIP",
    "PY",
    "RUN",
    "SNAKEMAKE",
    "PINS",
    "REPORT",
    "INSTALL",
)
VARIABLES += ("SOME_PYTHON", "SHOW_REPORT", "GIVEN")
GOALS = ("run", "benchmark", "references", "report", "pack", "unlock", "bench", "test", "format", "lock", "check-locks")


def commands_of(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    command = ["make", "--dry-run", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True)


@pytest.mark.parametrize("goal", [*GOALS, "merge", "rename"])
def test_exported_variables_count_for_nothing(goal):
    calm, exported = commands_of(goal), commands_of(goal, **dict.fromkeys(VARIABLES, "exported"))
    assert (calm.stdout, calm.returncode) == (exported.stdout, exported.returncode)
    assert "exported" not in exported.stdout
    assert calm.returncode == (2 if goal in ("merge", "rename") else 0)  # those are refused without what they need


def test_variables_on_the_command_line_count():
    found = commands_of("references", "MACHINE=mine", "VENV=elsewhere", "PYTHON=python3.12").stdout
    assert "--machine mine" in found
    assert "elsewhere/bin/python -I " in found
    assert 'python="python3.12"' in found
    assert "--no-other-python elsewhere" in found


def test_every_program_starts_from_the_clean_environment():
    for goal in GOALS:
        for line in commands_of(goal).stdout.splitlines():
            pythons = re.findall(r"\.venv/bin/python.*?(?= && | ; |; |$)", line)
            assert all("-I workflow/scripts/start_program.py " in command for command in pythons), line


def test_targets_wait_for_each_other_whatever_makeflags_say(tmp_path):
    """As in: make unlock run, in a shell that exports MAKEFLAGS=-j8."""
    rules = "run:\n\t@sleep 0.3; echo first\nreport:\n\t@echo second\n"
    kept = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".NOTPARALLEL")]
    (tmp_path / "Makefile").write_text("\n".join([*kept, rules]))
    options = {"cwd": tmp_path, "env": {**os.environ, "MAKEFLAGS": "-j8"}, "capture_output": True, "text": True}
    assert subprocess.run(["make", "run", "report"], **options).stdout.split() == ["first", "second"]
