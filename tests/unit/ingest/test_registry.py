"""Tests of trainmark.ingest.registry and registry_summary: archives of synthetic results, good and bad."""

import json
import shutil
from pathlib import Path

import pytest
from trainmark.errors import TrainmarkError
from trainmark.experiment import workloads
from trainmark.ingest import packing, registry, registry_summary, signing
from trainmark.records.record import PROTOCOL

from tests.conftest import CONFIG, failed_record, synthetic_machine, synthetic_record
from tests.unit.ingest.conftest import RECORD, SCHEMAS, TARGET, replace, tree, write

SETTINGS = {key: value for key, value in workloads.describe("mlp", CONFIG).items() if key != "model"}


def place(there: Path, machines: Path, name: str = "synthetic", file: str = "", sign=lambda content: None) -> Path:
    """Pack a machine's results into a registry."""
    (there / "archives").mkdir(parents=True, exist_ok=True)
    archive = there / f"archives/{file or name}.tar.gz"
    packing.pack(name, machines, SCHEMAS, archive, sign)
    return archive


def judge(there="now", before=None, settings=SETTINGS):
    """What becomes of the archives of a registry, by their names, and the registry that took them."""
    shutil.rmtree("results", ignore_errors=True)
    made = registry.Registry(TARGET, SCHEMAS, settings)
    outcomes = registry.judge(made, Path(there), Path(before) if before else None)
    return {each.name: each for each in outcomes}, made


def machines_there():
    return {path.name for path in TARGET.iterdir() if not path.name.startswith(".")}


@pytest.mark.slow
def test_bad_archive_is_refused_with_its_reason_and_costs_the_others_nothing(here):
    for name in ("synthetic-a", "synthetic-c"):
        place(Path("now"), tree(here / name, name), name)
    tree(here / "b", "synthetic-b")
    replace('"epochs": 2', '"epochs": 3')(here / "b" / RECORD.replace("synthetic", "synthetic-b"))
    shutil.make_archive("now/archives/synthetic-b", "gztar", here / "b")
    found, _ = judge()
    assert {name: each.taken for name, each in found.items()} == {
        "synthetic-a.tar.gz": True,
        "synthetic-b.tar.gz": False,
        "synthetic-c.tar.gz": True,
    }
    (reason,) = found["synthetic-b.tar.gz"].reasons
    assert reason.startswith("synthetic-b/runs/tf-2.19/cpu/mlp/32/1.json: was edited: the digest of its workload is")
    assert "now/archives" not in reason
    assert machines_there() == {"synthetic-a", "synthetic-c"}


@pytest.mark.slow
def test_what_was_published_comes_first_whatever_the_new_one_is_called(here):
    """As when somebody sends results under the name of another's machine."""
    place(Path("before"), tree(here / "theirs"), file="z")
    shutil.copytree("before", "now")
    stranger = {"machine_id_hash": "1" * 32, "hardware": "1" * 16}
    write(synthetic_record(repeat=5, identity=stranger), here / "strangers")
    place(Path("now"), here / "strangers", file="a")
    found, _ = judge("now", "before")
    assert (found["z.tar.gz"].new, found["z.tar.gz"].taken) == (False, True)
    assert found["a.tar.gz"].new
    assert "is not the machine that has this name here" in found["a.tar.gz"].reasons[0]
    everything_is_published, _ = judge("now")  # where nobody says what came first, the order is that of the names
    assert not any(each.new for each in everything_is_published.values())


