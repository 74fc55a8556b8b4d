"""The page in a real browser, without a window: nothing is asked of the network, nothing fails, everything works."""

import csv
import io
import re

import pytest

from tests import browser, report, synthetic

pytestmark = [browser.NEEDED, pytest.mark.xdist_group("browser")]
# What is read off a table: the numbers of a column as they were measured.
VALUES = """([name, heading]) => {
  const table = document.querySelector(`table[data-name="${name}"]`);
  const column = [...table.tHead.rows[0].cells].findIndex(th => th.textContent.startsWith(heading));
  return [...table.tBodies[0].rows].map(row => valueOf(row.cells[column]).replaceAll(",", ""));
}"""
CLICK = """([name, heading]) => {
  const table = document.querySelector(`table[data-name="${name}"]`);
  const th = [...table.tHead.rows[0].cells].find(th => th.textContent.startsWith(heading));
  th.querySelector("button").click();
  return th.getAttribute("aria-sort");
}"""
# Name and heading of a column that has values and gaps, the last row being none.
GAPS = """() => {
  for (const table of document.querySelectorAll("table[data-name]")) {
    const rows = [...table.tBodies[0].rows];
    for (const [i, th] of [...headings(table).cells].entries()) {
      const texts = rows.map(row => row.cells[i].textContent);
      const gaps = texts.includes("") && texts.at(-1) !== "";
      if (table.tHead.rows.length === 1 && gaps) return [table.dataset.name, th.textContent];
    }
  }
}"""
# Who may use it: the level that the law asks for in most places, and what axe-core thinks good practice.
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return report.of_five(tmp_path_factory)


@pytest.fixture(scope="module")
def started():
    with browser.running() as found:
        yield found


@pytest.fixture(scope="module", params=[browser.DESKTOP, browser.PHONE], ids=["desktop", "phone"])
def visited(request, made, started):
    """The page as it is after it was opened; tests must leave it so, but for what is folded."""
    page, console, asked = browser.visit(started, made.file, request.param)
    yield made, page, console, asked
    page.close()


def test_only_answers_and_claims_are_unfolded_and_a_link_unfolds_what_it_leads_to(visited):
    _, page, *_ = visited
    folded = page.evaluate("[...document.querySelectorAll('details.part')].map(part => part.open)")
    assert folded == [True, True] + [False] * (len(folded) - 2)
    assert len(folded) > 5
    page.evaluate("location.hash = '#break-even'")
    browser.until(page, "document.getElementById('break-even').closest('details').open")


def test_first_figure_is_on_the_first_screen_and_on_the_second_of_a_phone(visited):
    _, page, *_ = visited
    page.evaluate("scrollTo(0, 0)")
    top = page.locator(".first svg[role=img]").first.bounding_box()["y"]
    assert top < page.viewport_size["height"] * (1 if page.viewport_size["width"] > 1000 else 2)


def test_nothing_is_asked_of_the_network_and_nothing_is_on_the_console(visited):
    made, page, console, asked = visited
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert [address for address in asked if not address.startswith(("data:", "file:"))] == []
    assert len([address for address in asked if address.startswith("file:")]) == 1  # the page itself
    assert "default-src 'none'; img-src data:;" in made.html  # so that it could not even if it tried
    assert console == []


def test_the_console_is_listened_to_and_the_network_is_refused(started, tmp_path):
    page = tmp_path / "page.html"
    policy = re.search(r"<meta http-equiv[^>]*>", (report.TEMPLATES / "page.html.j2").read_text())[0]
    page.write_text(f'{policy}<img src="http://127.0.0.1:9/x.png">')
    opened, console, _ = browser.visit(started, page)
    assert any("Content Security Policy" in text for text in console)
    opened.close()


def test_every_figure_is_shown_and_has_an_alternative_text(visited):
    made, page, *_ = visited
    figures = page.evaluate(
        """[...document.querySelectorAll("figure.picture")].map(figure => [
          figure.querySelector("[role=img]").getAttribute("aria-label"), figure.querySelectorAll("svg path").length,
          [...figure.querySelectorAll("[role=img] > svg")].map(panel => panel.getBoundingClientRect().width)])"""
    )
    assert len(figures) == sum(not exhibit.missing for exhibit in made.exhibits)
    assert all(text and paths > 3 and panels for text, paths, panels in figures)
    width = page.viewport_size["width"]
    assert all(panel <= width for _, _, panels in figures for panel in panels)


