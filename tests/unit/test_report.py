"""Tests of what the report holds on synthetic runs."""

import html
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from trainmark.analysis import cell_statistics, experiments, table_files
from trainmark.contents import tables
from trainmark.experiment import workloads
from trainmark.ingest import catalogue
from trainmark.machine import energy
from trainmark.report import page
from trainmark.report.sections import details, speed
from trainmark.report.sections.document import rows_of

from tests import report, synthetic
from tests.conftest import CONFIG, ROOT, failed_record, of_stack, synthetic_grid, synthetic_record
from tests.report import GRID, SETTINGS
from tests.unit.conftest import times

HARDWARE = catalogue.load([ROOT / "config/hardware.yaml"])


def test_statistics_are_those_of_the_runs(two_machines):
    cells = two_machines.data.cells
    assert len(cells) == 2 * 2 * 3 * 4
    row = cells.query("machine == 'synthetic-b' and device == 'gpu' and model == 'cnn' and batch_size == 128").iloc[0]
    found = [times("synthetic-b", "gpu", "cnn", 128, repeat) for repeat in (1, 2, 3)]
    assert (row["n"], row["failed"]) == (3, 0)
    assert row["fit_seconds_median"] == pytest.approx(np.median(found))
    assert (row["fit_seconds_min"], row["fit_seconds_max"]) == pytest.approx((min(found), max(found)))
    assert row["fit_seconds_spread"] == pytest.approx(np.std(found, ddof=1) / np.mean(found))
    assert row["throughput_samples_per_second_median"] == pytest.approx(100_000 / np.median(found))


def test_models_keep_the_order_of_the_workloads(two_machines):
    assert list(dict.fromkeys(two_machines.data.cells["model"])) == ["mlp", "cnn", "lstm"]


def test_all_eight_exhibits_and_the_rest_are_there(five_machines):
    titles = [section.title for section in five_machines.document.sections]
    assert [int(t.split(":")[0].split()[1]) for t in titles if t.startswith("Exhibit")] == list(range(1, 9))
    assert [exhibit.name for exhibit in five_machines.exhibits if exhibit.missing] == ["not_converged", "equal_nodes"]
    drawn = {path.stem for path in (five_machines.folder / "figures").glob("*.svg")}
    assert drawn == {exhibit.name for exhibit in five_machines.exhibits if not exhibit.missing}
    for section in five_machines.document.sections:
        assert section.texts or section.figures or section.tables or section.code or section.level == 2, section.title


def test_published_figures_are_marked_wherever_they_stand(five_machines):
    for section in five_machines.document.sections:
        for table in section.tables:
            if table.source == "specifications.csv":
                values = [c for c in table.columns if c.key not in ("machine", "name", "sources")]
                assert all(column.published for column in values)
                assert all(row["sources"] for row in table.rows)
            elif table.name == "utilisation":
                assert [column.key for column in table.columns if column.published] == ["published_tflops"]
            elif table.source not in ("claims.csv", "published_checks.csv"):
                assert not any(column.published for column in table.columns)
    by_name = {exhibit.name: exhibit for exhibit in five_machines.exhibits}
    assert sorted(by_name["speed_up_apple_against_nvidia"].published["value"]) == [1.24, 1.43, 1.77]
    svg = (five_machines.folder / "figures/speed_up_apple_against_nvidia.svg").read_text()
    assert "against synthetic-p100: published, not measured" in svg


def test_unknown_hardware_is_said_to_be_unknown(five_machines):
    part = five_machines.section("specifications-chip")
    assert part.count("unknown hardware: not in config/hardware.yaml") == 3
    assert "Apple, Apple unleashes M1" in part


def test_hardware_without_figures_is_not_unknown():
    found = pd.DataFrame(catalogue.look_up([{"machine": "synthetic", "chip": "", "gpu": "Tesla K80"}], HARDWARE))
    table = pd.DataFrame(columns=tables.named("specifications").keys).merge(found, how="outer")
    (row,) = [speed._sourced(row) for row in rows_of(table)]
    assert (row["name"], row["sources"]) == ("NVIDIA K80", "none of its figures is in config/hardware.yaml")


