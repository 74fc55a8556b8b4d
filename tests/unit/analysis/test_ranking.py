"""Tests of trainmark.analysis.ranking, on invented times."""

import numpy as np
import pandas as pd
import pytest
from trainmark.analysis import ranking, table_files

from tests import report, synthetic


def seconds(**by_machine) -> pd.DataFrame:
    """One run a cell of machines with one GPU each: machine -> batch size -> seconds."""
    return pd.DataFrame(
        [
            {"machine": machine, "device": "gpu", "stack": "s", "model": model, "batch_size": size, "fit_seconds": time}
            for machine, by_size in by_machine.items()
            for size, time in by_size.items()
            for model in ("mlp", "cnn")
        ]
    )


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ({"a": {32: 1.0, 512: 1.0}, "b": {32: 2.0, 512: 2.0}}, "a is fastest in all 4 combinations of model and batch"),
        ({"a": {32: 1.0, 512: 2.0}, "b": {32: 2.0, 512: 1.0}}, "a is fastest at batch size 32; b at batch size 512."),
        ({"a": {32: 1.0}, "b": {512: 2.0}}, "No combination of model and batch size was measured on two sides"),
    ],
)
def test_sentence_is_true_of_every_cell(times, said):
    assert ranking.fastest(seconds(**times)).startswith(said)


def test_sentence_hides_no_crossing_behind_an_average():
    runs = seconds(a={32: 1.0, 512: 1.0}, b={32: 2.0, 512: 2.0})
    swapped = (runs["model"] == "cnn") & (runs["batch_size"] == 32)
    runs.loc[swapped, "fit_seconds"] = runs.loc[swapped, "fit_seconds"].map({1.0: 9.0, 2.0: 1.5}.get)
    assert (
        ranking.fastest(runs)
        == "None is fastest throughout. Of 4 combinations of model and batch size, the fastest is "
        "a in 3, b in 1."
    )


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
    assert len(first.table.rows) == 12
    assert first.picture is None
