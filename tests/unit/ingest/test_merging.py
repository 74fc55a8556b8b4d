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
from trainmark.ingest import merging
from trainmark.records import writing

from tests.conftest import ROOT, failed_record, path_of, synthetic_machine, synthetic_record

SCHEMAS = ROOT / "workflow/schemas"
TARGET = Path("results/machines")
RECORD = "synthetic/runs/tf-2.19/cpu/mlp/32/1.json"


def write(data, top: Path) -> Path:
    path = top / path_of(data).relative_to(TARGET)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def tree(top: Path, *names: str) -> Path:
    """Machines with two records each."""
    for name in names or ("synthetic",):
        write(synthetic_record(machine=name), top)
        write(failed_record(machine=name, repeat=2), top)
        (top / name / "machine.json").write_text(json.dumps(synthetic_machine(name)))
    return top


def snapshot(top: Path) -> dict:
    """Path and content of every file, other than the lock."""
    return {str(p): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file() and p.parent.name != writing.OWN}


def merge(*sources, **options):
    planned = merging.plan_merge(list(sources), TARGET, SCHEMAS, **options)
    if not planned.problems:
        merging.write(planned, TARGET)
    return planned


def problem_of(*sources) -> str:
    before = snapshot(TARGET)
    (problem,) = merge(*sources).problems
    assert snapshot(TARGET) == before
    assert str(sources[0]) in str(problem)
    assert str(problem).endswith(".")
    return str(problem)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TARGET.mkdir(parents=True)
    return tmp_path


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
        merging.pack("synthetic", source / "results/machines", SCHEMAS, here / "x.tar.gz")
        source = here / "x.tar.gz"
    elif form == "zip":
        source = Path(shutil.make_archive(str(here / "x"), "zip", source / "results/machines"))
    elif form == "wrapped":
        source = Path(shutil.make_archive(str(here / "x"), "gztar", here, "theirs"))
    assert len(merge(source).new) == 3
    assert sorted(snapshot(TARGET).values()) == sorted(snapshot(here / "theirs").values())
    again = merge(source)
    assert (again.new, again.identical["synthetic"], again.problems) == ({}, 3, [])
    assert merging.report(again) == ["synthetic: 0 new, 3 identical; unsigned"]


def test_only_the_machine_that_was_named_is_merged(here):
    tree(here / "theirs", "synthetic", "synthetic-b")
    assert {path.split("/")[0] for path in merge(here / "theirs/synthetic-b").new} == {"synthetic-b"}


def test_only_what_is_new_is_written_and_nothing_is_overwritten(here):
    tree(TARGET)
    theirs = tree(here / "theirs")
    write(synthetic_record(repeat=3), theirs)
    assert list(merge(theirs).new) == ["synthetic/runs/tf-2.19/cpu/mlp/32/3.json"]
    write(synthetic_record(durations__fit_seconds=30.0), theirs)
    assert "is another measurement than results/machines/synthetic/runs" in problem_of(theirs)


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
    assert "is another machine than the one that is called so" in problem_of(here / "theirs")
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
    assert "differs from yours in driver or system alone; yours is kept" in "\n".join(merging.report(merged))


def cut(path):
    path.write_text(path.read_text()[:200])


def change(**changes):
    return lambda path: path.write_text(json.dumps(synthetic_record(**changes)))


def replace(old, new):
    def edit(path):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def folder_instead(path):
    path.unlink()
    path.mkdir()


def strange_name(path):
    path.rename(os.fsdecode(os.fsencode(path.parent) + b"/\xff.json"))


BAD = {
    "truncated": (cut, "is cut off"),
    "empty": (lambda path: path.write_text(""), "is empty"),
    "not UTF-8": (lambda path: path.write_bytes(b'{"chip": "\xe9"}'), "is not UTF-8"),
    "not JSON": (lambda path: path.write_text("a: 1\nb: 2\n"), "is not JSON"),
    "other JSON": (lambda path: path.write_text("[1, 2]"), "is JSON, but not a record"),
    "unknown key": (replace('"seed"', '"sed"'), "contains unknown field sed"),
    "wrong type": (change(seed="x"), 'seed is "x"; expected int'),
    "inner value": (change(accuracy__test_accuracy=1.5), "accuracy.test_accuracy is 1.5; expected"),
    "negative time": (replace('"fit_seconds": 20.0', '"fit_seconds": -20.0'), "fit_seconds is -20.0; expected"),
    "NaN": (replace('"fit_seconds": 20.0', '"fit_seconds": NaN'), "holds NaN, which is no number"),
    "newer format": (change(format_version=9), "has format 9, and this trainmark reads formats up to 5"),
    "other path": (change(batch_size=64), "which belongs to results/machines/synthetic/runs/tf-2.19/cpu/mlp/64/1.json"),
    "other machine": (change(machine="synthetic-c"), "make rename MACHINE=synthetic TO=another-name"),
    "edited workload": (replace('"epochs": 2', '"epochs": 3'), "the digest of its workload is"),
    "epochs too long": (change(durations__epoch_seconds=[30.0, 9.0]), "its epochs took 39.000 s of a fit of 20.000 s"),
    "wrong device": (change(execution__variable_devices=["GPU:0"]), "a cpu run had its variables on"),
    "control elsewhere": (change(control="threads-2"), "controls/threads-2/tf-2.19/cpu/mlp/32/1.json"),
    "unknown control": (change(control="faster"), "control is"),
    "incomplete": (change(accuracy=None), "has status ok but no accuracy"),
    "folder": (folder_instead, "is a folder where a file should be"),
    "too large": (lambda path: path.write_text(" " * 2**21), "is larger than"),
    "copy": (lambda path: path.rename(path.with_name("1 (1).json")), "lies where no record and no machine file"),
    "strange name": (strange_name, "has a name that is not UTF-8"),
    "broken link": (lambda path: (path.unlink(), path.symlink_to("gone")), "cannot be read (No such file"),
}


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


