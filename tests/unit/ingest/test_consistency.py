"""Tests of trainmark.ingest.consistency: what files say of each other. All data synthetic."""

import csv
import json
from pathlib import Path

import pytest
from trainmark.analysis import collecting, convergence
from trainmark.errors import TrainmarkError
from trainmark.ingest import catalogue

from tests import report
from tests.conftest import ROOT, failed_record, path_of, synthetic_machine, synthetic_record, synthetic_sweep

MACHINES = Path("results/machines")
PUBLISHED = {
    "chips": {},
    "gpus": {"x": {"id": "x", "match": {"gpu": "Synthetic GPU"}, "fp32_tflops": {"value": 0.5, "source": "invented"}}},
}
START = "2026-01-01T00:00:00.000+00:00"
LATER = "2026-01-01T00:01:00.000+00:00"


def write(data: dict, path: Path | None = None) -> None:
    path = path or path_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


def describe(name: str = "synthetic", **changes) -> None:
    write(synthetic_machine(name) | changes, MACHINES / name / "machine.json")


def sweep(**options) -> None:
    data = synthetic_sweep(**options)
    write(data, MACHINES / data["machine"] / "roofline" / data["stack"] / f"{data['device']}.json")


def collect(skip: bool = False, published=PUBLISHED) -> list[str]:
    gate = convergence.Gate(None, 0.001)
    left_out = collecting.collect(MACHINES, ROOT / "workflow/schemas", MACHINES.parent, skip, gate, published)
    return [str(problem) for problem in left_out]


def refusal(published=PUBLISHED) -> str:
    """What is said of what is there, also where the rest is drawn without it."""
    with pytest.raises(TrainmarkError) as caught:
        collect(published=published)
    skipped = collect(skip=True, published=published)
    assert skipped
    for line in skipped:
        assert line in str(caught.value)
    return str(caught.value)


def rows() -> list[tuple[str, str]]:
    with (MACHINES.parent / "runs.csv").open(newline="") as file:
        return [(row["machine"], row["repeat"]) for row in csv.DictReader(file)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(synthetic_record())
    describe()
    return tmp_path


def test_honest_machine_is_believed(here):
    write(synthetic_record(device="gpu"))
    sweep()
    sweep(device="gpu")
    assert collect() == []


def test_two_runs_that_were_started_at_once_are_refused(here):
    times = {"started_at": START, "ended_at": LATER}
    write(synthetic_record(repeat=2, **times))
    write(failed_record(repeat=3, **times))
    said = refusal()
    first, second = (f"synthetic/runs/tf-2.19/cpu/mlp/32/{repeat}.json" for repeat in (2, 3))
    assert f"{first}: cannot be true: it was started at {START}, as {second} was" in said
    assert f"{second}: cannot be true: it was started at {START}, as {first} was" in said
    assert rows() == [("synthetic", "1")]


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_more_arithmetic_than_the_swept_peak_is_refused(here, device):
    sweep(device=device, best=5e10)
    write(synthetic_record(device=device, repeat=2, durations__fit_seconds=2.0))
    assert f"the peak of this {device} allows at most 0.075" in refusal(catalogue.NOTHING_KNOWN)
    assert rows() == [("synthetic", "1")]


def test_more_arithmetic_than_the_published_peak_is_refused(here):
    write(synthetic_record(device="gpu", durations__fit_seconds=0.2))
    said = refusal()
    assert "TFLOPS, but the peak of this gpu allows at most 0.625" in said
    assert rows() == [("synthetic", "1")]
    assert collect(published=catalogue.NOTHING_KNOWN) == []


def test_tensor_float_32_and_fast_convolutions_may_exceed_the_peak(here):
    fast = {"device": "gpu", "durations__fit_seconds": 0.2}
    write(synthetic_record(**fast, execution__tensor_float_32=True))
    assert collect() == []
    write(synthetic_record(**fast, control="mixed-float16", execution__compute_types=["float16"]))
    assert collect() == []
    write(synthetic_record(**fast, model="cnn", repeat=2))
    assert "at most 1.406" in refusal()
    write(synthetic_record(device="gpu", model="cnn", repeat=2, durations__fit_seconds=2.4))
    assert collect() == []


def test_sweep_beyond_the_published_peak_is_refused(here):
    sweep(device="gpu", best=1e13)
    assert "roofline/tf-2.19/gpu.json: cannot be true: 10 TFLOPS are more than the GPU's published peak" in refusal()
    with (MACHINES.parent / "peaks.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == []


def test_more_processor_time_than_the_machine_has_cores_is_refused(here):
    write(synthetic_record(repeat=2, noise__fit_cpu_seconds=200.0))
    assert "it used the time of 10.0 cores, but the machine has 8" in refusal()
    (MACHINES / "synthetic/machine.json").unlink()
    assert collect() == []


def copied(factor: float, **changes) -> dict:
    """A record of another machine's run, as a forger would make it: under another name, and faster."""
    data = synthetic_record(machine="synthetic-b", durations__fit_seconds=20.0 * factor, **changes)
    original = synthetic_record()
    return data | {key: original[key] for key in ("started_at", "ended_at", "accuracy")}


def test_one_measurement_under_two_names_counts_under_none_until_one_is_chosen(here):
    for repeat in (2, 3):
        write(synthetic_record(repeat=repeat))
        write(synthetic_record(machine="synthetic-b", repeat=repeat))
    write(copied(0.5))
    describe("synthetic-b")
    said = refusal()
    for one, other in (("synthetic", "synthetic-b"), ("synthetic-b", "synthetic")):
        assert f"{one}: 1 of its runs is filed under {other}, too" in said
    assert sorted(rows()) == [(name, repeat) for name in ("synthetic", "synthetic-b") for repeat in ("2", "3")]
    path_of(copied(0.5)).unlink()
    assert collect() == []
    assert ("synthetic", "1") in rows()


def test_runs_of_two_machines_may_start_at_once_or_compute_the_same(here):
    write(
        copied(1.0, repeat=2)
        | {"accuracy": synthetic_record(accuracy__test_loss=0.41, accuracy__train_loss=[0.41, 0.4])["accuracy"]}
    )
    write(synthetic_record(machine="synthetic-b", repeat=3))
    assert collect() == []


def test_published_figures_of_the_project_are_read(here):
    write(synthetic_record(device="gpu"))
    gpu = synthetic_machine()["gpus"][0] | {"name": "Tesla T4", "cores": None}
    describe(gpus=[gpu])
    for path in MACHINES.rglob("runs/**/*.json"):
        path.unlink()
    identity = collecting.consistency.identity_of
    reader = collecting.Reader(ROOT / "workflow/schemas")
    description = reader.machine("synthetic/machine.json", (MACHINES / "synthetic/machine.json").read_bytes())
    known = dict(zip(("machine_id_hash", "hardware"), identity(description)))
    write(synthetic_record(device="gpu", identity=known, durations__fit_seconds=0.01))
    with pytest.raises(TrainmarkError, match=r"the peak of this gpu allows at most 10\.12"):
        collect(published=catalogue.load([ROOT / "config/hardware.yaml"]))


def test_page_remarks_on_shares_beyond_a_peak(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep(best=8e9)
    made = report.make([synthetic_record(), synthetic_record(repeat=2)], tmp_path, draw=False)
    assert "More than a peak: synthetic, CPU, tf-2.19, mlp. Possible reasons for a share over 100 %" in made.section(
        "utilisation"
    )
    made = report.make([synthetic_record(), synthetic_record(repeat=2)], tmp_path / "b", draw=False)
    assert "More than a peak" not in made.html
