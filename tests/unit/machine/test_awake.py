"""Tests of trainmark.machine.awake: the tools are fakes that note how they are called and wait as the real ones do."""

import subprocess
import sys

import pytest
from trainmark import system
from trainmark.machine import awake

# caffeinate -w waits for a process; systemd-inhibit runs a command.
CAFFEINATE = """#!/bin/sh
echo "$@" > "$0.called"
while kill -0 "$5" 2>/dev/null; do sleep 0.1; done
"""
INHIBIT = """#!/bin/sh
echo "$@" > "$0.called"
while [ "${1#--}" != "$1" ]; do shift; done
exec "$@"
"""


@pytest.mark.parametrize(
    ("mac", "name", "text", "asked"),
    [(True, "caffeinate", CAFFEINATE, "-i -m -s -w"), (False, "systemd-inhibit", INHIBIT, "--what=sleep:idle")],
)
def test_machine_is_held_awake_until_the_workflow_ends(tmp_path, monkeypatch, mac, name, text, asked):
    tool = tmp_path / name
    tool.write_text(text)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(system, "MAC", mac)
    workflow = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = awake.hold(workflow.pid)
    with pytest.raises(subprocess.TimeoutExpired):
        holder.wait(timeout=1)
    workflow.communicate(b"")
    assert holder.wait(timeout=20) == 0
    assert asked in tool.with_name(f"{name}.called").read_text()


def test_system_without_such_a_tool_costs_nothing(monkeypatch):
    monkeypatch.setattr(system, "find_program", lambda name: None)
    assert awake.hold(1) is None
    assert awake.holder() is None


@pytest.mark.parametrize(("text", "found"), [(INHIBIT, "systemd-inhibit"), ("#!/bin/sh\nexit 1\n", None)])
def test_what_can_hold_it_awake_is_found_by_trying(tmp_path, monkeypatch, text, found):
    tool = tmp_path / "systemd-inhibit"
    tool.write_text(text)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(system, "MAC", False)
    assert awake.holder() == found


def test_tool_that_may_not_is_no_error(tmp_path, monkeypatch):
    tool = tmp_path / "systemd-inhibit"
    tool.write_text("#!/bin/sh\necho 'Access denied' >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(system, "MAC", False)
    assert awake.hold(1).wait(timeout=10) == 1
