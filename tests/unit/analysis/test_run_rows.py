"""Tests of trainmark.analysis.run_rows."""

import csv
import io
import json

import pytest
from trainmark import files
from trainmark.analysis import run_rows
from trainmark.contents import tables
from trainmark.experiment import grid, workloads
from trainmark.ingest.file_reader import Reader

from tests.conftest import CONFIG, ROOT, failed_record, path_of


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "a, b",
        "",
        "-1.5",
        "[0.1,0.2]",
        "a,null,b",
        "x,true",
        "=1+1",
        "-x",
        'say "so"',
        "back\\slash",
        "a\nb",
        "é",
    ],
)
def test_rows_are_written_as_csv_writes_them(text):
    rows = [
        ("m", text, None, True, 1.5, 1e-07, 3),
        ("m", None, False, None, 123456789.123, 1e22, None),
    ]
    found, expected = (list(csv.reader(io.StringIO(made))) for made in (run_rows.rows_text(rows), files.csv_text(rows)))
    numbers = (4, 5)
    assert [[float(value) if i in numbers else value for i, value in enumerate(row)] for row in found] == [
        [float(value) if i in numbers else value for i, value in enumerate(row)] for row in expected
    ]


def test_no_rows_are_no_text():
    assert run_rows.rows_text([]) == ""


def test_finished_epochs_of_a_stopped_run_are_a_row_and_of_no_other_run():
    finished = {"epoch_seconds": [9.0, 5.0, 7.0], "validation_seconds": [1.0, 1.0, 1.0], "first_epoch_seconds": 9.0}
    curves = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    accuracy = {**{name: [0.25, 0.5, None] for name in curves}, "test_loss": None, "test_accuracy": None}
    workload = workloads.describe("mlp", {**CONFIG, "epochs": 7})
    stopped = {"status": "timed_out", "workload": workload, "durations": finished, "accuracy": accuracy}
    reader = Reader(ROOT / "workflow/schemas")

    def row(**changes):
        data = failed_record(**{**stopped, **changes})
        path = str(path_of(data).relative_to(grid.MACHINES))
        return run_rows.stopped_row(*reader.record(path, json.dumps(data).encode()))

    found = dict(zip(tables.named("stopped").keys, row()))
    assert (found["epochs_finished"], found["epochs"], found["first_epoch_seconds"]) == (3, 7, 9.0)
    assert found["steady_state_epoch_seconds"] == 6.0
    assert json.loads(found["validation_accuracy_by_epoch"]) == [0.25, 0.5, None]
    assert row(durations={"epoch_seconds": []}, accuracy=None) is None
    assert row(durations={}, accuracy=None) is None
    assert row(status="killed") is None
