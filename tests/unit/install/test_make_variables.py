"""Tests of trainmark.install.make_variables: one text of make's, several paths."""

import os
from pathlib import Path

import pytest
from trainmark.install import make_variables


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("a", "b.zip", "my file.zip", "name (1).tar.gz", "two  spaces", "line\nbreak", "it's", "home/c.zip"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", ["a"]),
        ("a b.zip", ["a", "b.zip"]),
        ("my file.zip", ["my file.zip"]),
        ("a my file.zip name (1).tar.gz b.zip", ["a", "my file.zip", "name (1).tar.gz", "b.zip"]),
        ("two  spaces a", ["two  spaces", "a"]),
        ("line\nbreak", ["line\nbreak"]),
        ("it's", ["it's"]),
        ("'my file.zip' a", ["my file.zip", "a"]),
        (r"my\ file.zip a", ["my file.zip", "a"]),
        ("~/c.zip", ["home/c.zip"]),
        ("*.zip", ["b.zip", "my file.zip"]),
        (" a ", ["a"]),
        ("a gone", ["a", "gone"]),
        ("gone and gone", ["gone and gone"]),
        ("", ["."]),
    ],
)
def test_what_there_is_decides_where_a_path_ends(here, text, expected):
    assert [os.path.relpath(path) for path in make_variables.paths(text)] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("make merge FROM=a FROM=b", ["FROM=a", "FROM=b"]),
        ("make FROM=a b.zip merge FROM=c d SKIP=1 -s", ["FROM=a b.zip", "FROM=c d"]),
    ],
)
def test_a_command_line_of_ps_keeps_the_spaces_of_a_value(line, expected):
    assert [word for word in make_variables._split(line) if word.startswith("FROM=")] == expected


def test_a_process_that_is_gone_has_no_command_line(here):
    assert make_variables.sources("a", 2**22 - 1) == [Path("a")]
