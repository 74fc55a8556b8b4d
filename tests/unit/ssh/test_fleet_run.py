"""Tests of trainmark.ssh.fleet_run, on invented machines that an invented ssh reaches, see conftest."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from trainmark.errors import TrainmarkError
from trainmark.planning import strict_yaml
from trainmark.ssh import fleet_run, one_machine

from tests.conftest import ROOT
from tests.unit.planning.conftest import DEFAULT
from tests.unit.ssh.conftest import project


@pytest.fixture
def fleet(lab, monkeypatch):
    """Nothing is merged, no computer is known twice, and what is copied is small."""
    monkeypatch.setattr(
        one_machine.Errand,
        "_merge",
        lambda self, archive: Path("results/machines/x").mkdir(parents=True, exist_ok=True),
    )
    monkeypatch.setattr(one_machine.Computers, "why_not", lambda *_: None)
    monkeypatch.setattr(fleet_run.project_files, "read", project)
    return lab


def measure(lab, *names, slurm=(), report=("touch", "drawn")):
    before = f"PATH={lab.folder}/tools:$PATH; export MACHINE="
    entries = {name: {"ssh": name, "before": f"{before}{name}"} for name in names}
    layers = [strict_yaml.Layer("config/config.yaml", None, DEFAULT)]
    return fleet_run.measure({**DEFAULT, "fleet": entries}, layers, slurm, report)


def test_all_are_measured_at_once_and_one_report_is_drawn(fleet, capsys):
    for name, other in (("aa", "bb"), ("bb", "aa")):
        home = fleet.add(name)
        (home / "snakemake.sh").write_text(
            f"touch ../began; while ! test -e ../../{other}/began; do sleep 0.05; done\n"
        )
    assert measure(fleet, "aa", "bb") == 0
    out = capsys.readouterr().out
    assert out.startswith("trainmark: 2 machines by ssh, all at once: aa, bb.\n")
    assert "trainmark: 2 of 2 machines by ssh measured and brought here." in out
    assert Path("drawn").exists()


def test_one_that_is_down_keeps_no_other_back_and_is_told_of(fleet, capsys):
    fleet.add("aa")
    assert measure(fleet, "aa", "down") == 1
    out = capsys.readouterr().out
    assert "trainmark: 1 of 2 machines by ssh measured and brought here." in out
    failed = (
        "trainmark: down: FAILED: ssh: Could not resolve hostname down: Name or service not known: is the name right?"
    )
    assert failed in out
    assert "Log: results/logs/fleet/down.log" in out
    assert Path("drawn").exists()


def test_where_there_is_nothing_to_draw_nothing_is(fleet):
    assert measure(fleet, "down") == 1
    assert not Path("drawn").exists()


def test_slurms_part_runs_beside_them_and_its_exit_code_counts(fleet):
    fleet.add("aa")
    assert measure(fleet, "aa", slurm=["sh", "-c", "touch submitted; exit 3"]) == 3
    assert Path("submitted").exists()


def test_report_that_cannot_be_drawn_is_a_failure(fleet):
    fleet.add("aa")
    assert measure(fleet, "aa", report=["false"]) == 1


def test_without_ssh_nothing_is_started(fleet, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TrainmarkError, match="There is no ssh here"):
        measure(fleet, "aa")


def test_ctrl_c_ends_everything_that_was_started(fleet, capsys):
    home = fleet.add("aa")
    (home / "snakemake.sh").write_text(
        "trap 'touch ../ended; exit 130' INT; touch ../began; while :; do sleep 0.05; done\n"
    )
    slurm = "import signal, time; signal.signal(2, lambda *_: open('cancelled', 'w').close() or exit(1)); "
    slurm += "open('submitted', 'w').close(); time.sleep(60)"

    def interrupt():
        while not ((home / "began").exists() and Path("submitted").exists()):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            measure(fleet, "aa", slurm=[sys.executable, "-c", slurm])
    finally:
        signal.signal(signal.SIGINT, before)
    assert (home / "ended").exists()
    assert Path("cancelled").exists()
    assert "stopping what runs on the machines of the fleet" in capsys.readouterr().out


def read(tmp_path, monkeypatch, text, **options):
    monkeypatch.chdir(ROOT)
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    return fleet_run.configuration(str(path), False, ROOT / "workflow/schemas")[0]


def test_configuration_is_what_snakemake_would_make_of_the_files(tmp_path, monkeypatch):
    config = read(tmp_path, monkeypatch, "suite: cifar-10\nepochs: 2\nfleet:\n  a: {ssh: lab1}\n")
    assert (config["epochs"], config["suite"], config["fleet"]) == (2, "cifar-10", {"a": {"ssh": "lab1"}})
    assert config["models"] != DEFAULT["models"]  # the suite's own


@pytest.mark.parametrize(
    ("fleet", "expected"),
    [
        ({"a": {"ssh": "lab1"}}, []),
        ({"b": {"partition": "gpu"}}, ["-m", "snakemake", "--profile", "p", "--configfile", "f.yaml"]),
        (
            {"a": {"ssh": "lab1"}, "b": {"partition": "gpu"}},
            ["-m", "snakemake", "--profile", "p", "measure", "--configfile", "f.yaml"],
        ),
    ],
)
def test_one_report_is_drawn_whoever_reaches_the_machines(fleet, expected):
    config = {**DEFAULT, "fleet": fleet}
    assert fleet_run.slurm_command(config, ["--profile", "p"], "f.yaml")[1:] == expected


def test_fleet_without_machines_is_refused_with_what_to_write(tmp_path, monkeypatch):
    with pytest.raises(
        TrainmarkError, match=r"fleet in .*fleet\.yaml names no machine.*ssh: user@host or the partition"
    ):
        read(tmp_path, monkeypatch, "fleet: {}\n")
    with pytest.raises(TrainmarkError, match=r"fleet\.yaml, line 2: fleet\.a\.ssh is"):
        read(tmp_path, monkeypatch, "fleet:\n  a: {ssh: -x}\n")


def test_script_refuses_in_one_sentence():
    command = [sys.executable, "workflow/scripts/measure_fleet.py", "config/fleet.yaml"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stdout.startswith("trainmark: fleet in config/fleet.yaml names no machine.")
