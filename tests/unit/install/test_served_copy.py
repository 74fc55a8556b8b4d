"""Tests of trainmark.install.served_copy. How a connection uses it, is in tests/unit/ssh."""

import ast
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from trainmark.install import served_copy

from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arrive(machine="far", before=":", **files: str) -> Path:
    """A copy that has arrived, with files by their paths, in which ``/`` is written ``__``."""
    contents = {name.replace("__", "/"): text for name, text in files.items()}
    incoming = served_copy.OWN / "incoming.7"
    for name, text in contents.items():
        path = incoming / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    incoming.mkdir(parents=True, exist_ok=True)
    (incoming / "before.sh").write_text(before)
    about = {"machine": machine, "files": sorted(contents), "identifier": "1", "stacks": ["tf-2.19"], "gpu": "auto"}
    (incoming / "copy.json").write_text(json.dumps({**about, "default_stack": "tf-2.19"}))
    return incoming


def test_copy_is_put_in_place_and_nothing_else_is_touched(folder):
    for path in ("results/machines/far/machine.json", ".venv/installed", "workflow/mine.py"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("mine")
    served_copy.place(arrive(Makefile="1", workflow__a__old="1", workflow__b="1"))
    Path("workflow/a/__pycache__").mkdir()
    time.sleep(0.01)
    before = Path("workflow/b").stat().st_mtime_ns
    served_copy.place(arrive(Makefile="2", workflow__b="1", workflow__c="1"))
    found = {str(path) for path in Path().rglob("*") if path.is_file() and served_copy.OWN not in path.parents}
    assert found == {
        *("Makefile", "workflow/b", "workflow/c", "workflow/mine.py"),
        *("results/machines/far/machine.json", ".venv/installed"),
    }
    assert Path("Makefile").read_text() == "2"
    assert Path("workflow/b").stat().st_mtime_ns == before
    assert not Path("workflow/a").exists()
    assert not list(served_copy.OWN.glob("incoming*"))


def test_folder_of_another_machine_is_refused(folder):
    served_copy.place(arrive(Makefile="1"))
    with pytest.raises(served_copy.RefusedError, match=r"holds the copy for far, .* fleet\.away\.folder"):
        served_copy.place(arrive("away", Makefile="2"))
    assert Path("Makefile").read_text() == "1"


def test_what_is_in_the_way_is_named(folder):
    Path("Makefile").mkdir()
    with pytest.raises(served_copy.RefusedError, match=r"/Makefile cannot be written: "):
        served_copy.place(arrive(Makefile="1"))


def test_copy_that_is_used_is_not_changed_under_it(folder):
    served_copy.place(arrive(Makefile="1"))
    with served_copy.locked({"machine": "far"}):
        with pytest.raises(served_copy.BusyError, match=rf"is still being measured in .* \(process {os.getpid()}\)"):
            served_copy.place(arrive(Makefile="2"))
        assert Path("Makefile").read_text() == "1"
    served_copy.place(arrive(Makefile="2"))
    assert Path("Makefile").read_text() == "2"


def test_another_copy_than_the_one_that_was_meant_is_refused(folder):
    served_copy.place(arrive(Makefile="1"))
    with pytest.raises(served_copy.RefusedError, match="Another command has copied its own version"):
        served_copy.serve("2", None)


def test_without_make_it_is_said_how_to_have_it(folder, monkeypatch):
    served_copy.place(arrive(Makefile="1"))
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(served_copy.RefusedError, match=r"There is no make\..*fleet\.far\.before"):
        served_copy.serve("1", None)


LIVING = """
import os, sys
sys.path.insert(0, {scripts!r})
from trainmark.install import served_copy
served_copy.SILENCE_SECONDS = 1.0
life = served_copy.LifeLine(0)
lock = os.open("lock", os.O_CREAT | os.O_RDWR)
patient = "trap 'echo asked; exit 3' INT; echo began; while :; do sleep 0.05; done"
print(life.run(["sh", "-c", patient], lock), flush=True)
print(life.run(["echo", "one more"], lock), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("how", ["closed", "silent", "terminated"])
def test_what_runs_ends_with_the_other_end(folder, how):
    """Whether its end is told, or it only says nothing any more, or somebody ends this side."""
    code = LIVING.format(scripts=str(ROOT / "workflow/scripts"))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-I", "-c", code], **pipes)
    assert process.stdout.readline() == "began\n"
    if how == "closed":
        process.stdin.close()
    elif how == "terminated":
        process.terminate()
    limit = threading.Timer(60, process.kill)
    limit.start()
    process.wait()
    limit.cancel()
    lines = process.stdout.read().split()
    assert lines == ["asked", "130", "130"]


def test_what_does_not_end_when_asked_is_ended(monkeypatch):
    monkeypatch.setattr(served_copy, "_END_SECONDS", 0.2)
    command = ["sh", "-c", "trap '' INT; echo began; while :; do sleep 0.05; done"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    process.stdout.readline()
    waiting = threading.Thread(target=process.wait)
    waiting.start()
    served_copy._end(process)
    waiting.join(10)
    assert process.returncode == -9


def test_lock_that_a_killed_run_has_left_is_taken_away(folder, monkeypatch):
    monkeypatch.setattr(served_copy.signal, "signal", lambda *_: None)
    served_copy.place(arrive(Makefile="1"))
    program = Path(".venv/bin/python")
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$*" >> calls\n')
    program.chmod(0o755)
    life = served_copy.LifeLine(os.pipe()[0])
    lock = os.open("lock", os.O_CREAT | os.O_RDWR)
    copy = json.loads(served_copy.COPY.read_text())
    assert served_copy._measure(copy, lock, life) == 0
    assert "--unlock" not in Path("calls").read_text()
    served_copy._RUNNING.touch()
    served_copy._measure(copy, lock, life)
    assert "--unlock" in Path("calls").read_text()
    assert not served_copy._RUNNING.exists()


def test_this_computer_tells_itself_from_others_that_run_now():
    assert len(served_copy._boot()) == 36


@pytest.mark.parametrize(
    "path", ["workflow/scripts/serve_fleet.py", "workflow/scripts/trainmark/install/served_copy.py"]
)
def test_it_is_written_for_any_python_3_7(path):
    tree = ast.parse((ROOT / path).read_text(), feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported if name.startswith("trainmark")} <= {"trainmark.install"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("remove")]