@pytest.mark.slow
def test_update_of_a_machine_adds_its_new_runs_and_replaces_none(here):
    place(Path("before"), tree(here / "theirs"))
    write(synthetic_record(repeat=3), here / "theirs")
    place(Path("now"), here / "theirs")
    found, _ = judge("now", "before")
    assert list(found) == ["synthetic.tar.gz"]
    each = found["synthetic.tar.gz"]
    assert (each.new, each.taken, each.added, each.identical) == (True, True, 1, 3)
    write(synthetic_record(durations__fit_seconds=3.0), here / "theirs")
    place(Path("now"), here / "theirs")
    found, made = judge("now", "before")
    assert "is a different measurement from" in found["synthetic.tar.gz"].reasons[0]
    # The page keeps what was published, under the name whose new version is refused.
    page = registry.Registry(Path("page/machines"), SCHEMAS, SETTINGS)
    registry.fill(page, list(found.values()), Path("before"))
    kept = json.loads((page.target / RECORD).read_text())
    assert kept["durations"]["fit_seconds"] == 20.0
    assert not (page.target / RECORD.replace("1.json", "3.json")).exists()
    assert not page.empty
    assert not made.empty


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (OpenSSH)")
def test_nobody_but_its_owner_replaces_an_archive(here, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here / "owner"))
    place(Path("before"), tree(here / "theirs"), sign=signing.Signer().sign)
    write(synthetic_record(repeat=3), here / "theirs")
    place(Path("now"), here / "theirs", sign=signing.Signer().sign)
    outcome = judge("now", "before")[0]["synthetic.tar.gz"]
    assert outcome.taken
    assert outcome.origin.startswith("signed by SHA256:")
    assert "new for this machine" not in outcome.origin
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here / "mallory"))
    place(Path("now"), here / "theirs", sign=signing.Signer().sign)
    (reason,) = judge("now", "before")[0]["synthetic.tar.gz"].reasons
    assert "but earlier results of this machine were signed by" in reason


def test_the_same_archive_twice_is_taken_and_said_to_hold_nothing_new(here):
    first = place(Path("now"), tree(here / "theirs"))
    shutil.copy(first, first.with_name("synthetic (1).tar.gz"))
    found, _ = judge()
    assert [(each.added, each.identical) for each in found.values()] == [(3, 0), (0, 3)]
    assert found["synthetic.tar.gz"].remarks == ("Nothing new: all of it is there already.",)


def test_one_computer_under_two_names_is_taken_and_told_and_a_copy_is_refused(here):
    place(Path("now"), tree(here / "a", "synthetic-a"), "synthetic-a")
    place(Path("now"), tree(here / "b", "synthetic-b"), "synthetic-b")
    copied = synthetic_record(machine="synthetic-a") | {"machine": "synthetic-c"}
    write(copied, here / "c")
    place(Path("now"), here / "c", "synthetic-c")
    found, _ = judge()
    assert found["synthetic-b.tar.gz"].taken
    remark = "synthetic-b is the same computer as synthetic-a, measured under another name."
    assert found["synthetic-b.tar.gz"].remarks == (remark,)
    assert "1 of its runs is filed under synthetic-a, too" in found["synthetic-c.tar.gz"].reasons[0]
    assert machines_there() == {"synthetic-a", "synthetic-b"}


ONE_EPOCH = workloads.describe("mlp", {**CONFIG, "epochs": 1})
# Machine -> its one run, and why that can be compared with none.
INCOMPARABLE = {
    "synthetic-experiment": (
        {"workload": ONE_EPOCH, "workload_digest": workloads.digest(ONE_EPOCH)},
        "1 run of another experiment (epochs 1)",
    ),
    "synthetic-protocol": ({"protocol": PROTOCOL + 1}, f"1 run of protocol {PROTOCOL + 1}"),
    "synthetic-stack": (
        {"stack": "torch-2.9.1-unpinned"},
        "1 run of torch-2.9.1-unpinned, which no lock pins",
    ),
    "synthetic-control": (
        {"control": "device-data", "execution__look_up_devices": ["CPU:0"]},
        "1 run of the control device-data",
    ),
}


@pytest.mark.slow
def test_archive_without_a_run_that_can_be_compared_is_refused(here):
    for name, (changes, _) in INCOMPARABLE.items():
        write(synthetic_record(machine=name, **changes), here / name)
        place(Path("now"), here / name, name)
    write(failed_record(machine="synthetic-failed"), here / "synthetic-failed")
    place(Path("now"), here / "synthetic-failed", "synthetic-failed")
    # Beside a run that can be compared, others may stand.
    changes, _ = INCOMPARABLE["synthetic-protocol"]
    write(synthetic_record(machine="synthetic-good", **changes), here / "good")
    write(synthetic_record(machine="synthetic-good", repeat=2), here / "good")
    place(Path("now"), here / "good", "synthetic-good")
    found, _ = judge()
    whys = {name: why for name, (_, why) in INCOMPARABLE.items()} | {"synthetic-failed": "1 run with status killed"}
    for name, why in whys.items():
        (reason,) = found[f"{name}.tar.gz"].reasons
        assert f"({why})" in reason
        assert "of this experiment: epochs 2, train samples 50000" in reason
    assert found["synthetic-good.tar.gz"].taken
    assert machines_there() == {"synthetic-good"}


