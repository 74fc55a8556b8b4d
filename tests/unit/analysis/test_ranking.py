"""Tests of trainmark.analysis.ranking, on invented times."""

import numpy as np
import pytest
from trainmark.analysis import ranking, table_files
from trainmark.analysis.comparison_statistics import moments

from tests import report, synthetic


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The report of three machines, of which one was disturbed and one has fewer cells."""
    records = [*synthetic.records_of("synthetic-m2-max"), *synthetic.records_of("synthetic-p100")]
    for data in records:
        if data["machine"] == "synthetic-p100" and data["device"] == "gpu":
            data["noise"]["fit_other_cpu_seconds"] = 2 * data["durations"]["fit_seconds"]
    records += [r for r in synthetic.records_of("synthetic-m1", devices=["gpu"]) if r["batch_size"] == 512]
    return report.make(records, tmp_path_factory.mktemp("ranking"), draw=False)


def test_speed_ups_are_those_of_the_cells_against_the_baseline(made):
    found = table_files.read(made.folder, "ranking").set_index(["machine", "device", "model"])
    base = found.iloc[0][["machine_baseline", "device_baseline"]].tolist()
    assert base == ["synthetic-p100", "cpu"]
    medians = made.data.runs.groupby(["machine", "device", "model", "batch_size"])["fit_seconds"]
    logs = np.log(medians.apply(lambda times: np.exp(np.log(times).mean())))
    for model in ("mlp", "cnn", "lstm"):
        ratio = np.exp((logs["synthetic-p100", "cpu", model] - logs["synthetic-m2-max", "gpu", model]).mean())
        assert found.loc[("synthetic-m2-max", "gpu", model), "speed_up"] == pytest.approx(ratio)
    own = found.loc[("synthetic-p100", "cpu", "all")]
    assert own["speed_up"] == 1
    assert np.isnan(own["low"])


def test_fastest_is_first_and_who_has_fewer_cells_is_not_ranked_among_the_others(made):
    found = table_files.read(made.folder, "ranking").query("model == 'all'")
    assert found["speed_up"].iloc[:-1].is_monotonic_decreasing
    assert found.iloc[-1]["machine"] == "synthetic-m1"
    assert found.iloc[-1]["cells"] < found.iloc[0]["cells"]


def test_what_speaks_against_the_figures_is_said(made):
    found = table_files.read(made.folder, "ranking").query("model == 'all'").set_index(["machine", "device"])["doubts"]
    assert found["synthetic-p100", "gpu"] == "36 runs disturbed or an outlier"
    assert found.isna()["synthetic-m2-max", "gpu"]


def test_fastest_is_named_for_every_cell_that_several_have(made):
    found = table_files.read(made.folder, "fastest")
    assert len(found) == 12
    assert found["series"].max() == 5
    medians = made.data.runs.groupby(["model", "batch_size", "machine", "device"])["fit_seconds"].median()
    for row in found.to_dict("records"):
        assert medians[row["model"], row["batch_size"]].idxmin() == (row["machine"], row["device"])


def test_what_did_not_compute_the_same_is_not_called_the_fastest(made):
    """Of two series of one cell, the faster one rounded its products."""
    runs = made.data.runs
    other = runs["machine"] == "synthetic-m2-max"
    for each, there in ((runs, True), (runs.assign(tensor_float_32=other.astype("boolean")), False)):
        cells = ranking.against_baseline(moments(each), "synthetic-p100")
        assert ("synthetic-m2-max" in set(ranking.fastest(cells)["machine"])) == there


def test_baseline_without_a_comparable_run_is_as_if_none_were_named(made):
    runs = made.data.runs
    assert ranking.against_baseline(moments(runs), "all-failed").equals(ranking.against_baseline(moments(runs), "auto"))


def test_baseline_of_a_machine_is_its_gpu(made):
    cells = ranking.against_baseline(moments(made.data.runs), "synthetic-m2-max")
    assert set(zip(cells["machine_baseline"], cells["device_baseline"])) == {("synthetic-m2-max", "gpu")}


def test_first_screen_has_the_sentence_the_ranking_and_its_picture(made):
    first = made.document.first
    assert "fastest" in first.sentence
    assert [row["who"] for row in first.table.rows][-1] == "synthetic-m1, GPU"
    assert first.picture.name == "ranking"
    assert made.html.index(first.sentence) < made.html.index('id="answers"')


def test_one_machine_alone_is_greeted_with_its_own_times(tmp_path):
    alone = report.make(synthetic.records_of("synthetic-p100", devices=["cpu"], noise=(1.0,)), tmp_path, draw=False)
    first = alone.document.first
    assert first.sentence.startswith("synthetic-p100, CPU, tf-2.19 trains each of 12 combinations")
    assert "no repeats" in first.sentence
    assert sum(len(entries) for _, entries in first.own.rows) == 3 * 12  # seconds, samples/s and accuracy
    assert first.picture is None
