"""Tests of trainmark.analysis.claims: all verdicts of all claims, on invented runs that fit, change or lack it."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import claims, verdicts
from trainmark.analysis.claim_workloads import Measured
from trainmark.analysis.ledger import Ledger

from tests import synthetic
from tests.unit.analysis.claimed import ALL, IDS, LEDGER, SHIPPED, peaks_of, runs_of


def verdict(name, runs, peaks=None):
    (row,) = judged([LEDGER[name]], runs, peaks=peaks).to_dict("records")
    return row


def judged(of, *runs, peaks=None, ids=IDS, suites=(), **settings):
    """Rows of claims.csv; of several experiments, the first is the one that is shown. ``suites`` are theirs."""
    measured = [
        Measured(part, {**settings, **({"suite": suite} if suite else {})}, number == 0)
        for number, (part, suite) in enumerate(itertools.zip_longest(runs, suites))
    ]
    return claims.judge_all(Ledger(list(of)), measured, peaks_of() if peaks is None else peaks, ids)


@pytest.mark.parametrize("name", LEDGER)
def test_runs_made_to_satisfy_a_claim_reproduce_it(name):
    row = verdict(name, ALL)
    assert row["verdict"] == verdicts.REPRODUCED, row["detail"]
    assert row["low"] <= row["measured"] <= row["high"]
    assert "Fabrice Daniel" in row["source"]


def only(model, size, factor):
    return lambda m, s: factor if (m, s) == (model, size) else 1.0


AVERAGE = np.mean([ratio for model in synthetic.MODELS for ratio in synthetic.OVER["synthetic-p100"][model]])


# What makes each claim false: factors on the times of a machine's GPU, in all cells or in one.
MUTATIONS = {
    "m1-always": {"m1": only("mlp", 32, 0.8)},
    "m1-cnn-max": {"m1": 1.3},
    "nvidia-small": {"t4": only("cnn", 128, 2.0)},
    "nvidia-large": {"v100": only("lstm", 512, 0.7)},
    "p100-best-nvidia": {"v100": 0.8},
    "p100-average": {"p100": 1.3},
    "p100-small": {"p100": only("mlp", 128, 1.3)},
    "p100-mlp-1024": {"p100": only("mlp", 1024, 1.3)},
    "p100-lstm-1024": {"p100": only("lstm", 1024, 0.7)},
    "p100-cnn-1024": {"p100": only("cnn", 1024, 1.4)},
    "p100-tflops": {"p100": 1.15 / AVERAGE},
    "cpu-mlp": {"m2_max": only("mlp", 1024, 0.7)},
    "cpu-cnn-always": {"m2_max": only("cnn", 32, 3.0)},
    "cpu-cnn-128": {"m2_max": only("cnn", 512, 0.7)},
    "cpu-lstm-1024": {"m2_max": only("lstm", 1024, 0.7)},
}


@pytest.mark.parametrize("name", LEDGER)
def test_mutated_runs_contradict_it(name):
    if LEDGER[name].get("measure") == "peak_tflops":
        row = verdict(name, ALL, peaks_of(factor=0.6))
    else:
        row = verdict(name, runs_of(**MUTATIONS[name]))
    assert row["verdict"] == verdicts.CONTRADICTED, row["detail"]
    assert not row["low"] <= LEDGER[name]["value"] <= row["high"] or LEDGER[name]["relation"] == "differs"


@pytest.mark.parametrize("name", LEDGER)
def test_noisy_runs_can_tell_nothing(name):
    row = verdict(name, runs_of(noise=(0.5, 1.0, 2.0)), peaks_of(spread=30))
    assert row["verdict"] == verdicts.WITHIN_NOISE, row["detail"]


@pytest.mark.parametrize("name", LEDGER)
def test_single_runs_can_tell_nothing(name):
    peaks = peaks_of().groupby("machine").head(1)
    row = verdict(name, runs_of(noise=(1.0,)), peaks)
    assert row["verdict"] == verdicts.WITHIN_NOISE
    assert "needs two runs" in row["detail"]


@pytest.mark.parametrize("name", LEDGER)
def test_what_is_missing_is_named(name):
    claim = LEDGER[name]
    nobody = verdict(name, ALL[:0], peaks_of()[:0])
    assert nobody["verdict"] == verdicts.NOT_MEASURED
    assert claim["candidate"]["hardware"] in nobody["detail"]
    if "baseline" not in claim:
        return
    side = claim["baseline"][-1]
    machine = next((m for m in synthetic.KINDS if side.get("hardware") in IDS[m]), "synthetic-m2-max")
    row = verdict(name, ALL[(ALL["machine"] != machine) | (ALL["device"] != side["device"])])
    assert row["verdict"] == verdicts.NOT_MEASURED
    assert side.get("hardware", "the same machine") in row["detail"]
    model, size = claim["cells"]["models"][0], claim["cells"]["batch_sizes"][-1]
    gone = (ALL["machine"] == machine) & (ALL["model"] == model) & (ALL["batch_size"] == size)
    row = verdict(name, ALL[~gone])
    assert row["verdict"] == verdicts.NOT_MEASURED
    if len(claim["cells"]["models"]) * len(claim["cells"]["batch_sizes"]) > 1:
        assert f"{model} {size} against {machine}" in row["detail"]


def test_one_cell_that_contradicts_outweighs_what_is_missing():
    runs = runs_of(m1=only("mlp", 32, 0.5))
    row = verdict("m1-always", runs[runs["model"] != "lstm"])
    assert row["verdict"] == verdicts.CONTRADICTED
    assert "mlp 32 against synthetic-m1" in row["detail"]


def test_each_machine_and_stack_is_asked_by_itself():
    twice = pd.concat([ALL, ALL.assign(stack="tf-2.12", fit_seconds=1.0)])
    rows = judged([LEDGER["m1-always"]], twice)
    assert dict(zip(rows["stack"], rows["verdict"])) == {"tf-2.12": "contradicted", "tf-2.19": "reproduced"}


def test_intervals_are_those_of_scipy():
    noise = (0.9, 1.0, 1.15)
    runs = runs_of(noise=noise)
    row = verdict("p100-mlp-1024", runs)
    cell = runs.query("model == 'mlp' and batch_size == 1024 and device == 'gpu'").set_index("machine")["fit_seconds"]
    logs = [np.log(cell[name].to_numpy()) for name in ("synthetic-p100", "synthetic-m2-max")]
    expected = stats.ttest_ind(*logs, equal_var=False).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx(np.exp(expected))
    assert row["measured"] == pytest.approx(1.77)


def test_of_very_many_machines_of_a_kind_those_with_the_most_runs_are_asked():
    one = ALL[(ALL["machine"] == "synthetic-m2-max")]
    names = [f"synthetic-m2-max-{number:02}" for number in range(12)]
    many = pd.concat([ALL[ALL["machine"] != "synthetic-m2-max"], *(one.assign(machine=name) for name in names)])
    many = many[(many["machine"] != names[0]) | (many["model"] != "lstm")]
    ids = {**IDS, **dict.fromkeys(names, IDS["synthetic-m2-max"])}
    rows = judged([LEDGER["m1-always"]], many, ids=ids)
    assert list(rows["candidate"]) == [f"{name}, GPU" for name in names[1 : 1 + claims.MOST_OF_A_KIND]]
    assert set(rows["verdict"]) == {verdicts.REPRODUCED}


# Claims about a value by itself, the runs that agree with them, and what contradicts them: invented, of an M1.
ALONE = {
    "seconds_per_epoch": ({"value": 10.0, "tolerance": 0.1}, {"fit_seconds": (49.9, 50.0, 50.1)}, 1.5),
    "throughput": ({"value": 5000.0, "tolerance": 0.1}, {"throughput_samples_per_second": (4990, 5000, 5010)}, 0.6),
    "accuracy": ({"value": 0.893, "tolerance": 0.01}, {"test_accuracy": (0.8925, 0.893, 0.8935)}, 1.03),
    "energy": ({"value": 200.0, "tolerance": 0.1}, {"energy_joules": (998.0, 1000.0, 1002.0)}, 2.0),
}


def runs_alone(values, factor=1.0, spread=1.0, **columns):
    """Three runs of 5 epochs, or as many as there are values."""
    ((name, numbers),) = values.items()
    middle = float(np.median(numbers))
    found = {name: [factor * (middle + spread * (number - middle)) for number in numbers]}
    fixed = {"machine": "synthetic-m1", "device": "gpu", "stack": "tf-2.19", "model": "cnn_123k", "batch_size": 64}
    fixed |= {"epochs": 5, "energy_scope": "SoC", "test_accuracy": 0.9, "steady_state_epoch_seconds": 10.0}
    others = {"fit_seconds": 50.0, "throughput_samples_per_second": 5000.0, "energy_joules": 1000.0}
    return pd.DataFrame({**fixed, **others, **found, **columns}, index=range(len(numbers)))


def alone(measure, **changes):
    workload = {"suite": "cifar-10", "models": ["cnn_123k"], "batch_sizes": [64], "epochs": 5, "framework": "tf"}
    return {
        "id": "alone",
        "statement": "Synthetic",
        "source": "Nobody",
        "measure": measure,
        "suite": "cifar-10",
        "candidate": {"hardware": "apple-m1", "device": "gpu"},
        "workload": workload,
        "cells": {"models": ["cnn_123k"], "batch_sizes": [64]},
        "statistic": "every",
        "relation": "equals",
        **ALONE[measure][0],
        **changes,
    }


def verdict_alone(measure, runs, **changes):
    settings = {"epochs": 5, "precision": "float32"}
    (row,) = judged([alone(measure, **changes)], runs, suites=["cifar-10"], **settings).to_dict("records")
    return row


@pytest.mark.parametrize("measure", ALONE)
def test_a_value_by_itself_is_reproduced_contradicted_or_neither(measure):
    claim, values, factor = ALONE[measure]
    row = verdict_alone(measure, runs_alone(values))
    assert row["verdict"] == verdicts.REPRODUCED, row["detail"]
    assert row["measured"] == pytest.approx(claim["value"])
    row = verdict_alone(measure, runs_alone(values, factor))
    assert row["verdict"] == verdicts.CONTRADICTED, row["detail"]
    row = verdict_alone(measure, runs_alone(values, spread=60.0))
    assert row["verdict"] == verdicts.WITHIN_NOISE, row["detail"]
    row = verdict_alone(measure, runs_alone(values)[:1])
    assert (row["verdict"], "needs two runs" in row["detail"]) == (verdicts.WITHIN_NOISE, True)
    row = verdict_alone(measure, runs_alone(values, batch_size=32))
    assert row["verdict"] == verdicts.NOT_MEASURED
    assert "cnn_123k 64 on synthetic-m1" in row["detail"]
    config = "suite=cifar-10 'models=[cnn_123k]' 'batch_sizes=[64]' epochs=5"
    assert row["command"] == f"snakemake --cores 1 --config {config}"
    row = verdict_alone(measure, runs_alone(values), cannot_run="no such model")
    assert (row["verdict"], row["detail"], row["command"]) == (verdicts.UNTESTABLE, "no such model", None)


@pytest.mark.parametrize(
    "other",
    [
        {"stack": "torch-2.11"},
        {"suite": "fashion-mnist"},
        {"suite": None},
        {"machine": "synthetic-t4"},
        {"device": "cpu"},
    ],
)
def test_runs_of_another_workload_test_nothing(other):
    values = ALONE["accuracy"][1]
    runs = runs_alone(values).assign(**{key: value for key, value in other.items() if key != "suite"})
    (row,) = judged([alone("accuracy")], runs, suites=[other.get("suite", "cifar-10")], epochs=5).to_dict("records")
    assert row["verdict"] == verdicts.NOT_MEASURED
    assert (row["candidate"], row["detail"]) == (
        "synthetic-m1, GPU",
        "no run of apple-m1, GPU with cifar-10, cnn_123k, batch size 64, 5 epochs, tf",
    )
    (row,) = judged([alone("accuracy")], runs_alone(values), suites=["cifar-10"], epochs=9).to_dict("records")
    assert row["verdict"] == verdicts.NOT_MEASURED


def test_a_claim_is_asked_of_the_experiment_that_has_its_workload():
    values = ALONE["accuracy"][1]
    both = [alone("accuracy"), LEDGER["m1-always"]]
    rows = judged(both, ALL, runs_alone(values), suites=[None, "cifar-10"], epochs=5)
    assert list(rows["verdict"]) == [verdicts.REPRODUCED] * 2
    assert list(rows["measured_in"].fillna("shown")) == ["cifar-10, 5 epochs", "shown"]
    # The article's claims are about the page's experiment, whatever else was measured.
    (row,) = judged([LEDGER["m1-always"]], ALL[:0], ALL).to_dict("records")
    assert row["verdict"] == verdicts.NOT_MEASURED


def test_the_speed_of_a_suite_is_not_that_of_a_model_of_the_same_name_in_another():
    workload = {"suite": "cifar-10", "models": ["cnn"], "batch_sizes": [32]}
    claim = {**LEDGER["m1-cnn-max"], "suite": "cifar-10", "workload": workload, "cells": workload}
    (row,) = judged([claim], ALL).to_dict("records")
    assert row["verdict"] == verdicts.NOT_MEASURED
    lacking = ALL[(ALL["machine"] != "synthetic-m1") | (ALL["batch_size"] != 32)]
    (row,) = judged([claim], lacking, suites=["cifar-10"]).to_dict("records")
    assert row["detail"] == (
        "missing: apple-m1, GPU, compared with synthetic-m2-max in stack tf-2.19 with cifar-10, cnn, batch size 32"
    )
    (row,) = judged([claim], ALL, suites=["cifar-10"]).to_dict("records")
    assert (row["verdict"], row["baseline"]) == (verdicts.CONTRADICTED, "synthetic-m1, GPU")


def test_energies_that_count_different_things_are_no_energy():
    runs = runs_alone(ALONE["energy"][1], energy_scope=["SoC", "SoC", "GPU board"])
    row = verdict_alone("energy", runs)
    assert row["verdict"] == verdicts.NOT_MEASURED
    assert row["detail"] == "missing: cnn_123k 64 on synthetic-m1 (an energy)"


def test_every_claim_of_every_source_has_a_verdict_on_machines_of_the_article():
    rows = judged(SHIPPED.claims, ALL, peaks=peaks_of())
    assert len(rows) == len(SHIPPED.claims)
    others = rows[rows["workload"].notna()]
    assert set(others["verdict"]) == {verdicts.NOT_MEASURED, verdicts.UNTESTABLE}
    assert others.loc[others["verdict"] == verdicts.NOT_MEASURED, "command"].str.startswith("snakemake").all()
    assert others["detail"].str.len().gt(0).all()
    assert rows.loc[rows["verdict"] == verdicts.REPRODUCED, "workload"].isna().all()
