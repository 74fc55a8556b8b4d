"""Tests of trainmark.report.sections.matrices: what stands where, and how it is marked. All data synthetic."""

import re

import pandas as pd
import pytest
from trainmark.analysis.comparison_statistics import ALL_MODELS
from trainmark.analysis.series_names import BASELINE, SIDES, WHO
from trainmark.report.sections import matrices
from trainmark.report.sections.document import Entry

from tests import report

# What WCAG 2.2 demands of text of this size, at level AA.
LEAST_CONTRAST = 4.5


def compared(values: dict, machines: tuple[str, str] = ("a", "b")) -> pd.DataFrame:
    """Rows of comparisons.csv: of (model, batch size), speed-up, low and high."""
    sides = dict(zip(SIDES, (machines[0], "gpu", "s", machines[1], "gpu", "s")))
    return pd.DataFrame(
        [
            {**sides, "model": model, "batch_size": size, "speed_up": value, "low": low, "high": high}
            for (model, size), (value, low, high) in values.items()
        ]
    )


def summary(cells: pd.DataFrame) -> pd.DataFrame:
    """Their row over all models, with an invented mean."""
    return cells[list(SIDES)].drop_duplicates().assign(model=ALL_MODELS, geometric_mean=1.5, low=1.4, high=1.6)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(1.0, "even"), (1.049, "even"), (1.05, "up1"), (1.3, "up2"), (2, "up3"), (3, "up4"), (7, "up5"), (0.4, "down4")],
)
def test_shade_follows_the_ratio(value, wanted):
    assert matrices.look(value) == wanted


def test_a_ratio_and_its_inverse_are_equally_dark():
    for step in (*matrices.STEPS, 1.03, 1.5, 9):
        assert matrices.look(step)[-1] == matrices.look(1 / step)[-1]


def test_chance_no_interval_and_nothing_to_compare_are_told_apart():
    assert matrices.entry(1.02, 0.98, 1.06) == Entry("\u2248 1.02", 1.02, "maybe", "95 %: 0.980 to 1.06")
    assert matrices.entry(1.3, 1.2, 1.4) == Entry("1.30", 1.3, "up2", "95 %: 1.20 to 1.40")
    assert matrices.entry(1.3, None, None).text == "1.30*"
    assert matrices.entry(1.3, float("nan"), float("nan")).text == "1.30*"
    assert matrices.entry(1.3, 1.2, 1.4, "other scopes") == Entry("1.30", 1.3, "maybe", "other scopes")
    assert matrices.entry(None, None, None) == Entry("\u2013", hint="not compared")


def test_columns_are_models_in_their_order_and_batch_sizes_as_numbers():
    cells = compared(dict.fromkeys([("lstm", 32), ("mlp", 1024), ("mlp", 128), ("mlp", 32)], (1.2, 1.1, 1.3)))
    found = matrices.of_comparison(cells, summary(cells), "n", "t")
    assert found.groups == [("mlp", ["32", "128", "1024"]), ("lstm", ["32"]), ("all", ["mean"])]
    assert [name for _, name in found.headings] == ["mlp 32", "mlp 128", "mlp 1024", "lstm 32", "all mean"]


def test_pair_that_failed_is_not_taken_for_one_that_was_not_measured():
    one = compared({("mlp", 32): (1.2, 1.1, 1.3), ("mlp", 64): (1.2, 1.1, 1.3)})
    other = compared({("mlp", 32): (1.2, 1.1, 1.3)}, ("c", "b"))
    both = pd.concat([one, other])
    for lost, text in ((set(), "\u2013"), ({("c", "gpu", "s", "mlp", 64)}, "\u2717")):
        found = dict(matrices.of_comparison(both, summary(both), "n", "t", lost).rows)
        assert [each.text for each in found["c"]][1] == text


def test_fastest_row_is_first_and_rows_beyond_the_most_are_counted(monkeypatch):
    parts = [compared({("mlp", 32): (1 + n, 1.1, 9)}, (f"m{n}", "b")) for n in range(3)]
    means = pd.concat([summary(part).assign(geometric_mean=n) for n, part in enumerate(parts)])
    assert [said for said, _ in matrices.of_comparison(pd.concat(parts), means, "n", "t").rows] == ["m2", "m1", "m0"]
    monkeypatch.setattr(matrices, "MOST_ROWS", 2)
    found = matrices.of_comparison(pd.concat(parts), means, "n", "t")
    assert (len(found.rows), found.left_out) == (2, 1)


def test_every_ratio_is_that_of_the_table_and_so_is_every_mean(five_machines):
    seen = 0
    for section in five_machines.document.sections:
        tables = {table.name: table.rows for table in section.tables}
        for matrix in section.matrices:
            shown = [e.value for _, entries in matrix.rows for e in entries if e.value is not None]
            if f"{matrix.name}-cells" in tables:
                wanted = [row["speed_up"] for row in tables[f"{matrix.name}-cells"]]
                means = (row for row in tables[f"{matrix.name}-averages"] if row["model"] == ALL_MODELS)
                wanted += [row["geometric_mean"] for row in means]
            else:  # of energy and controls, which have no mean
                value = "ratio" if matrix.name == "energy_ratios-matrix" else "speed_up"
                wanted = [row[value] for row in tables[matrix.name.removesuffix("-matrix")]]
            assert sorted(shown) == sorted(wanted), matrix.name
            seen += len(shown)
    assert seen > 400


