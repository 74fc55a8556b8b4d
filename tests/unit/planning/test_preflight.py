"""Tests of trainmark.planning.preflight."""

import json
import re
from pathlib import Path

import pytest
from trainmark.errors import TrainmarkError
from trainmark.machine import hardware
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
    for installed, way in ((None, "make run"), ("tf-2.19", r"stacks=\[tf-2.19\]")):
        without = configuration.Surroundings(False, installed, (), "linux-64")
        with pytest.raises(TrainmarkError, match=rf"Runs of tf-2\.12 .*\(mine.yaml: stacks\).*Add --use-conda.*{way}"):
            preflight.refuse_missing_stack(["tf-2.12"], without, "mine.yaml")
    preflight.refuse_missing_stack(["tf-2.19"], without, "mine.yaml")
    preflight.refuse_missing_stack(["tf-2.12"], configuration.Surroundings(True, None, (), "linux-64"), "mine.yaml")
    with pytest.raises(TrainmarkError, match=r"Apple Silicon.*WSL2.*Reports"):
        preflight.refuse_unsupported_platform(configuration.Surroundings(False, None, (), None))


def test_packages_that_the_report_lacks_are_named_with_the_ways_to_get_them(tmp_path):
    requirements = tmp_path / "report.in"
    requirements.write_text("# a comment\npytest==1.0\nno-such-package==1.0\nnor-such==2\n")
    with pytest.raises(TrainmarkError, match=r"no-such-package, nor-such\. Add --use-conda.*'make report'") as caught:
        preflight.refuse_missing_packages(requirements, HERE)
    assert "pytest" not in str(caught.value)
    preflight.refuse_missing_packages(requirements, configuration.Surroundings(True, None, (), "linux-64"))
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
    installed = configuration.Surroundings(False, "tf-2.19", (), "linux-64")
    with pytest.raises(TrainmarkError) as caught:
        preflight.refuse_missing_stack(["tf-2.12"], installed, "mine.yaml")
    said = [str(caught.value), preflight.remark_on_stacks(make(stacks="auto"), installed) or ""]
    for text in said:
        assert "[" not in re.sub(r"'[^']*'", "", text)


def test_control_that_this_machine_cannot_make_is_remarked_on(monkeypatch):
    monkeypatch.setattr(hardware, "usable_cores", lambda: 4)
    assert "threads-4 left out of the controls: the plain runs of synthetic have no more than 4" in (
        preflight.remark_on_controls(make(controls=["device-data", "threads-2", "threads-4"]))
    )
    assert preflight.remark_on_controls(make()) is None


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
