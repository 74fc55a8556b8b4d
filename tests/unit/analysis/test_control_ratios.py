"""Tests of trainmark.analysis.control_ratios, on invented runs and controls of them."""

import pytest
from trainmark.analysis import table_files
from trainmark.experiment import controls
from trainmark.records.record import OK
from trainmark.report.sections import energy_and_controls

from tests import report, synthetic
from tests.conftest import failed_record

PLAIN = synthetic.records_of("synthetic-v100", devices=["gpu"], execution__intra_op_threads=8)


def compared(folder, records):
    report.write_tables(records, folder, only=["control_ratios"])
    return table_files.read(folder, "control_ratios")


def test_known_ratios_are_found(tmp_path):
    faster, slower = (
        synthetic.controls_of(PLAIN, name, ratio) for name, ratio in (("device-data", 1.4), ("threads-2", 0.8))
    )
    cells = compared(tmp_path, PLAIN + faster + slower)
    assert len(cells) == 2 * len(synthetic.MODELS) * len(synthetic.SIZES)
    for control, expected in (("device-data", 1.4), ("threads-2", 0.8)):
        part = cells[cells["control"] == control]
        assert part["speed_up"].to_numpy() == pytest.approx(expected)
        assert part["steady_state_speed_up"].to_numpy() == pytest.approx(expected)
        assert ((part["low"] < expected) & (expected < part["high"])).all()
        assert (part["n_baseline"] == 3).all()
    said = energy_and_controls.control_sentences(cells)
    who = "synthetic-v100, GPU, tf-2.19"
    assert said[0].startswith(f"With images on the device beforehand, {who} trains 1.40 [1.40, 1.40] times as fast (")
    assert said[0].endswith("so delivering the images slowed it down.")
    assert said[1].endswith("so 2 threads slow it down.")
    assert len(said) == 2  # the article's guess is tested: a GPU beside more than two threads, held to two


@pytest.mark.parametrize("control", [name for name in controls.NAMES if name not in controls.ABOUT_HOST])
def test_variants_are_shown_with_speed_and_accuracy(tmp_path, control):
    plain = synthetic.records_of("synthetic-v100", devices=["gpu"], gpu__compute_capability="8.0")
    other = synthetic.controls_of(plain, control, 1.3)
    for record in other:
        record["accuracy"]["test_accuracy"] -= 0.005
        if record["model"] == "cnn":  # more than the control changes
            more = {"tensor_float_32": True} if control != "tf32" else {"optimizer_operations": {"Other": 1}}
            record["execution"] |= more
    cells = compared(tmp_path, plain + other)
    assert set(cells["model"]) == set(synthetic.MODELS) - {"cnn"}
    assert cells["speed_up"].to_numpy() == pytest.approx(1.3)
    assert (cells["test_accuracy_baseline"] - cells["test_accuracy_candidate"]).to_numpy() == pytest.approx(0.005)
    (said,) = energy_and_controls.control_sentences(cells)
    assert "times as fast (geometric mean of 8 test cases), at a mean test accuracy of 85.50 % against 86.00 %." in said


def test_variant_that_is_as_fast_is_not_called_faster(tmp_path):
    same = synthetic.controls_of(PLAIN, "tf-data")
    (said,) = energy_and_controls.control_sentences(compared(tmp_path / "all", PLAIN + same))
    assert said.endswith(
        "at a mean test accuracy of 86.00 % against 86.00 %, which may be chance: the interval includes 1."
    )
    once = [record for record in PLAIN if record["repeat"] == 1]
    cells = compared(tmp_path / "once", once + synthetic.controls_of(once, "tf-data", 2.0))
    (said,) = energy_and_controls.control_sentences(cells)
    assert said.endswith("against 86.00 %, which may be chance: an interval needs repeats.")


def test_what_is_no_difference_is_not_called_one(tmp_path):
    records = PLAIN + synthetic.controls_of(PLAIN, "device-data") + synthetic.controls_of(PLAIN, "threads-4", 1.01)
    said = energy_and_controls.control_sentences(compared(tmp_path, records))
    assert said[0].endswith("so there is no evidence that delivering the images slowed it down.")
    assert said[1].endswith("so there is no evidence that 4 threads slow it down.")
    assert "do not test the article's guess" in said[2]


def test_single_runs_have_no_verdict(tmp_path):
    once = [record for record in PLAIN if record["repeat"] == 1]
    said = energy_and_controls.control_sentences(
        compared(tmp_path, once + synthetic.controls_of(once, "device-data", 2.0))
    )
    assert said[0].endswith("which may be chance: an interval needs repeats.")


def test_two_sides_that_differ_in_more_than_the_control_are_not_compared(tmp_path):
    other = synthetic.controls_of(PLAIN, "device-data", 1.4)
    for record in other:
        if record["model"] == "cnn":
            record["versions"]["keras"] = "3.99.0"
        if record["model"] == "lstm":
            record["execution"]["intra_op_threads"] = 4
    cells = compared(tmp_path, PLAIN + other)
    assert set(cells["model"]) == {"mlp"}


def test_control_of_as_many_threads_as_the_plain_runs_tells_nothing(tmp_path):
    plain = synthetic.records_of("synthetic-v100", devices=["gpu"], execution__intra_op_threads=4)
    records = plain + synthetic.controls_of(plain, "threads-4") + synthetic.controls_of(plain, "threads-2")
    assert set(compared(tmp_path, records)["control"]) == {"threads-2"}


def test_controls_are_in_no_other_table(tmp_path):
    report.write_tables(PLAIN, tmp_path / "without")
    report.write_tables(PLAIN + synthetic.controls_of(PLAIN, "device-data", 1.4), tmp_path / "with")
    for name in ("runs", "cells", "comparisons", "tflops", "energy", "drift", "outliers", "claims"):
        assert (tmp_path / f"with/{name}.csv").read_text() == (tmp_path / f"without/{name}.csv").read_text(), name
    found = table_files.read(tmp_path / "with", "controls")
    assert (len(found), set(found["control"])) == (len(PLAIN), {"device-data"})


def test_failed_controls_are_listed_and_compared_with_nothing(tmp_path):
    cell = {"machine": "synthetic-v100", "device": "gpu", "identity": PLAIN[0]["identity"]}
    made = report.make([*PLAIN, failed_record(control="device-data", **cell)], tmp_path, draw=False)
    assert made.data.tables["control_ratios"].empty
    part = made.section("failed-controls")
    assert "Synthetic: killed." in part
    assert "device-data" in part
    assert "1 control failed or did not converge and is left out." in made.html
    assert (made.data.runs["status"] == OK).all()
    assert 'id="control-ratios"' not in made.html
    assert "Controls, runs in which one thing is otherwise" in made.section("additions")


def test_page_says_what_the_controls_say(five_machines):
    part = five_machines.section("control-ratios")
    assert "so delivering the images slowed it down." in part
    assert "so there is no evidence that 4 threads slow it down." in part
    assert "Controls against plain runs" in part
    (exhibit,) = (each for each in five_machines.exhibits if each.name == "control_ratios")
    assert "images on the device beforehand 1.25" in exhibit.alt
