"""Tests of trainmark.ssh.one_machine, on invented machines that an invented ssh reaches, see conftest."""

import subprocess
import threading
from pathlib import Path

import pytest
from trainmark.ssh import one_machine
from trainmark.ssh.computers import Computers

LOG = Path("results/logs/fleet/far.log")


@pytest.fixture
def merged(monkeypatch):
    """What would have been merged, and what the merge says and gives; the real one is in tests/integration."""
    found = {"archives": [], "says": "far: 1 new, 0 identical; unsigned\nDraw the report", "code": 0}

    def run(command, **options):
        assert command[1:3] == ["workflow/scripts/merge_results.py", "--measured=far"]
        found["archives"].append(Path(command[-1]).read_bytes())
        return subprocess.CompletedProcess(command, found["code"], found["says"])

    monkeypatch.setattr(one_machine.subprocess, "run", run)
    return found


def calls(home: Path, folder="trainmark-far") -> list[str]:
    """What was started in the copy, without what is the same in all calls."""
    lines = (home / folder / "calls").read_text().splitlines()
    return [line.removeprefix("-I workflow/scripts/start_program.py ") for line in lines]


def test_machine_is_measured_and_its_results_are_brought_here(lab, merged, capsys):
    home = lab.add("far")
    (home / "snakemake.sh").write_text("echo '[1/1] tf-2.19 cpu mlp'\n")
    errand = lab.errand("far")
    errand.run()
    assert errand.failure is None
    assert calls(home) == [
        "make --no-print-directory .venv/installed",
        "workflow/scripts/describe_machine.py --gpu=auto .trainmark-fleet/described/far/machine.json",
        "-m snakemake --cores 1 measure --configfile config/of-the-fleet.yaml --config stacks=[tf-2.19]",
        "workflow/scripts/pack_results.py --machine=far",
    ]
    assert merged["archives"] == [b"the archive\n"]
    assert capsys.readouterr().out.splitlines() == [
        "far: installing",
        "far: [1/1] tf-2.19 cpu mlp",
        "far: brought here: 1 new, 0 identical; unsigned",
    ]
    assert "[1/1] tf-2.19 cpu mlp\n" in LOG.read_text()
    assert not list(one_machine.ARCHIVES.iterdir())


def test_each_stack_is_measured_in_its_environment_and_one_that_fails_does_not_keep_back_the_next(lab, merged):
    home = lab.add("far")
    (home / "snakemake.sh").write_text("case $* in *tf-2.19*) echo 'Repeat just these with: x'; exit 1 ;; esac\n")
    errand = lab.errand("far", stacks=["tf-2.19", "torch-2.11"])
    errand.run()
    assert "make --no-print-directory STACK=torch-2.11 .venv-torch-2.11/installed" in calls(home)
    assert [call.split("=")[-1] for call in calls(home) if "snakemake" in call] == ["[tf-2.19]", "[torch-2.11]"]
    assert errand.failure.startswith("a run has failed there, as it says above. What is finished was brought here.")
    assert errand.failure.endswith("is to be repeated there: ssh far, in the folder trainmark-far")
    assert merged["archives"]


def test_host_that_is_down_is_told_with_what_to_do(lab, merged):
    (lab.folder / "far.says").write_text("ssh: connect to host far port 22: Connection refused\n")
    errand = lab.errand("far")
    errand.run()
    assert errand.failure == (
        "ssh: connect to host far port 22: Connection refused: is its sshd running (on a Mac: Remote Login)?: ssh far"
    )
    assert errand.failure in LOG.read_text()
    assert len((lab.folder / "calls").read_text().splitlines()) == 1  # and is not asked again and again


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("PATH=/no/such/folder", "there is no Python 3.7 or newer on the path there (/no/such/folder). Install one"),
        ("false", "what the key before says has failed there (exit code 1)"),
        ("module() { return 3; }; module load python", "has failed there (exit code 3)"),
    ],
)
def test_what_lacks_there_is_named(lab, merged, monkeypatch, before, said):
    monkeypatch.setattr("trainmark.ssh.connection._PATHS", "/nowhere")
    home = lab.add("far")
    errand = lab.errand("far", before=before)
    errand.run()
    assert said in errand.failure, LOG.read_text()
    assert not (home / "trainmark-far/Makefile").exists()


def test_folder_of_something_else_is_left_as_it_is(lab, merged):
    home = lab.add("far")
    (home / "thesis").mkdir()
    (home / "thesis/chapter.tex").write_text("years")
    errand = lab.errand("far", folder="thesis")
    errand.run()
    assert f"the folder {home}/thesis there holds something else, which is left as it is" in errand.failure
    assert [path.name for path in (home / "thesis").iterdir()] == ["chapter.tex"]


