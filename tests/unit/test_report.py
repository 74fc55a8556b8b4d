"""Tests of the report rooms: trainmark.tables, figures and page, on synthetic runs."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trainmark import collecting, figures, page, tables, workloads

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


def tables_of(records, folder: Path):
    """runs, cells and machines as the workflow makes them."""
    for data in records:
        path = folder / path_of(data)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))
        machine = folder / "results/machines" / data["machine"] / "machine.json"
        machine.write_text(json.dumps(synthetic_machine(data["machine"])))
    collecting.collect(folder / "results/machines", ROOT / "workflow/schemas", folder, skip_bad=False)
    runs = tables.read_runs(folder / "runs.csv")
    tables.summarise(runs).to_csv(folder / "cells.csv", index=False)
    return runs, tables.read_runs(folder / "cells.csv"), page.read_machines(folder / "machines.csv")


def render(records, folder):
    runs, cells, machines = tables_of(records, folder)
    written = figures.draw_all(runs, SETTINGS, folder / "figures")
    data = page.PageData(runs, cells, machines, GRID)
    return page.render(data, folder / "figures", TEMPLATE, SETTINGS), written, data


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
    return ("training_time", "throughput", "gpu_speed_up")


def test_equal_data_give_equal_figures(two_machines, tmp_path):
    again = figures.draw_all(two_machines[2].runs, SETTINGS, tmp_path)
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in two_machines[1]]


def test_text_in_the_figures_is_text_with_units(two_machines):
    svg = {path.stem: path.read_text() for path in two_machines[1] if path.suffix == ".svg"}
    assert "Training time (s)" in svg["training_time"]
    assert "Throughput (samples/s)" in svg["throughput"]
    assert "Speed-up (CPU time / GPU time)" in svg["gpu_speed_up"]
    for text in svg.values():
        assert "synthetic-b, GPU, tf-2.19" in text
        assert all(f">{model}<" in text for model in ("mlp", "cnn", "lstm"))


def test_series_look_alike_in_all_figures_and_unlike_each_other():
    runs = [(f"m{i}", "cpu", "tf-2.19") for i in range(25)]
    looks = figures.assign_looks(pd.DataFrame(runs, columns=["machine", "device", "stack"]))
    assert len(set(looks.values())) == 25


def test_page_needs_no_network(two_machines):
    html = two_machines[0]
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", html)
    assert "<script" not in html
    assert html.count("<img") == html.count("data:image/svg+xml;base64,") == 3
    assert all(len(alt) > 20 for alt in re.findall(r'alt="([^"]*)"', html))


def test_version_matrix_of_two_stacks(tmp_path):
    def faster(machine, device, model, batch_size, repeat):
        return seconds(machine, device, model, batch_size, repeat) / 1.25

    records = synthetic_grid(["synthetic-a"], faster)
    records += [{**r, "stack": "tf-2.12"} for r in synthetic_grid(["synthetic-a"], seconds)]
    html, written, _ = render(records, tmp_path)
    matrix = html.split('<h2 id="stacks">')[1].split("<h2")[0]
    assert matrix.count("<td>tf-2.19 / tf-2.12</td>") == 2 * 3 * 4
    assert matrix.count('<td class="number">1.25</td>') == 2 * 3 * 4
    assert "includes 1" not in matrix
    assert matrix.count('<td class="number">0.860</td>') == 2 * 2 * 3 * 4
    assert {path.name for path in written} >= {"stack_speed_up.svg", "stack_speed_up.png"}


def test_no_version_matrix_of_one_stack(two_machines):
    assert 'id="stacks"' not in two_machines[0]


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
    assert '<td class="number">7</td>' in left_out
    assert not [path for path in written if "gpu" in path.name]


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
    runs, _, _ = tables_of(records, tmp_path)
    assert tables.choose_experiment(runs, SETTINGS)[0] == SETTINGS
    assert tables.choose_experiment(runs, "another")[0] == workloads.settings_digest(other)


def test_cells_of_different_workloads_stay_apart(tmp_path):
    other = workloads.describe("mlp", {**CONFIG, "epochs": 7})
    second = synthetic_record(repeat=2, workload=other, workload_digest=workloads.digest(other))
    _, cells, _ = tables_of([synthetic_record(), second], tmp_path)
    assert list(cells["n"]) == [1, 1]
