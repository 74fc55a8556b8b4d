"""Tests of trainmark.measure.matmul_sweep and its worker: a real sweep on this machine's CPU, cut short, and fakes."""

import json
import sys

import jsonschema
import pytest
from trainmark.errors import TrainmarkError
from trainmark.ingest import file_reader, yaml_file
from trainmark.ingest.bad_files import BadFileError
from trainmark.machine import hardware
from trainmark.measure import matmul_sweep, worker_process

from tests import worker_answers
from tests.conftest import ROOT, synthetic_sweep
from tests.worker_answers import LOCK

PATH = "results/machines/synthetic/roofline/tf-2.19/cpu.json"


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(worker_process, "MACHINE_LOCK", tmp_path / "lock")

    def run(code, threads=None):
        request = matmul_sweep.Request(tmp_path / PATH, threads, LOCK, None)
        return matmul_sweep.supervise(request, [sys.executable, "-c", code])

    return run


def test_real_sweep_is_written_and_read_back(sweep, answers, tmp_path):
    data = sweep(f"print({json.dumps(answers[worker_answers.SWEEP])!r})")
    schema = yaml_file.read(ROOT / "workflow/schemas/roofline.schema.yaml")
    jsonschema.Draft202012Validator(schema).validate(data)
    content = (tmp_path / PATH).read_bytes()
    found = file_reader.Reader(ROOT / "workflow/schemas").result("synthetic/roofline/tf-2.19/cpu.json", content)
    assert [product.side for product in found.products] == [256, 512]
    assert all(len(product.flops_per_second) == 5 for product in found.products)
    assert max(found.products[1].flops_per_second) > 1e9
    assert (found.threads, found.versions["framework_version"]) == (2, "2.19.1")
    assert "multiplies matrices with up to" in matmul_sweep.line(data)
    with pytest.raises(BadFileError, match=r"lies under other/tf-2\.19/cpu"):
        file_reader.Reader(ROOT / "workflow/schemas").result("other/roofline/tf-2.19/cpu.json", content)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os.abort()", "signal 6 and no result"),
        ('print(\'{"reason": "ValueError: synthetic"}\')', "ValueError: synthetic"),
    ],
)
def test_sweep_that_fails_writes_nothing(sweep, tmp_path, code, reason):
    with pytest.raises(TrainmarkError, match=reason):
        sweep(code)
    assert not (tmp_path / PATH).exists()


def cpuinfo(vendor, family, flags, clock=2500.0):
    return f"vendor_id\t: {vendor}\ncpu family\t: {family}\ncpu MHz\t\t: {clock}\nflags\t\t: {flags}\n"


@pytest.mark.parametrize(
    ("text", "per_cycle"),
    [
        (cpuinfo("GenuineIntel", 6, "fma avx2 avx512f"), 64),
        (cpuinfo("GenuineIntel", 6, "fma avx2"), 32),
        (cpuinfo("AuthenticAMD", 25, "fma avx2 avx512f"), 32),
        (cpuinfo("AuthenticAMD", 26, "fma avx2 avx512f"), 64),
        (cpuinfo("GenuineIntel", 6, "sse2"), None),
        ("", None),
    ],
)
def test_peak_of_the_cores(monkeypatch, text, per_cycle):
    monkeypatch.setattr(hardware, "core_counts", lambda: {"logical": 8, "physical": 4})
    found = matmul_sweep.theoretical_peak(8, text)
    if per_cycle is None:
        assert found is None
    else:
        assert (found["cores"], found["flops_per_cycle"]) == (4, per_cycle)
        assert found["flops_per_second"] == 4 * 2.5e9 * per_cycle


def test_a_sweep_follows_its_schema_or_is_refused():
    good, reader = synthetic_sweep(), file_reader.Reader(ROOT / "workflow/schemas")

    def read(change):
        reader.roofline("synthetic/roofline/tf-2.19/cpu.json", json.dumps({**good, **change}).encode())

    read({})
    for change in ({"products": []}, {"format_version": 3}, {"threads": 0}, {"unknown": 1}):
        with pytest.raises(BadFileError):
            read(change)