def test_fifty_bad_files_are_fifty_lines(here):
    theirs = tree(here / "theirs")
    for repeat in range(10, 60):
        write(synthetic_record(repeat=repeat, seed=-1), theirs)
    merged = merge(theirs)
    assert len([line for line in merging.report(merged) if line.startswith("  - ")]) == 50
    assert snapshot(TARGET) == {}


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
        (("bomb.bin", bytes(2**27), REGULAR), "unpacks to far more than records do"),
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
    merging.pack("synthetic", here / "theirs", SCHEMAS, here / "good.tar.gz")
    (here / name).write_bytes((here / "good.tar.gz").read_bytes()[:300])
    assert "is not a whole archive" in problem_of(here / name)


def repacked(here, harm) -> Path:
    """An archive whose content was changed after packing."""
    merging.pack("synthetic", tree(here / "theirs"), SCHEMAS, here / "x.tar.gz")
    shutil.unpack_archive(here / "x.tar.gz", here / "unpacked")
    harm(here / "unpacked/synthetic")
    return Path(shutil.make_archive(str(here / "y"), "gztar", here / "unpacked"))


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (lambda top: replace("0.86", "0.99")(top / "runs/tf-2.19/cpu/mlp/32/1.json"), "was changed after it was"),
        (lambda top: (top / "runs/tf-2.19/cpu/mlp/32/2.json").unlink(), "is missing, though it was packed"),
        (lambda top: write(synthetic_record(repeat=9), top.parent), "was added after the results were packed"),
    ],
    ids=["changed", "removed", "added"],
)  # fmt: skip
def test_results_that_were_changed_after_packing_are_refused(here, harm, expected):
    assert expected in problem_of(repacked(here, harm))


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "large"])
def test_list_of_checksums_that_is_none_is_refused_and_not_waited_for(here, kind):
    theirs = tree(here / "theirs")
    path = theirs / "synthetic/SHA256SUMS"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(bytes(2**25))
    planned = merge(theirs)
    assert planned.problems
    assert planned.new == {}


def test_equal_results_give_equal_archives(here):
    tree(TARGET)
    packed = []
    for name in ("a.tar.gz", "b.tar.gz"):
        assert merging.pack("synthetic", TARGET, SCHEMAS, here / name) == 3
        packed.append((here / name).read_bytes())
    assert packed[0] == packed[1]
    with pytest.raises(TrainmarkError, match=r"no results of 'other'.*There are: synthetic"):
        merging.pack("other", TARGET, SCHEMAS, here / "c.tar.gz")


def test_renaming_changes_folder_and_content(here):
    tree(TARGET)
    (TARGET / "synthetic/notes.txt").write_text("mine")
    assert merging.rename("synthetic", "synthetic-new", TARGET, SCHEMAS) == 3
    assert (TARGET / "synthetic/notes.txt").read_text() == "mine"
    assert len(snapshot(TARGET / "synthetic-new")) == 3
    collecting.collect(TARGET, SCHEMAS, here / "results", False, convergence.Gate(None, 0.001))
    assert (here / "results/runs.csv").read_text().count('\n"synthetic-new",') == 2
    tree(TARGET)
    with pytest.raises(TrainmarkError, match="no machine name"):
        merging.rename("synthetic", "My Mac", TARGET, SCHEMAS)
    write(synthetic_record(durations__fit_seconds=30.0), TARGET)
    before = snapshot(TARGET)
    with pytest.raises(TrainmarkError, match="is there already, with other results"):
        merging.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
    assert snapshot(TARGET) == before


