"""Nothing that is measured is lost: nobody reads what is said, other commands write meanwhile, all is killed."""

import csv
import fcntl
import json
import os
import pty
import random
import shlex
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from trainmark.records import writing

from tests.conftest import failed_record, path_of
from tests.integration.conftest import TINY, Checkout, find_child, trained
from tests.integration.test_at_once import ROUNDS

MACHINE = TINY["machine"]
# Seconds, in which something can happen.
LONGER = {"epochs": 50}


def forget(checkout: Checkout) -> None:
    for size in TINY["batch_sizes"]:
        checkout.record(size).unlink()


def script(checkout: Checkout, name: str, *arguments: str | Path) -> subprocess.CompletedProcess:
    command = [sys.executable, f"workflow/scripts/{name}.py", *map(str, arguments)]
    return subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, timeout=60)


def check_clean(checkout: Checkout) -> None:
    """Demand that nothing temporary is left."""
    own = checkout.folder / "results/machines" / writing.OWN
    assert [p for p in own.rglob("*") if p.is_file()] == [own / "lock"]
    hidden = [
        p for p in (checkout.folder / "results").rglob(".*") if p.name not in (writing.OWN, ".snakemake_timestamp")
    ]
    assert hidden == []


@pytest.mark.parametrize("streams", ["", "2>&1 "], ids=["stdout", "both"])
def test_output_that_nobody_reads_costs_nothing(checkout, streams):
    forget(checkout)
    command = shlex.join(checkout.command("measure", batch_sizes=[64]))
    command = f"{command} {streams}| head -1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], cwd=checkout.folder, capture_output=True, text=True, timeout=300)
    assert {size: data["status"] for size, data in checkout.records().items()} == {64: "ok"}
    assert result.returncode == 0, result.stderr
    assert "Nothing to be done" in checkout.run("measure", batch_sizes=[64])


def on_a_terminal(checkout: Checkout, ignored: bool) -> tuple[subprocess.Popen, int]:
    """The workflow on a terminal of its own, and that terminal's other end; SIGHUP is ignored as nohup does, or not."""

    def become_leader():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        checkout.command("measure", **LONGER),
        cwd=checkout.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=become_leader,
    )
    checkout.started.append(process)
    os.close(theirs)
    return process, ours


def test_terminal_that_closes_costs_no_run_that_ignores_it(checkout):
    forget(checkout)
    process, terminal = on_a_terminal(checkout, ignored=True)
    find_child(process)
    os.close(terminal)
    assert process.wait(timeout=300) == 0
    assert {size: data["status"] for size, data in checkout.records().items()} == {64: "ok", 128: "ok"}


def test_terminal_that_closes_costs_no_finished_record(checkout):
    forget(checkout)
    process, terminal = on_a_terminal(checkout, ignored=False)
    deadline = time.monotonic() + 300
    while not checkout.records():
        assert process.poll() is None, "it ended without a record"
        assert time.monotonic() < deadline, "no record came within 300 s"
        time.sleep(0.01)
    os.close(terminal)
    process.wait(timeout=60)
    time.sleep(1.5)  # whatever was still going on ends with it
    finished = {size: checkout.record(size).read_bytes() for size in checkout.records()}
    assert finished
    checkout.run("--unlock")
    assert trained(checkout.run("measure", **LONGER)) == 2 - len(finished)
    assert all(checkout.record(size).read_bytes() == content for size, content in finished.items())


@pytest.mark.parametrize("there", [False, True], ids=["new", "again"])
def test_record_stays_whatever_becomes_of_its_job_afterwards(checkout, there):
    """Also where it has superseded another one, which is not put back."""
    before = checkout.record(64).read_bytes()
    with (checkout.folder / "workflow/scripts/time_training.py").open("a") as file:
        file.write("        sys.exit(3)\n")
    if not there:
        checkout.record(64).unlink()
    path = str(checkout.record(64).relative_to(checkout.folder))
    output = checkout.run("--forcerun", path, "measure", code=1)
    assert checkout.record(64).read_bytes() != before
    assert "Restored" not in output
    kept = [p.read_bytes() for p in checkout.folder.glob("results/superseded/*/*/runs/*/*/*/64/1.json")]
    assert kept == ([before] if there else [])


