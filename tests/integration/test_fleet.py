"""A whole cluster by one command, on a real SLURM with two nodes, see tests/slurm; skipped where there is no SLURM.

The trainings are pretended; all around them is real. What lies on the nodes' /tmp is each node's own, but for the
folders of the tests and of the project.
"""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from trainmark.experiment import grid

from tests import installs, shared
from tests.conftest import ROOT, path_of, synthetic_machine, synthetic_record
from tests.integration.conftest import TINY, Checkout, change, copy_project, pretend
from tests.slurm.cluster import NODES, SHARED, Cluster, missing

LIMIT_SECONDS = 400
PROFILES = {
    "slurm": [
        "--profile=profiles/slurm",
        "--slurm-init-seconds-before-status-checks=2",
        "--seconds-between-status-checks=1",
        "--latency-wait=10",
    ],
    "generic": [
        "--profile=profiles/slurm-generic",
        "--seconds-between-status-checks=1",
        "--max-status-checks-per-second=50",
        "--latency-wait=10",
    ],
}
MACHINES = {machine: {"partition": partition, "venv": sys.prefix} for machine, partition in NODES.items()}
# A pretended training goes on while there is a file of this name in the checkout.
HELD = "while Path(f\"hold-{request['batch_size']}\").exists():\n        time.sleep(0.1)\n    time.sleep("
LINE = re.compile(r"^\[ ?\d+/\d+\] (\w+): tf-2\.19 cpu mlp .*$", re.MULTILINE)


takes_minutes = pytest.mark.skipif(
    os.environ.get("TRAINMARK_TESTS") != "whole", reason="takes minutes; TRAINMARK_TESTS=whole runs it"
)


@pytest.fixture(scope="module")
def controller(tmp_path_factory) -> str:
    """The Python of an environment made from envs/controller.txt."""

    def make(folder: Path) -> str:
        pins = ["--require-hashes", "-r", ROOT / "envs/controller.txt"]
        return installs.make_environment(folder / "env", sys.executable, pins, "snakemake.cli, pandas, matplotlib")

    return shared.make_once(tmp_path_factory, "controller", make)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    why = missing()
    if why:
        pytest.skip(why)
    base = shared.folder_of_all(tmp_path_factory)
    seen = [path for path in (base, ROOT, Path(sys.base_prefix)) if path.is_relative_to("/tmp")]
    found = Cluster(tmp_path_factory.mktemp("slurm"), seen)
    try:
        found.start()
        yield found
    finally:
        found.stop()


