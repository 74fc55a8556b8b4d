"""Tests of trainmark.ingest.merging, and of what a merge and the report say of bad files. Synthetic data."""

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from trainmark.analysis import collecting, convergence
from trainmark.errors import TrainmarkError
from trainmark.experiment import workloads
from trainmark.ingest import merge_lines, merging, packing
from trainmark.records import writing

from tests.conftest import CONFIG, synthetic_machine, synthetic_record
from tests.unit.ingest.conftest import BAD, RECORD, SCHEMAS, TARGET, merge, problem_of, snapshot, tree, write


@pytest.mark.parametrize("form", ["results", "machines", "machine", "checkout", "archive", "zip", "wrapped"])
def test_every_form_of_results_is_merged_and_twice_is_all_identical(here, form):
    source = tree(here / "theirs/results/machines").parents[1]
    if form == "results":
        source /= "results"
    elif form == "machines":
        source /= "results/machines"
    elif form == "machine":
        source /= "results/machines/synthetic"
    elif form == "archive":
        packing.pack("synthetic", source / "results/machines", SCHEMAS, here / "x.tar.gz")
        source = here / "x.tar.gz"
    elif form == "zip":
        source = Path(shutil.make_archive(str(here / "x"), "zip", source / "results/machines"))
    elif form == "wrapped":
        source = Path(shutil.make_archive(str(here / "x"), "gztar", here, "theirs"))
    assert len(merge(source).new) == 3
    assert sorted(snapshot(TARGET).values()) == sorted(snapshot(here / "theirs").values())
    again = merge(source)
    assert (again.new, again.identical["synthetic"], again.problems) == ({}, 3, [])
    assert merge_lines.lines(again) == ["synthetic: 0 new, 3 identical; unsigned"]


def test_records_of_other_suites_are_packed_and_merged_beside_those_of_the_default_one(here):
    theirs = tree(here / "theirs/results/machines")
    config = {**CONFIG, "suite": "cifar-10", "train_samples": 40_000}
    data = synthetic_record(model="resnet50", workload=workloads.describe("resnet50", config))
    path = write(data, theirs)
    place = "synthetic/suites/cifar-10/runs/tf-2.19/cpu/resnet50/32/1.json"
    assert str(path.relative_to(theirs)) == place
    packing.pack("synthetic", theirs, SCHEMAS, here / "x.tar.gz")
    assert place in merge(here / "x.tar.gz").new
    assert json.loads((TARGET / place).read_text()) == data
    write({**data, "model": "mlp"}, theirs)  # lies where the suite has no such model
    (problem,) = merge(theirs).problems
    assert "its workload is of model 'resnet50', but the record is of 'mlp'" in str(problem)
    wrong = theirs / place.replace("suites/cifar-10/", "")
    shutil.rmtree(theirs / "synthetic/suites")
    wrong.parent.mkdir(parents=True)
    wrong.write_text(json.dumps(data))
    (problem,) = merge(theirs).problems
    assert f"which belongs to results/machines/{place}" in str(problem)


def test_only_the_machine_that_was_named_is_merged(here):
    tree(here / "theirs", "synthetic", "synthetic-b")
    assert {path.split("/")[0] for path in merge(here / "theirs/synthetic-b").new} == {"synthetic-b"}


def test_only_what_is_new_is_written_and_nothing_is_overwritten(here):
    tree(TARGET)
    theirs = tree(here / "theirs")
    write(synthetic_record(repeat=3), theirs)
    assert list(merge(theirs).new) == ["synthetic/runs/tf-2.19/cpu/mlp/32/3.json"]
    write(synthetic_record(durations__fit_seconds=30.0), theirs)
    assert "is a different measurement from results/machines/synthetic/runs" in problem_of(theirs)


def test_interrupted_merge_goes_on(here, monkeypatch):
    theirs = tree(here / "theirs")
    with monkeypatch.context() as patch:
        real, calls = os.link, []

        def stop(source, target):
            calls.append(target)
            if len(calls) == 3:  # the first notes how they came
                raise KeyboardInterrupt
            return real(source, target)

        patch.setattr(os, "link", stop)
        with pytest.raises(KeyboardInterrupt):
            merge(theirs)
    assert len(snapshot(TARGET)) == 1
    again = merge(theirs)
    assert len(again.new) == 2
    assert sorted(snapshot(TARGET).values()) == sorted(snapshot(theirs).values())


def test_same_name_of_another_machine_is_refused_with_a_way_out(here):
    tree(TARGET)
    other = {"machine_id_hash": "1" * 32, "hardware": "1" * 16}
    write(synthetic_record(repeat=5, identity=other), here / "theirs")
    assert "is not the machine that has this name here" in problem_of(here / "theirs")
    renamed = merge(here / "theirs", rename_to="synthetic-b")
    assert list(renamed.new) == ["synthetic-b/runs/tf-2.19/cpu/mlp/32/5.json"]
    assert json.loads((TARGET / "synthetic-b/runs/tf-2.19/cpu/mlp/32/5.json").read_text())["machine"] == "synthetic-b"
    assert merge(here / "theirs", rename_to="synthetic-b").new == {}


