"""Tests of trainmark.report.figures.drawing: nothing clipped, overlapping or empty; same data, same files."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from trainmark.analysis import convergence
from trainmark.report.figures import drawing, looks, style

from tests import colour_vision, report, synthetic
from tests.conftest import failed_record, of_stack, unlearned

TWICE = (0.997, 1.003)
LONG = "synthetic-" + "very-long-name-of-a-machine-" * 2 + "x"


@pytest.fixture(
    scope="module",
    params=[
        "one, no references",
        "long names, two stacks",
        "five with energy, some failed",
        "25, some not converged",
    ],
)
def built(request, tmp_path_factory):
    """Every figure of a report, laid out."""
    kinds, gate = None, convergence.Gate(synthetic.references(), 0.001)
    if request.param == "one, no references":
        records, gate = synthetic.records_of("synthetic-m2-max", noise=(0.95, 1.0, 1.2)), convergence.Gate(None, 0.001)
        records[::11] = [unlearned(record, [0.1, 0.1]) for record in records[::11]]
    elif request.param == "long names, two stacks":
        kinds = {f"{LONG}{n}": "synthetic-m1" for n in range(3)}
        records = [r for name, kind in kinds.items() for r in synthetic.records_of(name, kind, noise=TWICE)]
        records += [of_stack(record, "tf-2.12") for record in records]
    elif request.param == "five with energy, some failed":
        records = with_failures(synthetic.article(metered=True))
    else:
        records, kinds = synthetic.many(25, noise=TWICE)
        records[::11] = [unlearned(record, [0.3, 0.2]) for record in records[::11]]
    made = report.make(records, tmp_path_factory.mktemp("figures"), kinds=kinds, draw=False, gate=gate)
    found = looks.assign_looks(made.data.runs)
    with mpl.rc_context(style.STYLE):
        drawn = [(e, drawing.build(e, found)) for e in made.exhibits if not e.missing]
        yield drawn
        plt.close("all")


def with_failures(records):
    """The records, as if some test cases had no result at all."""
    found = []
    for record in records:
        case = record["machine"], record["device"], record["model"], record["batch_size"]
        if case == ("synthetic-t4", "gpu", "lstm", 1024):
            kept = {
                key: record[key] for key in ("machine", "device", "model", "batch_size", "repeat", "identity", "gpu")
            }
            found.append(failed_record(**kept, workload=record["workload"], status="out_of_memory"))
        elif case == ("synthetic-m1", "gpu", "cnn", 512):
            found.append(unlearned(record, [0.3, 0.2]))
        else:
            found.append(record)
    return found


def box_of(text):
    """A text's box in pixels, without the blank line that it may begin with."""
    x0, y0, x1, y1 = text.get_window_extent().extents
    return mpl.transforms.Bbox([[x0, y0], [x1, y1 - (y1 - y0) / 2 if text.get_text().startswith("\n") else y1]])


def texts_of(figure):
    """Every text that can be seen, with its box in pixels."""
    figure.draw_without_rendering()
    found = figure.findobj(lambda artist: isinstance(artist, mpl.text.Text) and artist.get_visible())
    boxes = [(text, box_of(text)) for text in found if text.get_text().strip()]
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


def test_no_text_is_clipped_or_overlaps_and_no_panel_is_empty(built):
    for exhibit, drawn in built:
        figure = drawn.figure
        width, height = figure.canvas.get_width_height()
        boxes = texts_of(figure)
        for text, box in boxes:
            inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
            assert inside, (exhibit.name, text.get_text(), box, (width, height))
        x0, y0, x1, y1 = np.array([box.extents for _, box in boxes]).T
        across = np.minimum(x1, x1[:, None]) - np.maximum(x0, x0[:, None])
        up = np.minimum(y1, y1[:, None]) - np.maximum(y0, y0[:, None])
        overlap = np.argwhere(np.triu((across >= 1) & (up >= 2), 1))
        assert not len(overlap), (exhibit.name, [[boxes[n][0].get_text() for n in pair] for pair in overlap])
        for axis in drawn.panels:
            assert points_of(axis), (exhibit.name, axis.get_title())


