"""Commands that are started together, and commands that are killed: nothing is lost, nothing is left.

TRAINMARK_ROUNDS says how often each is tried; once takes seconds.
"""

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from trainmark.ingest import packing
from trainmark.machine import hardware
from trainmark.records import writing

from tests.conftest import ROOT, failed_record, path_of, synthetic_machine, synthetic_record

ROUNDS = range(int(os.environ.get("TRAINMARK_ROUNDS", "1")))
SCHEMAS = ROOT / "workflow/schemas"
MACHINES = Path("results/machines")
TWELVE = range(1, 13)
# One run of a model that is not trained: the process in its place sleeps and dies, of which there is a record, too.
RUN = f"""
import sys
from pathlib import Path
from trainmark import errors
from trainmark.experiment import grid, workloads
from trainmark.measure import supervision, worker_process
from tests.conftest import CONFIG
worker_process.MACHINE_LOCK = Path("timing.lock")
machine, repeat, seconds = sys.argv[1:]
request = supervision.Request(
    run=grid.Run(grid.Cell(machine, "tf-2.19", "cpu", "mlp", 32), int(repeat)),
    workload=workloads.describe("mlp", CONFIG),
    seed=2023 + int(repeat),
    threads=2,
    time_limit_seconds=60.0,
    data_folder=Path("none"),
    lock_file=Path({str(ROOT / f"envs/tf-2.19.{hardware.platform_tag()}.yaml")!r}),
    workflow_pid=None,
)
train = f"import time; time.sleep({{seconds}}); raise SystemExit(3)"
with errors.explained():
    supervision.supervise(request, [sys.executable, "-c", train], [sys.executable, "-c", ""], Path("run.log"))
"""


class Checkout:
    """A checkout in which our scripts are called as make calls them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / MACHINES).mkdir(parents=True)
        (folder / "results/report").mkdir()
        for name in ("workflow", "config"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "run.log").touch()

    def start(self, *command: str | Path) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'workflow/scripts'}"}
        environment["XDG_CONFIG_HOME"] = str(self.folder / "config-of-the-user")  # where the key lies that signs
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Whatever starts the tests in the background may have these ignored.
            preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL) for s in (signal.SIGINT, signal.SIGHUP)],
        )

    def merge(self, *sources: Path) -> subprocess.Popen:
        return self.start("workflow/scripts/merge_results.py", *sources)

    def rename(self, machine: str, name: str) -> subprocess.Popen:
        return self.start("workflow/scripts/rename_machine.py", machine, name)

    def pack(self, machine: str) -> subprocess.Popen:
        return self.start("workflow/scripts/pack_results.py", "--machine", machine)

    def run(self, machine: str, repeat: int, seconds: float = 0.3) -> subprocess.Popen:
        return self.start("-c", RUN, machine, str(repeat), str(seconds))

    def report(self) -> subprocess.Popen:
        gate = ["--references", "config/references.yaml", "--level", "0.001"]
        known = ["--hardware", "config/hardware.yaml", "--", "results/report"]
        return self.start("workflow/scripts/collect_records.py", "--on-bad-record", "stop", *gate, *known)

    def files(self) -> dict[str, str]:
        """Path, below results, and content of every measurement, also of superseded ones, and machine file."""
        found = [path for part in ("machines", "superseded") for path in (self.folder / "results" / part).rglob("*")]
        found = [path for path in found if path.is_file() and writing.OWN not in path.parts]
        return {str(path.relative_to(self.folder / "results")): path.read_text() for path in found}

    def measurements(self) -> set[str]:
        """Everything that was measured, without its machine's name."""
        return {measurement(text) for text in self.files().values()}

    def check_clean(self) -> None:
        """Demand that no temporary file or folder is left."""
        own = self.folder / MACHINES / writing.OWN
        assert [p for p in own.rglob("*") if p.is_file()] in ([], [own / "lock"])
        assert not list((own / "pending").iterdir())
        assert not [p for p in (self.folder / "results").rglob(".*") if p != own]


def measurement(text: str) -> str:
    data = json.loads(text)
    data.pop("machine")
    return json.dumps(data, sort_keys=True)


def end(*processes: subprocess.Popen) -> list[tuple[int, str]]:
    """Exit code and output of each; no traceback in any."""
    found = []
    for process in processes:
        output, log = process.communicate(timeout=120)
        assert "Traceback" not in output + log, output + log
        found.append((process.returncode, output))
    return found