def test_machine_whose_driver_was_updated_stays_one(here):
    tree(TARGET)
    theirs = tree(here / "theirs")
    updated = synthetic_machine() | {"operating_system": "Synthetic OS 2", "kernel": "Synthetic 2"}
    (theirs / "synthetic/machine.json").write_text(json.dumps(updated))
    write(synthetic_record(repeat=4, versions__operating_system="Synthetic OS 2"), theirs)
    merged = merge(theirs)
    assert list(merged.new) == ["synthetic/runs/tf-2.19/cpu/mlp/32/4.json"]
    assert "differs from yours only in driver or system; yours is kept" in "\n".join(merge_lines.lines(merged))


@pytest.mark.parametrize(("harm", "expected"), BAD.values(), ids=BAD)
def test_bad_file_is_named_with_a_remedy_by_merge_and_report_alike(here, harm, expected):
    theirs = tree(here / "theirs")
    harm(theirs / RECORD)
    assert expected in problem_of(theirs)
    before = snapshot(theirs)
    with pytest.raises(TrainmarkError) as caught:
        collecting.collect(theirs, SCHEMAS, here / "results", False, convergence.Gate(None, 0.001))
    assert str(caught.value).startswith("1 file below")
    assert expected in str(caught.value)
    assert snapshot(theirs) == before
    assert not list((here / "results").glob("*.csv"))
    assert len(collecting.collect(theirs, SCHEMAS, here / "results", True, convergence.Gate(None, 0.001))) == 1
    (row,) = csv.DictReader((here / "results/excluded_files.csv").open())
    assert expected in f"{row['what']}. {row['remedy']}"
    assert len((here / "results/runs.csv").read_text().splitlines()) == 2


def tar_of(path: Path, *members) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, "/etc/passwd"
            archive.addfile(member, io.BytesIO(content))
    return path


REGULAR = tarfile.REGTYPE


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (("../evil.json", b"{}", REGULAR), "a path that leads out of it"),
        (("/tmp/evil.json", b"{}", REGULAR), "a path that leads out of it"),
        (("a/..\\evil.json", b"{}", REGULAR), "a path that leads out of it"),
        (("synthetic/runs/link.json", b"", tarfile.SYMTYPE), "a link or a device"),
        (("synthetic/link", b"", tarfile.LNKTYPE), "a link or a device"),
        (("synthetic/pipe", b"", tarfile.FIFOTYPE), "a link or a device"),
        (("synthetic/machine.json", bytes(2**21), REGULAR), "which no record has"),
        (("bomb.bin", bytes(2**27), REGULAR), "unpacks to far more bytes than records have"),
    ],
    ids=["parent", "absolute", "backslash", "symbolic link", "hard link", "pipe", "large record", "bomb"],
)
def test_archive_that_means_harm_is_refused(here, member, expected):
    source = tar_of(here / "x.tar.gz", member)
    assert expected in problem_of(source)
    assert not (here.parent / "evil.json").exists()


def test_zip_that_means_harm_is_refused(here):
    for name, expected in (("../evil.json", "leads out"), ("synthetic/machine.json", "which no record has")):
        with zipfile.ZipFile(here / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, bytes(2**27))
        assert expected in problem_of(here / "x.zip")
    with zipfile.ZipFile(here / "x.zip", "w") as archive:
        link = zipfile.ZipInfo("synthetic/runs/link.json")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "a link or a device" in problem_of(here / "x.zip")


@pytest.mark.parametrize("name", ["x.tar.gz", "x.zip", "x.tar"])
def test_damaged_archive_is_refused(here, name):
    tree(here / "theirs")
    packing.pack("synthetic", here / "theirs", SCHEMAS, here / "good.tar.gz")
    (here / name).write_bytes((here / "good.tar.gz").read_bytes()[:300])
    assert "is not a whole archive" in problem_of(here / name)


def test_source_that_is_not_there_is_named(here):
    with pytest.raises(TrainmarkError, match=r"gone does not exist\. FROM takes"):
        merge(here / "gone")
    (here / "x.rar").write_text("no archive")
    assert "neither a folder nor an archive" in problem_of(here / "x.rar")
    (here / "nothing").mkdir()
    assert "holds no records" in problem_of(here / "nothing")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"control": "threads-4"}, "it is a control of 4 threads, but had 2"),
        ({"control": "device-data"}, "its images were on no device, but its control is device-data"),
        ({"control": "xla"}, "it is the control xla, but was not compiled"),
        ({"control": "mixed-float16"}, "its layers computed in float32, but its control is mixed-float16"),
        ({"control": "mixed-bfloat16"}, "its layers computed in float32, but its control is mixed-bfloat16"),
        ({"control": "tf32"}, "it is the control tf32, but no product of it can have been rounded"),
        ({"control": "tf-data"}, "its images came from arrays, but its control is tf-data"),
    ],
)
def test_control_that_was_none_is_refused(here, changes, expected):
    write(synthetic_record(**changes), here / "theirs")
    assert expected in problem_of(here / "theirs")


