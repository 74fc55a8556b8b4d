"""Tests of trainmark.report.figures.by_batch_size and without_result: what stands where, and what is crossed out."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from trainmark.report.figures import drawing, looks, style, without_result

from tests import report, synthetic
from tests.unit.report.figures.test_drawing import with_failures

GPU = {"machine": "a", "device": "gpu", "stack": "tf-2.19", "model": "cnn"}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Name -> exhibit and figure, of a report in which some test cases failed."""
    records = [r for r in with_failures(synthetic.article(metered=True)) if r["machine"] != "synthetic-v100"]
    made = report.make(records, tmp_path_factory.mktemp("lost"), draw=False)
    found = looks.assign_looks(made.data.runs)
    names = "training_time_gpus", "speed_up_apple_against_nvidia", "speed_up_apple_gpus", "energy", "ranking"
    with mpl.rc_context(style.STYLE):
        yield {e.name: (e, drawing.build(e, found)) for e in made.exhibits if e.name in names}
        plt.close("all")


def crosses(axis):
    return [line for line in axis.lines if line.get_marker() == looks.LOST]


def test_what_failed_and_what_did_not_learn_is_crossed_out_at_its_batch_size(drawn):
    exhibit, figure = drawn["training_time_gpus"]
    mlp, cnn, lstm = figure.panels
    assert [len(crosses(axis)) for axis in (mlp, cnn, lstm)] == [0, 1, 1]
    assert list(crosses(cnn)[0].get_xdata()) == [2]  # 32, 128, 512
    assert list(crosses(lstm)[0].get_xdata()) == [3]
    assert "synthetic-m1, cnn at batch size 512 (did not learn)" in exhibit.note
    assert "synthetic-t4, lstm at batch size 1,024 (out of memory)" in exhibit.note
    assert [entry.label for entry in figure.entries][-1] == "no result"


def test_line_is_broken_where_there_is_no_result(drawn):
    _, figure = drawn["training_time_gpus"]
    lines = [line for line in figure.panels[1].lines if line.get_marker() == "None"]
    assert list(pd.isna(lines[0].get_ydata())) == [False, False, True, False]


def test_comparison_crosses_out_the_pairs_of_which_a_side_has_no_result(drawn):
    exhibit, _ = drawn["speed_up_apple_against_nvidia"]
    assert list(exhibit.lost["machine_baseline"]) == ["synthetic-t4"]
    assert "against synthetic-t4, lstm at batch size 1,024 (out of memory)" in exhibit.note


def test_times_are_logarithmic_and_panels_share_one_scale(drawn):
    _, figure = drawn["training_time_gpus"]
    assert {axis.get_yscale() for axis in figure.panels} == {"log"}
    assert len({axis.get_ylim() for axis in figure.panels}) == 1
    assert len({axis.get_position().width.round(6) for axis in figure.panels}) == 1


def test_published_figures_are_hollow_diamonds_in_their_machines_colour_at_their_batch_size(drawn):
    _, figure = drawn["speed_up_apple_against_nvidia"]
    diamonds = [
        line
        for axis in figure.panels
        for line in axis.lines
        if line.get_marker() == looks.PUBLISHED and len(line.get_xdata())
    ]
    (p100,) = {entry.look.colour for entry in figure.entries if entry.label == "against synthetic-p100"}
    assert sorted(value for line in diamonds for value in line.get_ydata()) == [1.24, 1.43, 1.77]
    assert {line.get_markeredgecolor() for line in diamonds} == {p100}
    assert {line.get_markerfacecolor() for line in diamonds} == {looks.PAPER}
    assert {float(place) for line in diamonds for place in line.get_xdata()} == {3.0}  # 1,024


def test_reference_line_says_what_it_is(drawn):
    for name, said in {
        "speed_up_apple_gpus": "as fast as synthetic-m1, GPU",
        "ranking": "as fast as synthetic-",
    }.items():
        texts = [text.get_text().replace("\n", " ") for axis in drawn[name][1].panels for text in axis.texts]
        assert any(text.startswith(said) for text in texts), name


def test_energies_of_different_scopes_share_no_axis(drawn):
    exhibit, figure = drawn["energy"]
    assert exhibit.table["energy_scope"].nunique() == 3
    assert len(figure.panels) == 9
    for axis in figure.panels:
        model, scope = axis.get_title().split(", ")
        part = exhibit.table[(exhibit.table["energy_scope"] == scope) & (exhibit.table["model"] == model)]
        values = {v for line in axis.lines if line.get_transform() == axis.transData and line.get_linestyle() == "None"
                  for v in line.get_ydata()}  # fmt: skip
        assert values == set(part["joules_per_epoch"])


def test_identical_lines_lie_on_each_other(drawn):
    _, figure = drawn["speed_up_apple_against_nvidia"]
    for axis in figure.panels:
        for line in axis.lines:
            if line.get_transform() == axis.transData:
                assert all(float(place).is_integer() for place in line.get_xdata())


def runs(*rows):
    return pd.DataFrame([{**GPU, "batch_size": size, "repeat": n, "status": s} for n, (size, s) in enumerate(rows)])


def test_test_case_has_no_result_only_if_no_run_of_it_is_ok():
    found = without_result.cases(runs((32, "ok"), (32, "killed"), (64, "killed"), (64, "timed_out"), (128, "ok")))
    assert found[["batch_size", "why"]].to_numpy().tolist() == [[64, "killed, timed out"]]
    assert without_result.cases(runs((32, "ok"))).empty
