"""Tests of the report rooms: trainmark.tables, figures and page, on synthetic runs."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trainmark import collecting, comparing, figures, page, tables, workloads

from tests.conftest import CONFIG, ROOT, failed_record, path_of, synthetic_grid, synthetic_machine, synthetic_record

SETTINGS = workloads.settings_digest(workloads.describe("mlp", CONFIG))
GRID = {
    "machine": "synthetic-a",
    "stacks": ["tf-2.19"],
    "devices": ["cpu", "gpu"],
    "models": ["mlp", "cnn", "lstm"],
    "batch_sizes": [32, 128, 512, 1024],
    "repeats": 3,
}
TEMPLATE = ROOT / "workflow/report/page.html.j2"


def seconds(machine, device, model, batch_size, repeat):
    factor = {"mlp": 1, "cnn": 2, "lstm": 3}[model] * (2 if machine.endswith("b") else 1)
    return factor * (1 + 0.01 * repeat) * (40 if device == "cpu" else 640 / batch_size)


def tables_of(records, folder: Path, configured=()):
    """The tables as the workflow makes them, in ``folder``."""
    for data in records:
        path = folder / path_of(data)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))
        machine = folder / "results/machines" / data["machine"] / "machine.json"
        machine.write_text(json.dumps(synthetic_machine(data["machine"])))
    collecting.collect(folder / "results/machines", ROOT / "workflow/schemas", folder, skip_bad=True)
    runs = tables.read_runs(folder / "runs.csv")
    tables.summarise(runs).to_csv(folder / "cells.csv", index=False)
    chosen = tables.comparable(runs, SETTINGS)
    comparisons = comparing.configured(configured) or comparing.sensible(chosen, "auto")
    cells = comparing.compare_all(chosen, comparisons)
    cells.to_csv(folder / "comparisons.csv", index=False)
    comparing.summarise(cells).to_csv(folder / "comparisons_summary.csv", index=False)
    return runs, tables.read_runs(folder / "cells.csv")


def render(records, folder, configured=()):
    runs, _ = tables_of(records, folder, configured)
    comparisons = comparing.read_cells(folder / "comparisons.csv")
    written = figures.draw_all(runs, comparisons, SETTINGS, folder / "figures")
    data = page.read_report(folder, GRID, [c["name"] for c in configured])
    return page.render(data, TEMPLATE, SETTINGS), written, data


@pytest.fixture(scope="module")
def two_machines(tmp_path_factory):
    return render(synthetic_grid(["synthetic-a", "synthetic-b"], seconds), tmp_path_factory.mktemp("report"))


def test_statistics_are_those_of_the_runs(two_machines):
    cells = two_machines[2].cells
    assert len(cells) == 2 * 2 * 3 * 4
    row = cells.query("machine == 'synthetic-b' and device == 'gpu' and model == 'cnn' and batch_size == 128").iloc[0]
    times = [seconds("synthetic-b", "gpu", "cnn", 128, repeat) for repeat in (1, 2, 3)]
    assert (row["n"], row["failed"]) == (3, 0)
    assert row["fit_seconds_median"] == pytest.approx(np.median(times))
    assert (row["fit_seconds_min"], row["fit_seconds_max"]) == pytest.approx((min(times), max(times)))
    assert row["throughput_samples_per_second_median"] == pytest.approx(100_000 / np.median(times))


def test_models_keep_the_order_of_the_workloads_room(two_machines):
    assert list(dict.fromkeys(two_machines[2].cells["model"])) == ["mlp", "cnn", "lstm"]


def test_every_figure_as_svg_and_png(two_machines):
    names = {path.name for path in two_machines[1]}
    assert names == {f"{name}.{kind}" for name in figures_with_gpu() for kind in ("svg", "png")}
    assert all(path.stat().st_size > 5000 for path in two_machines[1])


def figures_with_gpu():
    return ("training_time", "throughput", "comparison_1", "comparison_2", "comparison_3")


def test_equal_data_give_equal_figures(two_machines, tmp_path):
    again = figures.draw_all(two_machines[2].runs, two_machines[2].comparisons, SETTINGS, tmp_path)
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in two_machines[1]]


def test_text_in_the_figures_is_text_with_units(two_machines):
    svg = {path.stem: path.read_text() for path in two_machines[1] if path.suffix == ".svg"}
    assert "Training time (s)" in svg["training_time"]
    assert "Throughput (samples/s)" in svg["throughput"]
    assert "Speed-up (baseline / candidate)" in svg["comparison_1"]
    for text in svg.values():
        assert "synthetic-b, " in text
        assert all(f">{model}<" in text for model in ("mlp", "cnn", "lstm"))


def test_series_look_alike_in_all_figures_and_unlike_each_other():
    runs = [(f"m{i}", "cpu", "tf-2.19") for i in range(25)]
    looks = figures.assign_looks(pd.DataFrame(runs, columns=["machine", "device", "stack"]))
    assert len(set(looks.values())) == 25


def test_page_needs_no_network(two_machines):
    html = two_machines[0]
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", html)
    assert "<script" not in html
    assert html.count("<img") == html.count("data:image/svg+xml;base64,") == 5
    assert all(len(alt) > 20 for alt in re.findall(r'alt="([^"]*)"', html))


def test_version_matrix_of_two_stacks(tmp_path):
    def faster(machine, device, model, batch_size, repeat):
        return seconds(machine, device, model, batch_size, repeat) / 1.25

    records = synthetic_grid(["synthetic-a"], faster)
    records += [{**r, "stack": "tf-2.12"} for r in synthetic_grid(["synthetic-a"], seconds)]
    html, written, _ = render(records, tmp_path)
    matrix = html.split("Version matrix: tf-2.19 against tf-2.12")[1].split("<h2")[0]
    assert matrix.count('<td class="number">1.25</td>') == 2 * 3 * 4 + 2 * 4 * 4
    assert "includes 1" not in matrix.split("may be chance")[1]
    assert matrix.count('<td class="number">0.860</td>') == 2 * 2 * 3 * 4
    assert {path.name for path in written} >= {"comparison_2.svg", "comparison_2.png"}


def test_no_version_matrix_of_one_stack(two_machines):
    assert "Version matrix" not in two_machines[0]


def test_numbers_of_a_comparison_on_the_page_are_those_of_the_table(two_machines):
    html, _, data = two_machines
    assert list(dict.fromkeys(data.comparisons["comparison"])) == [
        "GPU against CPU of the same machine",
        "GPU: every machine against synthetic-a",
        "CPU: every machine against synthetic-a",
    ]
    overall = data.summary.query("comparison == 'CPU: every machine against synthetic-a' and model == 'all'").iloc[0]
    assert (overall["cells"], overall["machine"], overall["machine_baseline"]) == (12, "synthetic-b", "synthetic-a")
    for name in ("geometric_mean", "arithmetic_mean", "minimum", "maximum"):
        assert overall[name] == pytest.approx(0.5)
    section = html.split("<h2")[html.count("<h2", 0, html.index("CPU: every machine")) :][0]
    assert section.count('<td class="number">0.5</td>') == 12 + 4 * 4


def test_configured_comparison_of_machines_that_are_not_there_is_left_empty(tmp_path):
    wanted = [{"name": "Nothing", "candidate": {"machine": "x"}, "baseline": {"machine": "y"}}]
    html, _, data = render([synthetic_record(machine="synthetic-a")], tmp_path, wanted)
    assert data.comparisons.empty
    assert "Nothing: not measured" in html


def test_cell_whose_runs_were_not_measured_alike_is_greyed_and_compared_with_nothing(tmp_path):
    records = [synthetic_record(machine=m, repeat=n) for m in ("synthetic-a", "synthetic-b") for n in (1, 2)]
    records[1]["execution"]["intra_op_threads"] = 8
    html, _, data = render(records, tmp_path)
    assert data.comparisons.empty
    assert "not compared: its runs differ in intra op threads 2 and 8" in html
    assert html.count('<tr class="grey">') == 1


def test_updated_driver_is_joined_and_told(tmp_path):
    records = [synthetic_record(machine="synthetic-a", repeat=n, versions__gpu_driver=f"55{n}") for n in (1, 2)]
    html, _, data = render(records, tmp_path)
    assert list(data.cells["n"]) == [2]
    assert "runs joined although they differ in gpu driver 551 and 552" in html
    assert '<tr class="grey">' not in html


def test_failed_missing_and_left_out_runs_are_listed(tmp_path):
    other = workloads.describe("mlp", {**CONFIG, "epochs": 7})
    records = [
        synthetic_record(machine="synthetic-a"),
        failed_record(machine="synthetic-a", model="cnn", reason="Synthetic <reason>."),
        synthetic_record(
            machine="synthetic-a", repeat=2, workload=other, workload_digest=workloads.digest(other), protocol=1
        ),
    ]
    html, written, data = render(records, tmp_path)
    assert "1 of 2 runs ok on 1\nmachine" in html
    assert "Synthetic &lt;reason&gt;." in html
    missing = tables.missing_runs(data.runs[data.runs["epochs"] == 2], GRID)
    assert len(missing) == 2 * 3 * 4
    assert missing["there"].sum() == 2
    left_out = html.split('<h2 id="left-out">')[1].split("<h2>")[0]
    assert "epochs 7 against 2" in left_out
    assert "not compared: epochs 7 against 2" in html
    assert not [path for path in written if "comparison" in path.name]


def test_page_where_every_run_failed(tmp_path):
    html, written, _ = render([failed_record(machine="synthetic-a")], tmp_path)
    assert "No run is ok, so there is nothing to draw." in html
    assert written == []
    assert "<img" not in html


def test_experiment_is_the_configured_one_else_the_commonest(tmp_path):
    other = workloads.describe("mlp", {**CONFIG, "epochs": 7})
    digest = workloads.digest(other)
    records = [synthetic_record(machine="synthetic-a")]
    records += [
        synthetic_record(machine="synthetic-b", repeat=n, workload=other, workload_digest=digest) for n in (1, 2)
    ]
    runs, _ = tables_of(records, tmp_path)
    assert tables.choose_experiment(runs, SETTINGS)[0] == SETTINGS
    assert tables.choose_experiment(runs, "another")[0] == workloads.settings_digest(other)


def test_cells_of_different_workloads_stay_apart(tmp_path):
    other = workloads.describe("mlp", {**CONFIG, "epochs": 7})
    second = synthetic_record(repeat=2, workload=other, workload_digest=workloads.digest(other))
    _, cells = tables_of([synthetic_record(), second], tmp_path)
    assert list(cells["n"]) == [1, 1]
