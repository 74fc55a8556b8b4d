"""Folders of synthetic results, and harm done to the files in them."""

import json
import os
from pathlib import Path

import pytest
from trainmark.ingest import merging
from trainmark.records import writing

from tests.conftest import ROOT, failed_record, path_of, synthetic_machine, synthetic_record

SCHEMAS = ROOT / "workflow/schemas"
TARGET = Path("results/machines")
RECORD = "synthetic/runs/tf-2.19/cpu/mlp/32/1.json"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TARGET.mkdir(parents=True)
    return tmp_path


@pytest.fixture
def alice(here, monkeypatch):
    """Whoever works there, with a config folder of her own."""
    (here / "alice").mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here / "alice"))


def write(data, top: Path) -> Path:
    path = top / path_of(data).relative_to(TARGET)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def tree(top: Path, *names: str) -> Path:
    """Machines with two records each."""
    for name in names or ("synthetic",):
        write(synthetic_record(machine=name), top)
        write(failed_record(machine=name, repeat=2), top)
        (top / name / "machine.json").write_text(json.dumps(synthetic_machine(name)))
    return top


def snapshot(top: Path) -> dict:
    """Path and content of every file, other than the lock."""
    return {str(p): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file() and p.parent.name != writing.OWN}


def merge(*sources, **options):
    planned = merging.plan_merge(list(sources), TARGET, SCHEMAS, **options)
    if not planned.problems:
        merging.write(planned, TARGET)
    return planned


def problem_of(*sources) -> str:
    before = snapshot(TARGET)
    (problem,) = merge(*sources).problems
    assert snapshot(TARGET) == before
    assert str(sources[0]) in str(problem)
    assert str(problem).endswith(".")
    return str(problem)


def cut(path):
    path.write_text(path.read_text()[:200])


def change(**changes):
    return lambda path: path.write_text(json.dumps(synthetic_record(**changes)))


def replace(old, new):
    def edit(path):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def folder_instead(path):
    path.unlink()
    path.mkdir()


def strange_name(path):
    path.rename(os.fsdecode(os.fsencode(path.parent) + b"/\xff.json"))


BAD = {
    "truncated": (cut, "is cut off"),
    "empty": (lambda path: path.write_text(""), "is empty"),
    "not UTF-8": (lambda path: path.write_bytes(b'{"chip": "\xe9"}'), "is not UTF-8"),
    "not JSON": (lambda path: path.write_text("a: 1\nb: 2\n"), "is not JSON"),
    "other JSON": (lambda path: path.write_text("[1, 2]"), "is JSON, but not a record"),
    "unknown key": (replace('"seed"', '"sed"'), "contains unknown field sed"),
    "wrong type": (change(seed="x"), 'seed is "x"; expected int'),
    "inner value": (change(accuracy__test_accuracy=1.5), "accuracy.test_accuracy is 1.5; expected"),
    "negative time": (replace('"fit_seconds": 20.0', '"fit_seconds": -20.0'), "fit_seconds is -20.0; expected"),
    "NaN": (replace('"fit_seconds": 20.0', '"fit_seconds": NaN'), "holds NaN, which is not a number"),
    "newer format": (change(format_version=9), "has format 9, but this trainmark reads formats up to 6"),
    "other path": (change(batch_size=64), "which belongs to results/machines/synthetic/runs/tf-2.19/cpu/mlp/64/1.json"),
    "other machine": (change(machine="synthetic-c"), "make rename MACHINE=synthetic TO=another-name"),
    "edited workload": (replace('"epochs": 2', '"epochs": 3'), "the digest of its workload is"),
    "epochs too long": (change(durations__epoch_seconds=[30.0, 9.0]), "its epochs took 39.000 s of a fit of 20.000 s"),
    "wrong device": (change(execution__variable_devices=["GPU:0"]), "a cpu run had its variables on"),
    "control elsewhere": (change(control="threads-2"), "controls/threads-2/tf-2.19/cpu/mlp/32/1.json"),
    "unknown control": (change(control="faster"), "control is"),
    "incomplete": (change(accuracy=None), "has status ok but no accuracy"),
    "folder": (folder_instead, "is a folder where a file should be"),
    "too large": (lambda path: path.write_text(" " * 2**21), "is larger than"),
    "copy": (lambda path: path.rename(path.with_name("1 (1).json")), "lies where no record and no machine file"),
    "strange name": (strange_name, "has a name that is not UTF-8"),
    "broken link": (lambda path: (path.unlink(), path.symlink_to("gone")), "cannot be read (No such file"),
}