def source(folder: Path, machine: str = "synthetic", repeats: range = TWELVE, marked: str = "a") -> Path:
    """Results of a machine; ``marked`` makes them other measurements than those that are marked otherwise."""
    for number in repeats:
        one = synthetic_record(machine=machine, repeat=number, seed=2023 + number, code__version=marked)
        other = failed_record(machine=machine, repeat=number, seed=2023 + number, model="cnn", code__version=marked)
        for data in (one, other):
            path = folder / path_of(data).relative_to(MACHINES)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(data))
    (folder / machine / "machine.json").write_text(json.dumps(synthetic_machine(machine)))
    return folder


@pytest.fixture
def here(tmp_path):
    return Checkout(tmp_path / "checkout")


@pytest.mark.parametrize("round", ROUNDS)
def test_two_merges_of_the_same(here, tmp_path, round):
    theirs = source(tmp_path / "theirs")
    outputs = end(here.merge(theirs), here.merge(theirs))
    assert sorted(code for code, _ in outputs) == [0, 0]
    said = "".join(output for _, output in outputs)
    assert "synthetic: 25 new, 0 identical" in said
    assert "synthetic: 0 new, 25 identical" in said
    here.check_clean()


@pytest.mark.parametrize("round", ROUNDS)
def test_two_merges_of_different_measurements_of_the_same_cells(here, tmp_path, round):
    sources = source(tmp_path / "a"), source(tmp_path / "b", marked="b")
    outputs = end(*map(here.merge, sources))
    assert sorted(code for code, _ in outputs) == [0, 1]
    (refused,) = (output for code, output in outputs if code)
    assert refused.count("is a different measurement from results/machines/synthetic/runs") == 24
    assert "nothing was written" in refused
    assert len({json.loads(t)["code"]["version"] for p, t in here.files().items() if "/runs/" in p}) == 1
    here.check_clean()


@pytest.mark.parametrize("round", ROUNDS)
def test_a_merge_and_a_run_of_the_same_machine(here, tmp_path, round):
    theirs = source(tmp_path / "theirs")
    (run, _), (merged, said) = end(here.run("synthetic", 3), here.merge(theirs))
    assert run == 0
    record = here.folder / MACHINES / "synthetic/runs/tf-2.19/cpu/mlp/32/3.json"
    assert "exit code 3" in json.loads(record.read_text())["reason"]
    if "results/machines/synthetic: is being measured now by process" in said:
        (merged, said) = end(here.merge(theirs))[0]
    if merged:
        assert "3.json: is a different measurement from" in said
    else:
        assert {measurement(path.read_text()) for path in theirs.rglob("*.json")} <= here.measurements()
    here.check_clean()


@pytest.mark.parametrize("round", ROUNDS)
def test_a_merge_of_another_machine_and_a_run(here, tmp_path, round):
    theirs = source(tmp_path / "theirs", "synthetic-b")
    assert [code for code, _ in end(here.run("synthetic", 3), here.merge(theirs))] == [0, 0]
    assert len(here.files()) == 26
    here.check_clean()


@pytest.mark.parametrize("round", ROUNDS)
def test_runs_that_are_started_at_once_name_each_other_in_turn(here, round):
    def chain_of() -> list[str]:
        assert end(here.report())[0][0] == 0
        (row,) = csv.DictReader((here.folder / "results/report/origins.csv").read_text().splitlines())
        return [row[name] for name in ("records", "named_elsewhere", "forks", "late")]

    assert [code for code, _ in end(*(here.run("synthetic", repeat) for repeat in (1, 2, 3)))] == [0, 0, 0]
    assert chain_of() == ["3", "0", "0", "0"]
    assert end(here.run("synthetic", 2))[0][0] == 0
    assert chain_of() == ["3", "1", "0", "0"]  # the one that was superseded


@pytest.mark.parametrize("round", ROUNDS)
def test_a_renaming_and_a_run(here, round):
    source(here.folder / MACHINES, repeats=range(1, 3))
    before = here.measurements()
    (run, _), (renamed, said) = end(here.run("synthetic", 3), here.rename("synthetic", "synthetic-new"))
    assert run == 0
    assert before < here.measurements()
    if renamed:
        assert "synthetic is being measured now by process" in said
        assert not (here.folder / MACHINES / "synthetic-new").exists()
        assert end(here.rename("synthetic", "synthetic-new"))[0][0] == 0
    here.check_clean()


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("other", ["merge", "run", "rename", "pack"])
def test_a_report_beside_each(here, tmp_path, round, other):
    source(here.folder / MACHINES)
    theirs = source(tmp_path / "theirs", "synthetic-b")
    commands = {
        "merge": lambda: here.merge(theirs),
        "run": lambda: here.run("synthetic-c", 1),  # which is this computer, as no invented machine is
        "rename": lambda: here.rename("synthetic", "synthetic-new"),
        "pack": lambda: here.pack("synthetic"),
    }
    outputs = end(here.report(), commands[other]())
    assert [code for code, _ in outputs] == [0, 0], outputs
    rows = (here.folder / "results/report/runs.csv").read_text().count("\n") - 1
    assert rows in {"merge": range(24, 49), "run": (24, 25), "rename": range(24, 49), "pack": (24,)}[other]
    here.check_clean()


