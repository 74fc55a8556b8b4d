"""Tests of trainmark.planning.preflight."""

import json
import re
from pathlib import Path

import pytest
from trainmark import stacks
from trainmark.errors import TrainmarkError
from trainmark.machine import gpus, hardware
from trainmark.planning import config as configuration
from trainmark.planning import preflight

from tests.conftest import ROOT, synthetic_record
from tests.unit.planning.conftest import HERE, make, write


def test_results_of_another_computer_under_this_name_stop_the_run(here):
    write(synthetic_record())
    machine = here / "results/machines/synthetic/machine.json"
    description = {"format_version": 2, "machine": "synthetic", **hardware.describe(None)}
    machine.write_text(json.dumps(description))
    preflight.refuse_other_machine(make())
    machine.write_text(json.dumps({**description, "chip": "Another chip"}))
    with pytest.raises(TrainmarkError, match=r"describes another computer.*--config machine=synthetic-2.*make rename"):
        preflight.refuse_other_machine(make())
    for content in ("[]", "[" * 100_000, "{}", '{"cores": 1, "machine_id_hash": []}'):  # refused where results are read
        Path(make().machine_file).write_text(content)
        preflight.refuse_other_machine(make())


def test_baseline_that_nobody_has_measured_is_refused_before_any_training(here):
    write(synthetic_record(machine="synthetic-b"))
    for baseline in ("auto", "synthetic", "synthetic-b"):
        preflight.refuse_missing_baseline(make(baseline=baseline), "config.yaml, line 1")
    with pytest.raises(
        TrainmarkError, match=r"config.yaml, line 1: baseline is 'nobody'.*auto or one of synthetic, synthe"
    ):
        preflight.refuse_missing_baseline(make(baseline="nobody"), "config.yaml, line 1")


def test_missing_stack_is_refused_with_the_ways_to_get_it():
    ways = {(): "make run", ("tf-2.19",): r"stacks=\[tf-2.19\]"}
    for installed, way in ways.items():
        without = configuration.Surroundings(False, installed, (), "linux-64")
        with pytest.raises(TrainmarkError, match=rf"Runs of tf-2\.12 .*\(mine.yaml: stacks\).*Add --use-conda.*{way}"):
            preflight.refuse_cells(make(), [("tf-2.12", "cpu")], without, "mine.yaml")
    preflight.refuse_cells(make(), [("tf-2.19", "cpu")], HERE, "mine.yaml")
    conda = configuration.Surroundings(True, (), (), "linux-64")
    preflight.refuse_cells(make(), [("tf-2.12", "cpu")], conda, "mine.yaml")
    with pytest.raises(TrainmarkError, match=r"Apple Silicon.*WSL2.*Reports"):
        preflight.refuse_unsupported_platform(configuration.Surroundings(False, (), (), None))


def test_ways_to_a_missing_stack_are_those_that_lead_there():
    prepared = configuration.Surroundings(False, (), (), "linux-64", unpinned=("torch-2.9.1-unpinned",))
    (problem,) = preflight.problems(make(), [("torch-2.11", "cpu"), ("jax-0.11", "cpu")], prepared, "mine.yaml")
    assert "Runs of jax-0.11 and torch-2.11 are to be made" in problem
    assert "or say 'make run STACK=jax-0.11' and 'make run STACK=torch-2.11'" in problem
    assert problem.endswith("or time what can be had without conda: --config 'stacks=[installed]', not pinned")
    both = configuration.Surroundings(False, ("jax-0.11", "torch-2.11"), (), "linux-64")
    (problem,) = preflight.problems(make(), [("tf-2.12", "cpu")], both, "mine.yaml")
    assert "but jax-0.11 and torch-2.11 are the stacks installed beside Snakemake" in problem
    assert "STACK=" not in problem  # make cannot install the article's


V100 = gpus.Gpu("Tesla V100", driver="535.104.05", compute_capability="7.0")


def test_all_that_speaks_against_stacks_is_told_at_once(here, monkeypatch):
    """Before anything is made: an older macOS or GPU is no less wrong than a stack that is not installed."""
    monkeypatch.setattr(gpus, "choose", lambda which: V100)
    monkeypatch.setattr(
        stacks, "platforms", lambda stack: ("osx-arm64",) if stack == "jax-0.11" else ("linux-64-cuda",)
    )
    planned = make(stacks=["torch-2.11", "tf-2.12", "jax-0.11"], devices=["cpu", "gpu"])
    conda = configuration.Surroundings(True, (), (V100,), "linux-64-cuda")
    with pytest.raises(TrainmarkError) as caught:
        preflight.refuse_run(planned, planned.run("runs", "jax-0.11", "cpu", "mlp", "32", "1"), conda, "mine.yaml")
    first, *lines = str(caught.value).splitlines()
    assert first == "2 problems; nothing was run."
    assert lines[0].startswith(
        "  - jax-0.11 (mine.yaml: stacks) is not pinned for linux-64-cuda, but for osx-arm64; expec"
    )
    assert lines[1].startswith(
        "  - Keras on torch 2.11 (torch-2.11) holds no code for Tesla V100 (compute capability 7.0)"
    )
    preflight.refuse_run(planned, planned.run("runs", "tf-2.12", "gpu", "mlp", "32", "1"), conda, "mine.yaml")


