"""Tests of trainmark.report.sections.over_time: a machine that was measured again. All data synthetic."""

import datetime
import json

from tests import report, synthetic
from tests.conftest import path_of


def test_machine_that_became_slower_is_told_of_with_what_changed(tmp_path):
    before = synthetic.records_of("synthetic-t4", devices=["cpu"])
    after = synthetic.records_of("synthetic-t4", devices=["cpu"], factor=lambda *_: 1.07)
    for data in after:
        for key in ("started_at", "ended_at"):
            later = datetime.datetime.fromisoformat(data[key]) + datetime.timedelta(days=90)
            data[key] = later.isoformat(timespec="milliseconds")
        data["versions"]["operating_system"] = "Synthetic OS 2"
    for data in before:
        inner = path_of(data).relative_to("results/machines/synthetic-t4")
        path = tmp_path / "results/machines/synthetic-t4/sessions/20250201T000000Z" / inner
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))
    made = report.make(after, tmp_path, draw=False)
    (section,) = (each for each in made.document.sections if each.key == "over-time")
    assert section.texts[1] == "1 comparison: 1 slower."
    (row,) = section.tables[0].rows
    assert (row["cells"], row["verdict"]) == (12, "slower")
    assert row["changed"] == "operating system Synthetic OS 1 to Synthetic OS 2"
    assert len(made.data.runs) == len(after)
    assert "1.07" in made.section("over-time")


def test_machines_that_were_measured_once_have_no_such_section(five_machines):
    assert "over-time" not in [section.key for section in five_machines.document.sections]