def test_places_are_those_of_the_table(five_machines):
    (section,) = (s for s in five_machines.document.sections if s.key == "speed-up-apple-against-nvidia")
    (matrix,) = section.matrices
    cells = five_machines.data.tables["comparisons"].query("exhibit == '7'")
    rows = dict(matrix.rows)
    for cell in cells.to_dict("records"):
        place = [name for _, name in matrix.headings].index(f"{cell['model']} {cell['batch_size']}")
        assert rows[f"against {cell['machine_baseline']}"][place].value == cell["speed_up"]


def test_matrix_on_the_page_has_row_headers_and_a_name(five_machines):
    part = five_machines.section("speed-up-apple-against-nvidia")
    table = re.search(r'<table class="matrix".*?</table>', part, re.DOTALL)[0]
    assert 'aria-label="' in table
    assert table.count('<th scope="row">against synthetic-') == 3
    assert table.count('scope="colgroup"') == 4
    assert '<td class="up' in table
    assert "may be chance" in part
    assert "| against synthetic-p100 | 0.850 | 0.860 | 1.05 |" in five_machines.markdown


def own(n, failed, disturbed=()):
    axes = dict(zip(WHO, ("a", "cpu", "s")))
    cells = pd.DataFrame(
        [
            {**axes, "model": "mlp", "batch_size": size, "n": count, "failed": failed}
            | {"fit_seconds_median": 7.0, "throughput_samples_per_second_median": 7000.0, "test_accuracy_median": 0.9}
            for size, count in n.items()
        ]
    )
    keys = [*WHO, "model", "batch_size"]
    marked = pd.DataFrame([{**axes, "model": "mlp", "batch_size": size} for size in disturbed], columns=keys)
    return matrices.of_one_machine(cells, marked, cells.iloc[:0])


def test_own_times_are_a_row_a_model_with_a_group_for_each_measure():
    found = own({32: 1, 1024: 1}, 0)
    assert [group for group, _ in found.groups] == ["Time to train (s)", "Samples/s", "Test accuracy"]
    assert [(said, [e.text for e in entries]) for said, entries in found.rows] == [
        ("mlp", ["7.00", "7.00", "7,000", "7,000", "0.900", "0.900"])
    ]


def test_own_times_mark_what_was_disturbed_and_what_failed():
    found = own({32: 1, 128: 1, 512: 0}, 1, disturbed=[128])
    ((_, entries),) = found.rows
    assert [e.text for e in entries[:3]] == ["7.00", "\u26a0 7.00", "\u2717"]
    assert "a run was disturbed" in found.note
    assert "no run is ok" in found.note


def colours(theme: str) -> dict[str, str]:
    """The page's variables, of one theme."""
    parts = (report.TEMPLATES / "page.css").read_text().split("@media (prefers-color-scheme: dark)")
    texts = (parts[0], parts[1].split("figure img")[0]) if theme == "dark" else parts[:1]
    return {name: value for text in texts for name, value in re.findall(r"--(\w+): (#[0-9a-f]+)", text)}


def rgb(colour: str) -> tuple[int, ...]:
    digits = colour[1:]
    digits = "".join(2 * each for each in digits) if len(digits) == 3 else digits
    return tuple(int(digits[n : n + 2], 16) for n in (0, 2, 4))


def luminance(colour: tuple[float, ...]) -> float:
    """WCAG's relative luminance."""
    parts = [each / 255 for each in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_on_every_shade_has_the_contrast_that_wcag_demands(theme):
    known = colours(theme)
    shades = re.findall(
        r"\.((?:up|down)\d) \{ background: color-mix\(in srgb, (#[0-9a-f]{6}) (\d+)%, var\(--paper\)\)",
        (report.TEMPLATES / "page.css").read_text(),
    )
    assert len(shades) == 2 * len(matrices.STEPS)
    for name, colour, percent in shades:
        share = int(percent) / 100
        mixed = [share * a + (1 - share) * b for a, b in zip(rgb(colour), rgb(known["paper"]))]
        low, high = sorted((luminance(mixed), luminance(rgb(known["ink"]))))
        assert (high + 0.05) / (low + 0.05) >= LEAST_CONTRAST, name


def test_baselines_are_named_in_what_is_divided():
    one = compared({("mlp", 32): (1.2, 1.1, 1.3)})
    assert "Time of b, GPU divided by the time of each row" in matrices.of_comparison(one, summary(one), "n", "t").note
    two = pd.concat([one, compared({("mlp", 32): (1.2, 1.1, 1.3)}, ("a", "c"))])
    assert two[BASELINE].drop_duplicates().shape[0] == 2
    assert "divided by the time of a, GPU" in matrices.of_comparison(two, summary(two), "n", "t").note
