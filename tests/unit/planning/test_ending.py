"""Tests of trainmark.planning.ending: the last lines of a command, on synthetic runs."""

import itertools
import os
import re
import shlex
import subprocess
from dataclasses import replace

import pytest
from trainmark.experiment import workloads
from trainmark.measure import progress
from trainmark.planning import ending, ssh_machines

from tests import report, synthetic
from tests.conftest import CONFIG, failed_record, of_stack, path_of, synthetic_record, unlearned

MACHINE = "synthetic-m2-max"
SESSION = progress.Session([], 0.0, 100_000, "snakemake --cores 1 --configfile 'my file.yaml'")


# Of another experiment than the configured one, of which there are more runs than of that.
OTHERS = [
    {
        "machine": MACHINE,
        "batch_size": size,
        "repeat": repeat,
        "workload": workloads.describe("mlp", {**CONFIG, "epochs": 3}),
    }
    for size, repeat in itertools.product((64, 256), range(2, 20))
]


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Makes the tables of some records, if any are given; gives the lines that end a command on so many columns."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a report"

    def show(records, columns=80, machine=MACHINE, session=SESSION) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        if records:
            report.write_tables(records, folder, kinds={machine: MACHINE}, only=["cells", "outliers"])
        (folder / "index.html").touch()
        capsys.readouterr()
        ending.show(folder, machine, report.SETTINGS, session)
        return capsys.readouterr().out.splitlines()

    return show


def disturbed(record: dict) -> dict:
    """A record of a run beside which other programs took half of the cores."""
    noise = {**record["noise"], "fit_other_cpu_seconds": record["durations"]["fit_seconds"]}
    return {**record, "noise": noise}


def one(records: list[dict], **axes) -> int:
    """The place of a run among records."""
    (place,) = (n for n, data in enumerate(records) if all(data[axis] == value for axis, value in axes.items()))
    return place


def test_one_device_takes_ten_lines(said, tmp_path):
    records = synthetic.records_of(MACHINE, devices=["cpu"])
    place = one(records, model="cnn", batch_size=512, repeat=2)
    records[place] = disturbed(records[place])
    lines = said(records)
    assert lines[:2] == [
        "synthetic-m2-max, tf-2.19: seconds, samples/s, test accuracy (medians of 3 runs)",
        "batch size                 mlp                cnn               lstm",
    ]
    assert len(lines) <= 10
    assert lines[-1] == f"Page: {(tmp_path / 'a report/index.html').as_uri()}"
    assert "%20" in lines[-1]


def test_every_cell_has_the_medians_of_its_runs(said):
    records = synthetic.records_of(MACHINE)
    lines = said(records)
    for device, model, size in (("gpu", "lstm", 1024), ("cpu", "mlp", 32)):
        seconds = synthetic.seconds(MACHINE, device, model, size)
        (line,) = (line for line in lines if line.split()[:2] == [device, str(size)])
        cells = line.split()[2:]
        which = ["mlp", "cnn", "lstm"].index(model)
        assert float(cells[3 * which].replace(",", "")) == pytest.approx(seconds, rel=0.01)
        assert float(cells[3 * which + 1].replace(",", "")) == pytest.approx(100_000 / seconds, rel=0.01)
        assert cells[3 * which + 2] == "0.860"
    assert len(lines) <= 12  # two devices


def test_no_line_is_wider_than_the_terminal(said):
    name = f"synthetic-{'m' * 40}"
    records = synthetic.records_of(name, MACHINE, noise=[1.0])
    records += [of_stack(data, "tf-2.12") for data in records]
    for columns in (40, 80, 200):
        lines = said(records, columns, name)
        commands = [line for line in lines if "--forcerun" in line or line.startswith("Page: ")]
        assert max(len(line) for line in lines if line not in commands) <= min(columns, 100)
        assert sum(line.count("lstm") for line in lines) == 2
        assert "".join(lines).count(name) == 2
        records = []  # whose tables are there


def test_a_long_name_of_a_model_does_not_break_the_table():
    row = {"machine": "m", "stack": "s", "device": "cpu", "batch_size": "32", "n": "1", "failed": "0"}
    row |= dict(zip(ending._VALUES, ("1.5", "2000", "")))
    lines = ending.table([{**row, "model": "m" * 60}, {**row, "model": "x"}], {}, 60)
    assert lines == [
        "batch size   mmmmmmmmmmmmmmmmm...              x",
        "    cpu 32           1.50 2,000 -   1.50 2,000 -",
    ]


def test_a_cell_without_results_says_why(said):
    records = synthetic.records_of(MACHINE, devices=["cpu"], noise=[1.0])
    failing, unlearning = one(records, model="mlp", batch_size=32), one(records, model="lstm", batch_size=1024)
    axes = {key: records[failing][key] for key in ("machine", "device", "model", "batch_size", "identity")}
    records[failing] = failed_record(**axes, status="out_of_memory")
    records[unlearning] = unlearned(records[unlearning], [0.1, 0.1])
    del records[one(records, model="cnn", batch_size=128)]
    lines = {line.split()[1]: line for line in said(records) if line.startswith("  cpu")}
    assert re.match(r"  cpu   32 +out of memory   ", lines["32"])
    assert re.match(r"  cpu  128 +[\d.]+ +[\d,]+ 0\.\d+ +- +[\d.]+ ", lines["128"])
    assert lines["1024"].endswith("did not learn")


