"""Tests of trainmark.planning.plan."""

import errno
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from trainmark.errors import TrainmarkError
from trainmark.experiment import grid, workloads
from trainmark.install import lockfile
from trainmark.planning import config as configuration
from trainmark.planning import plan
from trainmark.records import supersession

from tests.conftest import ROOT, failed_record, path_of, synthetic_record

DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
KEPT = supersession.SUPERSEDED / "now"
SIZES = ROOT / "envs/sizes.json"
HERE = configuration.Surroundings(False, "tf-2.19", (), "linux-64")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(data):
    path = path_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def make(**changes):
    return plan.make_plan({**DEFAULT, "machine": "synthetic", "epochs": 2, **changes}, HERE)


def test_articles_grid():
    assert len(make().records) == 3 * 4 * 3
    assert make().records[0] == "results/machines/synthetic/runs/tf-2.19/cpu/mlp/32/1.json"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "done"),
        ({"epochs": 3}, "other"),
        ({"seed": 7}, "other"),
        ({"train_samples": 400}, "other"),
        ({"threads": 2}, "done"),
        ({"threads": 1}, "other"),
        ({"time_limit_seconds": 5}, "done"),
        ({"repeats": 9, "models": ["mlp"]}, "done"),
    ],
)
def test_record_tells_whether_it_was_measured_as_configured(here, changes, state):
    write(synthetic_record())
    planned = make(**changes)
    assert planned.state(planned.run("runs", "tf-2.19", "cpu", "mlp", "32", "1")) == state


def test_controls_are_a_record_each_beside_every_plain_run(monkeypatch):
    monkeypatch.setattr(plan.hardware, "usable_cores", lambda: 4)
    planned = make(controls=["device-data", "threads-2", "threads-4"])
    assert len(planned.controls) == 2 * len(planned.records)  # four threads are what the plain runs have
    assert planned.controls[0] == "results/machines/synthetic/controls/device-data/tf-2.19/cpu/mlp/32/1.json"
    assert "threads-4 left out of the controls: the plain runs of synthetic have no more than 4" in (
        plan.remark_on_controls(planned)
    )
    run = planned.run("controls/threads-2", "tf-2.19", "cpu", "mlp", "32", "1")
    assert str(run.path) in planned.controls
    assert (planned.threads(run), planned.seed(run)) == (2, planned.seed(planned.runs[0]))
    run = planned.run("controls/device-data", "tf-2.19", "cpu", "mlp", "32", "1")
    assert planned.threads(run) == "auto"
    assert plan.remark_on_controls(make()) is None
    assert make().controls == []


def test_record_of_a_control_tells_whether_it_was_measured_as_configured(here):
    planned = make(controls=["threads-2"])
    run = planned.run("controls/threads-2", "tf-2.19", "cpu", "mlp", "32", "1")
    write(synthetic_record())
    assert planned.state(run) == "missing"
    write(synthetic_record(control="threads-2", execution__intra_op_threads=2))
    assert planned.state(run) == "done"
    assert make(controls=["threads-2"], epochs=3).state(run) == "other"


def test_state_of_other_files(here):
    planned = make()
    run = planned.run("runs", "tf-2.19", "cpu", "mlp", "32", "1")
    assert planned.state(run) == "missing"
    write(failed_record())
    assert planned.state(run) == "failed"
    for content in ("{", "[]", "[" * 100_000, "1" * 5000, b"\xff".decode("latin-1"), '{"workload_digest": 1}'):
        run.path.write_text(content)
        assert planned.state(run) == "unreadable"
    run.path.unlink()
    os.mkfifo(run.path)
    assert planned.state(run) == "unreadable"


def test_fingerprint_follows_what_is_there(here):
    known = [write(synthetic_record())]
    other = write(synthetic_record(machine="synthetic-b"))
    seen = {plan.fingerprint(map(str, known))}
    os.utime(other, (1, 1))  # replaced by an older file
    seen.add(plan.fingerprint(map(str, known)))
    other.write_text("{}")
    os.utime(other, (1, 1))
    seen.add(plan.fingerprint(map(str, known)))
    other.unlink()
    seen.add(plan.fingerprint(map(str, known)))
    assert len(seen) == 4
    (known[0].parents[6] / "stray.json").write_text("{}")
    assert plan.fingerprint(map(str, known)) not in seen
    (known[0].parents[6] / "stray.json").unlink()


def test_fingerprint_is_the_same_before_and_after_the_local_runs(here):
    before = plan.fingerprint([])
    known = write(synthetic_record())
    assert plan.fingerprint([str(known)]) == before