def test_no_text_leaves_the_window(visited):
    _, page, *_ = visited
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    wide = page.evaluate(
        """[...document.querySelectorAll("p, li, dd, dt, h1, h2, h3, figcaption, pre, summary, form")]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.textContent.slice(0, 60))"""
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_click_sorts_and_another_turns_it_round(visited):
    _, page, *_ = visited
    column = ["cells", "Median"]
    before = [float(value) for value in page.evaluate(VALUES, column)]
    assert before != sorted(before)
    assert page.evaluate(CLICK, column) == "ascending"
    assert [float(value) for value in page.evaluate(VALUES, column)] == sorted(before)
    page.evaluate(CLICK, column)
    assert [float(value) for value in page.evaluate(VALUES, column)] == sorted(before, reverse=True)


def test_every_table_can_be_saved_with_all_its_digits(visited):
    made, page, *_ = visited
    tables = page.locator("table[data-name]").count()
    assert page.locator("button.csv").count() >= tables - 1  # of the matrix that is chosen the ranking is saved
    saved = page.evaluate("""csv(document.querySelector('table[data-name="cells"]'))""")
    rows = list(csv.DictReader(io.StringIO(saved)))
    medians = made.data.cells["fit_seconds_median"]
    assert sorted(float(row["Median (s)"]) for row in rows) == pytest.approx(sorted(medians), rel=1e-9)
    assert {row["Machine"] for row in rows} == set(synthetic.KINDS)
    spreads = 100 * made.data.cells["fit_seconds_spread"]  # in the unit of the heading
    assert sorted(float(row["Spread (%)"]) for row in rows) == pytest.approx(sorted(spreads))


def test_headings_and_the_first_column_stay_in_sight(visited):
    _, page, *_ = visited
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    head, first, *scrolled = page.evaluate(
        """() => {
          const table = document.querySelector('table[data-name="cells"]'), box = table.parentNode;
          box.scrollTo(200, 300);
          const at = box.getBoundingClientRect(), row = table.tBodies[0].rows[20];
          const head = table.tHead.getBoundingClientRect(), first = row.cells[0].getBoundingClientRect();
          const found = [head.top - at.top, first.left - at.left, box.scrollTop, box.scrollLeft];
          box.scrollTo(0, 0);
          return found;
        }"""
    )
    assert scrolled[0] > 0
    assert scrolled[1] > 0
    assert abs(head) < 2
    assert abs(first) < 2


def test_a_matrix_is_sorted_by_a_batch_size_and_saved_with_whole_names(visited):
    made, page, *_ = visited
    saved = page.evaluate(
        """() => {
          const table = document.querySelector('table[data-name="speed_up_apple_against_nvidia"]');
          const button = [...headings(table).cells].find(th => th.dataset.name === "cnn 1024").querySelector("button");
          button.click();
          button.click();
          return csv(table);
        }"""
    )
    rows = list(csv.DictReader(io.StringIO(saved)))
    ratios = [float(row["cnn 1024"]) for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    cells = made.data.tables["comparisons"].query("exhibit == '7' and model == 'cnn' and batch_size == 1024")
    assert sorted(ratios) == pytest.approx(sorted(cells["speed_up"]), rel=1e-9)
    assert list(rows[0])[:3] == ["Pair", "mlp 32", "mlp 128"]


def test_empty_cells_come_last_whichever_way_a_table_is_sorted(visited):
    _, page, *_ = visited
    column = page.evaluate(GAPS)
    for _ in range(2):
        page.evaluate(CLICK, column)
        values = page.evaluate(VALUES, column)
        assert "" in values
        assert values == sorted(values, key=lambda text: text == "")


@pytest.mark.parametrize(
    ("theme", "size"), [("light", browser.DESKTOP), ("dark", browser.PHONE)], ids=["desktop", "phone"]
)
def test_everybody_can_use_it(made, started, theme, size):
    """By axe-core, with all that folds open, and with a choice made."""
    from axe_playwright_python.sync_playwright import Axe

    page, *_ = browser.visit(started, made.file, size, "#choose?models=cnn&models=mlp", color_scheme=theme)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    found = Axe().run(page, options={"runOnly": STANDARDS, "resultTypes": ["violations"]})
    page.close()
    assert not found.response["violations"], found.generate_report()


def test_axe_finds_what_is_wrong(started, tmp_path):
    from axe_playwright_python.sync_playwright import Axe

    path = tmp_path / "page.html"
    path.write_text(
        '<!DOCTYPE html><html lang="en"><title>x</title><img src="data:,"><p style="color:#aaa">pale</p></html>'
    )
    page, *_ = browser.visit(started, path)
    found = Axe().run(page, options={"runOnly": STANDARDS})
    page.close()
    assert {"image-alt", "color-contrast"} <= {each["id"] for each in found.response["violations"]}


def test_all_is_there_without_scripts_and_on_paper(made, started):
    for options, medium in (({"java_script_enabled": False}, "screen"), ({}, "print")):
        page, *_ = browser.visit(started, made.file, **options)
        page.emulate_media(media=medium)
        if medium == "print":
            page.pdf()  # as a reader prints, which unfolds everything
        hidden = [
            key for key in ("answers", "claims", "cells", "reproduce") if not page.locator(f"#{key}").is_visible()
        ]
        assert hidden == []
        assert page.locator("form.choose").count() == (medium == "print")
        assert not page.locator("form.choose").is_visible()
        assert page.locator("table[data-name=cells] tbody tr").first.is_visible()
        page.close()


def test_filter_leaves_the_rows_that_have_every_word(visited):
    _, page, *_ = visited
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.get_by_role("searchbox", name="Filter: Every test case").fill("p100 GPU 1,024")
    shown = "[...document.querySelector('table[data-name=cells]').tBodies[0].rows].filter(row => !row.hidden).length"
    assert page.evaluate(shown) == 3  # one a model
    page.get_by_role("searchbox", name="Filter: Every test case").fill("")
    assert page.evaluate(shown) == 120


def test_contents_follow_and_the_address_names_what_is_unfolded(made, started):
    page, console, _ = browser.visit(started, made.file)
    page.locator("summary", has=page.locator("#software")).click()
    browser.until(page, "location.hash === '#software'")
    page.locator("#software").scroll_into_view_if_needed()
    page.evaluate("document.getElementById('software').scrollIntoView()")
    browser.until(page, "document.querySelector('nav [aria-current]')?.hash === '#software'")
    page.get_by_role("link", name="Back to top").click()
    browser.until(page, "scrollY === 0")
    assert page.locator("h3[id] a.link").count() == page.locator("h3[id]").count() > 10
    assert console == []
    page.close()
