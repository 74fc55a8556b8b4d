"""Tests of trainmark.measure.progress."""

import json
import logging
import os
import time
from pathlib import Path

import pytest
from trainmark.measure import progress
from trainmark.records.record import Record

from tests.conftest import failed_record, path_of, synthetic_record

SAMPLES = 100_000  # of a synthetic record: 50,000 training samples, 2 epochs


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(data, modified=None):
    path = path_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    if modified is not None:
        os.utime(path, (modified, modified))
    return str(path)


def session(planned, began=1000.0):
    return progress.Session(planned, began, SAMPLES, "snakemake --cores 1")


def test_line_of_a_run(here):
    records = [synthetic_record(repeat=n) for n in (1, 2, 3)]
    planned = [str(path_of(data)) for data in records]
    write(records[0], modified=1500)
    line = progress.run_line(Record(**records[0]), session(planned))
    assert line.startswith("[1/3] tf-2.19 cpu mlp  batch   32 repeat 1: fit   20.0 s,    5,000 samples/s, ")
    assert line.endswith("test accuracy 0.860 | 2 left, about 60 s")
    write(records[1], modified=1600)
    write(records[2], modified=1700)
    assert progress.run_line(Record(**records[2]), session(planned)).endswith("| all runs done")


def test_line_of_a_failure(here):
    line = progress.run_line(Record(**failed_record()), None)
    assert line == "tf-2.19 cpu mlp  batch   32 repeat 1: FAILED (killed): Synthetic: killed."


def test_records_of_an_earlier_session_are_not_counted(here):
    path = write(synthetic_record(), modified=500)
    assert session([path]).finished() == []


def test_estimate_uses_the_cells_own_repeats_scaled_to_the_samples(here):
    write(synthetic_record())  # 30 s
    times = {"started_at": "2026-01-01T00:00:00.000+00:00", "ended_at": "2026-01-01T00:01:40.000+00:00"}
    write(synthetic_record(model="cnn", **times))
    left = [str(path_of(synthetic_record(model=model, repeat=2))) for model in ("mlp", "cnn")]
    assert progress.estimate_seconds(left, [], SAMPLES) == pytest.approx(130)
    assert progress.estimate_seconds(left, [], 5 * SAMPLES) == pytest.approx(650)


def test_estimate_of_an_unknown_cell_is_the_mean_of_the_known(here):
    known = [write(synthetic_record()), write(failed_record(model="cnn"))]
    left = [str(path_of(synthetic_record(model="lstm")))]
    assert progress.estimate_seconds(left, known, SAMPLES) == pytest.approx(30)
    assert progress.estimate_seconds(left, [], SAMPLES) is None


def test_guesses_are_held_against_what_finished_runs_took(here):
    """Of models that differ a hundredfold, a mean says nothing."""
    known = [write(synthetic_record())]  # 30 s
    left = [str(path_of(synthetic_record(model=model))) for model in ("cnn", "lstm")]
    folder = {model: str(path_of(synthetic_record(model=model)).parent) for model in ("mlp", "cnn")}
    guesses = {folder["mlp"]: 10.0, folder["cnn"]: 1000.0}
    assert progress.estimate_seconds(left[:1], [], SAMPLES, guesses) == pytest.approx(1000)
    assert progress.estimate_seconds(left[:1], known, SAMPLES, guesses) == pytest.approx(3000)
    assert progress.estimate_seconds(left, known, SAMPLES, guesses) == pytest.approx(3030)  # of lstm there is none


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        "1" * 5000,
        json.dumps({**synthetic_record(), "workload": {"train_samples": 0, "epochs": 0}}),
        json.dumps({**synthetic_record(), "workload": {"train_samples": 10**200, "epochs": 10**200}}),
        json.dumps(synthetic_record(started_at="2026-02-31T00:00:00.000+00:00")),
        json.dumps(synthetic_record(started_at=5)),
    ],
    ids=lambda content: content[:20],
)
def test_estimate_leaves_out_what_is_no_record(here, content):
    path = write(synthetic_record())
    Path(path).write_text(content)
    assert progress.wall_seconds(Path(path), SAMPLES) is None


def test_session_is_read_back(here):
    progress.Session(["a"], 1.5, 10, "snakemake").save(here / ".snakemake" / "s.json")
    assert progress.load_session(here / ".snakemake" / "s.json") == progress.Session(["a"], 1.5, 10, "snakemake")
    assert progress.load_session(here / "none") is None
    assert progress.load_session(None) is None


