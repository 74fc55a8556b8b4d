"""Tests of trainmark.planning.claim_files: every problem of claims with a workload, and of tables, is named."""

import copy

import pytest
from trainmark.planning import claim_files

IDS = {"apple-m1", "nvidia-t4"}
CLAIM = {
    "id": "a",
    "statement": "Synthetic",
    "source": "s",
    "measure": "throughput",
    "candidate": {"hardware": "apple-m1", "device": "gpu"},
    "workload": {"suite": "cifar-10", "models": ["cnn_123k"], "batch_sizes": [64]},
    "relation": "equals",
    "value": 1000,
    "tolerance": 0.1,
}
TABLE = {
    "id": "t",
    "title": "Synthetic",
    "source": "s",
    "measure": "training_seconds",
    "workload": {"suite": "cifar-10", "models": ["cnn_123k"], "epochs": 5},
    "tolerance": 0.1,
    "columns": [
        {"name": "M1", "hardware": "apple-m1", "device": "gpu"},
        {"name": "T4", "hardware": "nvidia-t4", "device": "gpu"},
    ],
    "rows": [{"batch_size": 32, "values": [10, 5]}, {"batch_size": 64, "values": [8, None]}],
    "ratios": [{"over": "M1", "under": "T4", "batch_size": 32, "value": 2}],
    "alike": [{"columns": ["M1", "T4"], "batch_size": 32, "within": 0.1, "against": "t"}],
}


def problems(claims=(), tables=()):
    values = {"sources": {"s": "Somebody"}, "claims": list(claims), "tables": list(tables)}
    return [(".".join(map(str, p.path)), p.expected) for p in claim_files.problems(values, IDS)]


def without(entry, *keys):
    return {key: value for key, value in entry.items() if key not in keys}


def changed(entry, path, value):
    found = copy.deepcopy(entry)
    *before, last = path
    place = found
    for key in before:
        place = place[key]
    place[last] = value
    return found


def test_what_is_right_has_no_problem():
    cannot = {**without(CLAIM, "value", "relation", "tolerance", "measure"), "candidate": {"device": "gpu"}}
    cannot = {**cannot, "workload": {"models": ["BERT"], "framework": "PyTorch"}, "cannot_run": "no BERT"}
    table = {**without(TABLE, "tolerance"), "id": "u", "cannot_run": "no BERT", "workload": {"models": ["BERT"]}}
    table["rows"] = [*TABLE["rows"], {"batch_size": None, "values": [1, 2]}]
    table["alike"] = []
    assert problems([CLAIM, cannot], [TABLE, table]) == []


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        (
            ("workload", {"suite": "cifar-9", "models": ["cnn"], "batch_sizes": [1]}),
            "workload.suite",
            "fashion-mnist, cifar",
        ),
        (
            ("workload", {"models": ["resnet50"], "batch_sizes": [1]}),
            "workload.models.0",
            "models of fashion-mnist: mlp",
        ),
        (("workload", {"models": ["cnn"]}), "workload.batch_sizes", "a workload that can be run needs"),
        (("workload", {**CLAIM["workload"], "framework": "mlx"}), "workload.framework", "one of jax, tf, torch"),
        (("cells", {"models": ["cnn"], "batch_sizes": [1]}), "cells", "either cells or a workload"),
        (("baseline", [{"device": "cpu"}]), "baseline", "no such key, since the claim has measure: throughput"),
        (("statistic", "maximum"), "statistic", "every, or no such key"),
        (("candidate", {"device": "gpu"}), "candidate", "hardware"),
        (("candidate", {"hardware": "m9", "device": "gpu"}), "candidate", "apple-m1, nvidia-t4"),
        (("measure", "accuracy"), "value", "from 0 to 1"),
        (("measure", "speed_up"), "baseline", "a claim about a speed-up needs"),
        (("measure", "peak_tflops"), "workload", "measure: peak_tflops"),
        (("source", "x"), "source", "one of the sources: s"),
    ],
)
def test_a_claim_whose_keys_do_not_go_together_is_named(change, where, words):
    found = dict(problems([{**CLAIM, change[0]: change[1]}]))
    assert words in found[f"claims.0.{where}"]


@pytest.mark.parametrize("key", ["relation", "value", "tolerance", "workload"])
def test_a_claim_that_is_to_be_tested_needs_all_of_it(key):
    named = [path.rpartition(".")[2] for path, _ in problems([without(CLAIM, key)])]
    assert {"relation": "relation", "value": "value", "tolerance": "tolerance", "workload": "cells"}[key] in named


def test_one_that_cannot_be_tested_needs_a_workload():
    assert problems([{**without(CLAIM, "workload"), "cannot_run": "why"}]) == [
        ("claims.0.workload", "this key, which a claim with cannot_run needs")
    ]


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        (("columns", 0, "hardware"), "m9", "columns.0", "apple-m1"),
        (("rows", 0, "values"), [1], "rows.0.values", "2 values"),
        (("rows", 0, "batch_size"), None, "rows.0.batch_size", "without cannot_run"),
        (("workload",), {"suite": "cifar-10", "models": ["cnn_123k"]}, "workload.epochs", "training_seconds"),
        (("workload", "models"), ["cnn", "resnet50"], "workload.models", "one model"),
        (("cannot_run",), "why", "tolerance", "none with cannot_run"),
        (("ratios", 0, "over"), "M2", "ratios.0.over", "at batch size 32"),
        (("ratios", 0, "batch_size"), 64, "ratios.0.under", "at batch size 64"),
        (("alike", 0, "columns"), ["M1", "M3"], "alike.0.columns", "at batch size 32"),
        (("alike", 0, "against"), "u", "alike.0.against", "the id of a table of this file: t"),
        (("source",), "x", "source", "one of the sources"),
    ],
)
def test_a_table_that_does_not_fit_together_is_named(path, value, where, words):
    found = dict(problems(tables=[changed(TABLE, path, value)]))
    assert words in found[f"tables.0.{where}"]


def test_all_problems_are_named_at_once():
    claims = [{**CLAIM, "source": "x", "statistic": "maximum", "candidate": {"device": "gpu"}}]
    assert len(problems(claims, [changed(changed(TABLE, ("source",), "x"), ("rows", 0, "values"), [1])])) >= 5