def test_older_macos_is_refused_with_the_one_that_is_needed():
    mac = configuration.Surroundings(True, (), (), "osx-arm64", macos="13.6.1")
    cells = [("torch-2.11", "cpu"), ("torch-2.7", "cpu"), ("jax-0.11", "gpu")]
    problems = preflight.problems(make(), cells, mac, "mine.yaml")
    assert [each[:50] for each in problems] == [
        "torch-2.11 (mine.yaml: stacks) needs macOS 14.0 or",
        "jax-0.11 (mine.yaml: stacks) needs macOS 14.0 or n",
    ]
    assert "this is macOS 13.6.1" in problems[0]


def test_what_is_installed_is_not_timed_in_a_conda_environment():
    conda = configuration.Surroundings(True, (), (), "linux-64", unpinned=("torch-2.9.1-unpinned",))
    (problem,) = preflight.problems(make(), [("torch-2.9.1-unpinned", "cpu")], conda, "mine.yaml")
    assert "leave --use-conda out" in problem
    without = configuration.Surroundings(False, (), (), "linux-64", unpinned=("torch-2.9.1-unpinned",))
    assert preflight.problems(make(), [("torch-2.9.1-unpinned", "gpu")], without, "mine.yaml") == []


def test_metal_plug_in_of_the_community_is_remarked_on():
    mac = configuration.Surroundings(True, (), (), "osx-arm64", macos="15.1")
    (remark,) = preflight.remarks_on_plugins(make(stacks=["jax-0.11", "torch-2.11"], devices=["gpu"]), mac)
    assert "jax-mps, is community software" in remark
    assert preflight.remarks_on_plugins(make(stacks=["jax-0.11"], devices=["cpu"]), mac) == []
    assert preflight.remarks_on_plugins(make(stacks=["jax-0.11"], devices=["gpu"]), HERE) == []


def test_packages_that_the_report_lacks_are_named_with_the_ways_to_get_them(tmp_path):
    requirements = tmp_path / "report.in"
    requirements.write_text("# a comment\npytest==1.0\nno-such-package==1.0\nnor-such==2\n")
    with pytest.raises(TrainmarkError, match=r"no-such-package, nor-such\. Add --use-conda.*'make report'") as caught:
        preflight.refuse_missing_packages(requirements, HERE)
    assert "pytest" not in str(caught.value)
    preflight.refuse_missing_packages(requirements, configuration.Surroundings(True, (), (), "linux-64"))
    preflight.refuse_missing_packages(ROOT / "envs/inputs/report.in", HERE)


def test_another_computer_is_noticed_by_a_machine_file_of_format_1(here):
    description = hardware.describe(None)
    levels = description["cores"].pop("levels") or dict.fromkeys(("performance", "efficiency"))
    machine = here / "results/machines/synthetic/machine.json"
    machine.parent.mkdir(parents=True, exist_ok=True)
    older = {**description, "cores": {**description["cores"], **levels}}
    machine.write_text(json.dumps(older))
    preflight.refuse_other_machine(make())
    machine.write_text(json.dumps({**older, "chip": "Another chip"}))
    with pytest.raises(TrainmarkError, match="describes another computer"):
        preflight.refuse_other_machine(make())


def test_commands_can_be_pasted_into_zsh(monkeypatch):
    """Zsh takes brackets for a pattern and says "no matches found"."""
    installed = configuration.Surroundings(False, ("tf-2.19",), (), "linux-64")
    with pytest.raises(TrainmarkError) as caught:
        preflight.refuse_cells(make(), [("tf-2.12", "cpu")], installed, "mine.yaml")
    said = [str(caught.value), preflight.remark_on_stacks(make(stacks="auto"), installed) or ""]
    for text in said:
        assert "[" not in re.sub(r"'[^']*'", "", text)


def test_control_that_this_machine_cannot_make_is_remarked_on(monkeypatch):
    monkeypatch.setattr(hardware, "usable_cores", lambda: 4)
    (remark,) = preflight.remarks_on_controls(make(controls=["device-data", "threads-2", "threads-4"]))
    assert remark == "trainmark: threads-4 left out of the controls: the plain runs have no more than 4 threads."
    assert preflight.remarks_on_controls(make()) == []
    several = make(controls=["xla", "tf-data", "tf32"], stacks=["tf-2.19", "jax-0.11"], devices=["cpu"])
    assert preflight.remarks_on_controls(several) == [
        "trainmark: xla left out of the controls of jax-0.11 on the CPU: XLA compiles every step of jax already.",
        "trainmark: tf-data left out of the controls of jax-0.11 on the CPU: jax has no such pipeline.",
        "trainmark: tf32 left out of the controls: only NVIDIA's GPUs since Ampere (compute capability 8.0) round "
        "products to TensorFloat-32.",
    ]


def test_only_what_there_is_to_remark_on_is_told():
    assert preflight.remarks(make(stacks=["tf-2.19"], devices=["cpu"]), HERE) == []
    (remark,) = preflight.remarks(make(stacks=["tf-2.19"], devices=["cpu"], controls=["threads-4"], threads=1), HERE)
    assert "threads-4 left out of the controls" in remark


def test_run_that_cannot_be_made_is_refused(monkeypatch):
    planned = make(stacks=["tf-2.12"])
    with pytest.raises(TrainmarkError, match=r"Runs of tf-2\.12 are to be made \(mine.yaml: stacks\)"):
        preflight.refuse_run(planned, planned.runs[0], HERE, "mine.yaml")
    installed = make(stacks=["tf-2.19"])
    preflight.refuse_run(installed, installed.runs[0], HERE, "mine.yaml")
