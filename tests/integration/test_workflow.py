"""The workflow as its users run it: Snakemake in a process of its own, real trainings on a few hundred real samples."""

import json
import os
import re
import shutil

import pytest
from trainmark.machine import hardware

from tests.conftest import validate_record
from tests.integration.conftest import TINY, trained

NOTHING = "Nothing to be done"


def test_whole_workflow(finished):
    checkout, output = finished
    records = checkout.records()
    assert set(records) == {64, 128}
    for data in records.values():
        validate_record(data)
        assert data["status"] == "ok", data["reason"]
        assert data["environment"]["lock_file"] == f"tf-2.19.{hardware.platform_tag()}.yaml"
        assert data["seed"] == 2024
    assert "trainmark: 2 runs to do on test-checkout" in output
    assert output.index("2 runs to do") < output.index("[1/2]") < output.index("[2/2]")
    assert "test accuracy" in output
    for name in (
        "runs.csv",
        "cells.csv",
        "index.html",
        "report.md",
        "figures/training_time_cpus.svg",
        "figures/throughput.svg",
    ):
        assert (checkout.folder / "results/report" / name).stat().st_size > 100, name


def test_no_two_trainings_overlap_however_many_cores_there_are(finished):
    spans = sorted((r["started_at"], r["ended_at"]) for r in finished[0].records().values())
    assert spans[0][1] <= spans[1][0]


def test_tensorflow_has_all_cores_with_one_core_for_snakemake(checkout):
    checkout.record(64).unlink()
    checkout.run("measure")
    threads = {r["execution"]["intra_op_threads"] for r in checkout.records().values()}
    assert threads == {len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()}


def test_again_there_is_nothing_to_do(finished):
    assert NOTHING in finished[0].run()


def test_removed_record_is_measured_again_alone(checkout):
    other = checkout.record(128).read_bytes()
    before = (checkout.folder / "results/report/runs.csv").read_text()
    checkout.record(64).unlink()
    output = checkout.run()
    assert trained(output) == 1
    assert output.splitlines()[-1] == f"Page: {(checkout.folder / 'results/report/index.html').as_uri()}"
    assert output.count("index.html") == 1
    assert checkout.record(128).read_bytes() == other
    assert (checkout.folder / "results/report/runs.csv").read_text() != before
    assert NOTHING in checkout.run()


def test_nothing_trains_again_that_was_only_touched_moved_or_copied(checkout, tmp_path):
    for path in [*checkout.folder.glob("workflow/**/*"), *checkout.folder.glob("envs/*")]:
        os.utime(path)
    for path in checkout.folder.glob("envs/*.yaml"):
        path.write_text(f"# a new comment\n{path.read_text()}")
    assert NOTHING in checkout.run()
    moved = checkout.copy(tmp_path / "moved")
    shutil.rmtree(checkout.folder)
    assert NOTHING in moved.run()
    bare = moved.copy(tmp_path / "bare", ".snakemake")
    assert trained(bare.run("measure")) == 0


@pytest.mark.parametrize("metadata", [True, False], ids=["with .snakemake", "without .snakemake"])
def test_another_workload_trains_every_local_cell_again_and_keeps_the_old_records(checkout, metadata):
    if not metadata:
        shutil.rmtree(checkout.folder / ".snakemake")
    old = {size: checkout.record(size).read_text() for size in TINY["batch_sizes"]}
    output = checkout.run("measure", epochs=2)
    assert trained(output) == 2
    assert "2 records will be measured again; what was there is kept in results/superseded/" in output
    assert {r["workload"]["epochs"] for r in checkout.records().values()} == {2}
    kept = {
        int(p.parent.name): p.read_text() for p in checkout.folder.glob("results/superseded/*/*/runs/*/*/*/*/1.json")
    }
    assert kept == old
    assert NOTHING in checkout.run("measure", epochs=2)


