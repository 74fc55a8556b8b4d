"""Tests of trainmark.analysis.equal_nodes, on invented machines and times."""

import itertools
import time

import numpy as np
import pandas as pd
import pytest
from trainmark.analysis import cell_statistics, equal_nodes
from trainmark.analysis.equal_nodes import LIKE_OTHERS, SLOWER, TOO_FEW_CELLS, TOO_FEW_NODES

GIB = 2**30


def machine(name: str, **changes: str) -> dict[str, str]:
    """A row of machines.csv."""
    described = {
        "chip": "Synthetic Xeon",
        "architecture": "x86_64",
        "cores_physical": "8",
        "cores_logical": "16",
        "cores_usable": "16",
        "core_levels": "",
        "cpu_quota_cores": "",
        "memory_bytes": str(64 * GIB),
        "gpu": "Tesla T4",
        "gpu_cores": "",
        "gpu_memory_bytes": str(15 * GIB),
        "gpu_driver": "535.1",
        "operating_system": "Synthetic OS 1",
        "kernel": "Linux 6.1",
        "virtualisation": "none",
    }
    return {"machine": name, **described, **changes}


def runs_of(factors: dict[str, float], repeats: int = 3, noise: float = 0.002, cells=(32, 128, 512), **columns):
    """Invented runs, whose times are multiplied by each machine's factor."""
    rng = np.random.default_rng(5)
    axes = itertools.product(factors, ["mlp", "cnn"], cells, range(1, repeats + 1))
    rows = [(name, model, size, number, size * factors[name]) for name, model, size, number in axes]
    found = pd.DataFrame(rows, columns=["machine", "model", "batch_size", "repeat", "fit_seconds"])
    found["fit_seconds"] *= np.exp(rng.normal(0, noise, len(found)))
    alike = dict.fromkeys(cell_statistics.APART)
    rates = 1e4 / found["fit_seconds"]
    return found.assign(**{"stack": "s", "device": "cpu", **alike, "throughput_samples_per_second": rates, **columns})


def tables_of(runs, machines):
    cells = equal_nodes.cells(runs, machines)
    nodes = equal_nodes.per_node(cells, machines)
    return nodes, equal_nodes.per_kind(cells, nodes, runs)


@pytest.mark.parametrize(
    ("changes", "equal"),
    [
        ({"kernel": "Linux 5.4", "gpu_driver": "470", "operating_system": "Synthetic OS 2"}, True),
        ({"memory_bytes": str(64 * GIB - 300 * 2**20)}, True),
        ({"kernel": "Darwin 23"}, False),
        ({"memory_bytes": str(96 * GIB)}, False),
        ({"memory_bytes": ""}, False),
        ({"gpu_memory_bytes": str(32 * GIB)}, False),
        *(({key: "another"}, False) for key in ("chip", "architecture", "cores_logical", "cores_usable", "gpu")),
        *(({key: "another"}, False) for key in ("core_levels", "cpu_quota_cores", "virtualisation", "gpu_cores")),
    ],
)
def test_machines_of_one_kind_agree_in_hardware_and_may_differ_in_software(changes, equal):
    found = equal_nodes.kinds([machine("a"), machine("b", **changes)])
    expected = "Synthetic Xeon, 16 threads, 64 GiB, Tesla T4" if "memory" not in str(changes) or not equal else None
    assert set(found) == ({"a", "b"} if equal else set())
    assert not equal or expected is None or set(found.values()) == {expected}


def test_kinds_that_words_do_not_tell_apart_get_a_number():
    odd = {"architecture": "aarch64"}
    found = equal_nodes.kinds(
        [machine("a"), machine("b"), machine("c", **odd), machine("d", **odd), machine("e", gpu="")]
    )
    assert found["a"] == found["b"] == "Synthetic Xeon, 16 threads, 64 GiB, Tesla T4"
    assert found["c"] == found["d"] == "Synthetic Xeon, 16 threads, 64 GiB, Tesla T4 (2)"
    assert "e" not in found