@dataclass(frozen=True)
class Fleet(Checkout):
    """A checkout whose configuration names the nodes of a cluster, and the Python that gives their jobs to it."""

    cluster: Cluster | None = None

    def fleet_command(self, *arguments: str, profile: str = "generic", fleet=MACHINES, **config) -> list[str]:
        settings = {key: value for key, value in TINY.items() if key != "machine"}
        (self.folder / "tiny.json").write_text(json.dumps({**settings, "fleet": fleet, **config}))
        return [self.python, "-m", "snakemake", *PROFILES[profile], "--configfile=tiny.json", *arguments]

    def begin(self, *arguments: str, **options) -> subprocess.Popen:
        return self.start_command(self.fleet_command(*arguments, **options))

    def measure(self, *arguments: str, code: int = 0, **options) -> str:
        """Give a command to its end, demand an exit code, and give what it printed."""
        output, _ = (process := self.begin(*arguments, **options)).communicate(timeout=LIMIT_SECONDS)
        assert process.returncode == code, output
        return output

    def records(self) -> dict[str, bytes]:
        """Path below results/machines -> content of every record."""
        folder = self.folder / "results/machines"
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/runs/**/*.json"))}

    def path(self, machine: str, batch_size: int) -> Path:
        return self.folder / f"results/machines/{machine}/runs/tf-2.19/cpu/mlp/{batch_size}/1.json"

    def submitted(self) -> int:
        """How many jobs SLURM has been given until now."""
        return len(self.cluster.ask("scontrol", "--oneliner", "show", "jobs").splitlines())

    def wait_for_running(self, *machines: str, seconds: float = 120) -> dict[str, str]:
        """Number of the job of a training on each of these machines, once all of them run."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            running = [job.split() for job in self.cluster.jobs() if "RUNNING rule_time_training" in job]
            found = {node: number for number, _, _, node in running}
            if {*machines} <= {*found} and all(self.is_training(machine) for machine in machines):
                return found
            time.sleep(0.2)
            if self.started[-1].poll() is not None:
                break
        self.started[-1].kill()
        raise AssertionError(f"no training on {machines}: {self.cluster.jobs()}\n{self.started[-1].communicate()[0]}")

    def is_training(self, machine: str) -> bool:
        """Whether the process of a training has begun on a machine."""
        return any((self.folder / "results/machines/.trainmark/measured").glob(f"{machine}.*"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory, cluster, controller, finished, data_folder):
    """A checkout, not to be changed, in which the whole fleet was measured by one command, and what that printed."""
    folder = copy_project(tmp_path_factory.mktemp("fleet") / "checkout", data_folder)
    lock = folder / "workflow/scripts/trainmark/measure/worker_process.py"
    lock.write_text(
        (ROOT / "workflow/scripts/trainmark/measure/worker_process.py").read_text()
    )  # on each node's own /tmp
    pretend(folder, finished[0])
    change(folder, "measure/worker/training", "time.sleep(", HELD)
    path = f"{cluster.bin}{os.pathsep}{os.environ['PATH']}"
    fleet = Fleet(folder, python=controller, environment={**os.environ, "PATH": path}, cluster=cluster)
    return fleet, fleet.measure(profile="slurm")


@pytest.fixture
def fleet(measured, tmp_path):
    """A checkout of one's own in which the fleet was measured."""
    source = measured[0]
    copy = source.copy(tmp_path / "checkout")
    yield Fleet(copy.folder, copy.started, source.python, source.environment, source.cluster)
    for held in copy.folder.glob("hold-*"):
        held.unlink()
    for process in copy.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    numbers = source.cluster.numbers()
    if numbers:
        source.cluster.ask("scancel", *numbers)
        wait_until(lambda: not source.cluster.jobs(), "the queue is empty")


def wait_until(holds, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def test_one_command_measures_both_nodes_at_once_and_draws_one_report(measured):
    fleet, output = measured
    records = {path: json.loads(text) for path, text in fleet.records().items()}
    assert {path.partition("/")[0] for path in records} == {*NODES}
    assert len(records) == len(NODES) * len(TINY["batch_sizes"])
    cores, identities = len(os.sched_getaffinity(0)), {}
    for path, record in records.items():
        machine = path.partition("/")[0]
        described = json.loads((fleet.folder / "results/machines" / machine / "machine.json").read_text())
        assert (record["machine"], described["chip"]) == (machine, f"Synthetic {machine} Processor")
        assert record["identity"]["machine_id_hash"] == described["machine_id_hash"]
        assert record["execution"]["intra_op_threads"] == described["cores"]["usable"] == cores
        assert record["environment"]["lock_file"] == "tf-2.19.linux-64.yaml"
        identities.setdefault(machine, record["identity"])
        assert identities[machine] == record["identity"]
    first, second = identities.values()
    assert first["machine_id_hash"] != second["machine_id_hash"]
    assert first["hardware"] != second["hardware"]
    for one, other in itertools.combinations(records.values(), 2):
        apart = one["ended_at"] <= other["started_at"] or other["ended_at"] <= one["started_at"]
        assert apart or one["machine"] != other["machine"]
    assert sorted(match[1] for match in LINE.finditer(output)) == ["a1", "a1", "b1", "b1"]
    assert "4 runs to do on 2 machines: a1 (2), b1 (2)" in output
    # Where Snakemake asks SLURM late, both records of a node are there when the first is told of.
    assert all(re.search(r"\| (1 left on|all runs of) (a1|b1)", line[0]) for line in LINE.finditer(output))
    assert "all runs of b1 done" in output
    assert "SLURM jobid" not in output
    page = (fleet.folder / "results/report/index.html").read_text()
    assert all(f"Synthetic {machine} Processor" in page for machine in NODES)


def test_again_nothing_is_submitted_and_others_are_never_trained(fleet):
    before, records = fleet.submitted(), fleet.records()
    assert "Nothing to be done" in fleet.measure(profile="slurm")
    theirs = synthetic_record(machine="synthetic")
    path = fleet.folder / path_of(theirs)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(theirs))
    (path.parents[5] / "machine.json").write_text(json.dumps(synthetic_machine("synthetic")))
    fleet.measure()
    assert "synthetic" in (fleet.folder / "results/report/cells.csv").read_text()
    fleet.path("b1", 64).unlink()
    fleet.measure("report")
    page = (fleet.folder / "results/report/index.html").read_text()
    assert "Missing test cases" in page
    fleet.measure("--report", "snakemakes.html")
    assert (fleet.folder / "snakemakes.html").exists()
    kept = {name: text for name, text in fleet.records().items() if not name.startswith("synthetic")}
    assert kept == {
        name: text
        for name, text in records.items()
        if name != str(fleet.path("b1", 64))[len(str(fleet.folder / "results/machines")) + 1 :]
    }
    assert fleet.submitted() == before