def test_winner_that_changes_in_the_steady_state_is_named(tmp_path):
    records = synthetic.records_of("synthetic-m1", devices=["gpu"])
    slow = synthetic.records_of("synthetic-m2-max", devices=["gpu"])
    for record in slow:
        if (record["model"], record["batch_size"]) == ("mlp", 32):
            times = record["durations"]
            first, second = (factor * times["epoch_seconds"][0] for factor in (0.5, 1.5))
            times |= {"epoch_seconds": [first, second], "first_epoch_seconds": first}
            times["steady_state_epoch_seconds"] = second
    made = report.make(records + slow, tmp_path, draw=False)
    changes = next(t for s in made.document.sections for t in s.tables if t.name == "winner-changes")
    assert {(row["model"], row["batch_size"]) for row in changes.rows} == {("mlp", 32)}
    (exhibit,) = (e for e in made.exhibits if e.name == "steady_state_speed_up")
    assert "In 1 of 12 compared test cases it does" in exhibit.alt


def test_every_figure_states_its_finding_and_has_a_caption(five_machines):
    drawn = [exhibit for exhibit in five_machines.exhibits if not exhibit.missing]
    assert len({exhibit.alt for exhibit in drawn}) == len(drawn)
    for exhibit in drawn:
        assert re.search(r"\d", exhibit.alt), exhibit.name
    for section in five_machines.document.sections:
        for figure in section.figures:
            assert len(figure.caption) > 100
            assert figure.caption in html.unescape(five_machines.html)


def test_cpu_alone_is_a_complete_page_that_says_what_is_not_measured(tmp_path):
    made = report.make(synthetic.records_of("synthetic-p100", devices=["cpu"]), tmp_path)
    missing = {exhibit.name for exhibit in made.exhibits if exhibit.missing}
    missing -= {"not_converged", "ranking", "equal_nodes"}  # of which nothing is said where there is nothing
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == {
        "training_time_cpus",
        "throughput",
        "spread",
        "steady_state",
    }
    sections = {section.key: section for section in made.document.sections}
    assert not {name.replace("_", "-") for name in missing} & set(sections)  # one list says what they need
    (table,) = sections["additions"].tables
    assert {row["what"] for row in table.rows} >= {"Another machine", "Runs on a GPU", "Energy"}
    told = "; ".join(row["shows"] for row in table.rows)
    for exhibit in made.exhibits:
        assert exhibit.name not in missing or exhibit.title in told, exhibit.name
    assert "Not measured. " not in made.html
    assert "Measured: synthetic-p100, CPU, tf-2.19. A second machine or device is needed" in made.html
    assert "17 claims not measured" in made.html
    assert len(sections["claims"].tables[0].rows) == 17
    assert sections["claims"].cards == []


def test_version_matrix_of_two_stacks(tmp_path):
    def faster(*cell):
        return times(*cell) / 1.25

    records = synthetic_grid(["synthetic-a"], faster)
    records += [of_stack(r, "tf-2.12") for r in synthetic_grid(["synthetic-a"], times)]
    made = report.make(records, tmp_path, draw=False)
    matrix = made.section("comparison-1")
    assert "Version matrix: tf-2.19 against tf-2.12" in matrix
    cells = matrix.split('data-name="comparison_1-cells"')[1]
    assert cells.count(">1.25<") == 2 * 2 * 3 * 4  # in total time and in the steady state
    assert cells.count("<td>faster</td>") == 2 * 3 * 4
    assert "synthetic-a, GPU, tf-2.12" in cells


def test_frameworks_are_compared_with_what_has_to_be_known(tmp_path):
    records = synthetic_grid(["synthetic-a"], times)
    for stack, compiled in (("torch-2.11", False), ("jax-0.11", True)):
        made = [of_stack(r, stack) for r in synthetic_grid(["synthetic-a"], times)]
        records += [
            {**r, "execution": {**r["execution"], "jit_compile": compiled, "always_compiled": compiled}} for r in made
        ]
    made = report.make(records, tmp_path, draw=False)
    of_jax, of_torch = (made.section(f"comparison-{number}") for number in (1, 2))
    assert "Frameworks: jax-0.11 against tf-2.19" in of_jax
    assert "Frameworks: torch-2.11 against tf-2.19" in of_torch
    assert "jax-0.11 is Keras on JAX 0.11 and tf-2.19 is TensorFlow 2.19" in of_jax
    assert "jax-0.11 compiles every training step as a whole" in of_jax
    assert "compiles every training step" not in of_torch
    assert "Version matrix" not in made.html
    assert len(made.data.tables["excluded_pairs"]) == 0


