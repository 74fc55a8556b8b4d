"""Tests of trainmark.contents.captions."""

from trainmark.contents import captions, tables


def test_caption_is_written_once_and_again_when_it_changes(tmp_path):
    table = tables.named("cells")
    path = tmp_path / "captions/cells.rst"
    assert captions.file_of(table, tmp_path / "captions") == str(path)
    assert path.read_text().startswith("One row a test case")
    before = path.stat().st_ino
    captions.file_of(table, tmp_path / "captions")
    assert path.stat().st_ino == before
    path.write_text("another\n")
    captions.file_of(table, tmp_path / "captions")
    assert path.read_text().startswith("One row a test case")