def test_workload_that_cannot_run_replaces_no_record(checkout):
    old = {size: checkout.record(size).read_bytes() for size in TINY["batch_sizes"]}
    output = checkout.run(code=1, epochs=500, time_limit_seconds=1)
    assert trained(output) == 0
    assert (
        output.count("a good run of another workload. It is kept, since no run of this workload has succeeded yet") == 2
    )
    assert "Traceback" not in output
    assert {size: checkout.record(size).read_bytes() for size in TINY["batch_sizes"]} == old
    assert not (checkout.folder / "results/superseded").exists()
    assert trained(checkout.run("measure")) == 0


def test_threads_that_change_train_again_and_those_of_auto_come_back(checkout):
    for threads in (1, "auto"):
        config = {"threads": threads, "batch_sizes": [64]}
        assert trained(checkout.run("measure", **config)) == 1
        assert NOTHING in checkout.run("measure", **config)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("epochs: 1\nepochs: 2\n", ", line 2: 'epochs' is here a second time, after line 1"), ("- a\n", " holds no keys")],
    ids=["twice", "list"],
)
def test_configuration_that_surprises_is_refused_with_file_and_line(checkout, text, expected):
    (checkout.folder / "config/config.yaml").write_text(text)
    output = checkout.run("-n", code=1)
    assert f"config/config.yaml{expected}" in output
    assert "Traceback" not in output


def test_configuration_that_cannot_be_used_is_refused_before_anything_runs(checkout):
    output = checkout.run("-n", code=1, baseline="nobody")
    assert "tiny.json, line 1: baseline is 'nobody', and no such machine has runs" in output


def test_time_limit_may_change_without_training_again(checkout):
    assert NOTHING in checkout.run(time_limit_seconds=77)


def test_measure_draws_nothing(checkout):
    shutil.rmtree(checkout.folder / "results/report")
    checkout.record(64).unlink()
    assert trained(checkout.run("measure")) == 1
    assert os.listdir(checkout.folder / "results/report") == ["checked.txt"]


def test_measure_fails_when_a_run_failed(checkout):
    shutil.rmtree(checkout.folder / "results/report")
    checkout.record(64).unlink()
    checkout.record(128).unlink()
    output = checkout.run("measure", code=1, time_limit_seconds=1, epochs=500)
    assert "2 runs failed" in output


def test_bad_configuration_is_refused_before_anything_runs(checkout):
    """All that is wrong at once."""
    checkout.record(64).unlink()
    output = checkout.run(code=1, models=["mlp", "resnet"], batch_size=[32])
    assert 'tiny.json, line 1: models[1] is "resnet"' in output
    assert "did you mean 'batch_sizes'?" in output
    assert "Traceback" not in output
    assert not checkout.record(64).exists()


def test_stack_that_is_not_installed_is_refused_in_one_line(checkout):
    output = checkout.run(code=1, stacks=["tf-2.12"])
    (line,) = re.findall(r"trainmark: .*", output)
    assert "Runs of tf-2.12 are to be made (tiny.json, line 1: stacks)" in line
    assert "Add --use-conda" in line
    assert "Traceback" not in output
    assert "tf-2.12" in checkout.run("-n", code=1, stacks=["tf-2.12"])
    # What was measured with conda is drawn without it.
    assert trained(checkout.run("report", "--until", "make_tables", stacks=["tf-2.12"])) == 0


def test_forgotten_use_conda_trains_nothing(checkout):
    runs = checkout.folder / "results/machines" / TINY["machine"] / "runs"
    (runs / "tf-2.19").rename(runs / "tf-2.12")
    for path in runs.rglob("*.json"):
        text = path.read_text().replace('"stack": "tf-2.19"', '"stack": "tf-2.12"').replace('"2.19.1"', '"2.12.0"')
        path.write_text(text.replace("keras.src.optimizers.adam.Adam", "keras.optimizers.legacy.adam.Adam"))
    output = checkout.run("measure")
    assert trained(output) == 0
    assert "test-checkout was measured with tf-2.12" in output
    assert not (runs / "tf-2.19").exists()