def test_runs_that_no_lock_pins_are_said_to_be_apart(tmp_path):
    own = "torch-2.9.1-unpinned"
    plain = synthetic_grid(["synthetic-a"], times)
    records = plain + [of_stack(r, own) for r in plain]
    said = f"made with software that no lock pins ({own}): compared only where the configuration names it."
    made = report.make(records, tmp_path / "1", draw=False)
    assert f"{len(plain)} runs were {said}" in made.html
    assert own not in set(made.data.tables["comparisons"]["stack"]) | set(made.data.tables["ranking"]["stack"])
    assert own in set(made.data.tables["cells"]["stack"])
    assert all(own not in str(each["series"]) for each in made.document.choices["experiments"])
    wanted = [{"name": "Own torch", "candidate": {"stack": own}, "baseline": {"stack": "tf-2.19"}}]
    made = report.make(records, tmp_path / "2", wanted, draw=False)
    assert "Own torch" in set(made.data.tables["comparisons"]["comparison"])
    made = report.make([r for r in records if r["stack"] == own], tmp_path / "3", draw=False)
    assert "Every run that is ok was made with software that no lock pins" in made.document.first.sentence
    assert made.document.first.own.rows


def test_no_version_matrix_of_one_stack(two_machines):
    assert "Version matrix" not in two_machines.html


def test_configured_comparison_of_machines_that_are_not_there_is_left_empty(tmp_path):
    wanted = [{"name": "Nothing", "candidate": {"machine": "x"}, "baseline": {"machine": "y"}}]
    made = report.make([synthetic_record(machine="synthetic-a")], tmp_path, wanted, draw=False)
    assert made.data.tables["comparisons"].empty
    assert "Nothing: not measured" in made.html


def test_cell_whose_runs_were_not_measured_alike_is_greyed_and_compared_with_nothing(tmp_path):
    records = [synthetic_record(machine=m, repeat=n) for m in ("synthetic-a", "synthetic-b") for n in (1, 2)]
    records[1]["execution"]["intra_op_threads"] = 8
    made = report.make(records, tmp_path, draw=False)
    assert made.data.tables["comparisons"].empty
    assert "not compared: its runs differ in intra op threads 2 and 8" in made.html
    assert made.html.count('<tr class="grey">') == 1


def test_updated_driver_is_joined_and_told(tmp_path):
    records = [synthetic_record(machine="synthetic-a", repeat=n, versions__gpu_driver=f"55{n}") for n in (1, 2)]
    made = report.make(records, tmp_path, draw=False)
    assert list(made.data.cells["n"]) == [2]
    assert "runs joined although they differ in gpu driver 551 and 552" in made.html
    assert '<tr class="grey">' not in made.html


def test_unstable_cell_is_told(tmp_path):
    made = report.make(synthetic.records_of("synthetic-m1", noise=(0.8, 1.0, 1.3)), tmp_path, draw=False)
    assert (
        made.section("cells").count(
            "unstable: spread over 10 %; with this spread, 94 repeats would give the mean to 5 %"
        )
        == 2 * 3 * 4
    )
    assert "24 test cases are unstable, with a spread over 10 %" in made.html


def stopped_record(**changes) -> dict:
    """A record of a run that was stopped in its second epoch."""
    curves = {"train_loss": [1.1], "train_accuracy": [0.6], "validation_loss": [None], "validation_accuracy": [0.31]}
    times = {"epoch_seconds": [9.0], "validation_seconds": [1.0], "first_epoch_seconds": 9.0}
    kept = {"durations": times, "accuracy": {**curves, "test_loss": None, "test_accuracy": None}}
    return failed_record(status="timed_out", reason="Synthetic: stopped.", **kept, **changes)