@takes_minutes
def test_lost_jobs_cost_no_record_and_are_told_of_and_made_by_the_next_call(fleet):
    """One is cancelled while it trains; one fails after its record was written."""
    before = fleet.records()
    for machine, size in (("a1", 64), ("b1", 64), ("b1", 128)):
        fleet.path(machine, size).unlink()
    script = fleet.folder / "workflow/scripts/time_training.py"
    text = script.read_text()
    script.write_text(
        text.replace(
            "        main()\n",
            "        main()\n    if 'b1/runs/tf-2.19/cpu/mlp/128' in str(sys.argv):\n        sys.exit(3)\n",
        )
    )
    (fleet.folder / "hold-64").touch()
    command = fleet.begin()
    number = fleet.wait_for_running("a1", "b1")["a1"]  # both at once
    fleet.cluster.ask("scancel", number)
    wait_until(lambda: number not in fleet.cluster.numbers(), "the job is cancelled")
    (fleet.folder / "hold-64").unlink()
    output, _ = command.communicate(timeout=LIMIT_SECONDS)
    assert command.returncode == 1, output
    assert f"a1: tf-2.19 cpu mlp batch 64 repeat 1: SLURM job {number}: CANCELLED on a1, log .snakemake/" in output
    assert re.search(r"b1: tf-2.19 cpu mlp batch 128 repeat 1: SLURM job \d+: FAILED .*on b1", output)
    after = fleet.records()
    assert {name: after.get(name) for name in before if name in ("a1/runs/tf-2.19/cpu/mlp/128/1.json",)} == {
        "a1/runs/tf-2.19/cpu/mlp/128/1.json": before["a1/runs/tf-2.19/cpu/mlp/128/1.json"]
    }
    assert {*before} - {*after} == {"a1/runs/tf-2.19/cpu/mlp/64/1.json"}
    page = (fleet.folder / "results/report/index.html").read_text()
    assert "Lost by the cluster" in page
    assert "CANCELLED on a1" in page

    script.write_text(text)
    again = fleet.measure()
    assert [match[1] for match in LINE.finditer(again)] == ["a1"]
    assert {name: text for name, text in fleet.records().items() if name in after} == after
    assert "Lost by the cluster" not in (fleet.folder / "results/report/index.html").read_text()


