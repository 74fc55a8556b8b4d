"""Tests of trainmark.report.figures.drawing: nothing clipped, overlapping or empty; same data, same files."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from trainmark.analysis import convergence
from trainmark.report.figures import drawing, style

from tests import report, synthetic
from tests.conftest import unlearned
from tests.unit.conftest import FIVE_GATE, five


def of(count):
    if count == 1:
        return synthetic.records_of("synthetic-m2-max", noise=(0.95, 1.0, 1.2)), None
    if count == 2:
        return [r for name in ("synthetic-m1", "synthetic-p100") for r in synthetic.records_of(name)], None
    return synthetic.many(count) if count > 5 else (synthetic.article(), None)


LONG = "synthetic-" + "very-long-name-of-a-machine-" * 2 + "x"


@pytest.fixture(scope="module", params=[1, 2, 5, "25, some not converged", "long names", "no references"], ids=str)
def planned(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    if request.param == "long names":
        kinds = {f"{LONG}{n}": "synthetic-m1" for n in range(3)}
        records = [r for name, kind in kinds.items() for r in synthetic.records_of(name, kind)]
    elif request.param == "25, some not converged":
        records, kinds = of(25)
        records[::11] = [unlearned(record, [0.3, 0.2]) for record in records[::11]]
    elif request.param == "no references":
        records, kinds = of(1)
        records[::11] = [unlearned(record, [0.1, 0.1]) for record in records[::11]]
    else:
        records, kinds = of(request.param)
    gate = convergence.Gate(None if request.param == "no references" else synthetic.references(), 0.001)
    made = report.make(records, folder, kinds=kinds, draw=False, gate=gate)
    return [e for e in made.exhibits if not e.missing], style.assign_looks(made.data.runs)


def texts_of(figure):
    """Every text that can be seen, with its box in pixels."""
    figure.canvas.draw()
    found = figure.findobj(lambda artist: isinstance(artist, mpl.text.Text) and artist.get_visible())
    boxes = [(text, text.get_window_extent()) for text in found if text.get_text().strip()]
    hidden = set()
    for axis in figure.axes:  # ticks beyond the ends of an axis are there and not drawn
        for ticks, low, high, side in (
            (axis.xaxis, *sorted(axis.get_xlim()), 0),
            (axis.yaxis, *sorted(axis.get_ylim()), 1),
        ):
            for tick in ticks.get_major_ticks():
                if not low <= tick.get_loc() <= high or (side and not tick.label1.get_visible()):
                    hidden |= {tick.label1, tick.label2}
    return [(text, box) for text, box in boxes if text not in hidden]


def test_no_text_is_clipped_or_overlaps_and_no_panel_is_empty(planned):
    exhibits, looks = planned
    for exhibit in exhibits:
        with mpl.rc_context(style.STYLE):
            figure = drawing.build(exhibit, looks)
            width, height = figure.canvas.get_width_height()
            boxes = texts_of(figure)
            for text, box in boxes:
                inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
                assert inside, (exhibit.name, text.get_text(), box, (width, height))
            for (one, a), (other, b) in itertools.combinations(boxes, 2):
                across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
                assert across < 1 or up < 2, (exhibit.name, one.get_text(), other.get_text())
            for axis in figure.axes:
                points = [c for c in axis.collections if isinstance(c, PathCollection) and len(c.get_offsets())]
                drawn = points + axis.patches + [line for line in axis.lines if line.get_marker() != "None"]
                assert drawn, (exhibit.name, axis.get_title())
            plt.close(figure)


def test_equal_data_give_equal_files(five_machines, tmp_path):
    made = report.make(five()[::-1], tmp_path, gate=FIVE_GATE)
    folders = five_machines.folder / "figures", tmp_path / "figures"
    files = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert files[0].keys() == files[1].keys()
    assert [name for name in files[0] if files[0][name] != files[1][name]] == []
    assert {path.rpartition(".")[2] for path in files[0]} == {"svg", "png", "csv", "json"}
    assert len(files[0]) == 3 * sum(not exhibit.missing for exhibit in made.exhibits) + 1


def test_data_beside_a_figure_are_its_points(five_machines):
    table = pd.read_csv(five_machines.folder / "figures/training_time_gpus.csv")
    runs = five_machines.data.runs.query("device == 'gpu'")
    assert sorted(table["fit_seconds"]) == sorted(runs["fit_seconds"])


def test_text_in_the_figures_is_text_with_units(five_machines):
    svg = {path.stem: path.read_text() for path in (five_machines.folder / "figures").glob("*.svg")}
    for name, words in {
        "training_time_gpus": "Training time (s)",
        "throughput": "Throughput (samples/s)",
        "speed_up_apple_gpus": "Speed-up (baseline / candidate)",
        "spread": "median of its cell",
        "tflops": "Ratio of published FP32 TFLOPS",
    }.items():
        assert words in svg[name], name
    assert all("synthetic-m2-max" in svg[name] for name in svg if name.startswith("training_time"))


def test_series_look_alike_in_all_figures_and_unlike_each_other():
    runs = [(f"m{i}", "cpu", "tf-2.19") for i in range(25)]
    looks = style.assign_looks(pd.DataFrame(runs, columns=["machine", "device", "stack"]))
    assert len(set(looks.values())) == 25


def test_more_series_than_can_be_read_are_left_to_the_tables(tmp_path):
    kinds = {f"synthetic-m1-{number:02}": "synthetic-m1" for number in range(61)}
    records = [r for name in kinds for r in synthetic.records_of(name, kinds[name], devices=["gpu"], noise=(1.0,))]
    made = report.make(records, tmp_path, kinds=kinds, draw=False)
    (exhibit,) = (e for e in made.exhibits if e.name == "training_time_gpus")
    assert "61 rows, more than can be read" in exhibit.missing
    assert "61 rows, more than can be read" in made.section("training-time-gpus")
