"""Tests of trainmark.planning.project_copy."""

import sys

import pytest
from trainmark.errors import TrainmarkError
from trainmark.planning import project_copy

from tests.conftest import ROOT


def test_copy_holds_the_project_without_results_and_is_gone_afterwards():
    with project_copy.made(ROOT) as copy:
        assert (copy / "Snakefile").read_bytes() == (ROOT / "Snakefile").read_bytes()
        assert not (copy / "results").exists()
    assert not copy.exists()


def test_report_takes_the_place_of_the_one_that_was_there(tmp_path):
    made, folder = tmp_path / "copy", tmp_path / "pages/registry"
    (made / "results/report").mkdir(parents=True)
    for text in ("first", "second"):
        (made / "results/report/index.html").write_text(text)
        project_copy.keep_report(made, folder)
        assert (folder / "index.html").read_text() == text
        assert [path.name for path in folder.parent.iterdir()] == ["registry"]
        (folder / "old.csv").touch()


def test_program_that_fails_is_told_with_what_it_said(tmp_path):
    with pytest.raises(TrainmarkError, match=r"could not be drawn\. What was said:\nno such record"):
        project_copy.run(tmp_path, [sys.executable, "-c", "import sys; print('no such record'); sys.exit(3)"])