def test_slow_node_stands_out_with_what_is_otherwise_on_it():
    factors = {f"n{number}": 1 + 0.004 * number for number in range(8)} | {"bad": 1.12}
    machines = [machine(name, **({"kernel": "Linux 5.4"} if name == "bad" else {})) for name in factors]
    nodes, kinds = tables_of(runs_of(factors), machines)
    first = nodes.iloc[0]
    assert (first["machine"], first["verdict"]) == ("bad", SLOWER)
    assert first["ratio"] == pytest.approx(1.12 / 1.016, rel=0.01)
    assert first["p_value"] < 0.01
    assert first["differs"] == "kernel Linux 5.4 (most: Linux 6.1)"
    assert set(nodes["verdict"][1:]) == {LIKE_OTHERS}
    assert set(nodes["differs"][1:]) == {""}
    (kind,) = kinds.to_dict("records")
    assert (kind["nodes"], kind["cells"], kind["outliers"]) == (9, 6, 1)
    assert (kind["slowest"], kind["fastest"], kind["typical"]) == ("bad", "n0", "n4")
    assert kind["slowest_over_fastest"] == pytest.approx(1.12, rel=0.01)
    assert kind["spread"] == pytest.approx(0.012, rel=0.5)
    assert kind["spread_of_repeats"] == pytest.approx(0.002, rel=0.5)
    assert kind["spread_by_repeats"] == pytest.approx(kind["spread_of_repeats"] / np.sqrt(3 * 6))
    typical = runs_of({"n4": 1.016}, noise=0)["throughput_samples_per_second"]
    assert kind["samples_per_second"] == pytest.approx(np.exp(np.log(typical).mean()), rel=0.01)


def test_value_of_a_node_is_the_mean_of_its_logs_over_the_medians_of_its_kind():
    factors = {"a": 1.0, "b": 1.1, "c": 1.3}
    nodes, _ = tables_of(runs_of(factors, noise=0), [machine(name) for name in factors])
    assert dict(zip(nodes["machine"], nodes["ratio"])) == pytest.approx({"c": 1.3 / 1.1, "b": 1.0, "a": 1 / 1.1})
    assert set(nodes["verdict"]) == {TOO_FEW_NODES}
    assert nodes["p_value"].isna().all()


def test_difference_that_nobody_would_notice_is_no_outlier():
    factors = {f"n{number}": 1 + 1e-5 * number for number in range(9)} | {"other": 1.005}
    nodes, _ = tables_of(runs_of(factors, noise=0), [machine(name) for name in factors])
    assert nodes["p_value"].iloc[0] < 0.01
    assert set(nodes["verdict"]) == {LIKE_OTHERS}


def test_node_with_few_of_the_cells_is_shown_and_not_judged():
    factors = {f"n{number}": 1 + 0.004 * number for number in range(6)}
    runs = pd.concat([runs_of(factors), runs_of({"part": 1.5}, cells=(32,)).query("model == 'mlp'")])
    nodes, _ = tables_of(runs, [machine(name) for name in [*factors, "part"]])
    part = nodes.set_index("machine").loc["part"]
    assert (part["cells"], part["verdict"]) == (1, TOO_FEW_CELLS)
    assert set(nodes["verdict"]) == {TOO_FEW_CELLS, LIKE_OTHERS}


def test_only_what_was_measured_alike_is_compared():
    machines = [machine(name) for name in "abcd"]
    runs = pd.concat(
        [
            runs_of({"a": 1.0, "b": 1.0}, intra_op_threads=16),
            runs_of({"c": 2.0}, intra_op_threads=8),
            runs_of({"d": 3.0}, stack="another"),
        ]
    )
    nodes, kinds = tables_of(runs, machines)
    assert sorted(nodes["machine"]) == ["a", "b"]
    assert kinds["nodes"].tolist() == [2]


def test_where_no_two_machines_are_of_one_kind_there_is_nothing():
    nodes, kinds = tables_of(runs_of({"a": 1.0, "b": 1.0}), [machine("a"), machine("b", chip="another")])
    assert nodes.empty
    assert kinds.empty


def test_a_node_without_repeats_has_no_spread_of_them():
    factors = {"a": 1.0, "b": 1.1}
    _, kinds = tables_of(runs_of(factors, repeats=1), [machine(name) for name in factors])
    assert kinds[["spread_of_repeats", "spread_by_repeats"]].isna().all().all()
    assert kinds["spread"].notna().all()


@pytest.mark.slow
def test_a_thousand_nodes_take_seconds():
    rng = np.random.default_rng(6)
    factors = {f"n{number:04}": float(np.exp(rng.normal(0, 0.01))) for number in range(1000)} | {"bad": 1.1}
    machines = [machine(name) for name in factors]
    runs = runs_of(factors)
    began = time.process_time()
    nodes, _ = tables_of(runs, machines)
    assert time.process_time() - began < 5
    assert nodes.loc[nodes["verdict"] == SLOWER, "machine"].tolist() == ["bad"]
