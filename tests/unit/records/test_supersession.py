"""Tests of trainmark.records.supersession."""

from trainmark.records import supersession

from tests.conftest import path_of, synthetic_record

KEPT = supersession.SUPERSEDED / "now"


def test_what_is_replaced_is_kept_and_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = path_of(synthetic_record())
    path.parent.mkdir(parents=True)
    path.write_text("the first")
    assert supersession.announce([str(path), "results/machines/synthetic/none.json"], KEPT) == [
        "trainmark: 1 record will be measured again; what was there is kept in results/superseded/now."
    ]
    assert supersession.announce(["results/machines/synthetic/none.json"], KEPT) == []
    first = path.read_text()
    supersession.keep(path, KEPT)
    path.unlink()
    path.write_text("another")
    supersession.keep(path, KEPT)
    supersession.keep(tmp_path / "results/machines/none.json", KEPT)
    inner = "synthetic/runs/tf-2.19/cpu/mlp/32/1.json"
    assert (tmp_path / KEPT / inner).read_text() == first
    assert (tmp_path / "results/superseded/now-2" / inner).read_text() == "another"
    assert len([each for each in tmp_path.glob("results/superseded/**/*") if each.is_file()]) == 2