def test_failed_missing_and_left_out_runs_are_listed(tmp_path):
    other = workloads.describe("mlp", {**CONFIG, "epochs": 7})
    records = [
        synthetic_record(machine="synthetic-a"),
        failed_record(machine="synthetic-a", model="cnn", reason="Synthetic <reason>."),
        stopped_record(machine="synthetic-a", model="lstm"),
        synthetic_record(
            machine="synthetic-a", repeat=2, workload=other, workload_digest=workloads.digest(other), protocol=1
        ),
    ]
    made = report.make(records, tmp_path, draw=False)
    assert "1 of 3 runs ok on 1 machine" in made.html
    assert "Synthetic &lt;reason&gt;." in made.section("failed")
    missing = cell_statistics.missing_runs(made.data.runs, GRID, ["synthetic-a"])
    assert len(missing) == 2 * 3 * 4
    assert missing["there"].sum() == 3
    assert "epochs 7 against 2" in made.section("left-out")
    assert "not compared: epochs 7 against 2" in made.section("cells")
    assert not [exhibit for exhibit in made.exhibits if "comparison" in exhibit.name]

    # What a run had finished when its time limit stopped it is told there, and counts nowhere.
    (told,) = next(section.tables for section in made.document.sections if section.key == "stopped")
    assert [(r["model"], r["epochs_finished"], r["epochs"], r["curve"]) for r in told.rows] == [("lstm", 1, 2, "0.310")]
    lstm = made.data.cells.query("model == 'lstm'").iloc[0]
    assert (lstm["n"], lstm["failed"]) == (0, 1)
    assert pd.isna([lstm["fit_seconds_median"], lstm["first_epoch_seconds_median"]]).all()

    # The same for a fleet, of which one machine has no run yet, since a job was lost.
    lost = dict.fromkeys(("machine", "what", "state", "number", "why", "log"), "synthetic")
    nodes = {name: {"stacks": ["tf-2.19"], "devices": ["cpu"]} for name in ("synthetic-a", "synthetic-b")}
    data = replace(made.data, grid={**GRID, "machine": "", "fleet": nodes, "lost": [lost]})
    assert data.missing.groupby("machine")["there"].agg(["size", "sum"]).to_dict("index") == {
        "synthetic-a": {"size": 12, "sum": 3},
        "synthetic-b": {"size": 12, "sum": 0},
    }
    sections = {section.key: section for section in details.not_counted(data)}
    assert sections["lost"].tables[0].rows == [lost]
    assert "This computer" not in sections["missing"].texts[0]
    assert ("1 job of the last command ended without a record.", "lost") in list(page.alerts(data))


def test_page_where_every_run_failed(tmp_path):
    made = report.make([failed_record(machine="synthetic-a")], tmp_path)
    assert "No run is ok, so there is nothing to draw." in made.html
    assert "<img" not in made.html
    assert all(exhibit.missing for exhibit in made.exhibits)
    assert "Synthetic: killed." in made.section("failed")
    assert made.markdown


def test_how_to_reproduce_names_the_experiment(five_machines):
    (command,) = next(s.code for s in five_machines.document.sections if s.key == "reproduce")
    for words in ("epochs=2", "repeats=3", "stacks=[tf-2.19]", "batch_sizes=[32,128,512,1024]", "learning_rate=0.001"):
        assert words in command


def test_experiment_is_the_configured_one_or_this_computers_or_the_commonest(tmp_path):
    other = workloads.describe("mlp", {**CONFIG, "epochs": 7})
    digest, sevens = workloads.digest(other), workloads.settings_digest(other)
    records = [synthetic_record(machine="synthetic-a")]
    records += [
        synthetic_record(machine="synthetic-b", repeat=n, workload=other, workload_digest=digest) for n in (1, 2)
    ]
    report.write_tables(records, tmp_path, only=[])
    runs = table_files.read(tmp_path, "runs")

    def order(settings: str, machine: str) -> list[str]:
        return [each for each, _ in experiments.in_order(runs, experiments.Preference(settings, machine))]

    assert order(SETTINGS, "nobody") == order(SETTINGS, "synthetic-a") == [SETTINGS, sevens]
    assert order("another", "nobody") == [sevens, SETTINGS]
    assert order(SETTINGS, "synthetic-b") == [sevens, SETTINGS]  # which would be on no figure otherwise
    assert order(sevens, "synthetic-a") == [SETTINGS, sevens]


def test_cells_of_different_workloads_stay_apart(tmp_path):
    other = workloads.describe("mlp", {**CONFIG, "epochs": 7})
    second = synthetic_record(repeat=2, workload=other, workload_digest=workloads.digest(other))
    report.write_tables([synthetic_record(), second], tmp_path, only=["cells"])
    assert list(table_files.read(tmp_path, "cells")["n"]) == [1, 1]


