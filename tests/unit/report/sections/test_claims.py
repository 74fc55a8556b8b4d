"""Tests of trainmark.report.sections.claims: one card a claim, each verdict with its machine and stack."""

import json
import re

import pytest
from trainmark.analysis import ledger
from trainmark.contents.columns import ratio
from trainmark.report import page
from trainmark.report.sections import claims

from tests import report, synthetic
from tests.conftest import of_stack


def section(made):
    (found,) = (each for each in made.document.sections if each.key == claims.KEY)
    return found


def test_every_claim_is_a_card_or_in_the_list_of_those_not_measured(five_machines):
    found = section(five_machines)
    missing, elsewhere, checks = found.tables
    names = [card.claim for card in found.cards] + [row["claim"] for row in missing.rows]
    every = five_machines.data.tables["claims"]
    assert sorted(names[:-1]) == sorted(every.loc[every["workload"].isna(), "claim"].unique())
    assert names[-1] == "resnet50-cifar-100: V100 SXM2, 16"  # of a table, the V100 of which is here
    assert (len(found.cards), len(missing.rows)) == (15, 3)
    assert all(row["detail"] for row in [*missing.rows, *elsewhere.rows])
    assert all(table.folded for table in found.tables)
    assert found.open
    assert len(checks.rows) == 6


def test_what_these_machines_cannot_test_is_one_list_with_the_command_or_the_reason(five_machines):
    _, elsewhere, _ = section(five_machines).tables
    rows = {row["claim"]: row for row in elsewhere.rows}
    ratio_row, table = rows["v100-m3-max-32"], rows["bert-base: V100, 64"]
    assert ratio_row["command"] == "snakemake --cores 1 --config suite=cifar-100-resnet50 'batch_sizes=[32]' epochs=5"
    assert (table["command"], table["detail"]) == (None, "trainmark has no BERT")
    assert table["statement"].endswith("V100: 41 s, and 3 more numbers of this table")
    every = five_machines.data.tables["claims"]
    told = {row["table"] for row in elsewhere.rows} | {"resnet50-cifar-100"}
    assert set(every["table"].dropna()) <= told
    assert not {"m1-always", "p100-average"} & set(rows)
    assert f"Published claims that these machines cannot test ({len(elsewhere.rows)} rows)" in five_machines.html


def test_cards_stand_directly_behind_the_answers(five_machines):
    html = five_machines.html
    assert html.index('id="answers"') < html.index('id="claims"') < html.index('id="article"')


def test_a_card_says_what_the_table_says(five_machines):
    table = five_machines.data.tables["claims"].set_index("claim")
    for card in section(five_machines).cards:
        row, (verdict,) = table.loc[card.claim], card.verdicts
        assert (card.statement, card.source) == (row["statement"], row["source"])
        assert verdict.measured == f"{ratio(row['measured'])} [{ratio(row['low'])}, {ratio(row['high'])}]"
        assert verdict.verdict == row["verdict"] == "reproduced"
        part = five_machines.html.split(f'<article class="card" id="{card.key}"')[1].split("</article>")[0]
        assert "\u2713 Reproduced" in part  # a sign and a word
        assert row["candidate"] in part
        assert f"Measured: {verdict.measured}." in part
        assert part.count("<svg") == 1


def test_links_lead_from_a_card_to_its_comparison_and_back(five_machines):
    sections = {each.key: each for each in five_machines.document.sections}
    linked = [(card, verdict.where) for card in section(five_machines).cards for verdict in card.verdicts]
    by_claim = {card.claim: where for card, where in linked}
    assert by_claim["p100-mlp-1024"] == "speed-up-apple-against-nvidia"
    assert by_claim["cpu-mlp"] == "speed-up-gpu-against-cpu"
    for card, where in linked:
        if where:
            assert card in sections[where].claims
            assert f'<a href="#{card.key}">{card.claim}</a>' in five_machines.section(where)
            assert f'<a href="#{where}">The comparison</a>' in five_machines.html
    assert sum(bool(where) for _, where in linked) > 12


@pytest.fixture(scope="module")
def both_stacks(tmp_path_factory):
    """An M2 Max whose MLP gains nothing from the GPU with one stack, as the article says, and much with another."""
    records = synthetic.records_of("synthetic-m2-max")
    fast = synthetic.records_of(
        "synthetic-m2-max", factor=lambda device, model, size: 0.5 if (device, model) == ("gpu", "mlp") else 1
    )
    records += [of_stack(record, "tf-2.12") for record in fast]
    return report.make(records, tmp_path_factory.mktemp("stacks"), draw=False)


def test_verdicts_that_differ_say_for_which_stack(both_stacks):
    (card,) = (each for each in section(both_stacks).cards if each.claim == "cpu-mlp")
    assert {(v.stack, v.verdict) for v in card.verdicts} == {("tf-2.19", "reproduced"), ("tf-2.12", "contradicted")}
    part = both_stacks.html.split(f'id="{card.key}"')[1].split("</article>")[0]
    shown = re.findall(r'<b class="[a-z-]+">(\S) (\w+)</b>: (.*?) <span class="soft">\((.*?)\)', part)
    assert sorted(shown) == [
        ("\u2713", "Reproduced", "synthetic-m2-max, GPU against synthetic-m2-max, CPU", "tf-2.19"),
        ("\u2717", "Contradicted", "synthetic-m2-max, GPU against synthetic-m2-max, CPU", "tf-2.12"),
    ]


def test_pictures_of_one_card_have_one_axis(both_stacks):
    (card,) = (each for each in section(both_stacks).cards if each.claim == "cpu-mlp")
    first, second = (re.findall(r'<text x="(.*?)"', verdict.picture) for verdict in card.verdicts)
    assert first == second


