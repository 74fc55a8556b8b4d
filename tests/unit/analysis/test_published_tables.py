"""Tests of trainmark.analysis.published_tables, on the ledger's tables and on invented ones."""

import pytest
from trainmark.analysis import published_tables
from trainmark.analysis.claim_workloads import Measured
from trainmark.analysis.ledger import Ledger

from tests.unit.analysis.claimed import ALL, IDS, SHIPPED


def published(of, *runs, ids=IDS, **settings):
    found = published_tables.speed_ups(of, [Measured(part, settings) for part in runs], ids)
    return {(r.machine_baseline, r.device_baseline, r.model, r.batch_size): r.value for r in found.itertuples()}


def test_published_figures_are_those_of_single_cells_for_the_machines_that_are_there():
    values = published(SHIPPED, ALL)
    assert values[("synthetic-p100", "gpu", "mlp", 1024)] == 1.77
    assert values[("synthetic-m2-max", "cpu", "cnn", 512)] == 5
    assert len(values) == 3 + 3
    assert published(SHIPPED, ALL[ALL["machine"] == "synthetic-t4"]) == {}


TABLE = {
    "id": "synthetic",
    "title": "Synthetic",
    "source": "Nobody",
    "measure": "seconds_per_epoch",
    "workload": {"models": ["cnn"], "epochs": 5},
    "columns": [
        {"name": "M1", "hardware": "apple-m1", "device": "gpu"},
        {"name": "T4", "hardware": "nvidia-t4", "device": "gpu"},
        {"name": "V100", "hardware": "nvidia-v100-sxm2", "device": "gpu"},
    ],
    "rows": [{"batch_size": 32, "values": [20.0, 10.0, None]}, {"batch_size": 1024, "values": [8.0, 7.8, 2.0]}],
}


def test_ratios_of_a_table_are_drawn_for_each_two_machines_of_its_workload():
    of = Ledger([], [TABLE])
    found = published_tables.speed_ups(of, [Measured(ALL, {"epochs": 5})], IDS)
    values = {(r.machine, r.machine_baseline, r.batch_size): r.value for r in found.itertuples()}
    assert values[("synthetic-t4", "synthetic-m1", 32)] == 2.0
    assert values[("synthetic-m1", "synthetic-t4", 32)] == 0.5
    assert values[("synthetic-v100", "synthetic-m1", 1024)] == 4.0
    assert len(values) == 2 + 6  # at 32 the V100 has no number
    assert set(found["table"]) == {"synthetic"}
    assert published(of, ALL, epochs=9) == {}
    assert published(of, ALL, suite="cifar-10", epochs=5) == {}
    assert published(Ledger([], [{**TABLE, "cannot_run": "why"}]), ALL, epochs=5) == {}
    faster = published_tables.speed_ups(Ledger([], [{**TABLE, "measure": "throughput"}]), [Measured(ALL, {})], IDS)
    values = {(r.machine, r.machine_baseline, r.batch_size): r.value for r in faster.itertuples()}
    assert values[("synthetic-m1", "synthetic-t4", 32)] == 2.0


def test_the_sources_agree_with_themselves_but_for_the_table_that_timed_a_loader():
    found = published_tables.checks(SHIPPED, {})
    assert list(found["verdict"]) == ["agrees"] * 5 + ["not the devices"]
    assert found["found"].iloc[0] == "62.3 / 84.2 = 0.740"
    assert "within 2.4 %" in found["found"].iloc[-1]
    assert "2.34 times as long" in found["found"].iloc[-1]


@pytest.mark.parametrize(
    ("value", "verdict"), [(2.0, "agrees"), (2.1, "does not agree"), (1.9, "does not agree"), (1.99, "agrees")]
)
def test_a_ratio_agrees_if_the_rounded_numbers_allow_it(value, verdict):
    ratios = [{"over": "M1", "under": "T4", "batch_size": 32, "value": value}]
    (row,) = published_tables.checks(Ledger([], [{**TABLE, "ratios": ratios}]), {}).to_dict("records")
    assert row["verdict"] == verdict


def test_columns_that_are_not_as_alike_as_was_said_do_not_agree():
    alike = [{"columns": ["M1", "T4"], "batch_size": 1024, "within": 0.02}]
    (row,) = published_tables.checks(Ledger([], [{**TABLE, "alike": alike}]), {}).to_dict("records")
    assert (row["verdict"], row["found"]) == ("does not agree", "M1 and T4 are within 2.6 %")
    (row,) = published_tables.checks(Ledger([], [{**TABLE, "alike": [{**alike[0], "within": 0.03}]}]), {}).to_dict(
        "records"
    )
    assert row["verdict"] == "agrees"


@pytest.mark.parametrize(("elsewhere", "verdict"), [([8.0, 7.0], "agrees"), ([8.0, 4.0], "not the devices")])
def test_columns_that_are_alike_were_not_timed_if_they_are_far_apart_elsewhere(elsewhere, verdict):
    alike = [{"columns": ["M1", "T4"], "batch_size": 1024, "within": 0.03, "against": "other"}]
    other = {**TABLE, "id": "other", "rows": [{"batch_size": 1024, "values": [*elsewhere, 2.0]}]}
    (row,) = published_tables.checks(Ledger([], [{**TABLE, "alike": alike}, other]), {}).to_dict("records")
    assert row["verdict"] == verdict


def test_equal_times_of_gpus_with_unlike_peaks_are_not_of_the_gpus():
    table = Ledger([], [TABLE])
    (row,) = published_tables.checks(table, {"apple-m1": 2.6, "nvidia-t4": 8.1, "nvidia-v100-sxm2": 15.7}).to_dict(
        "records"
    )
    assert (row["verdict"], row["said"]) == ("not the devices", "T4, M1 are within 2.6 % at batch size 1024")
    assert "3.12" in row["found"]
    assert published_tables.checks(table, {"apple-m1": 6.0, "nvidia-t4": 8.1}).empty
    assert published_tables.checks(table, {"nvidia-t4": 8.1}).empty