def test_index_of_the_figures_names_all(five_machines):
    entries = json.loads((five_machines.folder / "figures/figures.json").read_text())
    assert [entry["name"] for entry in entries] == [exhibit.name for exhibit in five_machines.exhibits]


def test_a_part_of_the_grid_is_drawn_without_the_published_figures_of_the_rest(tmp_path):
    records = [r for r in synthetic.article() if r["batch_size"] == 128]
    made = report.make(records, tmp_path, draw=["speed_up_apple_against_nvidia", "speed_up_gpu_against_cpu"])
    by_name = {exhibit.name: exhibit for exhibit in made.exhibits}
    assert by_name["speed_up_apple_against_nvidia"].published.empty
    assert list(by_name["speed_up_gpu_against_cpu"].published["batch_size"]) == [128]


def test_machines_without_a_description_are_unknown_and_not_without_a_gpu(tmp_path):
    made = report.make(synthetic.records_of("synthetic-m1"), tmp_path, described=False, draw=False)
    for key in ("specifications-chip", "specifications-gpu", "set-up"):
        assert "Unknown, because there is no machine.json: synthetic-m1." in made.section(key)


def test_only_gpus_that_were_measured_are_compared(tmp_path):
    records = synthetic.records_of("synthetic-m1") + synthetic.records_of("synthetic-t4", devices=["cpu"])
    part = report.make(records, tmp_path, draw=False).section("specifications-gpu")
    assert "synthetic-m1" in part
    assert "synthetic-t4" not in part


def test_configured_comparison_may_bear_the_name_of_the_articles(tmp_path):
    name = "Times faster: GPU against CPU of the same machine"
    wanted = [{"name": name, "candidate": {"device": "cpu"}, "baseline": {"device": "gpu"}}]
    made = report.make(synthetic.records_of("synthetic-m1"), tmp_path, wanted, draw=False)
    tables_of = [t for s in made.document.sections for t in s.tables if t.name.endswith("-averages")]
    assert [len(table.rows) for table in tables_of] == [4, 4]