def test_verdicts_beyond_the_most_are_folded(both_stacks, monkeypatch):
    monkeypatch.setattr(claims, "MOST_VERDICTS", 1)
    text = page.render(both_stacks.document, report.TEMPLATES / "page.html.j2")
    part = text.split('id="claim-cpu-mlp"')[1].split("</article>")[0]
    assert "<summary>1 more<" in part
    assert "2 verdicts: 1 \u2717 contradicted, 1 \u2713 reproduced." in part  # whatever is seen at first


def test_where_nothing_was_measured_there_are_no_cards_and_nothing_is_unfolded(tmp_path):
    made = report.make(synthetic.records_of("synthetic-p100", devices=["cpu"]), tmp_path, draw=False)
    found = section(made)
    assert (found.cards, found.open) == ([], False)
    assert "None of the 17 published claims was measured here." in found.texts


def judged_alone(name, measure, value, tolerance=0.05, **changes):
    return {
        "id": name,
        "statement": f"Synthetic: {name}",
        "source": "nobody",
        "measure": measure,
        "candidate": {"hardware": "apple-m2-max", "device": "gpu"},
        "workload": {"suite": "fashion-mnist", "models": ["cnn"], "batch_sizes": [512], "epochs": 2},
        "relation": "equals",
        "value": value,
        "tolerance": tolerance,
        **changes,
    }


# An invented source. The CNN at 512 takes the M2 Max of tests/synthetic.py 17.9 s for two epochs, and the T4 21.3 s.
SYNTHETIC = {
    "sources": {"nobody": "Nobody"},
    "claims": [
        judged_alone("time", "seconds_per_epoch", 8.96),
        judged_alone("rate", "throughput", 9000),
        judged_alone("right", "accuracy", 0.86, 0.01),
        judged_alone("joules", "energy", 287),
        judged_alone(
            "longer", "seconds_per_epoch", 8.96, workload={"models": ["cnn"], "batch_sizes": [512], "epochs": 9}
        ),
    ],
    "tables": [
        {
            "id": "invented",
            "title": "An invented table",
            "source": "nobody",
            "measure": "seconds_per_epoch",
            "workload": {"models": ["cnn"], "epochs": 2},
            "tolerance": 0.1,
            "columns": [
                {"name": "M2 Max", "hardware": "apple-m2-max", "device": "gpu"},
                {"name": "T4", "hardware": "nvidia-t4", "device": "gpu"},
            ],
            "rows": [{"batch_size": 512, "values": [9.0, 14.0]}, {"batch_size": 64, "values": [10.0, 15.0]}],
        }
    ],
}


@pytest.fixture(scope="module")
def of_nobody(tmp_path_factory):
    """A report whose ledger is the invented source alone, on two machines."""
    folder = tmp_path_factory.mktemp("nobody")
    (folder / "claims.json").write_text(json.dumps(SYNTHETIC))
    records = synthetic.records_of("synthetic-m2-max", devices=["gpu"], metered=True)
    records += synthetic.records_of("synthetic-t4", devices=["gpu"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "_claims", lambda: ledger.load([folder / "claims.json"]))
        return report.make(records, folder / "made", draw={"speed_up_apple_against_nvidia", "training_time_gpus"})


def test_every_measure_has_a_card_of_its_own(of_nobody):
    found = section(of_nobody)
    cards = {card.claim: card.verdicts[0] for card in found.cards}
    assert {name: verdict.verdict for name, verdict in cards.items()} == {
        "time": "reproduced",
        "rate": "contradicted",
        "right": "reproduced",
        "joules": "reproduced",
    }
    assert all(verdict.who == "synthetic-m2-max, GPU" and verdict.picture for verdict in cards.values())
    (rate,) = (card for card in found.cards if card.claim == "rate")
    assert rate.expected == "in 8,571 to 9,450 samples/s"
    assert {verdict.where for verdict in cards.values()} == {""}  # no section compares it with anything
    table, missing = (each.rows for each in found.tables)  # nothing else was said of the table, and all is here
    assert {row["claim"]: row["verdict"] for row in table} == {
        "invented: M2 Max, 512": "reproduced",
        "invented: T4, 512": "contradicted",
    }
    assert [row["claim"] for row in missing] == ["longer", "invented: M2 Max, 64", "invented: T4, 64"]
    assert missing[0]["command"] == "snakemake --cores 1 --config 'models=[cnn]' 'batch_sizes=[512]' epochs=9"
    assert missing[1]["command"].endswith("'batch_sizes=[512,64]' epochs=2")


def test_a_published_table_is_drawn_hollow_where_its_machines_are(of_nobody):
    rows = of_nobody.data.tables["published"]
    values = {(row.machine, row.batch_size): row.value for row in rows.itertuples()}
    assert values[("synthetic-m2-max", 512)] == pytest.approx(14 / 9)
    times = of_nobody.data.tables["published_times"]
    assert dict(zip(times["machine"], times["fit_seconds"])) == {"synthetic-m2-max": 18.0, "synthetic-t4": 28.0}
    by_name = {exhibit.name: exhibit for exhibit in of_nobody.exhibits}
    assert by_name["speed_up_apple_against_nvidia"].published["value"].tolist() == [pytest.approx(14 / 9)]
    assert sorted(by_name["training_time_gpus"].published["value"]) == [18.0, 28.0]
    assert "published times, of as many epochs" in by_name["training_time_gpus"].note
    assert by_name["training_time_cpus"].published.empty
