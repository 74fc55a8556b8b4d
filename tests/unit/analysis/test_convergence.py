"""Tests of trainmark.analysis.convergence and reference_runs, on invented accuracies; make bench has real ones."""

import json
import math

import numpy as np
import pytest
import yaml
from scipy import stats
from trainmark.analysis import convergence, reference_runs
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites, workloads
from trainmark.ingest import yaml_file

from tests import report, synthetic
from tests.conftest import CONFIG, ROOT, synthetic_record, unlearned

SETTINGS = {k: v for k, v in workloads.describe("mlp", CONFIG).items() if k != "model"}
CANONICAL = workloads.canonical_json(SETTINGS)
RUNS = [[0.80, 0.84], [0.81, 0.85], [0.82, 0.86], [0.80, 0.85], [0.82, 0.84], [0.81, 0.86]]


def references(runs=RUNS):
    settings = convergence.without_epochs(CANONICAL)
    return convergence.References(settings, {m: dict.fromkeys(synthetic.SIZES, runs) for m in synthetic.MODELS})


def accuracy(validation, train_loss=(1.0, 0.5), validation_loss=(0.9, 0.5)):
    return {"validation_accuracy": validation, "train_loss": train_loss, "validation_loss": validation_loss}


GATE = convergence.Gate(references(), 0.001)


def judge(curve, settings=CANONICAL, model="mlp", batch_size=32, gate=GATE, **losses):
    return gate.judge(model, batch_size, accuracy(curve, **losses), settings)


def test_limit_is_that_of_a_prediction_interval():
    finals = np.array([run[-1] for run in RUNS])
    others = finals + np.array([0.1, 0, 0, 0, 0, 0])
    least, deviation, limit = convergence.limit_of(finals, [finals, others], 0.001)
    assert least == pytest.approx(finals.mean() - 0.005)
    pooled = math.sqrt((finals.var(ddof=1) + others.var(ddof=1)) / 2)
    assert deviation == pytest.approx(pooled * math.sqrt(1 + 1 / 6))
    assert limit == pytest.approx(stats.t.ppf(0.001, 10))


def test_of_healthy_runs_the_limit_refuses_the_share_that_it_says():
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(20000):
        values, others = rng.normal(0.9, 0.004, (2, 8))
        least, deviation, limit = convergence.limit_of(values, [values, others], 0.01)
        refused += rng.normal(0.9 - convergence.MARGIN, 0.004) < least + limit * deviation
    assert refused / 20000 == pytest.approx(0.01, abs=0.0025)


def test_run_like_the_references_passes_and_one_below_does_not():
    good = judge([0.81, 0.85])
    assert (good.reason, good.gate) == ("", "references")
    assert abs(good.t) < 1
    bad = judge([0.81, 0.70])
    assert "validation accuracy after epoch 2 is 0.700; all but 0.1 % of healthy runs reach 0.8" in bad.reason
    assert bad.t < bad.limit < 0
    assert judge([0.81, 0.99]).reason == ""


def test_fewer_epochs_are_held_against_the_same_epoch():
    one = workloads.canonical_json({**SETTINGS, "epochs": 1})
    losses = {"train_loss": [1.0], "validation_loss": [0.9]}
    assert judge([0.81], one, **losses).gate == "references"
    assert judge([0.81], one, **losses).reason == ""
    assert "after epoch 1" in judge([0.70], one, **losses).reason


