"""Tests of trainmark.report.figures.inline: what the page holds of a figure is safe, unique and follows the theme."""

import html
import re
from collections import Counter
from xml.etree import ElementTree

from trainmark.report.figures import inline

from tests import report, synthetic

LINE = '<path d="M 1.04 2.0 L {0} 4.25" style="fill: none; stroke: #57606a"/>'
POINT = '<use xlink:href="#m0" x="{0}" y="2.0" style="fill: #57606a"/>'
EVIL = '<script>alert("1")</script> & <b onload=x>'


def test_every_id_is_one_figures_and_every_reference_leads_to_one(five_machines):
    page = five_machines.html
    ids = Counter(re.findall(r' id="([^"]*)"', page))
    assert [key for key, count in ids.items() if count > 1] == []
    references = set(re.findall(r'<use href="#([^"]*)"', page)) | set(re.findall(r"url\(#([^)]*)\)", page))
    assert len(references) > 100
    assert references <= set(ids)


def test_figures_have_no_script_and_nothing_from_elsewhere(five_machines):
    for path in (five_machines.folder / "figures").glob("*.html"):
        text = path.read_text()
        assert not re.search(r"<script|<foreignObject|\son\w+=|javascript:|@import|xlink|src=", text), path
        for sheet in re.findall(r"<style>(.*?)</style>", text):  # of what matplotlib wrote, with names of our own
            assert re.fullmatch(r"(\.f[0-9a-f]+\{[a-z0-9 (){}#%,.:;-]*\})+", sheet), path
        assert set(re.findall(r'href="(.)', text)) <= {"#"}, path


def test_colours_of_ink_and_paper_follow_the_theme_and_a_machines_do_not(five_machines):
    text = (five_machines.folder / "figures/training_time_gpus.html").read_text()
    assert "var(--ink)" in text
    assert "var(--line)" in text
    assert not re.search(r"#(1b1f24|57606a|d0d7de|ffffff|000000)\b", text)
    assert "#0c698b" in text
    alone = (five_machines.folder / "figures/training_time_gpus.svg").read_text()
    assert "var(" not in alone


def written(inner: str) -> str:
    """A group of matplotlib's as the page holds it."""
    space = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return inline._written(ElementTree.fromstring(f"<g {space}>{inner}</g>"), inline._Markers("f1"))


def test_lines_of_one_look_are_one_path_and_others_are_not():
    style = 'style="fill:none;stroke:var(--soft)"'
    assert written(LINE.format(3.0) + LINE.format(5.5)) == f'<path d="M1 2L3 4.2M1 2L5.5 4.2" {style}/>'
    seen_through = LINE.replace("none;", "none; opacity: 0.5;")
    assert written(seen_through.format(3.0) + seen_through.format(5.5)).count("<path") == 2


def test_points_of_one_look_are_one_path_with_a_marker_at_each_place():
    found = written("".join(POINT.format(x) for x in (1.0, 2.54, 2.51, 3.0)))  # two of them in the same place
    assert found == '<path d="M1 2 2.5 2 3 2" style="fill:none;stroke:none;marker:url(#f1-m0)"/>'
    assert written(POINT.format(1.0) + POINT.format(2.0)).count("<use") == 2


def test_what_a_figure_shows_is_said_to_who_cannot_see_it(five_machines):
    for exhibit in five_machines.exhibits:
        if exhibit.missing:
            continue
        part = (five_machines.folder / f"figures/{exhibit.name}.html").read_text()
        (said,) = re.findall(r'role="img" aria-label="([^"]*)"', part)
        assert html.unescape(said) == exhibit.alt
        alone = (five_machines.folder / f"figures/{exhibit.name}.svg").read_text()
        assert html.unescape(re.search(r"<title>(.*?)</title>", alone)[1]) == exhibit.alt


def test_each_panel_is_an_svg_of_its_own_that_a_phone_can_show(five_machines):
    text = (five_machines.folder / "figures/training_time_gpus.html").read_text()
    panels = re.findall(r'<svg width="(\d+)" height="\d+" viewBox', text)
    assert len(panels) == 3
    assert all(int(width) < 390 for width in panels)
    assert text.count(">Training time (s)</text>") == 3  # each is complete in itself
    assert text.count(">Batch size</text>") == 3


def test_a_strangers_text_stays_text(tmp_path):
    wanted = [{"name": EVIL, "candidate": {"device": "gpu"}, "baseline": {"device": "cpu"}}]
    made = report.make(synthetic.records_of("synthetic-m1"), tmp_path, wanted, draw=["comparison_1"])
    for ending in ("html", "svg"):
        text = (made.folder / f"figures/comparison_1.{ending}").read_text()
        assert "<script" not in text
        assert "<b " not in text
        assert "&lt;script&gt;alert(" in text