def test_archive_of_a_machine_file_alone_is_refused(here):
    (here / "theirs/synthetic").mkdir(parents=True)
    (here / "theirs/synthetic/machine.json").write_text(json.dumps(synthetic_machine()))
    place(Path("now"), here / "theirs")
    assert "there is no run" in judge()[0]["synthetic.tar.gz"].reasons[0]


def test_only_plain_files_that_are_named_like_archives_are_read(here):
    place(Path("now"), tree(here / "theirs"))
    archives = Path("now/archives")
    (archives / "link.tar.gz").symlink_to(here / "theirs")
    (archives / "broken.tar.gz").symlink_to("gone")
    shutil.copytree(here / "theirs", archives / "folder.tar.gz")
    (archives / "notes.txt").write_text("?")
    (archives / ".gitkeep").touch()
    found, _ = judge()
    refused = {name: each.reasons[0] for name, each in found.items() if not each.taken}
    assert set(refused) == {"link.tar.gz", "broken.tar.gz", "folder.tar.gz", "notes.txt"}
    assert all("is a folder, a link or a device" in refused[name] for name in refused if name != "notes.txt")
    assert "does not end in .tar.gz" in refused["notes.txt"]


def test_folder_that_is_no_registry_is_refused_with_what_one_is(here):
    with pytest.raises(TrainmarkError, match=r"nowhere/archives is no folder. A registry is"):
        judge("nowhere")


def test_removed_archives_are_named_and_not_on_the_page_but_still_count_against_new_ones(here):
    place(Path("before"), tree(here / "theirs"), file="old")
    stranger = {"machine_id_hash": "1" * 32, "hardware": "1" * 16}
    write(synthetic_record(repeat=5, identity=stranger), here / "strangers")
    place(Path("now"), here / "strangers", file="new")
    found, _ = judge("now", "before")
    assert not found["new.tar.gz"].taken
    assert registry.removed(Path("now"), Path("before")) == ["old.tar.gz"]
    page = registry.Registry(Path("page/machines"), SCHEMAS, SETTINGS)
    registry.fill(page, list(found.values()), Path("before"))
    assert page.empty


def test_summary_tells_all_and_obeys_nothing(here):
    good = place(Path("now"), tree(here / "theirs"))
    name = "<img src=x> @everyone [a](http:b) |x|"
    good.with_name(f"{name}.tar.gz").write_bytes(b"no archive")
    shutil.copy(good, good.with_name(f"{name} twice.tar.gz"))
    outcomes = list(judge()[0].values())
    text = registry_summary.text(outcomes, ["gone.tar.gz"])
    assert text.startswith("# 3 archives: 2 taken, 1 refused\n")
    assert "is neither a folder nor an archive" in text
    assert "<img" not in text
    assert text.count("`@everyone`") == text.count("@everyone") == 2
    assert "| synthetic.tar.gz | synthetic | 0 | 3 | unsigned | Nothing new" in text
    assert "## Removed\n\n- gone.tar.gz" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert all(row.replace(r"\|", "").count("|") == 7 for row in rows)
    lines = registry_summary.lines(outcomes, ["gone.tar.gz"])
    assert f"taken: {name} twice.tar.gz (synthetic): 3 new, 0 identical; unsigned." in lines
    assert lines[-1] == "3 archives: 2 taken, 1 refused."


def test_of_very_many_reasons_some_are_said(here):
    tree(here / "theirs")
    for repeat in range(10, 60):
        write(synthetic_record(repeat=repeat, seed=-1), here / "theirs")
    Path("now/archives").mkdir(parents=True)
    shutil.make_archive("now/archives/x", "gztar", here / "theirs")
    reasons = judge()[0]["x.tar.gz"].reasons
    assert len(reasons) == 11
    assert reasons[-1] == "And 40 more of the kind."
