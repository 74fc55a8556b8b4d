"""What the reader chooses on the page, in a real browser: Python's numbers, and an address that holds the choice."""

import math
import random
import re

import pytest
from scipy import special
from trainmark.analysis import comparison_statistics, comparisons, experiments, ranking
from trainmark.analysis.comparison_statistics import moments
from trainmark.analysis.series_names import WHO
from trainmark.contents.columns import ratio
from trainmark.experiment import workloads

from tests import browser, report, synthetic
from tests.conftest import CONFIG

pytestmark = [browser.NEEDED, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def started():
    with browser.running() as found:
        yield found


def slower(device: str, model: str, batch_size: int) -> float:
    """So that no CPU is exactly as fast as its GPU."""
    return 1.03 if device == "cpu" else 1.0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    rng = random.Random(4)
    noises = {
        "synthetic-m2-max": [math.exp(rng.gauss(0, 0.05)) for _ in range(4)],
        "synthetic-p100": (0.95, 1.0, 1.07),
        "synthetic-m1": (1.0,),  # no interval
    }
    records = []
    for name, noise in noises.items():
        records += synthetic.records_of(name, metered=True, noise=noise, factor=slower)
    return report.make(records, tmp_path_factory.mktemp("choosing"), draw=False)


@pytest.fixture
def page(made, started):
    opened, console, _ = browser.visit(started, made.file)
    yield opened
    assert console == []
    opened.close()


def rows(page, name: str = "choice") -> dict[str, list[str]]:
    """The texts of a table by their row headers."""
    return page.evaluate(
        """name => Object.fromEntries([...document.querySelector(`table[data-name="${name}"]`).tBodies[0].rows]
        .map(row => [row.cells[0].textContent, [...row.cells].slice(1).map(cell => cell.textContent)]))""",
        name,
    )


def test_quantiles_of_student_are_those_of_scipy(page):
    rng = random.Random(1)
    freedoms = [1, 1.5, 2, 2.5, 3, 23.9, 24, 24.1, 333.3, 1e4, *(rng.uniform(1, 80) for _ in range(300))]
    found = page.evaluate("freedoms => freedoms.map(studentQuantile)", freedoms)
    assert found == pytest.approx(special.stdtrit(freedoms, 0.975), rel=1e-12)


@pytest.mark.parametrize("measure", ["time", "energy"])
def test_every_pair_of_series_has_the_ratio_and_interval_of_python(made, page, measure):
    runs = experiments.comparable(made.data.runs)
    if measure == "energy":
        runs = runs.assign(fit_seconds=runs["energy_joules"].astype(float))
    pairs = 0
    for base in sorted(set(runs[WHO].itertuples(index=False, name=None))):
        everyone = {axis: tuple(runs[axis].unique()) for axis in WHO}
        cells = comparisons.compare(moments(runs), comparisons.Comparison("", everyone, dict(zip(WHO, base))))
        found = page.evaluate(
            """([base, measure]) => {
              chooser.baseline = chooser.experiment.ids.indexOf(base);
              chooser.measure = measure;
              const { rows } = chooser.compare();
              return Object.fromEntries(rows.map(row => [chooser.experiment.ids[row.number], {
                overall: row.overall && intervalOf(row.overall), unlike: row.unlike,
                cells: [...row.pairs].map(([key, pair]) => [key, intervalOf(pair)]) }]));
            }""",
            ["~".join(base), measure],
        )
        summary = comparison_statistics.summarise(cells)
        overall = summary[summary["model"] == comparison_statistics.ALL_MODELS].set_index(WHO)
        for key, mine in cells.groupby(WHO, sort=False):
            there = found["~".join(key)]
            if key == base or there["unlike"]:
                continue
            wanted = mine[["speed_up", "low", "high"]].to_numpy()
            got = [[each.get(part) for part in ("ratio", "low", "high")] for _, each in there["cells"]]
            got = [[math.nan if value is None else value for value in each] for each in got]
            assert got == pytest.approx(wanted, rel=1e-9, nan_ok=True)
            mean = overall.loc[key, ["geometric_mean", "low", "high"]].astype(float).tolist()
            assert [there["overall"][part] for part in ("ratio", "low", "high")] == pytest.approx(
                mean, rel=1e-9, nan_ok=True
            )
            pairs += 1
    assert pairs > (10 if measure == "energy" else 29)


def test_energies_of_different_scopes_are_not_compared(made, page):
    page.get_by_role("combobox", name="Measure").select_option("energy")
    found = rows(page)
    assert any("not comparable" in cells[0] and "against" in cells[-1] for cells in found.values())


def test_choice_of_machines_model_and_baseline_shows_the_csvs_ratio_and_survives_in_the_address(made, started, page):
    page.get_by_role("combobox", name="Against").select_option(label="synthetic-m2-max, GPU")
    for name, others in (("Models", ["mlp", "lstm"]), ("Machines", ["synthetic-m1"])):
        page.locator("form.choose summary", has_text=name).click()
        for value in others:
            page.get_by_role("checkbox", name=value).uncheck()
        page.keyboard.press("Escape")
    runs = made.data.runs.query("model == 'cnn'")
    base = ranking.against_baseline(moments(experiments.comparable(runs)), "synthetic-m2-max")
    mean = comparison_statistics.summarise(base).query("model == 'all'").set_index(["machine", "device"])
    csv = mean.loc[("synthetic-p100", "gpu")]
    found = rows(page)
    wanted = f"{ratio(csv['geometric_mean'])} [{ratio(csv['low'])}, {ratio(csv['high'])}]"
    assert found["synthetic-p100, GPU"][:2] == [wanted, ratio(csv["geometric_mean"])]
    assert "synthetic-m1, GPU" not in found
    address = page.evaluate("location.hash")
    again, console, _ = browser.visit(started, made.file, fragment=address)
    assert rows(again) == found
    assert again.locator("#verdict").text_content() == page.locator("#verdict").text_content()
    assert console == []
    again.get_by_role("button", name="Reset").click()
    assert again.locator("#verdict").text_content() == made.document.first.sentence
    again.close()


def test_what_is_shown_at_first_is_what_is_printed(made, page):
    printed = page.evaluate(
        """[...document.querySelector('table[data-name="ranking"]').tBodies[0].rows]
        .map(row => [...row.cells].map(cell => cell.textContent))"""
    )
    assert [[name, *cells] for name, cells in rows(page).items()] == printed


def test_sentence_is_pythons_for_the_same_choice(made, page):
    said = page.evaluate("(() => { const { rows, keys } = chooser.compare(); return chooser.say(rows, keys); })()")
    assert said == made.document.first.sentence


def test_nonsense_in_the_address_is_no_choice(made, started):
    for nonsense in ("#choose?baseline=nobody&models=gpt&machines=", "#choose?experiment=%00&sizes=-1", "#choose"):
        opened, console, _ = browser.visit(started, made.file, fragment=nonsense)
        assert opened.locator("#verdict").text_content() == made.document.first.sentence
        assert console == []
        opened.close()


def test_keyboard_alone_chooses_and_reads_values(made, started):
    page, console, _ = browser.visit(started, made.file)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                """(e => e.closest("form.choose") ? `form:${e.tagName}` : e.matches("svg") ? "svg" : e.tagName)
                (document.activeElement)"""
            )
        )
        if page.evaluate("document.activeElement.matches('svg')"):
            break
    assert {"form:SELECT", "form:SUMMARY", "form:BUTTON", "svg"} <= seen
    page.keyboard.press("ArrowDown")
    assert re.fullmatch(r"synthetic-.*: [\d.]+( \[.*\])?", page.locator("output.said").text_content())
    page.locator("form.choose summary", has_text="Models").focus()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="mlp").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert "models=" in page.evaluate("location.hash")
    assert console == []
    page.close()