def test_disturbed_runs_are_repeated_by_the_command_that_is_named(said, tmp_path):
    # One run of each cell is an outlier without a cause, which is not to be repeated.
    records = synthetic.records_of(MACHINE, devices=["cpu"], noise=[1.5, 1.0, 1.003])
    spoilt = [one(records, model="cnn", batch_size=512, repeat=2), one(records, model="lstm", batch_size=32, repeat=3)]
    for place in spoilt:
        records[place] = disturbed(records[place])
    lines = said(records, 100)
    assert "2 of 36 runs were disturbed: other programs computed (2). To repeat them:" in lines
    (command,) = (line for line in lines if "--forcerun" in line)
    assert command.startswith("  snakemake --cores 1 --configfile 'my file.yaml' --forcerun $(cat ")
    shown = subprocess.run(["sh", "-c", f"printf '%s\\n' {command.split('--forcerun ')[1]}"], capture_output=True)
    assert shown.stdout.decode().split() == sorted(str(path_of(records[place])) for place in spoilt)


def test_disturbed_run_of_another_suite_is_repeated_where_it_lies(said, tmp_path):
    workload = workloads.describe("resnet50", {**CONFIG, "suite": "cifar-10", "train_samples": 40_000})
    identity = synthetic.records_of(MACHINE, devices=["cpu"], noise=[1.0])[0]["identity"]
    axes = {"machine": MACHINE, "model": "resnet50", "workload": workload, "identity": identity}
    data = disturbed(synthetic_record(**axes))
    assert any("1 of 1 run was disturbed" in line for line in said([data]))
    listed = (tmp_path / "a report/disturbed.txt").read_text().split()
    assert listed == [str(path_of(data))]
    assert "/suites/cifar-10/" in listed[0]


def test_without_any_result_the_table_says_what_became_of_each_cell(said):
    workload = workloads.describe("cnn_123k", {**CONFIG, "suite": "invented-cifar-10", "train_samples": 40_000})
    identity = synthetic.records_of(MACHINE, devices=["cpu"], noise=[1.0])[0]["identity"]
    tried = synthetic_record(machine=MACHINE, model="cnn_123k", workload=workload, identity=identity)
    lines = said([tried])
    assert lines[0] == f"{MACHINE}, tf-2.19: seconds, samples/s, test accuracy"
    assert any(line.split() == ["cpu", "32", "invented", "data"] for line in lines)


def test_what_an_earlier_command_repeated_is_not_repeated_again():
    session = replace(SESSION, command="snakemake --forcerun a.json 'b c.json' --cores 1 -R d.json")
    assert progress.forcing(session, "x") == "snakemake --cores 1 --forcerun x"
    assert shlex.split(progress.forcing(None, "x")) == ["snakemake", "--cores", "1", "--forcerun", "x"]


@pytest.mark.parametrize("configured", [True, False])
def test_of_several_experiments_the_configured_one_is_shown_if_there_are_runs_of_it(said, configured):
    records = synthetic.records_of(MACHINE, devices=["cpu"], noise=[1.0])
    others = [synthetic_record(**axes, identity=records[0]["identity"]) for axes in OTHERS]
    text = " ".join(said([*records, *others] if configured else others))
    assert ("(one run each)" in text, "(medians of 18 runs)" in text) == (configured, not configured)
    assert ("cpu 1024" in text, "cpu 256" in text) == (configured, not configured)


def test_without_runs_of_this_machine_there_is_the_page_alone(said):
    (line,) = said(synthetic.records_of(MACHINE, devices=["cpu"]), machine="another")
    assert line.startswith("Page: file:///")


def test_a_page_that_was_not_drawn_is_not_named(said, tmp_path, capsys):
    said(synthetic.records_of(MACHINE, devices=["cpu"]))
    folder = tmp_path / "a report"
    before = ending.age(folder)
    ending.show(folder, MACHINE, report.SETTINGS, None, before)
    assert capsys.readouterr().out == ""
    os.utime(folder / "index.html", (1, 1))
    ending.show(folder, MACHINE, report.SETTINGS, None, before)
    assert capsys.readouterr().out.endswith("index.html\n")
    (folder / "index.html").unlink()
    ending.show(folder, MACHINE, report.SETTINGS, None)
    assert capsys.readouterr().out == ""


def test_runs_of_a_machine_that_ssh_reaches_are_repeated_there(said, tmp_path, capsys):
    records = synthetic.records_of(MACHINE, devices=["cpu"])
    place = one(records, model="cnn", batch_size=512, repeat=2)
    records[place] = disturbed(records[place])
    said(records)
    reached = ssh_machines.of_entry(MACHINE, {"ssh": "me@mac.local"}, {"stacks": "auto", "devices": "auto"})
    folder = tmp_path / "a report"
    ending.show_fleet(folder, [MACHINE], report.SETTINGS, SESSION, by_ssh={MACHINE: reached})
    lines = capsys.readouterr().out.splitlines()
    told = lines.index(f"  {ssh_machines.repeating(reached, 'tf-2.19', folder / 'disturbed.txt')}")
    assert lines[told - 1].endswith("To repeat it:")
    assert lines[told + 1] == "After that, the command for the fleet brings them here and draws the page anew."
    assert not [line for line in lines if SESSION.command in line]