def points_of(axis):
    """Markers that are drawn in a panel at their values."""
    lines = [line for line in axis.lines if line.get_marker() != "None" and len(line.get_xdata())]
    return [line for line in lines if line.get_transform() == axis.transData]


def test_who_sees_no_red_or_no_green_tells_every_pair_of_series_apart(built):
    for exhibit, drawn in built:
        for one, other in itertools.combinations([entry.look for entry in drawn.entries], 2):
            if (one.marker, one.hollow) == (other.marker, other.hollow):
                for vision in ("deuteranopia", "protanopia"):
                    assert colour_vision.difference(one.colour, other.colour, vision) >= 20, (exhibit.name, one, other)


def test_what_is_drawn_is_in_the_legend(built):
    for exhibit, drawn in built:
        known = {(str(e.look.marker), *map(mpl.colors.to_hex, (e.look.face, e.look.colour))) for e in drawn.entries}
        for axis in drawn.panels if drawn.entries else []:
            for line in points_of(axis):
                face, edge = map(mpl.colors.to_hex, (line.get_markerfacecolor(), line.get_markeredgecolor()))
                shown = str(line.get_marker()), face, edge if edge != looks.PAPER else face
                assert shown in known, (exhibit.name, axis.get_title(), shown)


def test_equal_data_give_equal_files(five_machines, tmp_path):
    some = {"ranking", "learning", "throughput", "speed_up_gpu_against_cpu", "tflops", "spread"}  # one of each kind
    made = report.make(report.five()[::-1], tmp_path, gate=report.FIVE_GATE, draw=some)
    kinds = {exhibit.kind for exhibit in made.exhibits if not exhibit.missing}
    assert kinds == {exhibit.kind for exhibit in made.exhibits if exhibit.name in some}
    folders = five_machines.folder / "figures", tmp_path / "figures"
    files = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert len(files[0]) == 3 * sum(not exhibit.missing for exhibit in made.exhibits) + 1
    drawn = [name for name in files[0] if name.partition(".")[0] in {*some, "figures"}]
    assert {name.rpartition(".")[2] for name in drawn} == {"svg", "html", "csv", "json"}
    assert [name for name in drawn if files[0][name] != files[1][name]] == []


def test_figure_is_a_png_too_where_that_is_wanted(five_machines, tmp_path):
    exhibit = next(exhibit for exhibit in five_machines.exhibits if exhibit.name == "spread")
    with drawing.drawing([exhibit], looks.assign_looks(five_machines.data.runs), tmp_path, png=True) as finish:
        finish()
    image = plt.imread(tmp_path / "spread.png")
    assert image.shape[1] > 500
    assert image.std() > 0.05


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
        "spread": "median of its test case",
        "tflops": "Ratio of published FP32 TFLOPS",
    }.items():
        assert words in svg[name], name
    assert all("synthetic-m2-max" in svg[name] for name in svg if name.startswith("training_time"))


def test_series_look_alike_in_all_figures_and_unlike_each_other():
    runs = [(f"m{i}", "cpu", "tf-2.19") for i in range(25)]
    found = looks.assign_looks(pd.DataFrame(runs, columns=["machine", "device", "stack"]))
    assert len({look.mark for look in found.values()}) == 25


def test_more_series_than_can_be_read_are_left_to_the_tables(tmp_path):
    kinds = {f"synthetic-m1-{number:02}": "synthetic-m1" for number in range(61)}
    records = [r for name in kinds for r in synthetic.records_of(name, kinds[name], devices=["gpu"], noise=(1.0,))]
    made = report.make(records, tmp_path, kinds=kinds, draw=False)
    (exhibit,) = (e for e in made.exhibits if e.name == "training_time_gpus")
    assert "61 rows, more than can be read" in exhibit.missing
    assert "61 rows, more than can be read" in made.section("training-time-gpus")
