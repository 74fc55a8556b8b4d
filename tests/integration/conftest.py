"""Checkouts of the project to run Snakemake in, with real data cut to a few hundred samples."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests import shared, snakemake_calls
from tests.conftest import ROOT

PARTS = ("Makefile", "Snakefile", "config", "envs", "profiles", "workflow")
# Small enough for seconds, and an experiment of its own: nobody can take it for a measurement of the article's.
TINY = {
    "machine": "test-checkout",
    "models": ["mlp"],
    "batch_sizes": [64, 128],
    "epochs": 1,
    "repeats": 1,
    "train_samples": 400,
    "validation_samples": 100,
    "test_samples": 200,
    "roofline": False,
}


@dataclass(frozen=True)
class Checkout:
    """A copy of the project in a folder of its own, and the workflows that were started in it.

    ``python`` runs Snakemake there, with the variables of ``environment``; None for those of the tests.
    """

    folder: Path
    started: list[subprocess.Popen] = field(default_factory=list)
    python: str = sys.executable
    environment: dict[str, str] | None = None

    def command(self, *arguments: str, cores: int = 1, **config) -> list[str]:
        (self.folder / "tiny.json").write_text(json.dumps({**TINY, **config}))
        options = ["--cores", str(cores), "--configfile=tiny.json"]
        return [self.python, "-m", "snakemake", *options, *arguments]

    def start(self, *arguments: str, **options) -> subprocess.Popen:
        return self.start_command(self.command(*arguments, **options))

    def start_command(self, command: list[str]) -> subprocess.Popen:
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Whatever starts the tests in the background may have Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, code: int = 0, **options) -> str:
        """Run Snakemake, demand an exit code, and give what it printed."""
        command, limit = self.command(*arguments, **options), snakemake_calls.LIMIT_SECONDS
        if self.python == sys.executable:
            result = snakemake_calls.run(command[3:], self.folder, self.environment, snakemake_calls.script_address())
        else:
            pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            result = subprocess.run(command, cwd=self.folder, env=self.environment, timeout=limit, **pipe)
        assert result.returncode == code, result.stdout
        return result.stdout

    def record(self, batch_size: int, repeat: int = 1) -> Path:
        runs = self.folder / "results/machines" / TINY["machine"] / "runs/tf-2.19/cpu/mlp"
        return runs / str(batch_size) / f"{repeat}.json"

    def records(self) -> dict[int, dict]:
        """Batch size -> record of the first repeat."""
        found = {size: self.record(size) for size in TINY["batch_sizes"]}
        return {size: json.loads(path.read_text()) for size, path in found.items() if path.exists()}

    def copy(self, folder: Path, *without: str) -> "Checkout":
        options = {"ignore": shutil.ignore_patterns(*without), "symlinks": True, "copy_function": copy_file}
        shutil.copytree(self.folder, folder, **options)
        return Checkout(folder)


def copy_file(source: str, target: str) -> None:
    """Copy a file, or link to one of the data set, which nobody writes into."""
    if source.endswith(".npy"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def trained(output: str) -> int:
    """How many runs an output tells of, also one for a terminal, where the bar stands before them."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", output).replace("\r", "\n")
    return len(re.findall(r"^\[ ?\d+/\d+\] ", plain, re.MULTILINE))


def find_child(process: subprocess.Popen, seconds: float = 60) -> psutil.Process:
    """The training process below a workflow, once it trains."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it may have ended meanwhile
                if "--child" in child.cmdline():
                    time.sleep(1)
                    return child
        time.sleep(0.1)
    raise AssertionError(f"no training process appeared: {process.communicate()[0]}")


def change(folder: Path, module: str, before: str, after: str) -> None:
    """Replace a text in the code of a copy of the project."""
    path = folder / f"workflow/scripts/trainmark/{module}.py"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def use_own_lock(folder: Path) -> None:
    """Make a checkout and its copies a machine of their own, which waits for no training of another test."""
    path = folder / "workflow/scripts/trainmark/measure/worker_process.py"
    own = f'MACHINE_LOCK = Path("{folder.parent}/timing.lock")'
    text, found = re.subn(r"^MACHINE_LOCK = .*", own, path.read_text(), flags=re.MULTILINE)
    assert found == 1
    path.write_text(text)


def copy_project(folder: Path, data_folder: Path) -> Path:
    """The project with the decoded data set, and without results, in a new folder; a machine of its own."""
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)  # with what Python has compiled, which knows its source by the time
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    use_own_lock(folder)
    (folder / "results").mkdir()
    shutil.copytree(data_folder, folder / "results/data", copy_function=os.link)  # nobody writes into these files
    return folder


def run_once(factory: pytest.TempPathFactory, data_folder: Path) -> tuple[Checkout, str]:
    """A checkout, not to be changed, in which everything ran once with eight cores to share, and what it printed."""

    def make(folder: Path) -> tuple[Path, str]:
        checkout = Checkout(copy_project(folder / "checkout", data_folder))
        return checkout.folder, checkout.run(cores=8)

    folder, output = shared.make_once(factory, "finished", make)
    return Checkout(folder), output


@pytest.fixture(scope="session")
def finished(tmp_path_factory, data_folder) -> tuple[Checkout, str]:
    """A checkout, not to be changed, in which everything ran once, and what it printed."""
    return run_once(tmp_path_factory, data_folder)


@pytest.fixture
def real_checkout(finished, tmp_path) -> Iterator[Checkout]:
    """A finished checkout of one's own, whose further trainings are real ones."""
    copy = finished[0].copy(tmp_path / "checkout")
    use_own_lock(copy.folder)
    yield copy
    for process in copy.started:  # what a failed test left behind would disturb the next
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def pretend(folder: Path, real: Checkout) -> None:
    """Let a copy of the project take no TensorFlow: see tests/pretended. What it answers is from a real checkout."""
    worker = folder / "workflow/scripts/trainmark/measure/worker"
    for path in (ROOT / "tests/pretended").glob("[!_]*.py"):
        shutil.copy(path, worker)
    (worker / "records.json").write_text(json.dumps({size: json.dumps(each) for size, each in real.records().items()}))


@pytest.fixture
def checkout(real_checkout) -> Checkout:
    """A finished checkout of one's own, whose further trainings take no TensorFlow, and so a quarter of the time.

    For what is about all that is around a training.
    """
    pretend(real_checkout.folder, real_checkout)
    return real_checkout


@pytest.fixture(autouse=True)
def no_user_settings(monkeypatch):
    """Tests must not depend on how the user runs Snakemake."""
    for name in [name for name in os.environ if name.startswith("SNAKEMAKE_")]:
        monkeypatch.delenv(name)
