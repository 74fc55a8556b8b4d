"""Pythons that have a framework, and what is asked of one there: a framework configures its process for good."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import CONFIG, ROOT

# What every program begins with: a framework, loaded for a CPU run, and its models.
START = """
import json, sys
sys.path.insert(0, {scripts!r})
import dataclasses
from trainmark.experiment import suites, workloads
from trainmark.experiment.suites.suite import Model
from trainmark.measure.worker import device_proof, frameworks, settings
CONFIG = {config!r}
MODELS = suites.of(CONFIG).models
framework = frameworks.of({stack!r})
framework.load("cpu", {threads})
"""


def python_with(package: str) -> str:
    """A Python that has a package and Keras, this one or of a folder .venv-*; skips the test where there is none."""
    folders = sorted(str(path) for path in ROOT.glob(".venv-*/bin/python"))
    check = (
        f"from importlib.util import find_spec; raise SystemExit(not (find_spec('keras') and find_spec({package!r})))"
    )
    for python in (sys.executable, *folders):
        if not subprocess.run([python, "-I", "-c", check]).returncode:
            return python
    pytest.skip(f"no environment with {package} and keras: make one, or link to one, as .venv-{package} in this folder")


def ask(package: str, stack: str, program: str, threads: int = 2, **variables: str) -> dict:
    """What a program says, as its last line: JSON, by ``print(json.dumps(...))``.

    Args:
        package: that its Python has to have.
        stack: whose framework is loaded for the CPU beforehand, as ``framework``; ``configure`` is left to the program.
        program: in Python.
        threads: of the framework.
        **variables: of its environment, beside those that tell who and where the user is.
    """
    python = python_with(package)
    start = START.format(scripts=str(ROOT / "workflow/scripts"), config=CONFIG, stack=stack, threads=threads)
    environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ} | variables
    command = [python, "-c", start + program]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])
