"""Tests of trainmark.analysis.claims: all verdicts of all claims, on invented runs that fit, change or lack it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import claims, verdicts
from trainmark.analysis.comparison_statistics import moments

from tests import synthetic
from tests.conftest import ROOT
from tests.unit.analysis.frames import frame

LEDGER = {claim["id"]: claim for claim in claims.load([ROOT / "config/claims.yaml"])}


IDS = {
    "synthetic-m1": {"apple-m1", "apple-m1-8"},
    "synthetic-m2-max": {"apple-m2-max", "apple-m2-max-30"},
    "synthetic-m2-max-38": {"apple-m2-max", "apple-m2-max-38"},
    "synthetic-p100": {"nvidia-p100"},
    "synthetic-t4": {"nvidia-t4"},
    "synthetic-v100": {"nvidia-v100", "nvidia-v100-sxm2"},
}


# Invented sweeps, TFLOPS.
PEAKS = {"synthetic-m2-max": (10.3, 10.4, 10.5), "synthetic-m2-max-38": (13.2, 13.3, 13.4)}


def runs_of(noise=synthetic.NOISE, **factors):
    """Runs of the five machines, the times of some of them multiplied: by machine, of its GPU."""
    records = []
    for name in synthetic.KINDS:
        factor = factors.get(name.removeprefix("synthetic-").replace("-", "_"), 1.0)
        of_gpu = factor if callable(factor) else lambda *_, f=factor: f
        apply = lambda device, model, size, g=of_gpu: g(model, size) if device == "gpu" else 1.0  # noqa: E731
        records += synthetic.records_of(name, noise=noise, factor=apply)
    return frame(records)


def peaks_of(factor=1.0, spread=1.0):
    rows = []
    for machine, values in PEAKS.items():
        middle = values[1]
        for value in values:
            flops = factor * (middle + (value - middle) * spread) * 1e12
            rows.append({"machine": machine, "device": "gpu", "stack": "tf-2.19", "flops_per_second": flops})
    return pd.DataFrame(rows)


def verdict(name, runs, peaks=None):
    peaks = peaks_of() if peaks is None else peaks
    (row,) = claims.judge_all([LEDGER[name]], moments(runs), peaks, IDS).to_dict("records")
    return row


ALL = runs_of()


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
    rows = claims.judge_all([LEDGER["m1-always"]], moments(twice), peaks_of(), IDS)
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
    ],
)
def test_what_is_expected_in_words(relation, words):
    assert claims.expected(relation) == words


def test_published_figures_are_those_of_single_cells_for_the_machines_that_are_there():
    found = claims.published(LEDGER.values(), moments(ALL), IDS)
    values = {(r.machine_baseline, r.device_baseline, r.model, r.batch_size): r.value for r in found.itertuples()}
    assert values[("synthetic-p100", "gpu", "mlp", 1024)] == 1.77
    assert values[("synthetic-m2-max", "cpu", "cnn", 512)] == 5
    assert len(values) == 3 + 3
    assert claims.published(LEDGER.values(), moments(ALL[ALL["machine"] == "synthetic-t4"]), IDS).empty


def test_of_very_many_machines_of_a_kind_those_with_the_most_runs_are_asked():
    one = ALL[(ALL["machine"] == "synthetic-m2-max")]
    names = [f"synthetic-m2-max-{number:02}" for number in range(12)]
    many = pd.concat([ALL[ALL["machine"] != "synthetic-m2-max"], *(one.assign(machine=name) for name in names)])
    many = many[(many["machine"] != names[0]) | (many["model"] != "lstm")]
    ids = {**IDS, **dict.fromkeys(names, IDS["synthetic-m2-max"])}
    rows = claims.judge_all([LEDGER["m1-always"]], moments(many), peaks_of(), ids)
    assert list(rows["candidate"]) == [f"{name}, GPU" for name in names[1 : 1 + claims.MOST_OF_A_KIND]]
    assert set(rows["verdict"]) == {verdicts.REPRODUCED}
