"""Imitated machines in which the workflow runs; see README.md beside this file."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from trainmark import hardware

from tests.integration.conftest import TINY, Checkout, copy_project
from tests.machines import catalogue, environments
from tests.machines.imitation import tools

# Enough for a fit of seconds, of which energy is quoted: shorter ones have none.
LONG_ENOUGH = {"train_samples": 20_000, "epochs": 2, "batch_sizes": [32]}
# All of the grid with few samples, for a look by hand; takes minutes a machine.
WHOLE_GRID = {"models": ["mlp", "cnn", "lstm"], "batch_sizes": [32, 128, 512, 1024]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Machines can be imitated on Linux alone, with the packages for a machine without a GPU."""
    if hardware.platform_tag() != "linux-64":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="machines are imitated on Linux on x86-64 without a GPU"))


def settings(config: dict) -> dict:
    """The configuration of a run: one small cell per device, or the whole grid where TRAINMARK_TEST_GRID=whole."""
    whole = WHOLE_GRID if os.environ.get("TRAINMARK_TEST_GRID") == "whole" else {}
    return {"machine": "auto", "batch_sizes": [64], "idle_seconds": 1, **config, **whole}


@dataclass
class Machine:
    """An imitated machine, and a checkout of the project on it, in whose .venv its Python is.

    ``output`` is what the last run printed.
    """

    checkout: Checkout
    output: str = ""

    @property
    def folder(self) -> Path:
        """Of the checkout."""
        return self.checkout.folder

    def run(self, *arguments: str, code: int = 0, **config: object) -> str:
        """Run the workflow, by default with one small cell per device; demand an exit code."""
        self.output = self.checkout.run(*arguments, code=code, **settings(config))
        return self.output

    def make(self, *arguments: str, code: int = 0, **config: object) -> str:
        """The same by "make run", as in a shell in the checkout."""
        self.prepare_make(**config)
        command, environment = ["make", *arguments], self.checkout.environment
        result = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        self.output = result.stdout + result.stderr
        assert result.returncode == code, self.output
        return self.output

    def prepare_make(self, **config: object) -> None:
        """Let make take the environment for installed, and "make run" have this configuration."""
        (self.folder / "config/quick.yaml").write_text(json.dumps({**TINY, **settings(config)}))
        (self.folder / ".venv/installed").touch()

    def records(self, device: str) -> list[dict]:
        """The records of a device."""
        paths = sorted(self.folder.glob(f"results/machines/*/runs/*/{device}/*/*/*.json"))
        return [json.loads(path.read_text()) for path in paths]

    def record(self, device: str) -> dict:
        """The one record of a device."""
        (found,) = self.records(device)[:1]
        return found

    def description(self) -> dict:
        """Its machine.json."""
        (path,) = self.folder.glob("results/machines/*/machine.json")
        return json.loads(path.read_text())

    def calls(self, tool: str) -> list[list[str]]:
        """The arguments of every call of a tool of the system."""
        path = self.folder / ".venv" / tools.CALLS
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [arguments for name, *arguments in calls if name == tool]

    def page(self) -> str:
        """The report."""
        return (self.folder / "results/report/index.html").read_text()

    def python(self, code: str, **variables: str) -> str:
        """What a piece of Python prints there."""
        command = [self.checkout.python, "-c", code]
        environment = {**self.checkout.environment, **variables}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Path:
    """The home of the machines' user: new, so that nothing of the real one counts."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def imitate(tmp_path_factory, data_folder, home) -> Callable[..., Machine]:
    """Makes a machine of a description from ``catalogue``; ``variables`` are its user's shell's."""

    def make(description: dict, **variables: str) -> Machine:
        folder = copy_project(tmp_path_factory.mktemp("machine") / "checkout", data_folder)
        python = environments.build(folder / ".venv", description)
        shell = {"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8", "USER": "user"}
        shell |= {**description["variables"], **variables}
        return Machine(Checkout(folder, python=str(python), environment=shell))

    return make


@pytest.fixture(scope="session")
def m2_max(imitate) -> Machine:
    """A MacBook Pro with an M2 Max, on which everything has run once, to the report."""
    machine = imitate(catalogue.m2_max())
    machine.run(**LONG_ENOUGH)
    return machine


@pytest.fixture(scope="session")
def m3_ultra(imitate) -> Machine:
    """A Mac Studio with an M3 Ultra, on which everything has been measured once."""
    machine = imitate(catalogue.m3_ultra())
    machine.run("measure")
    return machine


@pytest.fixture(scope="session")
def t4(imitate) -> Machine:
    """A machine with one T4, on which everything has run once, to the report."""
    machine = imitate(catalogue.t4())
    machine.run(**LONG_ENOUGH)
    return machine


@pytest.fixture(scope="session")
def t4_and_v100(imitate) -> Machine:
    """A machine with both, of which the user lets programs see the V100; its GPU has been measured once."""
    machine = imitate(catalogue.t4_and_v100(CUDA_VISIBLE_DEVICES="1"))
    machine.run("measure", devices=["gpu"])
    return machine
