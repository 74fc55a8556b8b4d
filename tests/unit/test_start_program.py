"""Tests of workflow/scripts/start_program.py, which make starts everything with."""

import json
import os
import subprocess
import sys

import pytest
from trainmark import process_environment

from tests.conftest import ROOT

START = [sys.executable, "-I", str(ROOT / "workflow/scripts/start_program.py")]
SHOW = "import json, os, sys; json.dump([dict(os.environ), sys.argv[1:], sys.prefix, sys.flags.isolated], sys.stdout)"


@pytest.fixture
def hostile(tmp_path):
    """The variables of a shell in which no plain Python and no plain Snakemake starts."""
    for name in ("json", "snakemake", "sitecustomize", "trainmark"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} of the caller')\n")
    variables = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "PYTHONSAFEPATH": "1"}
    variables |= {"PYTHONSTARTUP": "x.py", "PYTHONWARNINGS": "error", "SNAKEMAKE_PROFILE": "/no/such/profile"}
    return {**os.environ, **variables, "MPLBACKEND": "module://inline", "LD_PRELOAD": "/no/such/library.so"}


def test_program_gets_the_clean_environment_and_its_arguments(hostile):
    command = [*START, "-c", SHOW, "--cores", "a b", "*"]
    result = subprocess.run(command, env=hostile, capture_output=True, text=True, check=True)
    found, arguments, prefix, isolated = json.loads(result.stdout)
    found.pop("LC_CTYPE", None)  # which Python itself sets where there is no locale
    assert found == {name: value for name, value in process_environment.clean(hostile).items() if name != "LC_CTYPE"}
    assert {"LD_PRELOAD", "MPLBACKEND"} <= set(found[process_environment.DROPPED].split(","))
    assert arguments == ["--cores", "a b", "*"]
    assert prefix == sys.prefix
    assert not isolated  # or Snakemake would not find what lies in the working directory


def test_snakemake_starts_in_a_hostile_shell(hostile):
    command = [*START, "-m", "snakemake", "--cores", "1", "--version"]
    assert subprocess.run(command, env=hostile, capture_output=True, text=True, check=True).stdout.startswith("9.")
    plain = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--version"], env=hostile, capture_output=True
    )
    assert plain.returncode  # or the shell was not hostile
