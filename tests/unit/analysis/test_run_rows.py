"""Tests of trainmark.analysis.run_rows."""

import csv
import io

import pytest
from trainmark import files
from trainmark.analysis import run_rows


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
