"""Tests of trainmark.doctor.report_files: how findings are shown and written."""

import errno
import json

import pytest
from trainmark import files
from trainmark.doctor import report_files
from trainmark.doctor.report_files import GOOD, WARNING, WRONG, Finding

COMMAND = (
    "snakemake --cores 1 --use-conda --configfile config/quick.yaml --config 'stacks=[tf-2.12,tf-2.19]' " + "x" * 80
)
LONG = Finding("tf-2.12", WRONG, "Runs are to be made " * 12 + "\n  - numpy: pinned 1\n  - six: none", "Say:", COMMAND)
FINDINGS = [
    Finding("machine", GOOD, "A \x1b[2J chip in /home/ann/x"),
    Finding("power", WARNING, "On battery.", "Plug it in."),
    LONG,
]


@pytest.mark.parametrize(
    ("encoding", "signs"),
    [("utf-8", "✓!✗"), ("ascii", "+!X"), ("latin-1", "+!X"), (None, "+!X")],
)
def test_signs_are_such_as_can_be_shown(encoding, signs):
    assert "".join(report_files.lines(finding, encoding)[0][0] for finding in FINDINGS) == signs


def test_commands_stay_whole_and_lists_stay_lists():
    shown = report_files.lines(LONG)
    assert shown[-1].strip() == COMMAND
    assert shown[-2].strip() == "Say:"
    assert [line.strip() for line in shown[-4:-2]] == ["- numpy: pinned 1", "- six: none"]
    assert all(len(line) <= 110 for line in shown[:-1])
    assert shown[0].startswith("✗ tf-2.12 ")
    assert len({len(line) - len(line.lstrip()) for line in shown[1:-4]}) == 1


def test_summary_counts():
    assert report_files.summary(FINDINGS) == "1 good, 1 warning, 1 wrong"
    assert report_files.summary([]) == "0 good, 0 warnings, 0 wrong"


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = {"chip": "a chip", "log": "/home/ann/x", "numbers": [1.5, None]}
    return lambda: report_files.write("synthetic", "trainmark of a test", FINDINGS, facts, {"/home/ann": "<home>"})


def test_what_is_written_names_nobody(write):
    text, data = (path.read_text() for path in write())
    assert text.splitlines()[0] == "trainmark of a test"
    assert "✗ tf-2.12" in text
    assert "1 good, 1 warning, 1 wrong" in text
    assert "ann" not in text + data
    data = json.loads(data)
    assert [finding["verdict"] for finding in data["findings"]] == ["good", "warning", "wrong"]
    assert data["findings"][2]["command"] == COMMAND
    assert not (set(text) - {"\n"}) & set(map(chr, range(32)))  # that would move the cursor of who reads it
    assert data["facts"] == {"chip": "a chip", "log": "<home>/...", "numbers": [1.5, None]}


def test_full_disk_leaves_what_was_there(write, tmp_path, monkeypatch):
    before = [path.read_text() for path in write()]

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.PendingFile, "_flush", full)
    with pytest.raises(OSError, match="No space left"):
        write()
    assert [path.read_text() for path in sorted(tmp_path.glob("results/doctor/*"), reverse=True)] == before
