"""Tests of trainmark.files."""

import errno
import os
import subprocess
import sys

import pytest
from trainmark import files

from tests.conftest import ROOT


def test_appears_only_when_committed(tmp_path):
    path = tmp_path / "record.json"
    pending = files.PendingFile(path, 1000)
    assert not path.exists()
    pending.commit(b"short")
    assert path.read_bytes() == b"short"
    assert os.listdir(tmp_path) == ["record.json"]


def test_discard_leaves_nothing(tmp_path):
    files.PendingFile(tmp_path / "record.json", 1000).discard()
    assert not os.listdir(tmp_path)


def test_replaces_whole(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("an older and longer text")
    files.write_whole(path, "new")
    assert path.read_text() == "new"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root on Linux")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_full_disk_is_noticed_before_and_leaves_nothing(small_disk):
    path = small_disk / "record.json"
    with pytest.raises(OSError, match=r"record\.json") as caught:
        files.PendingFile(path, 100_000)
    assert caught.value.errno == errno.ENOSPC
    assert not os.listdir(small_disk)


def test_room_that_was_taken_stays_when_the_disk_fills_up(small_disk):
    pending = files.PendingFile(small_disk / "record.json", 20_000)
    with pytest.raises(OSError, match="No space left"), (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass
    pending.commit(bytes(15_000))
    assert (small_disk / "record.json").stat().st_size == 15_000


def test_disk_that_fills_up_while_writing_leaves_the_old_file(small_disk):
    path = small_disk / "table.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left"):
        files.write_whole(path, "x" * 100_000)
    assert path.read_text() == "old"
    assert os.listdir(small_disk) == ["table.csv"]


def test_digests_tell_files_and_their_contents_apart(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a")
    other.write_text("a")
    before = files.digests([one])
    assert before != files.digests([other])
    assert before != files.digests([one, other])
    one.write_text("b")
    assert files.digests([one]) != before


def test_a_carriage_return_in_a_value_ends_no_row():
    assert files.csv_text([["a\rb", 1], ["c\r\nd", 2]]) == 'a b,1\n"c \nd",2\n'


def test_what_a_killed_process_left_is_removed_when_the_file_is_written_again(tmp_path):
    path = tmp_path / "table.csv"
    code = (
        f"import sys; from trainmark import files; p = files.PendingFile({str(path)!r}, 9); print(flush=True); input()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        files.write_whole(path, "new")  # beside one that is being written, which is left alone
        assert len(os.listdir(tmp_path)) == 2
        other.kill()
        other.wait()
    files.write_whole(path, "newer")
    assert os.listdir(tmp_path) == ["table.csv"]
    assert path.read_text() == "newer"


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "figures"
    with files.whole_folder(path) as folder:
        (folder / "a.svg").write_text("a")
        assert not path.exists()
    with pytest.raises(KeyboardInterrupt), files.whole_folder(path) as folder:
        (folder / "b.svg").write_text("b")
        raise KeyboardInterrupt
    assert [str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*")] == ["figures", "figures/a.svg"]
    (tmp_path / ".figures.unfinished").mkdir()  # left by a killed process
    with files.whole_folder(path) as folder:
        (folder / "c.svg").write_text("c")
    assert [str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*")] == ["figures", "figures/c.svg"]