def test_source_that_is_not_there_is_named(here):
    with pytest.raises(TrainmarkError, match=r"gone does not exist\. FROM takes"):
        merge(here / "gone")
    (here / "x.rar").write_text("no archive")
    assert "neither a folder nor an archive" in problem_of(here / "x.rar")
    (here / "nothing").mkdir()
    assert "holds no records" in problem_of(here / "nothing")


def test_the_projects_example_can_be_brought_in(here):
    planned = merging.plan_merge([ROOT / "results/example/amd-epyc-2-vcpu.tar.gz"], TARGET, SCHEMAS)
    assert planned.problems == []
    assert merging.report(planned) == ["amd-epyc-2-vcpu: 38 new, 0 identical; unsigned", merging.BELIEVED]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"control": "threads-4"}, "it is a control of 4 threads and had 2"),
        ({"control": "device-data"}, "its images were not on the device, as its control says"),
    ],
)
def test_control_that_was_none_is_refused(here, changes, expected):
    write(synthetic_record(**changes), here / "theirs")
    assert expected in problem_of(here / "theirs")


def test_controls_are_packed_and_merged_like_runs(here):
    theirs = tree(here / "theirs")
    write(synthetic_record(control="device-data", execution__look_up_devices=["CPU:0"]), theirs)
    merging.pack("synthetic", theirs, SCHEMAS, here / "x.tar.gz")
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


def test_machine_that_is_being_measured_is_not_renamed_nor_is_another_to_its_name(here):
    tree(TARGET)
    for measured in ("synthetic", "synthetic-new"):
        with writing.measured(TARGET, measured, "a benchmark"):
            before = snapshot(TARGET)
            with pytest.raises(
                TrainmarkError, match=rf"^{measured} is being measured now by process .*Nothing was renamed"
            ):
                merging.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
            assert snapshot(TARGET) == before
    assert merging.rename("synthetic", "synthetic-new", TARGET, SCHEMAS) == 3


@pytest.mark.parametrize("harm", [harm for harm, _ in BAD.values()], ids=BAD)
def test_machine_with_a_damaged_record_is_not_renamed_and_the_record_is_named(here, harm):
    tree(TARGET)
    harm(TARGET / RECORD)
    before = snapshot(TARGET)
    try:
        merging.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
    except TrainmarkError as error:
        assert str(error).startswith("Nothing was renamed; mend these first.\n  - synthetic/runs/tf-2.19/cpu/mlp/32/")
        assert snapshot(TARGET) == before


def test_machine_whose_folder_was_renamed_by_hand_is_renamed_in_full(here):
    tree(TARGET)
    (TARGET / "synthetic").rename(TARGET / "My Mac")
    assert merging.rename("My Mac", "my-mac", TARGET, SCHEMAS) == 3
    assert os.listdir(TARGET / "my-mac/runs") == ["tf-2.19"]
    assert not (TARGET / "My Mac").exists()


@pytest.mark.parametrize("name", ["../theirs", ".", "..", ".trainmark", "gone", "synthetic/runs", ""])
def test_what_is_no_machine_is_neither_renamed_nor_packed(here, name):
    tree(TARGET)
    tree(here / "results/theirs")
    before = snapshot(here)
    for command in (
        lambda: merging.rename(name, "synthetic-new", TARGET, SCHEMAS),
        lambda: merging.pack(name, TARGET, SCHEMAS, here / "x.tar.gz"),
    ):
        with pytest.raises(
            TrainmarkError, match=r"There are no results of .* below results/machines\. There are: synthetic\."
        ):
            command()
    assert snapshot(here) == before


def test_unpacked_archive_can_be_measured_on_packed_and_renamed(here):
    merging.pack("synthetic", tree(here / "theirs"), SCHEMAS, here / "x.tar.gz")
    shutil.unpack_archive(here / "x.tar.gz", TARGET)
    assert (TARGET / "synthetic/SHA256SUMS").exists()
    write(synthetic_record(repeat=9), TARGET)
    assert merging.pack("synthetic", TARGET, SCHEMAS, here / "y.tar.gz") == 4
    shutil.rmtree(here / "theirs")
    shutil.unpack_archive(here / "y.tar.gz", here / "theirs")
    assert merge(here / "theirs").problems == []
    assert merging.rename("synthetic", "synthetic-new", TARGET, SCHEMAS) == 4
    assert not (TARGET / "synthetic").exists()


def test_renaming_removes_nothing_that_has_appeared_meanwhile(here, monkeypatch):
    tree(TARGET)
    real = os.sync

    def copy_by_hand():
        write(synthetic_record(repeat=7), TARGET)
        real()

    monkeypatch.setattr(os, "sync", copy_by_hand)
    merging.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
    (left,) = (TARGET / "synthetic").rglob("*.json")
    assert left.name == "7.json"


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
        merging.pack("synthetic", source, SCHEMAS, here / "x.tar.gz")
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
