"""make demo and make open, as a newcomer gives them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
from trainmark.analysis import table_files

from tests.conftest import ROOT

COMMAND = ["-I", "workflow/scripts/start_program.py"]


def script(folder: Path, *arguments: str, code: int = 0) -> str:
    environment = {key: value for key, value in os.environ.items() if "DISPLAY" not in key}
    command = [sys.executable, *COMMAND, *arguments]
    result = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert result.returncode == code, result.stdout
    return result.stdout


def contents(folder: Path, *without: str) -> dict[str, tuple[bytes, int]]:
    """Everything in a folder, with its content and time."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    found = {path.relative_to(folder).as_posix(): path for path in files}
    kept = {name: path for name, path in found.items() if not name.startswith(without)}
    return {name: (path.read_bytes(), path.stat().st_mtime_ns) for name, path in kept.items()}


def test_demo_shows_the_example_and_touches_nothing_of_the_users(checkout):
    """Not even where the user's configuration names machines and files of the user's own."""
    folder = checkout.folder
    shutil.copytree(ROOT / "results/example", folder / "results/example")
    config = folder / "config/config.yaml"
    text = config.read_text().replace("baseline: auto", "baseline: my-mac").replace("epochs: 5", "epochs: 9")
    config.write_text(text.replace("  - config/claims/article.yaml\n", "  - mine.yaml\n"))
    (folder / "results/demo").mkdir()
    (folder / "results/demo/index.html").write_text("an older one")
    before = contents(folder, "results/demo/")
    assert any(name.startswith("results/machines/") for name in before)
    assert any(name.startswith(".snakemake/") for name in before)
    archives = sorted(str(path.relative_to(folder)) for path in folder.glob("results/example/*.tar.gz"))
    output = script(folder, "workflow/scripts/show_demo.py", "--records", *archives, "--", "results/demo")
    page = folder / "results/demo/index.html"
    assert output.count(page.as_uri()) == 1
    assert "36 of 36 runs ok" in page.read_text()
    assert "test-checkout" not in page.read_text()
    assert contents(folder, "results/demo/") == before
    # What a machine that is alone is shown beside: "cp results/demo/cells.csv results/example" where this differs.
    shipped, drawn = (table_files.read(folder / "results" / name, "cells") for name in ("example", "demo"))
    pd.testing.assert_frame_equal(shipped, drawn)
    assert not list((folder / "results").glob(".demo-*"))

    page.write_text("kept")
    gone = script(folder, "workflow/scripts/show_demo.py", "--records", "gone.tar.gz", "--", "results/demo", code=1)
    assert gone.count("The shipped records are gone: gone.tar.gz.") == 1
    broken = folder / "broken.tar.gz"
    broken.write_bytes(b"no archive")
    output = script(folder, "workflow/scripts/show_demo.py", "--records", str(broken), "--", "results/demo", code=1)
    assert "The page could not be drawn. What was said:" in output
    assert page.read_text() == "kept"


def test_open_says_where_the_page_is_or_how_to_get_one(checkout):
    page = checkout.folder / "results/report/index.html"
    assert script(checkout.folder, "workflow/scripts/open_page.py", str(page)).count(page.as_uri()) == 1
    page.unlink()
    output = script(checkout.folder, "workflow/scripts/open_page.py", str(page), code=1)
    assert "There is no page yet" in output
    assert "make demo" in output
