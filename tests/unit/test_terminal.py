"""Tests of trainmark.terminal: saying something never fails, whoever listens."""

import contextlib
import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
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


def on_a_terminal(code: str, **variables: str) -> str:
    """What a program writes on a terminal of 24 lines of 40 columns."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    variables = {"TERM": "xterm", "NO_COLOR": "", "COLUMNS": "", **variables}
    assert exit_code(writer, f"from trainmark import terminal; {code}", **variables) == (0, b"")
    os.close(writer)
    found = b""
    with contextlib.suppress(OSError):  # of a terminal that nobody holds
        while part := os.read(reader, 4096):
            found += part
    os.close(reader)
    return found.decode()


HOLD = "terminal.hold('progress ' * 9); terminal.say('done')"
LOGGED = "import sys; terminal.hold('progress'); terminal.TolerantStream(sys.stdout, clears=True).write('a line\\n')"


def test_a_line_takes_the_place_of_one_that_is_held():
    held = ("progress " * 9)[:39]  # one that is wrapped could not be cleared
    assert on_a_terminal(HOLD) == f"{terminal.CLEAR}{held}{terminal.CLEAR}done\r\n"
    assert on_a_terminal(LOGGED) == f"{terminal.CLEAR}progress{terminal.CLEAR}a line\r\n"


def test_nothing_is_held_where_no_line_can_be_cleared(capsys):
    assert on_a_terminal(HOLD, TERM="dumb") == "done\r\n"
    terminal.hold("progress")
    terminal.say("done")
    assert capsys.readouterr().out == "done\n"


def test_styles_are_for_terminals_whose_user_wants_them(capsys):
    say = "terminal.say('a\x1b', style=terminal.BOLD)"
    assert on_a_terminal(say) == f"{terminal.CLEAR}{terminal.BOLD}a\\x1b\x1b[0m\r\n"
    assert on_a_terminal(say, NO_COLOR="1") == f"{terminal.CLEAR}a\\x1b\r\n"
    assert on_a_terminal(say, TERM="dumb") == "a\\x1b\r\n"
    terminal.say("a", style=terminal.BOLD)
    assert capsys.readouterr().out == "a\n"