def test_no_data_and_no_network_is_one_message(checkout, tmp_path, monkeypatch):
    shutil.rmtree(checkout.folder / "results/data")
    checkout.record(64).unlink()
    (tmp_path / "empty").mkdir()
    output = checkout.run(code=1, data_folder=str(tmp_path / "empty"), data_download=False)
    assert output.count("Fashion-MNIST was not found. Tried, in turn:") == 1
    assert "no train-images-idx3-ubyte.gz in it" in output
    assert "config/config.yaml" in output


def test_data_set_is_fetched_again_without_training_again(checkout, payloads, tmp_path):
    (checkout.folder / f"results/data/{list(payloads)[-1]}.npy").unlink()  # a run names one file, whichever is missing
    folder = tmp_path / "files"
    folder.mkdir()
    for name, payload in payloads.items():
        (folder / name).write_bytes(payload)
    checkout.record(64).unlink()
    output = checkout.run("measure", data_folder=str(folder))
    assert "trainmark: data set: fashion-mnist, verified, from the folder" in output
    assert trained(output) == 1
    shutil.rmtree(checkout.folder / "results/data")
    assert NOTHING in checkout.run("measure", data_folder=str(folder))
    record = str(checkout.record(128).relative_to(checkout.folder))
    output = checkout.run("--forcerun", record, "measure", data_folder=str(folder))
    assert trained(output) == 1


def test_repeats_go_on_until_the_median_is_known_or_the_limit_is_reached(checkout):
    checkout.record(64).unlink()  # whose time is of another order than those of the trainings to come
    checkout.run("measure", batch_sizes=[64])
    config = {"repeats": "auto", "repeats_limit": 7, "repeats_precision": 0.0001, "batch_sizes": [64]}
    output = checkout.run(**config)
    assert trained(output) == 6  # the first repeat was there
    assert "1 of 1 cells need another repeat (6 repeats are not enough: its median is known to" in output
    assert "stopped at the limit of 7 repeats: its median is known to ±" in output
    page = (checkout.folder / "results/report/index.html").read_text()
    assert "stopped at the limit of 7 repeats" in page
    assert "Nothing to be done" in checkout.run(**config)
    shutil.rmtree(checkout.folder / ".snakemake")
    shutil.rmtree(checkout.folder / "results/repeats")
    assert trained(checkout.run("measure", **config)) == 0
    relaxed = checkout.run("measure", **{**config, "repeats_precision": 1})
    assert (trained(relaxed), "enough after 6 repeats" in relaxed) == (0, True)


def test_sweep_of_matrix_products_is_made_once_after_the_trainings_and_drawn(checkout):
    shutil.rmtree(checkout.folder / "results/data")
    shutil.rmtree(checkout.folder / "results/machines")
    output = checkout.run(roofline=True)
    assert output.index("[1/2]") < output.index("[2/2]") < output.index("multiplies matrices with up to")
    assert "Matrix products" in (checkout.folder / "results/report/index.html").read_text()
    assert "Nothing to be done" in checkout.run(roofline=True)


def test_controls_are_made_beside_the_plain_runs_and_drawn(checkout):
    config = {"controls": ["device-data"], "batch_sizes": [64]}
    output = checkout.run(**config)
    assert "trainmark: 1 run to do on test-checkout" in output
    assert trained(output) == 1
    (path,) = checkout.folder.glob("results/machines/*/controls/device-data/tf-2.19/cpu/mlp/64/1.json")
    control = json.loads(path.read_text())
    validate_record(control)
    assert control["execution"]["look_up_devices"] == ["CPU:0"]
    page = (checkout.folder / "results/report/index.html").read_text()
    assert "With images on the device beforehand" in page
    assert NOTHING in checkout.run(**config)
    impossible = checkout.run("-n", controls=["threads-4"], threads=4)
    assert "threads-4 left out of the controls" in impossible
