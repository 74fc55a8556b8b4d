"""Tests of trainmark.analysis.ledger: what claims and tables hold once they are loaded."""

import json

import pytest
from trainmark.analysis import ledger

TABLE = {
    "id": "synthetic",
    "title": "A model",
    "source": "s",
    "workload": {"models": ["cnn"], "epochs": 10},
    "tolerance": 0.1,
    "columns": [{"name": "M1", "hardware": "apple-m1", "device": "gpu"}, {"name": "T4", "device": "gpu"}],
    "rows": [{"batch_size": 64, "values": [106, None]}, {"batch_size": 128, "values": [90, 55]}],
}


def load(tmp_path, claims=(), **changes):
    path = tmp_path / "claims.json"
    tables = [{**TABLE, **changes}] if changes else []
    path.write_text(json.dumps({"sources": {"s": "Somebody"}, "claims": list(claims), "tables": tables}))
    return ledger.load([path])


@pytest.mark.parametrize(
    ("measure", "unit", "value", "of_claim"),
    [
        ("seconds_per_epoch", "s an epoch", 106, "seconds_per_epoch"),
        ("training_seconds", "s", 10.6, "seconds_per_epoch"),
        ("training_minutes", "min", 636, "seconds_per_epoch"),
        ("throughput", "samples/s", 106, "throughput"),
    ],
)
def test_each_number_of_a_table_is_a_claim(tmp_path, measure, unit, value, of_claim):
    found = load(tmp_path, measure=measure)
    first, second, third = found.claims
    assert (first["value"], first["measure"]) == (pytest.approx(value), of_claim)
    assert first["statement"] == f"A model, batch size 64, M1: 106 {unit}"
    assert (first["source"], first["table"], first["candidate"]) == (
        "Somebody",
        "synthetic",
        {"hardware": "apple-m1", "device": "gpu"},
    )
    assert (second["cells"], third["id"]) == ({"models": ["cnn"], "batch_sizes": [128]}, "synthetic: T4, 128")
    assert len(found.tables) == 1


def test_a_number_that_cannot_be_tested_asks_for_no_value(tmp_path):
    rows = [{"batch_size": None, "values": [41, 49]}]
    first, _ = load(tmp_path, measure="training_seconds", cannot_run="why", rows=rows).claims
    assert (first["statement"], first["id"]) == ("A model, M1: 41 s", "synthetic: M1")
    assert (ledger.expected(first), "cells" in first) == ("", False)


def test_what_a_file_may_leave_out_is_there(tmp_path):
    plain, alone = load(
        tmp_path,
        [
            {"id": "a", "source": "s", "cells": {"models": ["mlp"], "batch_sizes": [32]}, "statistic": "maximum"},
            {"id": "b", "source": "s", "measure": "energy", "workload": {"suite": "cifar-10", "models": ["cnn_123k"]}},
        ],
    ).claims
    assert (plain["measure"], plain["suite"], plain["statistic"]) == ("speed_up", "fashion-mnist", "maximum")
    assert (alone["suite"], alone["statistic"]) == ("cifar-10", "every")


@pytest.mark.parametrize(
    ("relation", "words"),
    [
        (
            {"relation": "equals", "value": 2.0, "tolerance": 0.25, "statistic": "every"},
            "every test case in 1.6 to 2.5",
        ),
        ({"relation": "differs", "value": 2.0, "tolerance": 0.25, "statistic": "maximum"}, "maximum not in 1.6 to 2.5"),
        ({"relation": "above", "value": 1, "statistic": "geometric_mean"}, "geometric mean above 1"),
        ({"relation": "below", "value": 1.1, "measure": "peak_tflops"}, "below 1.1 TFLOPS"),
        (
            {
                "relation": "equals",
                "value": 84.2,
                "tolerance": 0.1,
                "measure": "seconds_per_epoch",
                "statistic": "every",
            },
            "in 76.5 to 92.6 s an epoch",
        ),
        ({"relation": "equals", "value": 0.893, "tolerance": 0.01, "measure": "accuracy"}, "in 0.883 to 0.903"),
        ({"relation": "above", "value": 1000, "measure": "throughput"}, "above 1,000 samples/s"),
    ],
)
def test_what_is_expected_in_words(relation, words):
    assert ledger.expected(relation) == words
