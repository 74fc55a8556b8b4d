"""The page in a real browser, without a window: nothing is asked of the network, nothing fails, everything works."""

import csv
import html
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from trainmark.analysis import convergence

from tests import report, synthetic
from tests.conftest import unlearned

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser: none of {', '.join(NAMES)} is installed")
# What the page is asked once it is loaded; the answers are added to it as text.
PROBE = r"""
<script>
addEventListener("load", () => {
  const table = document.querySelector('table[data-name="cells"]');
  const folded = [...document.querySelectorAll("details.part")].map(part => part.open);
  const picture = document.querySelector(".first [role=img]").getBoundingClientRect().top;
  location.hash = "#break-even";
  reveal();
  const revealed = document.getElementById("break-even").closest("details").open;
  document.querySelectorAll("details").forEach(d => d.open = true);
  const column = [...table.tHead.rows[0].cells].findIndex(th => th.textContent.startsWith("Median"));
  const values = () => [...table.tBodies[0].rows].map(row => Number(valueOf(row.cells[column]).replaceAll(",", "")));
  const button = table.tHead.rows[0].cells[column].querySelector("button");
  const before = values();
  button.click();
  const up = values(), told = table.tHead.rows[0].cells[column].getAttribute("aria-sort");
  button.click();
  const down = values();
  const texts = [...document.querySelectorAll("p, li, dd, dt, h1, h2, h3, figcaption, pre")];
  const answers = {
    folded, picture, revealed,
    before, up, told, down, csv: csv(table),
    width: innerWidth, page: document.documentElement.scrollWidth,
    wide: texts.filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.textContent.slice(0, 60)),
    gaps: [1, 2].map(() => {
      const claims = document.querySelector('table[data-name="claims"]');
      const at = [...claims.tHead.rows[0].cells].findIndex(th => th.textContent === "Measured");
      claims.tHead.rows[0].cells[at].querySelector("button").click();
      return [...claims.tBodies[0].rows].map(row => row.cells[at].textContent);
    }),
    heads: [...document.querySelectorAll("table")].map(csv).map(text => text.split("\n")[0]).join("\n"),
    asked: performance.getEntriesByType("resource").map(entry => entry.name),
    // Where the reader can choose, what the script draws stands in place of the first one.
    pictures: [...document.querySelectorAll(".picture [role=img]")].filter(i => !i.closest("[hidden]")).map(
      i => [...i.children].map(panel => panel.getBoundingClientRect().width)),
    saves: document.querySelectorAll("button.csv").length, tables: document.querySelectorAll("table").length,
    unnamed: [...document.querySelectorAll("[role=img]")].filter(i => !i.getAttribute("aria-label")).length,
  };
  const pre = document.createElement("pre");
  pre.id = "probed";
  pre.textContent = JSON.stringify(answers);
  document.body.append(pre);
});
</script>
"""


def browse(page: Path, folder: Path, *options: str) -> tuple[str, str]:
    """The page's DOM after its scripts ran, and what the browser wrote on its console."""
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=20000",
        *options,
        "--dump-dom",
        page.as_uri(),
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=180)
    return result.stdout, "\n".join(line for line in result.stderr.splitlines() if "CONSOLE" in line)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    records = synthetic.article(metered=True)
    records[0] = unlearned(records[0], [0.3, 0.2])
    records += synthetic.controls_of(records[-len(records) // 10 :], "device-data", 1.25)
    return report.make(records, folder, gate=convergence.Gate(synthetic.references(), 0.001))


@pytest.fixture(scope="module", params=[1280, 390], ids=["desktop", "phone"])
def visited(request, made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("visited")
    page = folder / "index.html"
    page.write_text(made.html.replace("</body>", f"{PROBE}</body>"))
    dom, console = browse(page, folder, f"--window-size={request.param},900")
    answers = re.search(r'<pre id="probed">(.*?)</pre>', dom, re.DOTALL)
    assert answers, dom[-2000:]
    return made, console, json.loads(html.unescape(answers[1]))


def test_nothing_is_asked_of_the_network(visited):
    made, _, answers = visited
    assert [address for address in answers["asked"] if not address.startswith("data:")] == []
    assert "default-src 'none'; img-src data:;" in made.html  # so that it could not even if it tried


def test_only_the_answers_are_unfolded_and_a_link_unfolds_what_it_leads_to(visited):
    _, _, answers = visited
    assert answers["folded"] == [True] + [False] * (len(answers["folded"]) - 1)
    assert len(answers["folded"]) > 5
    assert answers["revealed"]


def test_first_figure_is_on_the_first_screen_and_on_the_second_of_a_phone(visited):
    _, _, answers = visited
    assert answers["picture"] < (800 if answers["width"] > 1000 else 2 * 844)


def test_no_error_on_the_console(visited):
    assert visited[1] == ""


def test_the_console_is_listened_to_and_the_network_is_refused(tmp_path):
    page = tmp_path / "page.html"
    policy = re.search(r"<meta http-equiv[^>]*>", (report.TEMPLATES / "page.html.j2").read_text())[0]
    page.write_text(f'{policy}<img src="http://127.0.0.1:9/x.png">')
    assert "Content Security Policy" in browse(page, tmp_path)[1]


def test_every_figure_is_shown_and_has_an_alternative_text(visited):
    made, *_, answers = visited
    assert len(answers["pictures"]) == len(made.exhibits) - 1  # none is missing
    for panels in answers["pictures"]:
        assert panels
        assert all(0 < width <= answers["width"] for width in panels)
    assert answers["unnamed"] == 0


def test_no_text_leaves_the_window(visited):
    answers = visited[-1]
    assert answers["wide"] == []
    assert answers["page"] <= answers["width"]


def test_a_click_sorts_and_another_turns_it_round(visited):
    answers = visited[-1]
    assert answers["before"] != sorted(answers["before"])
    assert answers["up"] == sorted(answers["before"])
    assert answers["told"] == "ascending"
    assert answers["down"] == sorted(answers["before"], reverse=True)


def test_every_table_can_be_saved_with_all_its_digits(visited):
    made, *_, answers = visited
    assert answers["saves"] == answers["tables"]
    rows = list(csv.DictReader(io.StringIO(answers["csv"])))
    medians = made.data.cells["fit_seconds_median"]
    assert sorted(float(row["Median (s)"]) for row in rows) == sorted(medians)
    assert {row["Machine"] for row in rows} == set(synthetic.KINDS)
    spreads = 100 * made.data.cells["fit_seconds_spread"]  # in the unit of the heading
    assert sorted(float(row["Spread (%)"]) for row in rows) == pytest.approx(sorted(spreads))
    assert "FP32 peak (TFLOPS) published" in answers["heads"]


def test_empty_cells_come_last_whichever_way_a_table_is_sorted(visited):
    up, down = visited[-1]["gaps"]
    assert "" in up
    for column in (up, down):
        assert column == sorted(column, key=lambda text: text == "")