def test_announcement():
    assert progress.announce(12, "m", 150.0) == (
        "trainmark: 12 runs to do on m, about 2 min. Each prints one line when it ends."
    )
    assert "1 run to do on m. " in progress.announce(1, "m", None)


def test_failures_and_the_command_that_repeats_them():
    path = str(path_of(synthetic_record()))
    text = progress.failure_summary({path: "killed: by hand"}, session([path]))
    assert "tf-2.19 cpu mlp batch 32 repeat 1: killed: by hand" in text
    assert text.splitlines()[-1] == f"  snakemake --cores 1 --forcerun {path}"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Select jobs to execute...", False),
        ("Execute 3 jobs...", False),
        ("Activating conda environment: .snakemake/conda/0_", False),
        ("--keep-incomplete mode is set, so incomplete output files", False),
        ("Exiting because a job execution failed. Look above for error messages", False),
        ("WorkflowError:\nAt least one job did not complete successfully.", False),
        ("WorkflowError:\nSomething else.", True),
        ("Nothing to be done (all requested files are present and up to date).", True),
    ],
)
def test_what_of_snakemake_is_shown(message, shown):
    record = logging.LogRecord("snakemake", logging.INFO, "", 1, message, None, None)
    assert bool(progress.worth_showing(record)) is shown


REFUSED = """WorkflowError in file "/a folder/workflow/rules/{}.smk", line 45:
The configuration has 2 problems; nothing was run.
  - one
  - two{}"""


@pytest.mark.parametrize("place", ["", '\n  File "/a folder/workflow/rules/common.smk", line 45, in <module>'])
def test_a_refusal_is_shown_without_its_place_in_our_files(place):
    record = logging.LogRecord("snakemake", logging.ERROR, "", 1, REFUSED.format("common", place), None, None)
    assert progress.worth_showing(record)
    assert record.getMessage() == "trainmark: The configuration has 2 problems; nothing was run.\n  - one\n  - two"
    text = REFUSED.format("report", place)  # a rule of someone who works on trainmark
    record = logging.LogRecord("snakemake", logging.ERROR, "", 1, text, None, None)
    assert progress.worth_showing(record)
    assert record.getMessage() == text


def test_the_bar_says_how_far_it_is_and_when_it_ends(here, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    records = [synthetic_record(repeat=n) for n in (1, 2, 3)]
    planned = [str(path_of(data)) for data in records]
    write(records[0], modified=1500)
    run = Record(**records[1]).run
    line = progress.bar(run, session(planned), 1600.0)
    assert line == "[####........] 1/3, about 60 s left (00:27): cpu mlp batch 32"
    assert "left (Fri 00:00): " in progress.bar(run, session(planned), 86_340.0)
    assert progress.bar(run, None, 0.0) == "cpu mlp batch 32"
    Path(planned[0]).unlink()
    assert progress.bar(run, session(planned), 0.0) == "[............] 0/3: cpu mlp batch 32"


FAILED = "Command '{} workflow/scripts/x.py --grid x out 2> {}' returned non-zero exit status {}."


@pytest.mark.parametrize(
    "before",
    [
        "set -euo pipefail;  python",
        "source /conda/bin/activate '/x/.snakemake/conda/1_'; set -euo pipefail;  python",
        "set -euo pipefail;  /a/.venv/bin/python3.12",
        "set -euo pipefail;  '/a folder/.venv/bin/python'",
    ],
)
@pytest.mark.parametrize(
    ("log", "code", "shown"),
    [
        ("12:00 ERROR root: said on the terminal: The disk is full.\n", 1, None),
        ("", 130, None),
        ("Traceback (most recent call last):\nModuleNotFoundError: No module named 'msgspec'\n", 1, "named 'msgspec'"),
        ("", 1, "(empty)"),
    ],
    ids=["explained itself", "Ctrl-C", "could not be imported", "said nothing"],
)
def test_what_a_job_could_not_say_is_shown_for_it(tmp_path, before, log, code, shown):
    path = tmp_path / "x.log"
    path.write_text(log)
    message = FAILED.format(before, path, code)
    record = logging.LogRecord("snakemake", logging.ERROR, "", 1, message, None, None)
    assert bool(progress.worth_showing(record)) is (shown is not None)
    if shown:
        assert shown in record.getMessage()
        assert (
            f"workflow/scripts/x.py failed before it could say why. The end of its log, {path}:" in record.getMessage()
        )
