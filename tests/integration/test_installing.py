"""A fresh clone on a machine whose Python does not fit: make brings one, installs, and runs to the end."""

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from trainmark.install import virtual_environment
from trainmark.machine import hardware

from tests.conftest import ROOT
from tests.installs import find_python, link_tools, write_mirror, write_wheel
from tests.integration.conftest import PARTS, TINY, trained

ONE_CELL = {**TINY, "batch_sizes": [64]}
# In a shell that does its worst to whatever is installed and started.
HOSTILE = {
    "PYTHONHOME": "/no/such/python",
    "PYTHONPATH": "{home}",
    "PYTHONSAFEPATH": "1",
    "PIP_USER": "1",
    "PIP_TARGET": "{home}/target",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "SNAKEMAKE_PROFILE": "/no/such/profile",
    "UV_PYTHON_INSTALL_DIR": "{home}/uv",
    "UV_PYTHON_DOWNLOADS": "never",
    **dict.fromkeys(("MACHINE", "VENV", "PYTHON", "FROM", "TO", "AS", "SKIP"), "exported"),
}


@dataclass(frozen=True)
class Clone:
    """A fresh clone and the shell of its user."""

    folder: Path
    variables: dict[str, str]

    def make(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Run make, demand an exit code, and give what it printed."""
        options = {"cwd": self.folder, "env": {**self.variables, **variables}, "text": True, "timeout": 500}
        result = subprocess.run(["make", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        assert result.returncode == code, result.stdout
        return result.stdout

    @property
    def python(self) -> Path:
        """The Python that make brought."""
        (found,) = self.folder.glob(".python/*/cpython-3.*.*/bin/python3.1[12]")
        return found


@pytest.fixture(scope="module")
def mirror(tmp_path_factory) -> dict[str, str]:
    """The variables of a mirror in the place of uv's download."""
    return write_mirror(tmp_path_factory.mktemp("mirror"))


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> tuple[Path, str]:
    """A folder with one package, and its pin: it stands for all pinned ones, which lie where the tests run."""
    folder = tmp_path_factory.mktemp("packages")
    first = f"import sys; sys.path.insert(0, {sysconfig.get_paths()['purelib']!r})\n"  # before what venv brings
    return folder, write_wheel(folder, "borrowed", {"borrowed.pth": first})


@pytest.fixture
def clone(tmp_path, packages, data_folder) -> Clone:
    """A fresh clone on a machine without Python 3.11 and 3.12, whose user reaches packages through a pip.conf."""
    folder, home = tmp_path / "clone", tmp_path / "home"
    for name in (*PARTS, "Makefile"):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (folder / "envs" / f"tf-2.19.{hardware.platform_tag()}.host.txt").write_text(packages[1])
    (folder / "config/quick.yaml").write_text(yaml.safe_dump(ONE_CELL))
    shutil.copytree(data_folder, folder / "results/data")
    settings = home / ("Library/Application Support/pip" if sys.platform == "darwin" else ".config/pip")
    settings.mkdir(parents=True)
    (settings / "pip.conf").write_text(
        f"[global]\nno-index = yes\nfind-links = {packages[0]}\n[install]\nuser = yes\nprefix = {home}/prefix\n"
    )
    tools = link_tools(tmp_path / "tools", find_python("3.13", "3.14", "3.10", "3.9"))
    (home / "snakemake.py").write_text("raise RuntimeError('the snakemake of a PYTHONPATH')\n")
    hostile = {name: value.format(home=home) for name, value in HOSTILE.items()}
    return Clone(folder, {"PATH": str(tools), "HOME": str(home), "LANG": "C.UTF-8", **hostile})


def give_uv(clone: Clone) -> None:
    """Let the machine have the uv of the tests on its path."""
    uv = shutil.which("uv", path=f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("there is no uv, which comes with what the tests need")
    (Path(clone.variables["PATH"]) / "uv").symlink_to(uv)


def test_fresh_clone_brings_its_python_and_runs_to_the_end(clone, mirror):
    give_uv(clone)
    output = clone.make("run", **mirror)
    assert "make fetches one for itself, with uv, into .python/" in output
    assert trained(output) == 1
    assert f"Page: {(clone.folder / 'results/report/index.html').as_uri()}" in output
    run = clone.folder / f"results/machines/{TINY['machine']}/runs/tf-2.19/cpu/mlp/64/1.json"
    record = json.loads(run.read_text())
    assert record["status"] == "ok", record["reason"]
    assert record["versions"]["python"] == platform.python_version()
    assert clone.python.is_file()
    outside = {path.name for path in Path(clone.variables["HOME"]).rglob("*")}
    assert not outside & {"target", "prefix", "uv", clone.python.name, "borrowed-1.dist-info"}

    output = clone.make("run")
    assert "make fetches" not in output
    assert "installing" not in output
    assert trained(output) == 0

    shutil.rmtree(clone.folder / ".python")
    output = clone.make("report", **mirror)  # the environment finds its Python again where it was
    assert "make fetches one for itself" in output
    assert "made anew" not in output
    assert f"Page: {(clone.folder / 'results/report/index.html').as_uri()}" in output


def test_without_network_there_is_one_sentence_with_the_command(clone):
    give_uv(clone)
    output = clone.make("run", code=2, UV_PYTHON_DOWNLOADS_JSON_URL="http://127.0.0.1:9/downloads.json")
    said = [line for line in output.splitlines() if line.startswith("trainmark: ")]
    assert len(said) == 2, output
    assert "make fetches one for itself" in said[0]
    assert said[1].startswith("trainmark: Python 3.11 or 3.12 is needed, only Python 3.")
    assert said[1].endswith("make run PYTHON=/path/to/python3.12")
    assert len(output.splitlines()) == 3  # and make's own


@pytest.fixture(scope="module")
def uv_wheel(tmp_path_factory) -> Path:
    """A folder with the pinned uv, as pip takes it."""
    folder = tmp_path_factory.mktemp("uv")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    fetched = subprocess.run([*command, "--dest", folder, "-r", ROOT / "envs/uv.txt"], capture_output=True)
    if fetched.returncode:
        pytest.skip(f"uv cannot be had here: {fetched.stderr.decode()}")
    return folder


@pytest.mark.parametrize("has_pip", [True, False])
def test_uv_is_fetched_where_there_is_none(clone, mirror, packages, uv_wheel, tmp_path, has_pip):
    """Pinned and checked, by the pip of the Python that is there, or one that it makes."""
    if not has_pip:
        python = Path(clone.variables["PATH"], "python3")
        subprocess.run([python.readlink(), "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
        python.unlink()
        python.symlink_to(tmp_path / "bare/bin/python3")
    output = clone.make("unlock", PIP_FIND_LINKS=f"{uv_wheel} {packages[0]}", **mirror)
    assert "make fetches one for itself" in output
    assert clone.python.is_file()
    assert virtual_environment.fault_of(clone.folder / ".venv") is None
    assert not list((clone.folder / ".python").rglob("uv*"))  # it has done its work