def test_controls_are_packed_and_merged_like_runs(here):
    theirs = tree(here / "theirs")
    write(synthetic_record(control="device-data", execution__look_up_devices=["CPU:0"]), theirs)
    packing.pack("synthetic", theirs, SCHEMAS, here / "x.tar.gz")
    assert "synthetic/controls/device-data/tf-2.19/cpu/mlp/32/1.json" in merge(here / "x.tar.gz").new
    collecting.collect(TARGET, SCHEMAS, here / "results", False, convergence.Gate(None, 0.001))
    (row,) = csv.DictReader((here / "results/controls.csv").open())
    assert row["control"] == "device-data"


def test_flat_files_are_refused_and_named(here):
    theirs = tree(here / "theirs")
    (here / "flat").mkdir()
    for number, path in enumerate(sorted(theirs.rglob("*.json"))):
        path.rename(here / f"flat/{number}.json")
    problems = merge(here / "flat").problems
    assert [problem.path for problem in problems] == [f"{here}/flat: {number}.json" for number in range(3)]
    assert all("lies where no record and no machine file belongs" in problem.what for problem in problems)
    assert snapshot(TARGET) == {}


def test_names_with_backslashes_are_never_all_identical(here):
    """As some programs write them into a .zip on Windows: brought in, or refused, but not passed over."""
    theirs = tree(here / "theirs")
    with zipfile.ZipFile(here / "x.zip", "w") as archive:
        for path in theirs.rglob("*.json"):
            archive.writestr(str(path.relative_to(theirs)).replace("/", "\\"), path.read_bytes())
    merged = merge(here / "x.zip")
    assert len(merged.new) == 3 or len(merged.problems) == 3


def test_stray_file_beside_machines_is_not_passed_over(here):
    theirs = tree(here / "theirs")
    (theirs / "1.json").write_text("{}")
    assert "1.json: lies where no record" in problem_of(theirs)
    assert len(merging.bring_in([theirs], TARGET, SCHEMAS, skip_bad=True).new) == 3


def test_results_of_a_machine_that_is_being_measured_are_refused_and_others_not(here):
    theirs = tree(here / "theirs", "synthetic", "synthetic-b")
    with writing.measured(TARGET, "synthetic", "a benchmark"):
        refused = merging.bring_in([theirs], TARGET, SCHEMAS)
        assert not refused.written
        (problem,) = map(str, refused.problems)
        assert problem.startswith(f"results/machines/synthetic: is being measured now by process {os.getpid()} on ")
        assert "Give the same command again when that has ended" in problem
        assert snapshot(TARGET / "synthetic") == {}
        assert merging.bring_in([theirs], TARGET, SCHEMAS, skip_bad=True).written
        assert len(snapshot(TARGET / "synthetic-b")) == 3
    assert len(merging.bring_in([theirs], TARGET, SCHEMAS).new) == 3


def test_file_that_appears_meanwhile_is_kept(here, monkeypatch):
    theirs = tree(here / "theirs")
    real = os.sync

    def copy_by_hand():
        write(synthetic_record(durations__fit_seconds=30.0), TARGET)
        real()

    monkeypatch.setattr(os, "sync", copy_by_hand)
    with pytest.raises(TrainmarkError, match=r"1\.json has appeared meanwhile and is kept"):
        merging.bring_in([theirs], TARGET, SCHEMAS)
    assert json.loads((TARGET / RECORD).read_text())["durations"]["fit_seconds"] == 30.0


@pytest.fixture
def full_disk(here):
    """A results folder on a file system of 64 KiB, on which three records do not fit."""
    target = here / TARGET
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", target], capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root on Linux")
    yield target
    subprocess.run(["umount", target], check=True)


@pytest.mark.parametrize("packed", [True, False], ids=["archive", "folder"])
def test_full_disk_is_named_and_nothing_is_left(here, full_disk, packed):
    source = tree(here / "theirs")
    for repeat in range(3, 30):
        write(synthetic_record(repeat=repeat), source)
    if packed:
        packing.pack("synthetic", source, SCHEMAS, here / "x.tar.gz")
        source = here / "x.tar.gz"
    with pytest.raises(OSError, match="No space left on device"):
        merging.bring_in([source], TARGET, SCHEMAS)
    assert [path for path in full_disk.rglob("*") if path.is_file() and path.name != "lock"] == []
    assert list((full_disk / ".trainmark/pending").iterdir()) == []


def test_commands_in_messages_can_be_pasted_whatever_the_file_is_called(here):
    tree(TARGET)
    theirs = tree(here / "it's (1) $(touch pwned)")
    write(synthetic_record(durations__fit_seconds=30.0), theirs)
    command = problem_of(theirs).partition("under another name: ")[2].partition("; or remove")[0]
    assert shlex.split(command) == ["make", "merge", f"FROM={theirs}", "AS=another-name"]