def test_fingerprint_of_many_machines_is_the_same_by_processes(here, monkeypatch):
    for number in range(5):
        write(synthetic_record(machine=f"synthetic-{number}"))
    (here / "results/machines/empty").mkdir()
    (here / "results/machines/\u00e9").mkdir()
    (here / "results/machines/\u00e9/1.json").write_text("{}")
    known = [str(write(synthetic_record()))]
    expected = plan.fingerprint(known)
    monkeypatch.setattr(plan, "_FEW_MACHINES", 0)
    assert plan.fingerprint(known) == expected
    monkeypatch.setattr(plan.sys, "executable", "/bin/false")
    assert plan.fingerprint(known) == expected
    os.utime(here / "results/machines/synthetic-3/runs/tf-2.19/cpu/mlp/32/1.json", (1, 1))
    assert plan.fingerprint(known) != expected


def test_fingerprint_ignores_the_local_grid_and_unfinished_files(here):
    known = [write(synthetic_record())]
    before = plan.fingerprint(map(str, known))
    known[0].write_text("{}")
    (known[0].parent / ".2.json.tmp").write_text("")
    assert plan.fingerprint(map(str, known)) == before


def test_results_of_another_computer_under_this_name_stop_the_run(here):
    write(synthetic_record())
    machine = here / "results/machines/synthetic/machine.json"
    description = {"format_version": 2, "machine": "synthetic", **plan.hardware.describe(None)}
    machine.write_text(json.dumps(description))
    plan.refuse_other_machine(make())
    machine.write_text(json.dumps({**description, "chip": "Another chip"}))
    with pytest.raises(TrainmarkError, match=r"describes another computer.*--config machine=synthetic-2.*make rename"):
        plan.refuse_other_machine(make())
    for content in ("[]", "[" * 100_000, "{}", '{"cores": 1, "machine_id_hash": []}'):  # refused where results are read
        Path(make().machine_file).write_text(content)
        plan.refuse_other_machine(make())


def test_baseline_that_nobody_has_measured_is_refused_before_any_training(here):
    write(synthetic_record(machine="synthetic-b"))
    for baseline in ("auto", "synthetic", "synthetic-b"):
        plan.refuse_missing_baseline(make(baseline=baseline), "config.yaml, line 1")
    with pytest.raises(
        TrainmarkError, match=r"config.yaml, line 1: baseline is 'nobody'.*auto or one of synthetic, synthe"
    ):
        plan.refuse_missing_baseline(make(baseline="nobody"), "config.yaml, line 1")


def test_what_is_replaced_is_kept_and_never_overwritten(here):
    path = write(synthetic_record())
    assert supersession.announce([str(path), "results/machines/synthetic/none.json"], KEPT) == [
        "trainmark: 1 record will be measured again; what was there is kept in results/superseded/now."
    ]
    assert supersession.announce(["results/machines/synthetic/none.json"], KEPT) == []
    first = path.read_text()
    supersession.keep(path, KEPT)
    path.unlink()
    path.write_text("another")
    supersession.keep(path, KEPT)
    supersession.keep(here / "results/machines/none.json", KEPT)
    inner = "synthetic/runs/tf-2.19/cpu/mlp/32/1.json"
    assert (here / KEPT / inner).read_text() == first
    assert (here / "results/superseded/now-2" / inner).read_text() == "another"
    assert len([each for each in here.glob("results/superseded/**/*") if each.is_file()]) == 2


def test_beginning_tells_what_will_be_done_and_leaves_the_plan(here):
    path = str(write(synthetic_record()))
    (announced,) = plan.begin(make(), [path], here / "session.json", "snakemake")
    assert "1 run to do on synthetic, about 30 s." in announced
    assert json.loads((here / "session.json").read_text())["planned"] == [path]
    assert plan.begin(make(), [], here / "session.json", "snakemake") == []


