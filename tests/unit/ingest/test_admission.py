"""Tests of trainmark.ingest.admission: what a merge lets stand beside what is there. All data synthetic."""

import json
from pathlib import Path

import pytest
from trainmark.analysis import collecting, convergence
from trainmark.ingest import merging

from tests.conftest import (
    ROOT,
    failed_record,
    older,
    path_of,
    synthetic_machine,
    synthetic_record,
    synthetic_sweep,
)

SCHEMAS = ROOT / "workflow/schemas"
TARGET = Path("results/machines")
NOBODY = {"machine_id_hash": None, "hardware": None}
NO_ID = synthetic_record()["identity"] | {"machine_id_hash": None}
PUBLISHED = {
    "chips": {},
    "gpus": {"x": {"id": "x", "match": {"gpu": "Synthetic GPU"}, "fp32_tflops": {"value": 0.5, "source": "invented"}}},
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TARGET.mkdir(parents=True)
    return tmp_path


def write(data: dict, top: Path = TARGET) -> str:
    """Write a record, a sweep or a machine file below a folder of machines; returns its path there."""
    if "products" in data:
        path = Path(data["machine"], "roofline", data["stack"], f"{data['device']}.json")
    else:
        path = path_of(data).relative_to(TARGET) if "repeat" in data else Path(data["machine"], "machine.json")
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    (top / path).write_text(json.dumps(data))
    return str(path)


def merge(*records: dict, name: str | None = None, **options) -> merging.Merge:
    """Bring records in that lie in a folder of their own."""
    for data in records:
        write(data, Path("theirs"))
    found = merging.bring_in([Path("theirs")], TARGET, SCHEMAS, name, skip_bad=True, **options)
    for path in Path("theirs").rglob("*.json"):
        path.unlink()
    return found


def collect(published=PUBLISHED) -> list:
    gate = convergence.Gate(None, 0.001)
    return collecting.collect(TARGET, SCHEMAS, TARGET.parent, False, gate, published)


def mine() -> None:
    write(synthetic_record())
    write(synthetic_machine())


@pytest.mark.parametrize(
    "foreign",
    [
        [synthetic_record(repeat=repeat, identity=NOBODY) for repeat in range(2, 14)],
        [synthetic_record(repeat=repeat, identity=NO_ID) for repeat in range(2, 14)],
        [older(synthetic_record(repeat=repeat), 1) for repeat in range(2, 14)],
        [older(synthetic_record(repeat=repeat), 3) for repeat in range(2, 14)],
        [failed_record(repeat=repeat, identity=NOBODY) for repeat in range(2, 14)],
    ],
    ids=["no identity", "no id", "format 1", "format 3", "failed"],
)
def test_records_that_may_be_of_any_machine_do_not_become_mine_unless_i_say_so(here, foreign):
    mine()
    found = merge(*foreign)
    assert found.new == {}
    (problem,) = found.problems
    assert "synthetic: gets 12 files that may be of any machine, such as synthetic/runs/tf-2.19/cpu/mlp/32/10" in str(
        problem
    )
    assert "If you know that it is of synthetic: make merge FROM=theirs AS=synthetic; else AS=another-name" in str(
        problem
    )
    assert len(merge(*foreign, name="synthetic").new) == 12
    assert collect() == []


def test_one_such_record_is_named(here):
    mine()
    (problem,) = merge(synthetic_record(repeat=2, identity=NOBODY)).problems
    assert "synthetic/runs/tf-2.19/cpu/mlp/32/2.json: may be of any machine" in str(problem)
    write(synthetic_record(repeat=2))
    assert merge(synthetic_record(repeat=2)).identical == {"synthetic": 1}


def test_what_says_as_much_as_is_known_enters(here):
    mine()
    assert len(merge(synthetic_record(repeat=2), synthetic_sweep(), older(synthetic_record(repeat=3), 4)).new) == 3
    write(synthetic_record(machine="synthetic-b", identity=NO_ID))  # as in most containers
    assert len(merge(synthetic_record(machine="synthetic-b", repeat=2, identity=NO_ID)).new) == 1


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_machine_that_is_not_there_may_be_of_an_older_format(here, version):
    assert len(merge(*(older(synthetic_record(repeat=n), version) for n in (1, 2))).new) == 2


def test_records_without_identity_do_not_hide_among_others_of_a_new_machine(here):
    found = merge(synthetic_machine(), synthetic_record(), synthetic_record(repeat=2, identity=NOBODY))
    assert len(found.new) == 2
    assert "2.json: may be of any machine" in str(found.problems[0])


def test_description_without_an_id_does_not_make_a_machine_nobodys(here):
    write(synthetic_record())
    (problem,) = merge(synthetic_machine() | {"machine_id_hash": None}).problems
    assert "synthetic/machine.json: may be of any machine" in str(problem)


def test_same_bytes_stay_the_same_where_the_name_does(here):
    mine()
    content = (TARGET / path_of(synthetic_record()).relative_to(TARGET)).read_bytes()
    assert merge(synthetic_record(), name="synthetic").identical == {"synthetic": 1}
    assert (TARGET / path_of(synthetic_record()).relative_to(TARGET)).read_bytes() == content


TIMES = {key: synthetic_record()[key] for key in ("started_at", "ended_at")}
BESIDE = {
    "start of another": (synthetic_record(repeat=2, **TIMES), "as synthetic/runs/tf-2.19/cpu/mlp/32/1.json was"),
    "too busy": (
        synthetic_record(repeat=2, noise__fit_cpu_seconds=1e3),
        "the time of 50.0 cores, but the machine has 8",
    ),
    "too fast": (synthetic_record(repeat=2, device="gpu", durations__fit_seconds=0.1), "allows at most 0.625"),
    "sweep too fast": (
        synthetic_sweep(device="gpu", best=1e13),
        "10 TFLOPS are more than the GPU's published peak",
    ),
}


@pytest.mark.parametrize(("data", "expected"), BESIDE.values(), ids=BESIDE)
def test_what_cannot_be_beside_the_others_is_refused_as_in_the_report(here, data, expected):
    mine()
    found = merge(data, synthetic_record(repeat=9), published=PUBLISHED)
    (problem,) = found.problems
    assert expected in str(problem)
    assert list(found.new) == ["synthetic/runs/tf-2.19/cpu/mlp/32/9.json"]
    assert collect() == []
    path = write(data)
    with pytest.raises(collecting.TrainmarkError) as caught:
        collect()
    assert f"{path}: {problem.what}" in str(caught.value)


def test_file_that_would_make_mine_impossible_is_refused(here):
    """A sweep of a peak so low that my own runs would be left out."""
    write(synthetic_record())
    (problem,) = merge(synthetic_sweep(best=1e9)).problems
    assert "synthetic: contradicts synthetic/runs/tf-2.19/cpu/mlp/32/1.json, which is there" in str(problem)
    assert collect() == []


def test_what_is_wrong_already_does_not_keep_others_out(here):
    mine()
    write(synthetic_record(repeat=2, noise__fit_cpu_seconds=1e3))
    assert len(merge(synthetic_record(repeat=3)).new) == 1


def copy_of(data: dict, **changes) -> dict:
    made = synthetic_record(machine="synthetic-b", **changes)
    return made | {key: data[key] for key in ("started_at", "ended_at", "accuracy")}


def test_measurement_of_another_machine_under_a_new_name_is_refused(here):
    mine()
    faster = copy_of(synthetic_record(), durations__fit_seconds=10.0)
    found = merge(faster, synthetic_record(machine="synthetic-b", repeat=2))
    (problem,) = found.problems
    assert "synthetic-b: 1 of its runs is filed under synthetic, too" in str(problem)
    assert list(found.new) == ["synthetic-b/runs/tf-2.19/cpu/mlp/32/2.json"]
    assert collect() == []


def test_measurement_under_two_new_names_is_refused_under_both(here):
    found = merge(synthetic_record(), copy_of(synthetic_record()))
    assert found.new == {}
    assert sorted(str(problem).split(": ")[1] for problem in found.problems) == ["synthetic", "synthetic-b"]


def test_copy_is_found_however_the_record_that_is_there_is_written(here):
    path = TARGET / write(synthetic_record())
    path.write_text(path.read_text().replace('"started_at": ', '"started_at"\n:  '))
    assert "filed under synthetic, too" in str(merge(copy_of(synthetic_record())).problems[0])