def test_other_commands_beside_a_benchmark(checkout, tmp_path):
    identity = checkout.records()[64]["identity"]
    forget(checkout)
    theirs = tmp_path / "theirs"
    for data in (failed_record(machine=name, repeat=7, identity=identity) for name in (MACHINE, "synthetic")):
        path = theirs / path_of(data).relative_to("results/machines")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))
    workflow = checkout.start("measure", train_samples=50_000)
    find_child(workflow)
    renamed = script(checkout, "rename_machine", MACHINE, "another-name")
    assert f"{MACHINE} is being measured now by process " in renamed.stdout
    merged = script(checkout, "merge_results", theirs)
    assert f"results/machines/{MACHINE}: is being measured now by process " in merged.stdout
    assert "nothing was written" in merged.stdout
    assert "synthetic: 1 new" in script(checkout, "merge_results", theirs, "--skip-bad").stdout
    output, _ = workflow.communicate(timeout=300)
    assert (workflow.returncode, trained(output)) == (0, 2), output
    check_clean(checkout)
    assert script(checkout, "rename_machine", MACHINE, "another-name").returncode == 0
    assert len(list((checkout.folder / "results/machines/another-name").rglob("*.json"))) == 3


def test_machine_that_is_renamed_before_the_benchmark_begins_is_not_split_in_two(checkout):
    """What takes long between planning and beginning is making environments."""
    forget(checkout)
    with (checkout.folder / "workflow/rules/common.smk").open("a") as file:
        file.write(
            "\nif not Path('renamed').exists():\n"
            f"    shell('touch renamed; {sys.executable} workflow/scripts/rename_machine.py {MACHINE} another-name')\n"
        )
    output = checkout.run(code=1)
    assert "the machine was renamed or removed meanwhile. Nothing was started." in output
    assert "Traceback" not in output
    assert not (checkout.folder / "results/machines" / MACHINE / "machine.json").exists()


def test_figures_stay_until_their_successors_are_whole(checkout):
    """A folder removed file by file may be half-empty after a kill, and be taken for whole."""
    (checkout.folder / "workflow/scripts/render_page.py").write_text("raise SystemExit(3)\n")
    checkout.run("report", code=1)
    assert (checkout.folder / "results/report/figures/figures.json").exists()
    assert (checkout.folder / "results/report/index.html").exists()


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("whole", [False, True], ids=["snakemake", "all"])
def test_killed_benchmark_goes_on_with_the_documented_command(checkout, round, whole):
    """Killed is Snakemake alone, as by the system for want of memory, or all of it, as by a power cut."""
    forget(checkout)
    workflow = checkout.start()
    time.sleep(random.Random(round).uniform(0.5, 11))
    if whole:
        os.killpg(workflow.pid, signal.SIGKILL)
    else:
        workflow.kill()
    workflow.communicate()
    time.sleep(1.5)
    finished = {size: checkout.record(size).read_bytes() for size in checkout.records()}
    checkout.run("--unlock")
    output = checkout.run()
    assert trained(output) == 2 - len(finished)
    assert set(checkout.records()) == {64, 128}
    assert all(checkout.record(size).read_bytes() == content for size, content in finished.items())
    assert (checkout.folder / "results/report/figures/training_time_cpus.svg").exists()
    check_clean(checkout)


def test_what_is_measured_again_stands_beside_what_was_measured_before(checkout):
    """As by ``make again run``: all is kept where the report finds it, and measured once more."""
    machine = checkout.folder / "results/machines" / MACHINE
    before = {str(path.relative_to(machine)): path.read_bytes() for path in machine.rglob("*.json")}
    young = script(checkout, "begin_session", f"--machine={MACHINE}")
    assert "so it goes on; nothing was moved" in young.stdout
    (checkout.folder / "by_ssh.yaml").write_text(f"fleet: {{{MACHINE}: {{ssh: me@lab}}}}\n")
    by_ssh = script(checkout, "begin_session", "--fleet=by_ssh.yaml")
    assert "its session begins where it is measured: ssh me@lab" in by_ssh.stdout
    begun = script(checkout, "begin_session", f"--machine={MACHINE}", "--new")
    assert "2 records are kept as an earlier session" in begun.stdout, begun.stderr
    (session,) = (machine / "sessions").iterdir()
    assert {str(path.relative_to(session)): path.read_bytes() for path in session.rglob("*.json")} == before
    output = checkout.run("--until", "make_tables")
    assert trained(output) == 2
    assert "will be measured again" not in output
    with (checkout.folder / "results/report/over_time.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["machine"], row["cells"], row["verdict"]) == (MACHINE, "2", "needs two runs on each side")
    assert {str(path.relative_to(session)): path.read_bytes() for path in session.rglob("*.json")} == before
