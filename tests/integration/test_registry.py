"""make registry: a folder of invented archives, checked and drawn as a pull request to it is."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
from trainmark.analysis import table_files
from trainmark.ingest import packing

from tests import synthetic
from tests.conftest import ROOT

COMMAND = [sys.executable, "-I", "workflow/scripts/start_program.py", "workflow/scripts/build_registry.py"]
# Of the same experiment, small: two runs of two test cases each.
NOISE = (0.99, 1.01)


def place(registry: Path, name: str) -> Path:
    """Put an invented machine's archive into a registry."""
    records = synthetic.records_of(name, devices=["cpu"], noise=NOISE)
    folder = registry.parent / f"{name}-made"
    synthetic.write_tree([r for r in records if r["model"] == "cnn" and r["batch_size"] <= 128], folder)
    archive = registry / f"archives/{name}.tar.gz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    packing.pack(name, folder / "results/machines", ROOT / "workflow/schemas", archive)
    return archive


def test_of_five_archives_one_bad_four_are_on_the_page_and_one_is_refused_with_its_reason(tmp_path):
    """As a pull request with two archives, one of them damaged on its way, to a registry of three."""
    before, now = tmp_path / "before", tmp_path / "now"
    for name in ("synthetic-m1", "synthetic-p100", "synthetic-t4"):
        place(before, name)
    (before / "registry.yaml").write_text("epochs: 2\n")
    shutil.copytree(before, now)
    (now / "registry.yaml").write_text("epochs: 7\n")  # which counts once it is merged
    place(now, "synthetic-v100")
    bad = place(now, "synthetic-m2-max")
    bad.write_bytes(bad.read_bytes()[:-400])

    page, summary = tmp_path / "page", tmp_path / "registry.md"
    options = ["--before", str(before), "--summary", str(summary), "--page", str(page), "--", str(now)]
    result = subprocess.run([*COMMAND, *options], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "5 archives: 4 taken, 1 refused." in result.stdout
    text = summary.read_text()
    (refused,) = text.split("## Refused")[1].split("## Taken")[0].strip().split("\n\n")[1:]
    assert "**synthetic-m2-max.tar.gz**" in text
    assert "is not a whole archive" in refused
    assert "| synthetic-v100.tar.gz | synthetic-v100 | 5 | 0 | unsigned | New here. |" in text

    four = {"synthetic-m1", "synthetic-p100", "synthetic-t4", "synthetic-v100"}
    assert set(table_files.read(page, "machines")["machine"]) == four
    ranking = table_files.read(page, "ranking")
    assert set(ranking["machine"]) == four
    html = (page / "index.html").read_text()
    assert "16 of 16 runs ok on 4 machines" in html
    assert "synthetic-m2-max" not in html
    # Their models reached the target that the references of this project set, within two epochs.
    reached = table_files.read(page, "time_to_accuracy")
    assert set(reached["reached"]) == {2}
    cases = reached[reached["machine"] != ranking["machine_baseline"].iloc[0]]
    assert pd.notna(cases["speed_up"]).all()
    assert {path.name for path in tmp_path.iterdir() if not path.name.endswith("-made")} == {
        "before",
        "now",
        "page",
        "registry.md",
    }