@pytest.mark.parametrize(
    "other",
    [
        {"settings": workloads.canonical_json({**SETTINGS, "train_samples": 100})},
        {"model": "another"},
        {"batch_size": 48},
        {"gate": convergence.Gate(None, 0.001)},
        {"gate": convergence.Gate(references([[0.8, 0.8]]), 0.001)},
        {"curve": [0.8, 0.8, 0.3], "train_loss": (1, 0.9, 0.8), "validation_loss": (1, 0.9, 0.8)},
    ],
    ids=["settings", "model", "batch size", "no references", "one run", "more epochs"],
)
def test_without_references_the_weaker_rules_apply(other):
    found = judge(**{"curve": [0.3, 0.3], **other})
    assert (found.gate, found.reason, found.t) == ("weaker rules", "", None)


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ({"train_loss": (1.0, 1.5)}, "training loss rose from 1.000 in the first epoch to 1.500 in the last"),
        ({"validation_loss": (2.0, 2.31)}, "validation loss after epoch 2 is 2.310; guessing gives 2.303"),
        ({"validation_loss": (2.0, None)}, "validation loss after epoch 2 is not a number"),
    ],
)
def test_loss_that_runs_away_does_not_count_whatever_the_accuracy(losses, words):
    assert words in judge([0.81, 0.85], **losses).reason


def run_that(learned=True, **changes):
    losses = {"accuracy__train_loss": [0.5, 0.4]}
    data = synthetic_record(accuracy__validation_accuracy=[0.81, 0.85], **losses, **changes)
    return data if learned else unlearned(data, [0.5, 0.4])


def test_run_that_did_not_learn_is_in_no_ratio_and_is_shown_with_its_curve(tmp_path):
    records = [run_that(machine=m, repeat=n) for m in ("synthetic-a", "synthetic-b") for n in (1, 2)]
    records += [run_that(False, machine="synthetic-b", repeat=3, durations__fit_seconds=1.0)]
    records += [run_that(False, machine="synthetic-b", model="cnn", repeat=n) for n in (1, 2)]
    records += [run_that(machine="synthetic-a", model="cnn", repeat=n) for n in (1, 2)]
    made = report.make(records, tmp_path, gate=GATE, draw=["not_converged"])
    cells = made.data.tables["comparisons"]
    assert list(cells["model"]) == ["mlp"]
    assert list(cells["n_candidate"]) == [2]
    assert "3 runs did not converge and are in no ratio." in made.html
    assert "3 runs of 9 did not converge and are excluded: 9 were compared with reference runs" in made.html
    assert made.section("failed").count("all but 0.1 % of healthy runs") == 3
    (exhibit,) = (e for e in made.exhibits if e.name == "not_converged")
    assert "Runs that did not converge: 3, synthetic-b" in exhibit.alt
    assert set(exhibit.table["status"]) == {"ok", "not_converged"}
    assert (tmp_path / "figures/not_converged.svg").exists()
    (exhibit,) = (e for e in made.exhibits if e.name == "learning")
    assert "3 of 9 runs" in exhibit.alt


def test_healthy_runs_are_told_from_those_without_references(tmp_path):
    made = report.make([run_that(), run_that(repeat=2)], tmp_path, draw=False)
    assert (
        "All 2 runs that ended without a fault converged: 0 were compared with reference runs, 2 were judged"
        in made.html
    )
    assert "Convergence references of this experiment" in made.section("additions")
    assert "runs-that-did-not" not in made.html


def write(folder, records):
    synthetic.write_tree(records, folder)
    return reference_runs.gather(folder / "results/machines", ROOT / "workflow/schemas", "synthetic", "tf-2.19")


def test_references_are_written_from_records_and_read_back(tmp_path):
    records = [run_that(model=m, repeat=n) for m in ("cnn", "mlp") for n in range(1, 7)]
    records += [run_that(False, device="gpu")]
    made = write(tmp_path, records)
    assert (made.runs, made.others) == (12, 0)
    (tmp_path / "references.yaml").write_text(made.text)
    found = convergence.load(tmp_path / "references.yaml")
    assert found.accuracy == {m: {32: [[0.81, 0.85]] * 6} for m in ("mlp", "cnn")}
    assert found.settings == convergence.without_epochs(CANONICAL)
    assert yaml.safe_load(made.text)["made"]["runs"] == 12