@pytest.fixture(scope="module")
def two_experiments(tmp_path_factory):
    """Two machines that trained for two epochs, and one of them and another that trained on fewer images."""
    small = workloads.describe("mlp", {**CONFIG, "train_samples": 20_000})
    names = ("synthetic-a", "synthetic-b", "synthetic-c", "synthetic-d")
    kinds = dict(zip(names, ("synthetic-m2-max", "synthetic-p100", "synthetic-m1", "synthetic-t4")))
    records = [record for name in names[:2] for record in synthetic.records_of(name, kinds[name], devices=["gpu"])]
    for name in names[2:]:
        for record in synthetic.records_of(name, kinds[name], devices=["gpu"], noise=(0.98, 1.02)):
            workload = {**small, "model": record["model"]}
            records.append({**record, "workload": workload, "workload_digest": workloads.digest(workload)})
    return report.make(records, tmp_path_factory.mktemp("experiments"), kinds=kinds, draw=False)


def test_every_experiment_is_on_the_page_and_can_be_chosen(two_experiments, started):
    made = two_experiments
    other, settings = made.data.tables["ranking"], made.data.experiments[1][0]
    other = other[(other["settings_digest"] == settings) & (other["model"] == "all")]
    assert set(other["machine"]) == {"synthetic-c", "synthetic-d"}
    assert "Experiment: 2 epochs, train samples 20000" in made.html  # without a script, too
    assert "--config train_samples=20000 -- report" in made.html
    page, console, _ = browser.visit(started, made.file)
    assert set(rows(page)) == {"synthetic-a, GPU", "synthetic-b, GPU"}
    page.get_by_role("combobox", name="Experiment").select_option(index=1)
    best = other.iloc[0]
    wanted = f"{ratio(best['speed_up'])} [{ratio(best['low'])}, {ratio(best['high'])}]"
    found = rows(page)
    assert set(found) == {"synthetic-c, GPU", "synthetic-d, GPU"}
    assert found[f"{best['machine']}, GPU"][0] == wanted
    assert "synthetic-a" not in page.locator("section.first").inner_text()
    again, *_ = browser.visit(started, made.file, fragment=page.evaluate("location.hash"))
    assert rows(again) == found
    assert console == []
    again.close()
    page.close()
