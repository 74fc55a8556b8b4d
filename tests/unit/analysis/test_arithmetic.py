"""Tests of trainmark.analysis.arithmetic, on invented times."""

import math

import pandas as pd
import pytest
from scipy import stats
from trainmark.analysis import arithmetic
from trainmark.analysis.comparison_statistics import moments
from trainmark.experiment import flops
from trainmark.experiment.suites.fashion_mnist import MODELS

from tests import synthetic
from tests.unit.analysis.frames import frame

GPUS = pd.DataFrame(
    {
        "machine": list(synthetic.KINDS),
        "fp32_tflops": [2.6, 10.7, 9.3, math.nan, 15.7],
    }
)


def test_the_gpu_with_more_tflops_is_always_the_candidate():
    ratios = arithmetic.tflops_ratios(moments(frame(synthetic.article())), GPUS)
    pairs = ratios[["machine", "machine_baseline"]].drop_duplicates()
    names = {tuple(name.removeprefix("synthetic-") for name in pair) for pair in pairs.itertuples(index=False)}
    assert names == {("m2-max", "m1"), ("p100", "m1"), ("v100", "m1"), ("m2-max", "p100"), ("v100", "p100")} | {
        ("v100", "m2-max")
    }
    assert (ratios["tflops_ratio"] > 1).all()
    assert (ratios["device"] == "gpu").all()
    row = ratios.query("machine == 'synthetic-m2-max' and machine_baseline == 'synthetic-p100' and model == 'mlp'")
    assert row.query("batch_size == 1024")["speed_up"].iloc[0] == pytest.approx(1.77)
    assert row["tflops_ratio"].iloc[0] == pytest.approx(10.7 / 9.3)
    expected = stats.spearmanr(ratios["tflops_ratio"], ratios["speed_up"]).statistic
    assert arithmetic.rank_correlation(ratios) == pytest.approx(expected)


def test_gpus_of_equal_or_unknown_tflops_say_nothing():
    runs = frame(synthetic.records_of("synthetic-m1") + synthetic.records_of("synthetic-t4"))
    assert arithmetic.tflops_ratios(moments(runs), GPUS).empty
    assert arithmetic.tflops_ratios(moments(runs), GPUS.assign(fp32_tflops=5.0)).empty
    assert math.isnan(arithmetic.rank_correlation(arithmetic.tflops_ratios(moments(runs), GPUS)))


# Two rounds of an invented sweep.
PEAKS = pd.DataFrame({"flops_per_second": [7.5e12, 8.0e12], "side": 4096, "round": [1, 2], "threads": 8}).assign(
    machine="synthetic-m2-max", stack="tf-2.19", device="gpu", theoretical_flops_per_second=math.nan
)


def test_utilisation_is_that_of_the_best_batch_size_over_the_published_peak():
    runs = frame(synthetic.records_of("synthetic-m2-max"))
    counts = [flops.of_fit(MODELS[model], 2, 50000, 10000) for model in runs["model"]]
    table = arithmetic.utilisation(runs.assign(flops_per_second=counts / runs["fit_seconds"]), GPUS, PEAKS)
    row = table.query("device == 'gpu' and model == 'cnn'").iloc[0]
    time = synthetic.seconds("synthetic-m2-max", "gpu", "cnn", 1024)
    assert row["batch_size"] == 1024
    assert row["tflops"] == pytest.approx(flops.of_fit(MODELS["cnn"], 2, 50000, 10000) / time / 1e12)
    assert row["share"] == pytest.approx(row["tflops"] / 10.7)
    assert table.query("device == 'cpu'")["share"].isna().all()
    assert row["swept_share"] == pytest.approx(row["tflops"] / 8.0)
    assert table.query("device == 'cpu'")["swept_share"].isna().all()
    assert arithmetic.utilisation(runs.assign(flops_per_second=math.nan), GPUS, PEAKS).empty
    assert arithmetic.utilisation(runs.assign(flops_per_second=1e12), GPUS, PEAKS[:0])["swept_share"].isna().all()


def test_best_product_of_a_sweep_stands_beside_the_peaks():
    table = arithmetic.best_products(PEAKS, GPUS)
    (row,) = table.to_dict("records")
    assert (row["tflops"], row["published_share"]) == (8.0, pytest.approx(8 / 10.7))
    cpu = PEAKS.assign(device="cpu", theoretical_flops_per_second=1.6e13, theoretical_cores=4)
    cpu = cpu.assign(theoretical_clock_hertz=2.5e9, theoretical_flops_per_cycle=32)
    (row,) = arithmetic.best_products(cpu, GPUS).to_dict("records")
    assert (row["theoretical_share"], row["theory"]) == (0.5, "4 cores x 2.50 GHz x 32 a cycle")
    assert math.isnan(row["published_tflops"])
    assert arithmetic.best_products(PEAKS[:0], GPUS).empty