def test_sources_of_a_users_hardware_file_are_its_own(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("sources: {nvidia-t4: my own guess}\nchips: []\ngpus: []\n")
    merged = catalogue.load([report.ROOT / "config/hardware.yaml", mine])
    assert "data sheet" in merged["gpus"]["nvidia-t4"]["fp32_tflops"]["source"]


def test_a_repeat_that_stands_apart_is_marked_with_what_was_noticed(tmp_path):
    records = synthetic.records_of("synthetic-m1", devices=["cpu"])
    slow = records[1]
    slow["durations"]["fit_seconds"] *= 1.5
    slow["ended_at"] = slow["ended_at"].replace("2025-", "2026-")  # later by as much, at least
    slow["noise"] |= {"load_average_before": 7.5, "fit_cpu_seconds": 10.0, "fit_steal_seconds": 2.0}
    made = report.make(records, tmp_path, draw=False)
    (table,) = (t for s in made.document.sections for t in s.tables if t.name == "outliers")
    (row,) = table.rows
    assert (row["model"], row["batch_size"], row["repeat"], row["load_average_before"]) == ("mlp", 32, 2, 7.5)
    assert row["ratio"] == pytest.approx(1.5, rel=0.01)
    assert row["steal_share"] == pytest.approx(2.0 / (2 * slow["durations"]["fit_seconds"]))
    assert "Outliers and disturbed" in made.section("spread")


def test_of_two_repeats_nobody_knows_which_one_stands_apart(tmp_path):
    made = report.make(synthetic.records_of("synthetic-m1", noise=(1.0, 2.0)), tmp_path, draw=False)
    assert "Outliers and disturbed" not in made.html


def test_cells_that_are_missing_are_told_of_the_configured_experiment_alone(tmp_path):
    other = workloads.describe("mlp", {**CONFIG, "epochs": 7})
    records = [synthetic_record(machine="synthetic-b")]
    records += [synthetic_record(machine="synthetic-a", workload=other, workload_digest=workloads.digest(other))]
    made = report.make(records, tmp_path / "other", draw=False)
    assert "Also here: 2 epochs (1 run on synthetic-b)." in made.html
    assert 'id="missing"' not in made.html
    made = report.make([*records, synthetic_record(machine="synthetic-a", repeat=2)], tmp_path / "both", draw=False)
    assert made.section("missing").count('<th scope="row">synthetic-a</th>') == 2 * 3 * 4


# What is noted of a run's clocks, when it ended, and what is said of it.
SLEPT = [
    ({"suspended_seconds": 5700.0}, "2026-01-01T01:35:30.000+00:00", "the machine slept"),
    ({"clock_jump_seconds": -600.0}, "2026-01-01T00:00:30.000+00:00", "the machine's clock was set"),
    # A record of before sleep was noted, 95 minutes longer by the clock than all that it was busy with.
    (
        {"suspended_seconds": None, "clock_jump_seconds": None},
        "2026-01-01T01:35:30.000+00:00",
        "took much longer by the time of day than its parts explain",
    ),
]


def test_run_during_which_the_machine_slept_is_marked(tmp_path):
    records = synthetic.records_of("synthetic-m1", devices=["cpu"])
    for place, (noise, ended_at, _) in zip((1, 5, 9), SLEPT):  # of three test cases
        records[place]["noise"] |= noise
        records[place]["ended_at"] = ended_at
    made = report.make(records, tmp_path, draw=False)
    (table,) = (t for s in made.document.sections for t in s.tables if t.name == "outliers")
    found = {(row["batch_size"], row["repeat"]): row["why"] for row in table.rows}
    assert found == {
        (records[place]["batch_size"], records[place]["repeat"]): why for place, (*_, why) in zip((1, 5, 9), SLEPT)
    }


def test_machine_that_trained_with_another_optimizer_is_grey_and_named(tmp_path):
    fused = {"execution__optimizer_class": "keras.optimizers.legacy.adam.Adam"}
    fused["execution__optimizer_operations"] = {"ResourceApplyAdam": 6}
    records = synthetic.records_of("synthetic-m1", devices=["gpu"], **fused)
    records += synthetic.records_of("synthetic-t4", devices=["gpu"])
    made = report.make(records, tmp_path, draw=False)
    assert made.data.tables["comparisons"].empty
    part = made.section("excluded-pairs")
    assert "optimizer class keras.optimizers.legacy.adam.Adam against keras.src.optimizers.adam.Adam" in part
    assert part.count('class="grey') == 1
    assert ">12<" in part


def test_cell_that_was_trained_on_two_kinds_of_gpu_is_grey_and_named(tmp_path):
    records = synthetic.records_of("synthetic-t4", devices=["gpu"])
    records[0]["gpu"] = {**records[0]["gpu"], "name": "Tesla V100-SXM2-16GB"}
    records[3]["gpu"] = {**records[3]["gpu"], "id_hash": "2" * 32}  # another one of the same kind
    report.write_tables(records, tmp_path, only=["cells"])
    cells = table_files.read(tmp_path, "cells")
    first, second = cells[cells["model"] == "mlp"].to_dict("records")[:2]
    assert first["apart"] == "gpu Tesla T4 and Tesla V100-SXM2-16GB"
    assert first["batch_size"] == 32
    assert pd.isna(second["apart"])
    assert second["joined"].startswith("gpu id")


def test_reason_for_no_energy_of_a_cpu_run_beside_a_gpu_is_on_the_page(tmp_path):
    why = "no meter counts the CPU: /sys/class/powercap holds no RAPL counter"
    records = synthetic.records_of("synthetic-t4", devices=["cpu"], energy=energy.unmeasured(why))
    made = report.make(records, tmp_path, draw=False)
    assert why in made.section("additions")


def test_page_marks_machines_without_identity(tmp_path):
    nobody = {"machine_id_hash": None, "hardware": None}
    by_hardware = synthetic_record()["identity"] | {"machine_id_hash": None}
    records = [synthetic_record(machine="synthetic-a", repeat=n, identity=nobody) for n in (1, 2)]
    records += [synthetic_record(machine="synthetic-a", repeat=3)]
    records += [synthetic_record(machine="synthetic-b", identity=by_hardware), synthetic_record(machine="synthetic-c")]
    part = report.make(records, tmp_path, draw=False, described=False).section("set-up")
    assert "Records without an identity may be of any machine: synthetic-a (2 of 3 runs)." in part
    assert "two machines of one kind under one name would not be noticed: synthetic-b." in part
    assert "Checksums show that an archive was damaged on its way, not that a record was invented." in part