@takes_minutes
def test_node_that_dies_costs_its_run_a_second_start_and_no_record(fleet):
    before = fleet.records()
    fleet.path("b1", 64).unlink()
    (fleet.folder / "hold-64").touch()
    change(fleet.folder, "planning/fleet", "QUEUE_SECONDS = 60.0", "QUEUE_SECONDS = 1.0")
    command = fleet.begin()
    fleet.wait_for_running("b1")
    fleet.cluster.kill_node("b1")
    try:
        wait_until(lambda: "PENDING" in str(fleet.cluster.jobs()), "the job waits for its node")
        time.sleep(4)  # what is said of it is said within a few looks at the queue
    finally:
        fleet.cluster.start_node("b1")
    (fleet.folder / "hold-64").unlink()
    output, _ = command.communicate(timeout=LIMIT_SECONDS)
    assert command.returncode == 0, output
    assert re.search(r"trainmark: b1: 1 job waits, and SLURM says: BeginTime, as of a job that starts again", output)
    assert len(LINE.findall(output)) == 1
    after = fleet.records()
    assert {*after} == {*before}
    assert sum(after[name] != before[name] for name in before) == 1
    assert not list((fleet.folder / "results").glob("superseded/*"))


@takes_minutes
def test_one_allocation_a_machine_keeps_what_is_finished_and_makes_it_once(fleet):
    """The second repeats of both are begun, up to a run that is held. Then a job is cancelled, and a node dies."""
    runs = [grid.Run(grid.Cell("a1", "tf-2.19", "cpu", "mlp", size), 2) for size in TINY["batch_sizes"]]
    first, last = sorted(runs, key=lambda run: -grid.priority(2023, run))
    held = fleet.folder / f"hold-{last.cell.batch_size}"
    held.touch()
    before, submitted = fleet.records(), fleet.submitted()
    paths = {machine: fleet.path(machine, first.cell.batch_size).with_name("2.json") for machine in NODES}
    command = fleet.begin(profile="slurm", repeats=3, allocation="machine")
    wait_until(lambda: all(path.exists() for path in paths.values()), "each machine has made a run", seconds=300)
    finished = {machine: path.read_bytes() for machine, path in paths.items()}
    numbers = {job.split()[2].partition("fleet-")[2][:2]: job.split()[0] for job in fleet.cluster.jobs()}
    assert ({*numbers}, fleet.submitted()) == ({*NODES}, submitted + len(NODES))  # a job makes all runs of a machine
    wait_until(lambda: fleet.is_training("b1"), "b1 trains")
    time.sleep(12)  # what is finished is told within so many seconds
    fleet.cluster.ask("scancel", numbers["a1"])
    fleet.cluster.kill_node("b1")
    fleet.cluster.start_node("b1")
    held.unlink()
    output, _ = command.communicate(timeout=LIMIT_SECONDS)
    assert command.returncode == 1, output
    lost = re.search(
        rf"a1: 3 jobs, among them tf-2\.19 .* SLURM job {numbers['a1']}: CANCELLED on a1, log (\S+)", output
    )
    assert lost, output
    assert (fleet.folder / lost[1].rstrip(":")).exists()
    told = [match for match in LINE.finditer(output) if match[1] == "a1"]
    assert len(told) == 1
    assert told[0].start() < lost.start()
    assert [match[1] for match in LINE.finditer(output)].count("b1") == 4
    assert {machine: path.read_bytes() for machine, path in paths.items()} == finished
    assert not list((fleet.folder / "results").glob("superseded/*"))
    after = fleet.records()
    assert (len(after) - len(before), {name: after[name] for name in before}) == (5, before)

    again = fleet.measure(profile="slurm", repeats=3, allocation="machine")
    assert [match[1] for match in LINE.finditer(again)] == ["a1"] * 3
    assert fleet.submitted() == submitted + len(NODES) + 1
    assert {name: fleet.records()[name] for name in after} == after


@takes_minutes
def test_each_machine_is_given_as_many_repeats_as_it_takes_beside_the_others(fleet):
    config = {"repeats": "auto", "repeats_limit": 7, "repeats_precision": 0.0001, "batch_sizes": [64]}
    submitted = fleet.submitted()
    output = fleet.measure(allocation="machine", **config)
    assert (
        sorted(match[1] for match in LINE.finditer(output)) == ["a1"] * 6 + ["b1"] * 6
    )  # the first repeats were there
    assert fleet.submitted() == submitted + 2 * len(NODES)  # five repeats each, and one more
    assert output.count("stopped at the limit of 7 repeats") == len(NODES)
    assert "all runs of a1 done" in output
    records = {
        machine: [json.loads(fleet.path(machine, 64).with_name(f"{repeat}.json").read_text()) for repeat in range(2, 8)]
        for machine in NODES
    }
    first, second = records.values()
    assert first[0]["started_at"] < second[3]["ended_at"]  # neither waited for the other
    assert second[0]["started_at"] < first[3]["ended_at"]
    assert "Nothing to be done" in fleet.measure(allocation="machine", **config)