def test_nothing_begins_on_a_full_disk(here, monkeypatch):
    def refuse(session, path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    path = write(synthetic_record())
    monkeypatch.setattr(plan.progress.Session, "save", refuse)
    with pytest.raises(TrainmarkError, match=r"Nothing was started: .*No space left"):
        plan.begin(make(), [str(path)], here / "session.json", "snakemake")
    assert path.exists()


def test_missing_stack_is_refused_with_the_ways_to_get_it():
    for installed, way in ((None, "make run"), ("tf-2.19", r"stacks=\[tf-2.19\]")):
        without = configuration.Surroundings(False, installed, (), "linux-64")
        with pytest.raises(TrainmarkError, match=rf"Runs of tf-2\.12 .*\(mine.yaml: stacks\).*Add --use-conda.*{way}"):
            plan.refuse_missing_stack(["tf-2.12"], without, "mine.yaml")
    plan.refuse_missing_stack(["tf-2.19"], without, "mine.yaml")
    plan.refuse_missing_stack(["tf-2.12"], configuration.Surroundings(True, None, (), "linux-64"), "mine.yaml")
    with pytest.raises(TrainmarkError, match=r"Apple Silicon.*WSL2.*Reports"):
        plan.refuse_unsupported_platform(configuration.Surroundings(False, None, (), None))


def test_packages_that_the_report_lacks_are_named_with_the_ways_to_get_them(tmp_path):
    requirements = tmp_path / "report.in"
    requirements.write_text("# a comment\npytest==1.0\nno-such-package==1.0\nnor-such==2\n")
    with pytest.raises(TrainmarkError, match=r"no-such-package, nor-such\. Add --use-conda.*'make report'") as caught:
        plan.refuse_missing_packages(requirements, HERE)
    assert "pytest" not in str(caught.value)
    plan.refuse_missing_packages(requirements, configuration.Surroundings(True, None, (), "linux-64"))
    plan.refuse_missing_packages(ROOT / "envs/inputs/report.in", HERE)


def test_machine_measured_with_conda_stays_with_its_stack_without_it(here):
    without = configuration.Surroundings(False, "tf-2.19", (), "linux-64")
    config = {**DEFAULT, "machine": "synthetic"}
    assert plan.make_plan(config, without).stacks == ["tf-2.19"]
    bare = configuration.Surroundings(False, None, (), "linux-64")
    assert plan.make_plan(config, bare).stacks == ["tf-2.12"]
    write(synthetic_record(stack="tf-2.12"))
    assert plan.make_plan(config, without).stacks == ["tf-2.12"]
    write(synthetic_record(stack="tf-2.19"))
    assert plan.make_plan(config, without).stacks == ["tf-2.19"]
    assert plan.make_plan(config, bare).stacks == ["tf-2.12", "tf-2.19"]


def test_installed_stack_is_the_pinned_one():
    assert plan.installed_stack() == "tf-2.19"
    for stack, version in plan.STACK_VERSIONS.items():
        for path in (ROOT / "envs").glob(f"{stack}.*.yaml"):
            pinned = lockfile.pins(path.read_text())
            assert version in {pinned[name].version for name in lockfile.TENSORFLOW_PACKAGES if name in pinned}, path


def test_jobs_find_the_python_that_runs_snakemake(monkeypatch):
    monkeypatch.setattr(plan.os, "environ", {"PATH": "/usr/bin"})
    plan.prepare_jobs("/x/bin/python", use_conda=False)
    assert plan.os.environ == {"PATH": "/x/bin:/usr/bin"}
    assert plan.job_prefix("/an x", use_conda=False) == "'/an x'"


def test_jobs_inherit_nothing_of_the_callers_shell_but_what_is_passed_on(monkeypatch):
    monkeypatch.setattr(plan.os, "environ", {"PATH": "/usr/bin", "MPLBACKEND": "module://none", "PYTHONSAFEPATH": "1"})
    plan.clean_environment()
    assert plan.os.environ == plan.process_environment.clean({"PATH": "/usr/bin"}) | {
        "TRAINMARK_DROPPED": "MPLBACKEND,PYTHONSAFEPATH"
    }


ACTIVE = {"CONDA_SHLVL": "2", "CONDA_PREFIX": "/conda/envs/a", "CONDA_PREFIX_1": "/conda", "CONDA_DEFAULT_ENV": "a"}
ACTIVE |= {"CONDA_PROMPT_MODIFIER": "(a) ", "CONDA_STACKED_2": "true", "__CONDA_SHLVL_1_NAME": "value"}


def test_conda_activates_its_environment_before_all_else(monkeypatch):
    """Where nothing is active it does, and its installation is found as before."""
    kept = {"CONDA_EXE": "/conda/bin/conda", "_CE_CONDA": "", "CONDA_PKGS_DIRS": "/cache", "CONDA_PREFIX_MINE": "x"}
    monkeypatch.setattr(plan.os, "environ", {"PATH": "/venv/bin:/conda/envs/a/bin:/usr/bin", **ACTIVE, **kept})
    plan.prepare_jobs("/x/bin/python", use_conda=True)
    assert plan.os.environ == {"PATH": "/venv/bin:/conda/envs/a/bin:/usr/bin:/x/bin", **kept}


def test_job_knows_the_environment_that_conda_activated():
    shown = f"set -u; printf %s {plan.job_prefix('/own', use_conda=True)}"
    for environment in ({"CONDA_PREFIX": "/an env"}, {}):
        result = subprocess.run(["bash", "-c", shown], env=environment, capture_output=True, text=True, check=True)
        assert result.stdout == environment.get("CONDA_PREFIX", "")


def test_command_is_one_that_can_be_given_again(here, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(plan.process_environment, "dropped", lambda: [])
    monkeypatch.setattr(plan, "_START_PROGRAM", here / "workflow/scripts/start_program.py")
    python = str(here / ".venv/bin/python")
    by_module = ["/x/site-packages/snakemake/__main__.py", "--cores", "1", "--config", "models=[mlp]"]
    assert plan.command_line(by_module, python) == ".venv/bin/python -m snakemake --cores 1 --config 'models=[mlp]'"
    assert plan.command_line(["/usr/bin/snakemake", "--cores", "1"], python) == "snakemake --cores 1"
    assert plan.command_line([str(here / ".venv/bin/snakemake")], python) == ".venv/bin/snakemake"
    monkeypatch.setattr(plan.process_environment, "dropped", lambda: ["SNAKEMAKE_PROFILE"])
    start = ".venv/bin/python -I workflow/scripts/start_program.py -m snakemake"
    assert plan.command_line(by_module, python) == f"{start} --cores 1 --config 'models=[mlp]'"


def test_preferred_experiment_is_the_configured_one():
    digest = workloads.settings_digest(synthetic_record()["workload"])
    assert make().settings_digest == digest
    assert make(epochs=3).settings_digest != digest


@pytest.mark.parametrize(
    ("stack", "optimizer", "state"),
    [
        ("tf-2.19", "keras.src.optimizers.adam.Adam", "done"),
        ("tf-2.12", "keras.optimizers.legacy.adam.Adam", "done"),
        ("tf-2.12", "keras.optimizers.adam.Adam", "other"),
    ],
)
def test_run_with_another_optimizer_than_the_stacks_is_made_again(here, stack, optimizer, state):
    data = synthetic_record(stack=stack, execution__optimizer_class=optimizer)
    write(data)
    assert make().state(grid.run_from_path(path_of(data))) == state


def test_another_computer_is_noticed_by_a_machine_file_of_format_1(here):
    description = plan.hardware.describe(None)
    levels = description["cores"].pop("levels") or dict.fromkeys(("performance", "efficiency"))
    machine = here / "results/machines/synthetic/machine.json"
    machine.parent.mkdir(parents=True, exist_ok=True)
    older = {**description, "cores": {**description["cores"], **levels}}
    machine.write_text(json.dumps(older))
    plan.refuse_other_machine(make())
    machine.write_text(json.dumps({**older, "chip": "Another chip"}))
    with pytest.raises(TrainmarkError, match="describes another computer"):
        plan.refuse_other_machine(make())


def test_commands_can_be_pasted_into_zsh(monkeypatch):
    """Zsh takes brackets for a pattern and says "no matches found"."""
    installed = configuration.Surroundings(False, "tf-2.19", (), "linux-64")
    with pytest.raises(TrainmarkError) as caught:
        plan.refuse_missing_stack(["tf-2.12"], installed, "mine.yaml")
    said = [str(caught.value), plan.remark_on_stacks(make(stacks="auto"), installed) or ""]
    for text in said:
        assert "[" not in re.sub(r"'[^']*'", "", text)


def test_doctor_is_told_what_a_run_would_be_refused_for(here, monkeypatch):
    planned = make(stacks=["tf-2.12", "tf-2.19"], batch_sizes=[32, 512], data_folder="/a/folder")
    write(synthetic_record(stack="tf-2.19"))
    told = plan.for_doctor(planned, HERE, "config.yaml, line 7", "snakemake", SIZES)
    assert json.loads(json.dumps(told))["clocks"] == list(told["clocks"])
    assert set(told["refused"]["stacks"]) == {"tf-2.12"}
    assert "(config.yaml, line 7: stacks)" in told["refused"]["stacks"]["tf-2.12"]
    assert told["refused"]["platform"] is told["refused"]["machine"] is None
    assert [workload["model"] for workload in told["workloads"]] == list(workloads.MODELS)
    assert (told["batch_size"], told["threads"], told["gpu"]) == (512, None, "auto")
    assert told["records_missing"] == len(planned.runs) - 1
    assert told["environment_bytes"] == 5 * json.loads(SIZES.read_text())["tf-2.12.linux-64.yaml"]
    assert told["command"] == "snakemake --cores 1"
    assert plan.examinable_stacks(planned, HERE) == ["tf-2.19"]


def test_doctor_with_conda_and_without_a_platform(here):
    planned = make(stacks=["tf-2.12", "tf-2.19"])
    conda = configuration.Surroundings(True, None, (), "linux-64")
    told = plan.for_doctor(planned, conda, "x", "snakemake", SIZES)
    assert (told["refused"]["stacks"], told["command"]) == ({}, "snakemake --cores 1 --use-conda")
    assert plan.examinable_stacks(planned, conda) == ["tf-2.12", "tf-2.19"]
    nowhere = configuration.Surroundings(True, None, (), None)
    told = plan.for_doctor(planned, nowhere, "x", "snakemake", SIZES)
    assert "No pinned TensorFlow" in told["refused"]["platform"]
    assert told["refused"]["stacks"] == {}
    assert plan.examinable_stacks(planned, nowhere) == []
