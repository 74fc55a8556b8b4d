"""Tests of trainmark.planning.fleet. The clusters are invented; tests/integration has a real SLURM."""

import json
from pathlib import Path

import pytest
from trainmark.errors import TrainmarkError
from trainmark.planning import call, fleet, lost_jobs, plan, slurm
from trainmark.planning import config as configuration

from tests.unit.planning.conftest import DEFAULT

HERE = configuration.Surroundings(False, (), (), None)
CONDA = configuration.Surroundings(True, (), (), None)
ENTRIES = {"a": {"partition": "x"}, "b": {"partition": "y", "stacks": ["torch-2.11", "tf-2.19"]}}


def plans(surroundings=HERE, **changes):
    return plan.make_plans({**DEFAULT, "fleet": ENTRIES, **changes}, surroundings)


def jobs_of(planned):
    return [
        job
        for each in planned.values()
        for job in [("describe_machine", each.machine_file), *(("time_training", path) for path in each.records)]
    ]


@pytest.fixture
def queue(here, monkeypatch):
    """SLURM's queue, as a list to fill."""
    found = []
    monkeypatch.setattr(slurm, "queued", lambda folder: found)
    return found


@pytest.fixture(autouse=True)
def remembered(monkeypatch):
    """Has SLURM remember jobs for so long; None: in a database."""

    def remember(seconds):
        monkeypatch.setattr(slurm, "remembered_seconds", lambda: seconds)

    remember(None)
    return remember


def start(given_away=True, surroundings=CONDA):
    """Begin; gives how often the plugin was told to ask squeue."""
    planned, asked = plans(surroundings), []
    jobs, ask = jobs_of(planned), lambda: asked.append(1)
    fleet.start(planned, surroundings, jobs, given_away, Path("superseded"), "snakemake", ask)
    return len(asked)


def test_plans_are_of_the_fleets_machines_alone_and_ask_nothing_of_this_one(here, monkeypatch):
    monkeypatch.setattr(plan.hardware, "usable_cores", lambda: 1 / 0)
    monkeypatch.setattr(plan.gpus, "choose", lambda wanted: 1 / 0)
    planned = plans(controls=["threads-2", "device-data"])
    assert [*planned] == ["a", "b"]
    assert planned["b"].records[0] == "results/machines/b/runs/torch-2.11/cpu/mlp/32/1.json"
    assert {path.split("/")[4] for path in planned["a"].controls} == {"device-data"}
    (said,) = fleet.remarks(planned)
    assert said.startswith("trainmark: threads-2 left out of the controls")
    assert said.endswith("(a, b)")
    grid = plan.described_grid(planned)
    assert grid["machine"] == ""
    assert grid["fleet"]["a"] == {"stacks": ["tf-2.19"], "devices": ["cpu"]}


def test_controls_that_a_described_node_can_make_are_planned(here):
    path = here / "results/machines/a/machine.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"gpus": [], "cores": {"usable": 4}}))
    planned = plans(controls=["threads-2", "threads-4"])
    assert {path.split("/")[4] for path in planned["a"].controls} == {"threads-2"}
    assert planned["b"].controls == []


def test_beginning_tells_what_will_be_done_and_leaves_the_plan(queue, capsys):
    start()
    assert "trainmark: 108 runs to do on 2 machines: a (36), b (72)." in capsys.readouterr().out
    assert len(json.loads(call.SESSION.read_text())["planned"]) == 108


@pytest.mark.parametrize(
    ("seconds", "asked", "said"), [(None, 0, False), (300, 1, False), (180, 1, False), (60, 1, True)]
)
def test_where_slurm_has_no_accounting_squeue_is_asked(queue, remembered, capsys, seconds, asked, said):
    remembered(seconds)
    assert start() == asked
    assert ("forgets a job 60 s after its end" in capsys.readouterr().out) == said


def test_fleet_is_measured_by_a_cluster_alone_and_a_cluster_measures_a_fleet_alone(queue):
    with pytest.raises(TrainmarkError, match="fleet in the configuration names 2 machines, which SLURM reaches"):
        start(given_away=False)
    fleet.refuse_empty(False)
    with pytest.raises(TrainmarkError, match="names no machine"):
        fleet.refuse_empty(True)


def test_missing_environments_of_nodes_are_named_with_how_to_make_them(queue, here):
    with pytest.raises(TrainmarkError) as error:
        start(surroundings=HERE)
    lines = str(error.value).splitlines()
    assert lines[1].startswith("  - .venv, for tf-2.19 on ")
    assert lines[2].startswith("  - .venv-torch-2.11, for torch-2.11 on b: on that node")
    assert "--stack=torch-2.11 .venv-torch-2.11" in lines[2]
    assert not call.SESSION.exists()


def test_jobs_of_a_killed_command_are_named_with_how_to_end_them(queue):
    queue += [slurm.QueuedJob("7", "RUNNING", "a", "None"), slurm.QueuedJob("8", "PENDING", "b", "Priority")]
    with pytest.raises(TrainmarkError, match=r"SLURM still has 2 jobs of this folder \(pending, running\)") as error:
        start()
    assert str(error.value).endswith("scancel 7 8")


def test_where_slurm_does_not_answer_nothing_starts(here, monkeypatch):
    monkeypatch.setenv("PATH", str(here))
    with pytest.raises(TrainmarkError, match=r"SLURM does not answer, so nothing was started\. squeue: "):
        start()


def test_jobs_that_may_wait_for_ever_are_told_of_with_how_to_go_on():
    said = fleet.waiting_line("b", "Nodes required for job are DOWN", ["7", "8"])
    assert said.startswith("trainmark: b: 2 jobs wait, and SLURM says: Nodes required for job are DOWN.")
    assert said.endswith("scancel 7 8")
    assert "1 job waits, and SLURM says: BeginTime, as of" in fleet.waiting_line("b", "BeginTime", ["7"])


def test_allocation_that_makes_all_runs_of_a_machine_may_take_what_they_take_together_or_what_its_entry_says():
    alone = fleet.asked_of_slurm(plans(), "time_training", {**DEFAULT, "allocation": "run"})["runtime"]
    every = fleet.asked_of_slurm(plans(allocation="machine"), "time_training", {**DEFAULT, "allocation": "machine"})
    runs = {machine: len(planned.records) for machine, planned in plans().items()}
    for machine in ENTRIES:
        assert every["runtime"][machine] * 60 > runs[machine] * (
            DEFAULT["time_limit_seconds"] + DEFAULT["idle_seconds"]
        )
        assert every["runtime"][machine] > alone[machine]
    # The jobs of a group that wait for its first one, which describes the machine, take their time after it.
    limited = {**DEFAULT, "allocation": "machine", "fleet": {"a": {"partition": "x", "minutes": 90}}}
    planned = plan.make_plans(limited, HERE)
    asked = {rule: fleet.asked_of_slurm(planned, rule, limited)["runtime"]["a"] for rule in lost_jobs.RULES}
    assert asked["time_training"] == asked["measure_roofline"]
    assert asked["describe_machine"] + asked["time_training"] == 90


def test_slurms_limit_is_above_our_own():
    assert fleet.job_seconds("time_training", DEFAULT) > DEFAULT["time_limit_seconds"] + DEFAULT["idle_seconds"]
    assert fleet.job_seconds("describe_machine", DEFAULT) < fleet.job_seconds("measure_roofline", DEFAULT)
