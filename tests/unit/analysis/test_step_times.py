"""Tests of trainmark.analysis.step_times, and of the page of another suite. All records are synthetic."""

import pytest
from trainmark.experiment import workloads

from tests import report, synthetic
from tests.conftest import CONFIG, synthetic_record, validate_record

# Each makes a page.
pytestmark = pytest.mark.slow
CIFAR = {**CONFIG, "suite": "cifar-10", "train_samples": 40_000, "epochs": 3}


def cifar_record(seconds=30.0, suite="cifar-10", **changes):
    """A record whose three epochs took a third each of nine tenths, a tenth of them its validation."""
    model = changes.get("model", "cnn_123k")
    workload = workloads.describe(model, {**CIFAR, "suite": suite})
    return synthetic_record(
        **{"machine": "synthetic-a", "model": model, "workload": workload, "durations__fit_seconds": seconds, **changes}
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    records = [cifar_record(seconds, repeat=n) for n, seconds in enumerate((30.0, 40.0, 50.0), start=1)]
    records += [cifar_record(90.0, model="resnet50", energy=synthetic.energy_of("synthetic-p100", "cpu", 90.0))]
    records += [cifar_record(machine="synthetic-b", repeat=n) for n in (1, 2)]
    for data in records:
        validate_record(data)
    return report.make(records, tmp_path_factory.mktemp("cifar"), draw=False)


def test_step_is_the_time_of_the_later_epochs_without_their_validation(made):
    table = made.data.tables["step_times"].set_index(["machine", "model"])
    cnn = table.loc["synthetic-a", "cnn_123k"]
    assert cnn["runs"] == 3
    assert cnn["fit_seconds"] == 40.0
    training = 40.0 * (0.9 - 0.1) / 3
    assert cnn["steady_state_step_seconds"] == pytest.approx(training / 1250)
    assert cnn["steady_state_samples_per_second"] == pytest.approx(40_000 / training)
    assert cnn["joules_per_epoch"] != cnn["joules_per_epoch"]  # there is none
    resnet = table.loc["synthetic-a", "resnet50"]
    assert resnet["joules_per_epoch"] == pytest.approx(40.0 * 90.0 / 3)
    assert resnet["energy_scope"] == "CPU package"


def test_page_names_the_suite_and_shows_its_steps(made):
    assert "CIFAR-10, 40,000 training images, 3 epochs" in made.html
    assert "Fashion-MNIST, 5" not in made.html
    assert "Mean step from the second epoch on" in made.section("steady-state")
    assert not made.data.tables["comparisons"].empty


def test_suites_are_never_compared_with_each_other_and_invented_data_with_nothing(tmp_path):
    plain = [synthetic_record(machine="synthetic-a", repeat=n) for n in (1, 2)]
    plain += [synthetic_record(machine="synthetic-b", repeat=n) for n in (1, 2)]
    other = [cifar_record(repeat=n) for n in (1, 2)]
    invented = [
        cifar_record(suite="invented-cifar-10", machine=machine, repeat=n)
        for machine in ("synthetic-a", "synthetic-b")
        for n in (3, 4)
    ]
    made = report.make([*plain, *other, *invented], tmp_path, draw=False)
    runs = made.data.tables["runs"]
    assert len(runs) == 10
    of_invented = runs[runs["status"] == "invented_data"]
    assert len(of_invented) == 4
    assert set(of_invented["reason"]) == {
        "It trained on invented data, which are for trying a suite: it is in no comparison."
    }
    assert set(made.data.tables["comparisons"]["model"]) == {"mlp"}
    assert set(made.data.tables["ranking"]["settings_digest"]) == set(runs[runs["status"] == "ok"]["settings_digest"])
    assert "suite cifar-10" in made.html
    assert "suite=cifar-10" in made.html
    assert made.data.tables["step_times"].empty  # of the experiment that is shown, Fashion-MNIST's


def test_page_of_invented_data_alone_says_that_they_are_in_no_comparison(tmp_path):
    made = report.make([cifar_record(suite="invented-cifar-10", repeat=n) for n in (1, 2)], tmp_path, draw=False)
    assert "2 runs trained on invented data, to try the suite invented-cifar-10, and are in no figure" in made.html
    assert made.document.first.sentence.startswith("CIFAR-10 on invented data: 2 runs trained to the end")
    assert "No run is ok, so there is nothing to draw." not in made.html
    assert all(made.document.answers.values())
    assert "CIFAR-10 on invented data, 40,000 training images" in made.html
    assert "did not converge and" not in made.html
    for name in ("comparisons", "ranking", "fastest", "step_times", "energy"):
        assert made.data.tables[name].empty