@pytest.mark.parametrize("round", ROUNDS)
def test_two_packings_and_a_renaming(here, round):
    source(here.folder / MACHINES)
    outputs = end(here.pack("synthetic"), here.rename("synthetic", "synthetic-new"), here.pack("synthetic"))
    assert outputs[1][0] == 0
    for code, said in (outputs[0], outputs[2]):
        assert code == 0 or "There are no results of 'synthetic'" in said
    packed = here.folder / "results/synthetic.tar.gz"
    if packed.exists():
        shutil.unpack_archive(packed, here.folder / "unpacked")
        assert len(list((here.folder / "unpacked").rglob("*.json"))) == 25
    here.check_clean()


def kill_in_time(process: subprocess.Popen, most: float, dice: random.Random) -> None:
    """Kill a command at a random moment, alone or with all that it started."""
    time.sleep(dice.uniform(0, most))
    alone = dice.random() < 0.5
    process.kill() if alone else os.killpg(process.pid, signal.SIGKILL)
    process.communicate()  # which is when what it started has ended, too


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_a_killed_merge_is_made_good_by_the_same_command(here, tmp_path, round, packed):
    theirs = source(tmp_path / "theirs", repeats=range(1, 200))
    if packed:
        packing.pack("synthetic", theirs, SCHEMAS, tmp_path / "x.tar.gz")
        theirs = tmp_path / "x.tar.gz"
    kill_in_time(here.merge(theirs), 2.5, random.Random(round))
    assert all(map(json.loads, here.files().values()))  # whole, whenever it was
    assert end(here.merge(theirs))[0][0] == 0
    assert len(here.measurements()) == 399
    here.check_clean()


@pytest.mark.parametrize("round", ROUNDS)
def test_a_killed_renaming_is_made_good_by_the_same_command(here, round):
    source(here.folder / MACHINES, repeats=range(1, 200))
    before = here.measurements()
    kill_in_time(here.rename("synthetic", "synthetic-new"), 2.5, random.Random(round))
    assert before <= here.measurements()
    if (here.folder / MACHINES / "synthetic").exists():
        assert end(here.rename("synthetic", "synthetic-new"))[0][0] == 0
    else:  # it had ended; the next command is another one
        assert end(here.pack("synthetic-new"))[0][0] == 0
    assert here.measurements() == before
    assert len(list((here.folder / MACHINES / "synthetic-new").rglob("*.json"))) == len(here.files())
    here.check_clean()


@pytest.mark.parametrize("round", ROUNDS)
def test_a_killed_packing_is_made_good_by_the_same_command(here, round):
    source(here.folder / MACHINES, repeats=range(1, 200))
    kill_in_time(here.pack("synthetic"), 2.5, random.Random(round))
    assert end(here.pack("synthetic"))[0][0] == 0
    assert re.search("399 files", end(here.pack("synthetic"))[0][1])
    here.check_clean()


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("there", [False, True], ids=["new", "again"])
def test_a_killed_run_is_made_good_by_the_same_command(here, round, there):
    if there:
        source(here.folder / MACHINES, repeats=range(1, 3))
    before = here.measurements()
    kill_in_time(here.run("synthetic", 1), 1.5, random.Random(round))
    record = here.folder / MACHINES / "synthetic/runs/tf-2.19/cpu/mlp/32/1.json"
    committed = record.read_text() if record.exists() else None
    assert end(here.run("synthetic", 1))[0][0] == 0
    assert before <= here.measurements()
    assert committed is None or measurement(committed) in here.measurements()
    here.check_clean()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("round", ROUNDS)
def test_a_stopped_command_leaves_nothing(here, tmp_path, round, signum):
    theirs = source(tmp_path / "theirs", repeats=range(1, 200))
    packing.pack("synthetic", theirs, SCHEMAS, tmp_path / "x.tar.gz")
    process = here.merge(tmp_path / "x.tar.gz")
    lock = here.folder / MACHINES / writing.OWN / "lock"
    while process.poll() is None and not (lock.exists() and lock.read_text()):
        time.sleep(0.01)
    time.sleep(random.Random(round).uniform(0, 0.5))
    process.send_signal(signum)
    ((code, _),) = end(process)
    assert code in (0, 130, -signum)  # the last, when it had done its work
    here.check_clean()
