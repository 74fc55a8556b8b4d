"""Tests of trainmark.install.lockfile."""

import re
import subprocess
import sys

import pytest
import yaml
from trainmark.errors import TrainmarkError
from trainmark.install import lockfile

from tests.conftest import ROOT

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
REQUIREMENTS = sorted((ROOT / "envs").glob("*.txt"))


def test_both_forms_are_read_alike():
    environment = '  - pip:\n      - "--require-hashes"\n      - Ab_c==1.0 --hash=sha256:aa --hash=sha256:bb\n'
    requirements = "# a==9\nab-c==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    expected = {"ab-c": lockfile.Pin("1.0", frozenset({"aa", "bb"}))}
    assert lockfile.pins(environment) == lockfile.pins(requirements) == expected


def test_marker_is_read():
    (pin,) = lockfile.pins("a==1 ; python_version in '3.11' \\\n    --hash=sha256:aa\n").values()
    assert pin == lockfile.Pin("1", frozenset({"aa"}), "python_version in '3.11'")


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_environment_files_pin_everything_inline_with_hashes(path):
    content = yaml.safe_load(path.read_text())
    assert content["channels"] == ["conda-forge"]
    python, pip, section = content["dependencies"]
    assert python in ("python=3.10", "python=3.12")
    assert pip == "pip"
    assert section["pip"][:2] == ["--require-hashes", "--only-binary=:all:"]
    pinned = lockfile.pins(path.read_text())
    assert len(pinned) == len(section["pip"]) - 2 > 10
    assert all(pin.hashes for pin in pinned.values())
    # Snakemake would install such a file instead of the pip section.
    assert not path.with_suffix(".pin.txt").exists()


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_pin_everything_with_hashes(path):
    pinned = lockfile.pins(path.read_text())
    assert len(pinned) == path.read_text().count("==") > (0 if path.name == "uv.txt" else 10)
    assert all(pin.hashes for pin in pinned.values())


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.host.txt")), ids=lambda path: path.name)
def test_stack_is_the_same_with_conda_and_without(path):
    host = lockfile.pins(path.read_text())
    for name in (path.name.replace(".host.txt", ".yaml"), "report.yaml"):
        for package, pin in lockfile.pins((ROOT / "envs" / name).read_text()).items():
            assert host[package].version == pin.version, (name, package)


def test_difference_is_refused_with_both_versions(tmp_path):
    lock = tmp_path / "lock.yaml"
    lock.write_text("      - numpy==1.23.5 --hash=sha256:aa\n      - keras==2.12.0 --hash=sha256:bb\n")
    lockfile.refuse_differences(lock, {"numpy": "1.23.5", "keras": "2.12.0", "unpinned": "7"})
    with pytest.raises(TrainmarkError) as caught:
        lockfile.refuse_differences(lock, {"NumPy": "1.26.0", "keras": None})
    message = str(caught.value)
    assert "numpy: pinned 1.23.5, found 1.26.0" in message
    assert "keras: pinned 2.12.0, found none" in message
    assert str(lock) in message


def test_module_that_does_not_tell_its_build_is_no_other_version(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text("torch==2.11.0+cu130\njax==0.11.2\n")
    lockfile.refuse_differences(lock, {"torch": "2.11.0", "jax": "0.11.2"})
    for other in ({"torch": "2.11.0+cu126"}, {"jax": "0.11.2+local"}):
        with pytest.raises(TrainmarkError, match="pinned"):
            lockfile.refuse_differences(lock, other)


VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_python_of_an_environment_file():
    assert lockfile.python_version(ROOT / "envs/tf-2.12.linux-64.yaml") == "3.10"
    assert lockfile.python_version(ROOT / "envs/tf-2.19.osx-arm64.yaml") == "3.12"


@pytest.mark.parametrize(
    ("prefix", "version", "expected"),
    [
        ("/elsewhere", VERSION, f"Expected the Python {VERSION} of the environment /elsewhere, found"),
        ("/elsewhere", VERSION, "The environment has lost its Python. Use 'make run' or --use-conda"),
        ("/elsewhere", VERSION, f"found the Python {VERSION} of {sys.prefix}. Nothing was measured."),
        (sys.prefix, "3.1", "Another Python comes first on the PATH of the jobs: start Snakemake from a new shell"),
        (sys.prefix, "3.1", "Expected the Python 3.1 of the environment "),
        ("", VERSION, f"Expected the Python {VERSION} of the environment that conda should have activated"),
    ],
)
def test_another_interpreter_is_refused(prefix, version, expected):
    with pytest.raises(TrainmarkError) as caught:
        lockfile.refuse_other_interpreter(prefix, version)
    assert expected in str(caught.value)


def test_interpreter_is_known_by_another_path_to_it(tmp_path):
    (tmp_path / "link").symlink_to(sys.prefix)
    for prefix in (sys.prefix, str(tmp_path / "link")):
        lockfile.refuse_other_interpreter(prefix, VERSION)


@pytest.mark.parametrize("script", ["time_training", "measure_roofline"])
def test_nothing_is_measured_with_another_interpreter(script, tmp_path):
    name = {"time_training": "runs/tf-2.19/cpu/mlp/64/1.json", "measure_roofline": "roofline/tf-2.19/cpu.json"}[script]
    command = [sys.executable, ROOT / f"workflow/scripts/{script}.py", "--interpreter", "/elsewhere", "3.12"]
    command += ["--lock-file", ROOT / "envs/tf-2.19.linux-64.yaml", "--threads", "1"]
    result = subprocess.run([*command, f"results/machines/test/{name}"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stdout.startswith("trainmark: Expected the Python 3.12 of the environment /elsewhere")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("prefix", "mark", "remedy"),
    [
        ("shared envs/0_", True, r"Delete it \(rm -r '{here}/shared envs/0_'\) and give the same command again"),
        (".venv", False, r"Delete it \(rm -r {here}/\.venv\) and say 'make run',"),
        (
            ".venv-torch-2.11",
            False,
            r"Delete it \(rm -r {here}/\.venv-torch-2\.11\) and say 'make run STACK=torch-2\.11'",
        ),
        ("miniforge/envs/mine", False, r"Use 'make run' or --use-conda.* --config 'stacks=\[installed\]'"),
        (".snakemake/conda/0_", False, "Use 'make run' or --use-conda"),
    ],
)
def test_only_what_is_made_again_is_to_be_deleted(tmp_path, monkeypatch, prefix, mark, remedy):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / prefix
    folder.mkdir(parents=True)
    if mark:
        folder.with_name(f"{folder.name}.env_setup_done").touch()
    monkeypatch.setattr(lockfile.sys, "prefix", str(folder))
    (tmp_path / "lock.yaml").write_text("      - numpy==1.23.5 --hash=sha256:aa\n")
    with pytest.raises(TrainmarkError, match=remedy.format(here=re.escape(str(tmp_path)))):
        lockfile.refuse_differences(tmp_path / "lock.yaml", {"numpy": "1.26.0"})


def test_missing_lock_is_named(tmp_path):
    with pytest.raises(TrainmarkError, match=r"gone\.yaml, which pins the environment, is missing"):
        lockfile.read(tmp_path / "gone.yaml")


def test_installed_versions():
    found = lockfile.installed_versions(["pytest", "no-such-package"])
    assert found == {"pytest": pytest.__version__, "no-such-package": None}
