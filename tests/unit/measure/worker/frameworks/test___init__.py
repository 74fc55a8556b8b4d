"""Tests of trainmark.measure.worker.frameworks: which file a stack trains with, and that nothing else knows."""

import re

import pytest
from trainmark.errors import TrainmarkError
from trainmark.measure.worker import frameworks

from tests.conftest import ROOT

SCRIPTS = ROOT / "workflow/scripts"
FILES = sorted((SCRIPTS / "trainmark/measure/worker/frameworks").glob("*.py"))
# Files that may name a framework, and why.
MAY_NAME = {
    "trainmark/ingest/older_formats.py": "records of format 5 and older have keys of these names",
    "trainmark/layers.py": "lists the packages that the files of the frameworks import",
    "trainmark/process_environment.py": "variables of a shell that decide what a framework computes are kept from it",
    "trainmark/dataset/fashion_mnist.py": "the address of a mirror of the data set",
    "trainmark/experiment/suites/cifar_10.py": "whose tutorial a model is from",
    "trainmark/planning/claim_files.py": "files of claims are named after their sources",
}


def test_framework_is_the_file_that_the_stack_begins_with():
    assert {frameworks.of(f"{path.stem}-1.2").name for path in FILES if path.stem != "__init__"} == {
        "tensorflow",
        "torch",
        "jax",
    }


def test_stack_of_no_file_is_refused_with_those_that_are_there():
    with pytest.raises(TrainmarkError, match=r"mlx-0\.32 would train with mlx\.py .* jax\.py, tf\.py, torch\.py"):
        frameworks.of("mlx-0.32")


def test_every_framework_is_whole():
    for path in FILES:
        if path.stem != "__init__":
            assert not frameworks.of(path.stem).__abstractmethods__


def named() -> dict[str, list[str]]:
    """Lines that name a framework, by file."""
    word = re.compile(r"tensorflow|torch|jax", re.IGNORECASE)
    found = {}
    for path in sorted(SCRIPTS.rglob("*.py")):
        if path not in FILES:
            lines = [line for line in path.read_text().splitlines() if word.search(line)]
            found |= {path.relative_to(SCRIPTS).as_posix(): lines} if lines else {}
    return found


def test_no_other_file_names_a_framework():
    assert set(named()) == set(MAY_NAME)