def test_too_few_runs_make_no_references(tmp_path):
    with pytest.raises(TrainmarkError, match="References take 6 runs of each cell; there are fewer of mlp 32"):
        write(tmp_path, [run_that(repeat=n) for n in range(1, 6)])


@pytest.mark.parametrize("month", ["01", "03"])
def test_of_several_experiments_the_one_that_was_measured_last_makes_the_references(tmp_path, month):
    """One run of another experiment is left of before, or is what was measured last, and too little."""
    other = workloads.describe("mlp", {**CONFIG, "learning_rate": 0.1})
    of_other = {"workload": other, "workload_digest": workloads.digest(other), "model": "mlp", "batch_size": 64}
    times = {end: f"2025-{month}-02T00:0{n}:00.000+00:00" for n, end in enumerate(("started_at", "ended_at"))}
    mine = {end: time.replace(f"-{month}-", "-02-") for end, time in times.items()}
    records = [run_that(repeat=n, **{k: t.replace("T00", f"T{n:02}") for k, t in mine.items()}) for n in range(1, 7)]
    records.append(run_that(**of_other, **times))
    if month == "03":
        with pytest.raises(TrainmarkError, match="there are fewer of mlp 64"):
            write(tmp_path, records)
        return
    made = write(tmp_path, records)
    assert (made.runs, made.others) == (6, 1)
    assert yaml.safe_load(made.text)["settings"]["optimizer"]["learning_rate"] == CONFIG["learning_rate"]


def test_the_projects_references_are_of_the_articles_experiment():
    found = convergence.load(ROOT / "config/references.yaml")
    config = yaml_file.read(ROOT / "config/config.yaml")
    settings = {k: v for k, v in workloads.describe("mlp", config).items() if k not in ("model", "epochs")}
    assert json.loads(found.settings) == settings
    for model in config["models"]:
        for size in config["batch_sizes"]:
            runs = found.accuracy[model][size]
            assert len(runs) >= reference_runs.FEWEST_RUNS
            assert {len(run) for run in runs} == {config["epochs"]}


def test_no_better_than_chance_is_not_learning_though_the_loss_is_below_that_of_guessing():
    """As measured: mlp, batch size 1024, learning rate 0.5, one epoch; its loss is under log 10 = 2.303."""
    other = workloads.canonical_json({**SETTINGS, "optimizer": {"name": "adam", "learning_rate": 0.5}, "epochs": 1})
    found = judge([0.117], other, train_loss=(2.9,), validation_loss=(2.269,))
    assert found.gate == "weaker rules"
    assert "after epoch 1 is 0.117; a rule with one threshold on one pixel reaches up to 0.200" in found.reason
    assert judge([0.30], other, train_loss=(2.1,), validation_loss=(1.9,)).reason == ""


def test_least_accuracy_is_that_of_a_binomial_test():
    for samples in (100, 1000, 10_000):
        least = round(convergence.least_above_trivial(samples, 0.001, 0.2) * samples)
        assert stats.binom.sf(least - 1, samples, 0.2) <= 0.001 < stats.binom.sf(least - 2, samples, 0.2)
    assert convergence.least_above_trivial(2, 0.001, 0.2) == 1


def test_one_threshold_on_one_pixel_reaches_no_more_than_that(payloads):
    """On the real images: the best of all such rules is right for hardly more than two of ten classes."""
    images = np.frombuffer(payloads["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(-1, 784)[50_000:]
    labels = np.frombuffer(payloads["train-labels-idx1-ubyte"], np.uint8, offset=8)[50_000:]
    best = 0
    for threshold in range(0, 256, 16):
        above = np.eye(10)[labels].T @ (images > threshold)  # class x pixel
        below = np.bincount(labels, minlength=10)[:, None] - above
        best = max(best, (above.max(axis=0) + below.max(axis=0)).max())
    assert 0.15 < best / len(labels) <= suites.named(suites.DEFAULT).trivial_accuracy * 1.05
