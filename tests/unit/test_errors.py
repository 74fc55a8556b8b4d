"""Tests of trainmark.errors."""

import errno

import pytest
from trainmark import errors


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
