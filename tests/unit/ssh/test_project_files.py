"""Tests of trainmark.ssh.project_files."""

import io
import json
import os
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from trainmark.errors import TrainmarkError
from trainmark.ingest import yaml_file
from trainmark.planning import config as configuration
from trainmark.planning import ssh_machines
from trainmark.ssh import project_files

from tests.conftest import ROOT
from tests.unit.planning.conftest import DEFAULT
from tests.unit.ssh.conftest import project

LOCAL = {**DEFAULT, "machine": "my-laptop", "gpu": 1, "data_folder": "/home/me/data", "claims": ["mine.yaml"]}


def copied(own=LOCAL, of=None, **entry):
    config = {**DEFAULT, "epochs": 1, "data_folder": own["data_folder"], "fleet": {"far": {"ssh": "far", **entry}}}
    return project_files.for_machine(of or project(), ssh_machines.of(config)["far"], config, own)


def opened(copy) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(copy.archive)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def git(*arguments):
    identity = ["-c", "user.name=synthetic", "-c", "user.email=synthetic@example.org"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def test_tracked_files_are_copied_as_they_are_now(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("Makefile", "config/config.yaml", "workflow/gone.py", "tests/test_x.py", "results/machines/a/x.json"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("committed")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message=x")
    Path("config/config.yaml").write_text("changed")
    Path("config/mine.yaml").write_text("not tracked")
    Path("workflow/gone.py").unlink()
    Path("Makefile").chmod(0o777)
    found = project_files.read().contents
    assert {path: (content, mode) for path, (content, mode, _) in found.items()} == {
        "Makefile": (b"committed", 0o755),
        "config/config.yaml": (b"changed", 0o644),
    }
    (tmp_path / "config/link").symlink_to("/etc/passwd")
    git("add", "config/link")
    with pytest.raises(TrainmarkError, match="config/link is not a plain file"):
        project_files.read()


def test_without_git_all_of_the_project_is_copied_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("Makefile", "workflow/a.py", "workflow/__pycache__/a.pyc", ".venv/x", "results/x", "secret.txt"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    assert {*project_files.read().contents} == {"Makefile", "workflow/a.py"}


def test_all_that_a_run_needs_is_among_the_parts():
    left = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {*project_files.PARTS}
    assert left <= {
        *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "docs", "results", "tests", "pyproject.toml"),
        "prepared",
    }


def test_nothing_of_this_computer_is_in_the_configuration_there():
    found = opened(copied(devices=["gpu"], gpu=0))
    assert not [path for path, content in found.items() if b"my-laptop" in content or b"/home/me" in content]
    plain = yaml.safe_load(found["project/config/config.yaml"])
    of_fleet = yaml.safe_load(found["project/config/of-the-fleet.yaml"])
    assert (plain["machine"], plain["gpu"], plain["data_folder"]) == ("far", 0, "")
    assert (of_fleet["machine"], of_fleet["gpu"], of_fleet["devices"]) == ("far", 0, ["gpu"])
    assert (plain["epochs"], of_fleet["epochs"]) == (5, 1)
    assert (of_fleet["fleet"], of_fleet["stacks"], of_fleet["claims"]) == (
        {},
        ["tf-2.19"],
        ["config/claims/article.yaml"],
    )
    schema = yaml_file.read(ROOT / "workflow/schemas/config.schema.yaml")
    here = configuration.Surroundings(False, ("tf-2.19",), (), "linux-64")
    for values in (plain, {**of_fleet, "devices": ["cpu"], "gpu": "auto"}):
        configuration.check({**values, "gpu": "auto"}, schema, [], here)


def test_copy_says_what_it_is_and_what_to_do_first():
    copy = copied(before="module load python", stacks=["tf-2.19", "torch-2.11"])
    found = opened(copy)
    about = json.loads(found["copy.json"])
    assert about["identifier"] == copy.identifier
    assert (about["machine"], about["commit"], about["gpu"]) == ("far", "abc-dirty", "auto")
    assert about["stacks"] == ["tf-2.19", "torch-2.11"]
    assert {f"project/{path}" for path in about["files"]} == {path for path in found if path.startswith("project/")}
    assert found["before.sh"] == b"module load python\n"
    assert opened(copied())["before.sh"] == b":\n"


def test_copies_differ_where_their_content_does():
    first = copied()
    assert copied().archive == first.archive
    others = [copied(before="true"), copied(stacks=["torch-2.11"]), copied(of=project(**{"workflow/x.py": "x = 1"}))]
    others.append(copied(of=replace(project(), commit="another")))
    assert len({each.identifier for each in (first, *others)}) == 5


def test_old_programs_read_the_archive(tmp_path):
    """Of the form of 1988, as the tar of any Unix reads it."""
    (tmp_path / "x.tar.gz").write_bytes(copied().archive)
    listed = subprocess.check_output(["tar", "-tzf", str(tmp_path / "x.tar.gz")], env={**os.environ, "LC_ALL": "C"})
    assert b"copy.json" in listed
