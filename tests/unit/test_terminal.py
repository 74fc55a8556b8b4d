"""Tests of trainmark.terminal: saying something never fails, whoever listens."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from trainmark import terminal

from tests.conftest import ROOT

SAY = "from trainmark import terminal; terminal.say('one'); terminal.say('two', 'three')"


def exit_code(stdout: int, code: str = SAY, **variables: str) -> tuple[int, bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts"), **variables}
    result = subprocess.run([sys.executable, "-c", code], stdout=stdout, stderr=subprocess.PIPE, env=environment)
    return result.returncode, result.stderr


def test_a_reader_that_is_gone_changes_nothing():
    reader, writer = os.pipe()
    os.close(reader)
    assert exit_code(writer) == (0, b"")
    os.close(writer)


def test_a_terminal_that_is_closed_changes_nothing():
    reader, writer = pty.openpty()
    os.close(reader)
    assert exit_code(writer) == (0, b"")
    os.close(writer)


def test_a_full_disk_changes_nothing():
    with Path("/dev/full").open("wb") as full:
        assert exit_code(full.fileno()) == (0, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "harm", ["import os; os.close(1)", "import sys; sys.stdout.close()", "import sys; sys.stdout = None"]
)
def test_no_stdout_changes_nothing(harm, unbuffered):
    assert exit_code(subprocess.DEVNULL, f"{harm}; {SAY}", PYTHONUNBUFFERED=unbuffered) == (0, b"")


def test_what_the_terminal_cannot_write_is_shown_by_number(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    terminal.say("±5 %", to=out)
    assert out.buffer.getvalue() == b"\\xb15 %\n"


def test_control_characters_and_line_breaks_are_shown(capsys):
    terminal.say("a\x1b[2J\nb", "c")
    assert capsys.readouterr().out == "a\\x1b[2J\\nb\nc\n"
