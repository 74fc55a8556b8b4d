"""Tests of trainmark.report.sections.headline, and of the words of figure_list and series_names, on synthetic runs."""

import pandas as pd
from trainmark.contents.columns import ratio
from trainmark.report.sections import headline

from tests import report, synthetic
from tests.conftest import of_stack


def test_the_page_answers_first_from_the_data(five_machines):
    said = {question: " ".join(sentences) for question, sentences in five_machines.document.answers.items()}
    faster, noise, learned, article = said.values()
    assert "synthetic-m2-max, GPU trains 2.20 [2.19, 2.20] times as fast as synthetic-m1, GPU" in faster
    summary = five_machines.data.tables["comparisons_summary"].query("exhibit == '5' and model == 'all'").iloc[0]
    assert ratio(summary["geometric_mean"]) == "2.20"
    assert "median of 120 test cases); 0 test cases are unstable" in noise
    assert "All 360 runs that ended without a fault converged: 360 were compared with reference runs" in learned
    assert "15 claims reproduced (m1-always" in article
    assert "2 claims not measured" in article
    assert "Fabrice Daniel" in article
    assert five_machines.html.index("Which is faster") < five_machines.html.index("Exhibit 1")


def test_a_machine_of_few_cells_is_not_ranked_among_the_others(tmp_path):
    records = [r for r in synthetic.article() if r["device"] == "gpu"]
    records = [r for r in records if r["machine"] != "synthetic-t4" or (r["model"], r["batch_size"]) == ("cnn", 1024)]
    said = report.make(records, tmp_path, draw=False).document.answers["Which is faster, and by how much?"]
    ranking = next(sentence for sentence in said if sentence.startswith("GPU: every machine against"))
    assert (
        "times as fast (geometric means of 12 test cases); measured in fewer test cases, so not in this order: "
        "synthetic-t4" in ranking
    )


def test_series_and_sentences_of_several_stacks_can_be_told_apart(tmp_path):
    records = [r for r in synthetic.article() if r["device"] == "gpu"]
    records += [of_stack(r, "tf-2.12") for r in records]
    made = report.make(records, tmp_path, draw=False)
    (exhibit,) = (e for e in made.exhibits if e.name == "speed_up_apple_against_nvidia")
    assert len(set(exhibit.names.values())) == len(exhibit.names) == 2 * 3
    assert "against synthetic-t4, tf-2.12" in " ".join(exhibit.names.values())
    said = made.document.answers["Which is faster, and by how much?"]
    assert len(said) == len(set(said))
    for exhibit in made.exhibits:
        assert len(set(exhibit.names.values())) == len(exhibit.names), exhibit.name


def test_alt_text_says_who_is_the_baseline(five_machines):
    (exhibit,) = (e for e in five_machines.exhibits if e.name == "speed_up_apple_against_nvidia")
    assert "against synthetic-p100 1.03; against synthetic-t4 1.15" in exhibit.alt


def test_an_uncertain_break_even_says_so(tmp_path):
    records = synthetic.records_of("synthetic-m2-max", noise=(0.4, 1.0, 2.2))
    made = report.make(records, tmp_path, draw=False)
    assert "(95 % interval: every batch size to none measured)" in made.section("break-even")


def test_a_pair_counts_once_whichever_side_is_the_baseline(tmp_path):
    two = synthetic.records_of("synthetic-m1", devices=["gpu"]) + synthetic.records_of("synthetic-t4", devices=["gpu"])
    wanted = [
        {"name": name, "candidate": {"machine": a}, "baseline": {"machine": b}}
        for name, a, b in (("one", "synthetic-m1", "synthetic-t4"), ("other", "synthetic-t4", "synthetic-m1"))
    ]
    made = report.make(two, tmp_path, wanted, draw=False)
    assert len(made.data.tables["comparisons"]) == 3 * 12
    assert "Of 12 compared test cases" in made.html


def test_own_claims_are_not_taken_for_the_articles(five_machines):
    verdicts = pd.DataFrame({"source": ["A paper", "The article"], "claim": ["mine", "his"], "verdict": "reproduced"})
    said = headline.what_of_the_article(verdicts)
    assert said == ["A paper: 1 claim reproduced (mine).", "The article: 1 claim reproduced (his)."]


def test_small_drift_is_no_alarm():
    rows = {"machine": "a", "device": "cpu", "stack": "s"}
    drift = pd.DataFrame([{**rows, "ratio": 1.02, "low": 1.01, "high": 1.03}])
    assert headline.did_it_drift(drift) == []
    (said,) = headline.did_it_drift(drift.assign(ratio=1.2, low=1.1, high=1.3))
    assert "1.20 [1.10, 1.30] times as long" in said


def test_equal_accuracies_are_not_called_different(five_machines):
    compared = five_machines.data.tables["comparisons"].assign(
        test_accuracy_candidate=0.86, test_accuracy_baseline=0.86
    )
    said = " ".join(headline.did_they_learn(five_machines.data.runs, compared))
    assert "The compared test cases have the same accuracies" in said
    assert "differ most" not in said
    other = compared.assign(test_accuracy_candidate=0.88)
    assert "0.880 against 0.860" in " ".join(headline.did_they_learn(five_machines.data.runs, other))
