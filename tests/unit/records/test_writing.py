"""Tests of trainmark.records.writing and mutex: one writer at a time, nothing replaced, nothing left behind."""

import contextlib
import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from trainmark import files, mutex
from trainmark.records import writing

from tests.conftest import ROOT

MACHINES = Path("results/machines")
RUN = MACHINES / "synthetic/runs/tf-2.19/cpu/mlp/32/1.json"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    MACHINES.mkdir(parents=True)
    return tmp_path


def start(code: str) -> subprocess.Popen:
    """A process that runs a code with this package, and has said a line."""
    head = "import sys; from pathlib import Path; from trainmark import files; from trainmark.records import writing"
    head += f"; M = Path('{MACHINES}')"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{head}\n{code}"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Whatever starts the tests in the background may have these ignored.
        preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL) for s in (signal.SIGINT, signal.SIGHUP)],
    )
    process.stdout.readline()
    return process


HOLD = "with writing.locked(M, 'a merge'): print('held', flush=True); sys.stdin.read()"
MEASURE = "with writing.measured(M, 'synthetic', 'a run'): print('marked', flush=True); sys.stdin.read()"
PREPARE = f"p = writing.pending(M, Path('{RUN}'), 99); print('there', flush=True); sys.stdin.read()"
SCRATCH = (
    "with writing.locked(M, 'a'), writing.scratch(M) as folder: "
    "(folder / 'x').write_text(''); print('there', flush=True); sys.stdin.read()"
)


def pending_files() -> list[str]:
    return sorted(str(path) for path in MACHINES.rglob("*") if path.is_file() and path.name != "lock")


def test_a_second_writer_waits_and_says_for_whom(here, capsys):
    first = start(HOLD)
    threading.Timer(0.5, first.stdin.close).start()
    with writing.locked(MACHINES, "the packing of synthetic"):
        first.wait()
    said = capsys.readouterr().out
    assert re.fullmatch(
        rf"trainmark: process {first.pid} on \S+ \(a merge\) is writing to results/machines, so the packing of "
        r"synthetic waits until that is done\. Ctrl-C gives up; nothing is lost\.\n",
        said,
    )


def test_the_lock_of_a_killed_writer_is_free(here, capsys):
    first = start(HOLD)
    first.kill()
    first.wait()
    with writing.locked(MACHINES, "a merge"):
        pass
    assert capsys.readouterr().out == ""
    assert (MACHINES / ".trainmark/lock").read_text() == ""  # the name of who held it is gone, too


def test_a_machine_is_marked_as_long_as_it_is_measured_and_no_longer(here):
    first = start(MEASURE)
    with writing.locked(MACHINES, "a renaming"):
        who = writing.who_measures(MACHINES, "synthetic")
        assert re.fullmatch(rf"process {first.pid} on \S+ \(a run, in {here}\)", who)
        assert writing.who_measures(MACHINES, "synthetic-b") is None
        assert writing.who_measures(MACHINES, "synth") is None
    first.kill()
    first.wait()
    with writing.locked(MACHINES, "a renaming"):
        assert writing.who_measures(MACHINES, "synthetic") is None
    assert pending_files() == []


def test_the_mark_of_a_process_lasts_until_its_end(here):
    first = start("writing.keep_measured(M, 'synthetic', 'a benchmark'); print('marked', flush=True); sys.stdin.read()")
    with writing.locked(MACHINES, "a renaming"):
        assert "(a benchmark, in" in writing.who_measures(MACHINES, "synthetic")
    first.communicate()
    assert pending_files() == []


@pytest.mark.parametrize("code", [PREPARE, SCRATCH, MEASURE], ids=["file", "folder", "mark"])
@pytest.mark.parametrize(
    "command", [writing.remove_leftovers, lambda machines: writing.locked(machines, "x").__enter__()]
)
def test_what_a_killed_process_left_is_removed_by_the_next_and_not_before(here, code, command):
    first = start(code)
    if code is not SCRATCH:  # which holds the lock
        command(MACHINES)
    assert len(pending_files()) == 1
    first.kill()
    first.wait()
    command(MACHINES)
    assert pending_files() == []


def test_a_file_appears_whole_under_its_name(here):
    pending = writing.pending(MACHINES, RUN, 1000)
    assert not RUN.exists()
    writing.commit(MACHINES, pending, b"new", "a run")
    assert RUN.read_bytes() == b"new"
    assert pending_files() == [str(RUN)]


