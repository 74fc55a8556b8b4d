"""Tests of trainmark.analysis.specifications."""

from trainmark.analysis import specifications, table_files
from trainmark.contents import tables

from tests.unit.ingest.test_catalogue import HARDWARE, machine


def test_table_is_read_back_with_all_ids(tmp_path):
    found = specifications.look_up([machine(chip="Apple M1", gpu="Apple M1 GPU", gpu_cores="8")], HARDWARE)
    assert list(found) == tables.named("specifications").keys
    table_files.write(tmp_path, "specifications", found)
    assert ",16," in (tmp_path / "specifications.csv").read_text()  # as it was published, and not 16.0
    table = table_files.read(tmp_path, "specifications")
    assert specifications.hardware_ids(table) == {"synthetic": {"apple-m1", "apple-m1-8"}}
    assert table.query("kind == 'gpu'")["fp32_tflops"].tolist() == [2.6]
