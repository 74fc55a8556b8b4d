"""Tests of trainmark.ssh.connection, with an ssh that connects to folders; tests/integration has a real one."""

import shlex
import shutil
import subprocess
import threading
import time

import pytest
from trainmark.ssh import connection
from trainmark.ssh.connection import Call, Ended


def call(destination, script, *arguments, stop=None):
    heard = []
    command = connection.command_line(destination, script, *arguments)
    return Call(command, heard.append, stop or threading.Event()), heard


def test_what_is_told_is_data_there_whatever_it_holds(lab):
    lab.add("far")
    hostile = ["a b", "$(touch pwned)", "`touch pwned`", "'; touch pwned; '", 'a"b', "--help", "a\\b"]
    calling, heard = call("far", 'for each; do printf "<%s>\\n" "$each"; done', *hostile)
    assert calling.give(b"").code == 0
    assert heard == [f"<{each}>" for each in hostile]
    assert not list(lab.folder.rglob("pwned"))


@pytest.mark.parametrize("script", [connection.COPY_SCRIPT, connection.SERVE_SCRIPT])
def test_scripts_are_taken_alike_by_all_shells(script):
    """A csh takes an exclamation mark and a line break within quotes for something, and quotes end them."""
    assert not set(script) & set("'!\n\\")
    assert shlex.split(shlex.quote(script)) == [script]
    for shell in filter(shutil.which, ("sh", "dash", "bash", "zsh", "ksh", "fish", "csh", "tcsh")):
        there = connection.command_line("far", 'echo "$1"', "a b")[-1]
        assert subprocess.check_output([shell, "-c", there], text=True) == "a b\n"


def test_nobody_is_asked_and_a_name_is_no_option(lab):
    command = connection.command_line("-oProxyCommand=touch pwned", "true")
    assert command[command.index("--") + 1] == "-oProxyCommand=touch pwned"
    assert {"-oBatchMode=yes", "-oConnectTimeout=20", "-oServerAliveInterval=15", "-oForwardAgent=no"} <= {*command}


@pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh (OpenSSH)")
def test_a_real_ssh_takes_the_options():
    command = connection.command_line("127.0.0.1", "true")
    command[0] = shutil.which("ssh")
    shown = subprocess.run([command[0], "-G", *command[1:-1]], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "batchmode yes" in shown.stdout


@pytest.mark.parametrize(
    ("says", "remedy"),
    [
        (
            "ssh: connect to host far port 22: Connection refused",
            "is its sshd running (on a Mac: Remote Login)?: ssh far",
        ),
        ("ssh: connect to host far port 22: Connection timed out", "is it on, and in this network?: ssh far"),
        ("me@far: Permission denied (publickey,password).", "let ssh log in by a key (ssh-copy-id)"),
        (
            "No ED25519 host key is known for far and you have requested strict checking.\n"
            "Host key verification failed.",
            "Host key verification failed: connect once by hand and accept its key: ssh far",
        ),
    ],
)
def test_what_ssh_says_is_told_with_what_to_do(lab, says, remedy):
    lab.add("far")
    (lab.folder / "far.says").write_text(f"{says}\n")
    ended = call("far", "true")[0].give(b"")
    assert ended.code == connection.NO_CONNECTION
    assert remedy in connection.explain(ended, "far")
    assert says.splitlines()[-1].rstrip(".") in connection.explain(ended, "far")


def test_unknown_host_and_silence_are_explained():
    assert "is the name right?" in connection.explain(Ended(255, "ssh: Could not resolve hostname x: unknown"), "x")
    assert connection.explain(Ended(255, ""), "a b") == "ssh says nothing: try it by hand: ssh 'a b'"


def test_exit_code_and_last_words_are_those_of_the_program_there(lab):
    lab.add("far")
    ended = call("far", "echo first; echo trainmark: why; exit 7")[0].give(b"x" * 300_000)  # which nobody reads
    assert (ended.code, ended.last) == (7, "trainmark: why")


def test_both_streams_are_heard_while_it_runs(lab):
    lab.add("far")
    calling, heard = call("far", 'echo out; echo err >&2; cat; printf "\\303\\050 end"')
    assert calling.give(b"in\n").code == 0
    assert sorted(heard) == sorted(["out", "err", "in", "\ufffd( end"])


def test_stopping_closes_the_line_of_life_and_waits_for_what_runs_there(lab):
    lab.add("far")
    stop, began = threading.Event(), time.monotonic()
    calling, heard = call("far", "cat > /dev/null; echo ended in good order", stop=stop)
    threading.Timer(0.2, stop.set).start()
    assert calling.converse().code == 0
    assert heard == ["ended in good order"]
    assert time.monotonic() - began < 10


def test_what_does_not_end_when_stopped_is_ended(lab, monkeypatch):
    monkeypatch.setattr(connection, "_END_SECONDS", 0.2)
    lab.add("far")
    stop = threading.Event()
    stop.set()
    ended = call("far", "exec sleep 30", stop=stop)[0].converse()
    assert (ended.code, ended.last) == (connection.NO_CONNECTION, "ssh was ended by signal 9")


def test_signs_of_life_arrive(lab):
    lab.add("far")
    calling, heard = call("far", "dd bs=1 count=3 2>/dev/null; echo")
    assert calling.converse().code == 0
    assert heard == ["..."]