def test_a_file_that_has_the_name_is_superseded_and_kept(here):
    for number in range(3):
        writing.write(MACHINES, RUN, b"%d" % number, "a run")
    assert RUN.read_bytes() == b"2"
    kept = sorted(here.glob("results/superseded/*/synthetic/runs/tf-2.19/cpu/mlp/32/1.json"))
    assert [path.read_bytes() for path in kept] == [b"0", b"1"]


def test_new_files_replace_none_whoever_made_it(here):
    RUN.parent.mkdir(parents=True)
    RUN.write_bytes(b"there")
    with pytest.raises(FileExistsError):
        writing.write_new(MACHINES, {RUN: b"new"})
    assert RUN.read_bytes() == b"there"
    assert pending_files() == [str(RUN)]


def refuse_links(number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EXDEV])
def test_disks_without_hard_links_and_places_on_another_disk(here, monkeypatch, number):
    real = os.link

    def link(source, target):
        if number == errno.EXDEV and source.parent == target.parent:
            return real(source, target)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    writing.write(MACHINES, RUN, b"old", "a run")
    with pytest.raises(FileExistsError):
        writing.write_new(MACHINES, {RUN: b"new"})
    assert RUN.read_bytes() == b"old"
    writing.write(MACHINES, RUN, b"new", "a run")
    assert RUN.read_bytes() == b"new"
    (kept,) = here.glob("results/superseded/*/synthetic/runs/tf-2.19/cpu/mlp/32/1.json")
    assert kept.read_bytes() == b"old"
    assert pending_files() == [str(RUN)]


def test_where_there_are_no_locks_writing_goes_on_and_nothing_of_others_is_removed(here, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", refuse_links(errno.ENOLCK))
    first = start(PREPARE)
    other = pending_files()
    with writing.locked(MACHINES, "a merge"):
        writing.write_new(MACHINES, {RUN: b"new"})
    assert pending_files() == sorted([*other, str(RUN)])
    assert mutex.attempt(0) is None
    first.communicate()


@pytest.fixture
def full_disk(tmp_path, monkeypatch):
    """A checkout on a file system of 256 KiB."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root on Linux")
    monkeypatch.chdir(tmp_path)
    MACHINES.mkdir(parents=True)
    yield tmp_path
    monkeypatch.undo()
    subprocess.run(["umount", tmp_path], check=True)


def test_where_the_disk_is_too_small_nothing_appears_and_nothing_is_left(full_disk):
    with pytest.raises(OSError, match=r"No space left.*results/machines'"):
        writing.write_new(MACHINES, {RUN.with_name(f"{n}.json"): bytes(20_000) for n in range(1, 20)})
    assert pending_files() == []


def test_a_pending_file_takes_its_room_at_once(full_disk):
    with pytest.raises(OSError, match="No space left"):
        writing.pending(MACHINES, RUN, 300_000)
    assert pending_files() == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_leave_nothing_behind(here, signum):
    first = start(f"from trainmark import errors\nwith errors.explained(), errors.terminable():\n    {SCRATCH}")
    first.send_signal(signum)
    first.wait()
    assert first.returncode == 130
    assert pending_files() == []
    assert list((MACHINES / ".trainmark/pending").iterdir()) == []


def test_locks_are_not_inherited(here):
    """A process that outlives its parent must not hold what that one held."""
    first = start(
        "import subprocess\n"
        "with writing.measured(M, 'synthetic', 'a'), writing.locked(M, 'a'):\n"
        "    sleeping = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL)\n"
        "    print(f'\\n{sleeping.pid}', flush=True)\n"
        "    sys.stdin.read()"
    )
    child = int(first.stdout.readline())
    first.kill()
    first.wait()
    (path,) = (MACHINES / ".trainmark/measured").iterdir()
    with path.open("r+b") as file:
        assert mutex.attempt(file.fileno())
    os.kill(child, signal.SIGKILL)


def test_two_processes_that_make_and_remove_do_not_disturb_each_other(here):
    """One makes files as fast as it can, another takes away what is abandoned; none that is in use is lost."""
    (MACHINES / ".trainmark/pending").mkdir(parents=True)
    code = "print(flush=True)\nwhile True: files.remove_abandoned(M / '.trainmark/pending', '')"
    remover = start(code)
    with contextlib.ExitStack() as stack:
        stack.callback(remover.communicate)
        stack.callback(remover.kill)
        for number in range(300):
            writing.write_new(MACHINES, {RUN.with_name(f"a{number}.json"): b"x"})
            pending = files.PendingFile(RUN.with_name(f"{number}.json"), 10, MACHINES / ".trainmark/pending")
            pending.commit(b"y")
    assert len(list(RUN.parent.iterdir())) == 600
