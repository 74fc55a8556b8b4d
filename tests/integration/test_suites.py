"""Another suite than the default one, as its users run it: real trainings on invented data, then the page of them.

ResNet50 takes minutes, whatever it trains on, and is trained with TRAINMARK_TESTS=whole alone.
"""

import csv
import html
import json
import os
from pathlib import Path

import pytest
from trainmark import words
from trainmark.records.record import INVENTED

from tests.conftest import validate_record
from tests.integration.conftest import Checkout, copy_project, trained

SUITE = "invented-cifar-10"
PARAMETERS = {"cnn_123k": 122_570, "resnet50": 23_608_202}
if os.environ.get("TRAINMARK_TESTS") != "whole":
    del PARAMETERS["resnet50"]
CUT = {"models": [*PARAMETERS], "batch_sizes": [64], "epochs": 2, "train_samples": 128}
NOTHING = "Nothing to be done"


def rows_of(page: Path, table: str) -> list[dict[str, str]]:
    with (page / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def measured(tmp_path_factory, data_folder) -> tuple[Checkout, str]:
    """A checkout in which the suite was measured beside what was there of the default one, and what it printed."""
    checkout = Checkout(copy_project(tmp_path_factory.mktemp("suites") / "checkout", data_folder))
    return checkout, checkout.run(suite=SUITE, **CUT)


def test_suite_is_trained_on_its_data_and_its_records_are_valid(measured):
    checkout, output = measured
    assert f"data set: {SUITE}, made up: for trying, in no comparison" in output
    assert trained(output) == len(PARAMETERS)
    for model, parameters in PARAMETERS.items():
        below = f"results/machines/test-checkout/suites/{SUITE}/runs/tf-2.19/cpu/{model}/64/1.json"
        record = json.loads((checkout.folder / below).read_text())
        validate_record(record)
        assert record["status"] == "ok", record["reason"]
        assert record["execution"]["parameters"] == parameters
        found = {key: record["workload"][key] for key in ("suite", "train_samples", "epochs")}
        assert found == {"suite": SUITE, "train_samples": 128, "epochs": 2}
        assert record["workload"]["data"]["name"] == SUITE
    assert not (checkout.folder / "results/machines/test-checkout/runs").exists()


def test_page_of_the_suite_is_drawn_and_says_that_its_data_are_invented(measured):
    page = measured[0].folder / "results/report"
    runs = rows_of(page, "runs")
    assert {run["model"]: run["status"] for run in runs} == dict.fromkeys(PARAMETERS, INVENTED)
    assert rows_of(page, "comparisons") == []
    assert len(rows_of(page, "steps")) == len(PARAMETERS)
    text = (page / "index.html").read_text()
    assert f"{words.plural(len(PARAMETERS), 'run')} trained on invented data" in text
    assert "CIFAR-10 on invented data" in text
    assert "that of the second part of Fabrice Daniel's article" in html.unescape(text)
    assert "called the article below" not in text


def test_suite_that_was_measured_is_not_measured_again(measured):
    assert NOTHING in measured[0].run(suite=SUITE, **CUT)