def test_another_node_and_a_shared_one_are_refused_before_training(fleet):
    """What entries say that were changed: b1's name for a1's node, and a1's in a partition whose nodes are shared."""
    before = fleet.records()
    for machine in NODES:
        fleet.path(machine, 64).unlink()
    changed = {"b1": MACHINES["a1"], "a1": {**MACHINES["a1"], "partition": SHARED}}
    output = fleet.measure(code=1, fleet=changed)
    said = dict(re.findall(r"trainmark: (\w+): tf-2\.19 (.*)", output))
    assert {*said} == {*NODES}, output
    assert "b1/machine.json describes another computer (its machine id is another)" in said["b1"]
    assert "Expected a node that is given to one job alone" in said["a1"]
    assert {*before} - {*fleet.records()} == {f"{machine}/runs/tf-2.19/cpu/mlp/64/1.json" for machine in NODES}


@takes_minutes
def test_stopped_by_the_user_leaves_no_job_and_killed_measures_nothing_twice(fleet):
    fleet.path("a1", 64).unlink()
    (fleet.folder / "hold-64").touch()
    command = fleet.begin()
    fleet.wait_for_running("a1")
    os.killpg(command.pid, signal.SIGINT)
    output, _ = command.communicate(timeout=120)
    assert command.returncode != 0
    wait_until(lambda: not fleet.cluster.jobs(), "the queue is empty")
    assert "jobs were lost" not in output

    command = fleet.begin()
    number = fleet.wait_for_running("a1")["a1"]
    command.kill()
    command.communicate()
    assert "--unlock" in fleet.measure(code=1)
    fleet.measure("--unlock")
    assert f"scancel {number}" in fleet.measure(code=1)
    (fleet.folder / "hold-64").unlink()
    wait_until(lambda: not fleet.cluster.jobs(), "the orphan ends")
    record = fleet.path("a1", 64).read_bytes()
    before = fleet.submitted()
    fleet.measure()
    assert fleet.path("a1", 64).read_bytes() == record
    assert fleet.submitted() == before


def test_fleet_is_not_measured_where_the_command_is_given(fleet):
    fleet.path("a1", 64).unlink()
    command = fleet.fleet_command("measure")
    local = [
        word
        for word in command
        if not word.startswith(tuple(option.partition("=")[0] for option in PROFILES["generic"]))
    ]
    result = subprocess.run(
        [*local, "--cores=1"], cwd=fleet.folder, env=fleet.environment, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "fleet in the configuration names 2 machines, which SLURM reaches" in result.stdout + result.stderr
    assert not fleet.path("a1", 64).exists()


def test_nodes_of_a_partition_become_a_fleet_that_is_reviewed_and_kept(fleet):
    """What a real sinfo says of a real partition, by the script of ``make nodes``; nothing is submitted."""
    before = fleet.submitted()
    script = [fleet.python, "workflow/scripts/list_nodes.py", "--to=listed.yaml", NODES["a1"]]
    options = {"cwd": fleet.folder, "env": fleet.environment, "capture_output": True, "text": True}
    result = subprocess.run(script, **options)
    assert result.returncode == 0, result.stderr
    text = (fleet.folder / "listed.yaml").read_text()
    assert yaml.safe_load(text) == {"fleet": {"a1": {"partition": NODES["a1"], "node": "a1"}}}
    again = subprocess.run(script, **options)
    assert (again.returncode, "listed.yaml is there already and is kept" in again.stdout) == (1, True)
    unknown = subprocess.run([*script[:2], "elsewhere"], **options)
    assert "Expected nodes in PARTITION=elsewhere, found none" in unknown.stdout
    assert (fleet.folder / "listed.yaml").read_text() == text
    assert fleet.submitted() == before