def test_another_computer_under_the_name_is_refused_before_anything_is_measured(lab, merged):
    home = lab.add("far")
    (lab.folder / "other").mkdir()
    Path("results/machines/far").mkdir(parents=True)
    Path("results/machines/far/machine.json").write_text((home / "machine.json").read_text().replace("3far", "9far"))
    errand = lab.errand("far")
    errand.run()
    assert errand.failure.startswith("results/machines/far/machine.json describes another computer (its machine id")
    assert not [call for call in calls(home) if "snakemake" in call or "pack" in call]


def test_one_computer_under_two_names_is_refused(lab, merged):
    """All invented machines are on this computer."""
    lab.add("far")
    home, computers = lab.add("away"), Computers()
    lab.errand("far", computers).run()
    second = lab.errand("away", computers)
    second.run()
    assert "it is the computer that far is" in second.failure
    assert not [call for call in calls(home, "trainmark-away") if "snakemake" in call]


def test_run_that_is_still_going_is_told_and_not_disturbed(lab, merged):
    home = lab.add("far")
    (home / "snakemake.sh").write_text("touch ../began; while test -e ../hold; do sleep 0.05; done\n")
    (home / "hold").touch()
    first, second = lab.errand("far"), lab.errand("far")
    thread = threading.Thread(target=first.run)
    thread.start()
    wait_for(home / "began")
    second.run()
    (home / "hold").unlink()
    thread.join()
    assert f"far is still being measured in {home}/trainmark-far (process " in second.failure
    assert first.failure is None
    assert sum("snakemake" in call for call in calls(home)) == 1


def wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"{path} did not appear: {LOG.read_text()}")


def test_lost_connection_ends_what_runs_there_and_goes_on_when_it_is_back(lab, merged, capsys):
    home = lab.add("far")
    (lab.folder / "far.cut").touch()
    script = (
        "if test -e ../once; then echo second; else touch ../once; trap 'touch ../ended; exit 130' INT; echo CUT; "
        "while :; do sleep 0.05; done; fi\n"
    )
    (home / "snakemake.sh").write_text(script)
    # The first of the commands of ssh copies, and is not cut.
    (lab.folder / "far.cut").unlink()
    errand = lab.errand("far")
    started = errand._start

    def start(script, *arguments):
        if len(arguments) == 2 and not (home / "once").exists():
            (lab.folder / "far.cut").touch()
        return started(script, *arguments)

    errand._start = start
    errand.run()
    assert errand.failure is None
    assert (home / "ended").exists()
    out = capsys.readouterr().out
    assert "far: trainmark: the connection is lost (client_loop: send disconnect: Broken pipe: try it by hand" in out
    assert "far: second" in out
    assert sum("--unlock" in call for call in calls(home)) <= 1


def test_stopping_ends_what_runs_there_as_ctrl_c_would(lab, merged):
    home = lab.add("far")
    (home / "snakemake.sh").write_text(
        "trap 'touch ../ended; exit 130' INT; touch ../began; while :; do sleep 0.05; done\n"
    )
    errand = lab.errand("far")
    thread = threading.Thread(target=errand.run)
    thread.start()
    wait_for(home / "began")
    errand.stop.set()
    thread.join(30)
    assert errand.failure == "stopped"
    assert (home / "ended").exists()
    assert merged["archives"] == []


def test_results_that_may_not_be_brought_in_are_kept_and_named(lab, merged, capsys):
    lab.add("far")
    merged.update(code=1, says="  - far is signed by another key\ntrainmark: 1 problem")
    errand = lab.errand("far")
    errand.run()
    assert errand.failure.startswith("its results could not be brought in; they are in .snakemake/trainmark-ssh/far")
    assert "far:   - far is signed by another key" in capsys.readouterr().out
    assert (one_machine.ARCHIVES / "far.tar.gz").exists()


def test_results_that_arrive_damaged_are_not_brought_in(lab, merged, monkeypatch):
    lab.add("far")
    errand = lab.errand("far")
    real = errand._take
    errand._take = lambda message: real({"archive": "0"} if "archive" in message else message)
    errand.run()
    assert "arrived damaged" in errand.failure
    assert merged["archives"] == []
    monkeypatch.setattr(one_machine, "_LARGEST_ARCHIVE", 5)
    large = lab.errand("far")
    large.run()
    assert large.failure == "its archive is larger than any of results"


def test_fault_of_ours_is_no_success(lab, merged, monkeypatch):
    lab.add("far")
    errand = lab.errand("far")
    monkeypatch.setattr(one_machine.connection, "command_line", lambda *_: 1 / 0)
    errand.run()
    assert errand.failure == "unexpected ZeroDivisionError: division by zero. This is a fault of trainmark"
    assert "Traceback" in LOG.read_text()


def test_what_is_not_for_the_program_is_shown_and_harms_nothing(lab, merged, capsys):
    home = lab.add("far")
    (home / "snakemake.sh").write_text("echo '@trainmark {'; echo '@trainmark []'; printf 'a\\033[31mb\\n'\n")
    errand = lab.errand("far")
    errand.run()
    assert errand.failure is None
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "@trainmark" not in out
