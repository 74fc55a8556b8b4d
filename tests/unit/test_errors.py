"""Tests of trainmark.errors."""

import errno
import io
import os
import signal
import subprocess
import sys
import time

import pytest
from trainmark import errors

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (errors.TrainmarkError("expected this, found that"), 1, "trainmark: expected this, found that"),
        (OSError(errno.ENOSPC, "No space left", "a.json"), 1, "The disk is full while writing a.json"),
        (OSError(errno.EACCES, "Permission denied", "a.json"), 1, "a.json"),
        (ValueError("odd"), 1, "Unexpected ValueError: odd. This is a fault of trainmark"),
        (KeyboardInterrupt(), 130, "What is finished is kept"),
    ],
    ids=["ours", "disk", "system", "unexpected", "ctrl-c"],
)
def test_message_on_the_terminal_and_exit_code(error, code, expected, capsys):
    with pytest.raises(SystemExit) as caught, errors.explained():
        raise error
    assert caught.value.code == code
    assert expected in capsys.readouterr().out


def test_silence_without_error(capsys):
    with errors.explained():
        pass
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_like_ctrl_c_unless_they_are_ignored(signum):
    before = signal.signal(signum, signal.SIG_DFL)
    try:
        with pytest.raises(KeyboardInterrupt), errors.terminable():
            os.kill(os.getpid(), signum)
            time.sleep(1)
        assert signal.getsignal(signum) is signal.SIG_DFL
        signal.signal(signum, signal.SIG_IGN)  # as nohup does
        with errors.terminable():
            os.kill(os.getpid(), signum)
    finally:
        signal.signal(signum, before)


FAIL = """
from trainmark import errors
with errors.explained():
    raise errors.TrainmarkError("one\\x1b[2J\\n  - two\\u202e")
"""
SAID = "one\\x1b[2J\n  - two\\u202e\n"


def failing(**streams) -> str | None:
    """What a failing script writes to its stdout, with its other streams as they are given."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")}
    command = [sys.executable, "-c", FAIL]
    return subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, **streams).stdout


def test_a_message_is_on_the_terminal_and_in_the_log_without_control_characters(tmp_path):
    """As of a rule, whose stderr is its log."""
    log = tmp_path / "a.log"
    with log.open("w") as stderr:
        assert failing(stderr=stderr) == f"trainmark: {SAID}"
    assert log.read_text().endswith(f"ERROR root: {errors.EXPLAINED}{SAID}")


def test_a_message_is_said_once_where_both_streams_are_read_together():
    assert failing(stderr=subprocess.STDOUT) == f"trainmark: {SAID}"


def test_a_closed_terminal_changes_no_exit_code(monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sys, "stdout", Gone())
    for error, code in ((errors.TrainmarkError("a"), 1), (KeyboardInterrupt(), 130)):
        with pytest.raises(SystemExit) as caught, errors.explained():
            raise error
        assert caught.value.code == code
