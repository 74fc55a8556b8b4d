"""What the report costs when many people have sent their results, against a bare loop that only parses the files.

Writes N synthetic machines of 72 records each into a temporary checkout (no measurement of anything) and prints, for
each N: the bare loop; collecting; collecting again after one more machine; the tables; peak memory; the whole report;
and the command that has nothing to do.
"""

import argparse
import itertools
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]

from tests.conftest import synthetic_machine, synthetic_record

BARE_LOOP = """
import json, os
for folder, _, names in os.walk("results/machines"):
    for name in names:
        with open(f"{folder}/{name}") as file:
            json.load(file)
"""
SCRIPTS = "workflow/scripts"
SETTINGS = ["--settings", "none"]
COLLECT = [f"{SCRIPTS}/collect_records.py", "--on-bad-record", "stop", "out"]
COMPARE = [f"{SCRIPTS}/compare_cells.py", *SETTINGS, "--comparisons=[]", "--baseline=auto"]
TABLES = (
    [f"{SCRIPTS}/summarise_cells.py", "out/runs.csv", "out/cells.csv"],
    [*COMPARE, "out/runs.csv", "out/comparisons.csv", "out/summary.csv"],
)
REPORT = ["-m", "snakemake", "--cores", "1", "report"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--repeats", type=int, default=3, help="of each time; the median is printed")
    args = parser.parse_args()
    print(
        "| machines x 72 records | bare loop (s) | collect (s) | ratio | one more machine (s) | ratio | tables (s) |",
        end="",
    )
    print(" peak memory (MB) | whole report (s) | nothing to do (s) |")
    print("|" + "---|" * 10)
    for count in args.machines:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder, "checkout"), count, args.repeats)


def measure(checkout: Path, count: int, repeats: int) -> None:
    """Print one line of the table."""
    for name in ("config", "envs", "profiles", "workflow"):
        shutil.copytree(ROOT / name, checkout / name)
    shutil.copy(ROOT / "Snakefile", checkout)
    (checkout / "out").mkdir()
    for number in range(count):
        write_machine(checkout, number)
    run(checkout, ["-c", BARE_LOOP])  # the files are in the page cache from here on
    bare, collect = [], []
    for _ in range(repeats):  # in turns, since small machines drift
        bare.append(run(checkout, ["-c", BARE_LOOP]))
        collect.append(run(checkout, COLLECT))
    tables = sum(run(checkout, command) for command in TABLES)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    report = run(checkout, REPORT)
    nothing = statistics.median(run(checkout, REPORT) for _ in range(repeats))
    write_machine(checkout, count)
    more, bare_again = [], []
    for _ in range(repeats):
        bare_again.append(run(checkout, ["-c", BARE_LOOP]))
        more.append(run(checkout, COLLECT))
    base, found, added = map(statistics.median, (bare, collect, more))
    print(
        f"| {count} x 72 | {base:.2f} | {found:.2f} | {found / base:.2f} | {added:.2f} | "
        f"{added / statistics.median(bare_again):.2f} | {tables:.1f} | {peak:.0f} | {report:.1f} | {nothing:.2f} |",
        flush=True,
    )


def write_machine(checkout: Path, number: int) -> None:
    """One machine's records, with invented times."""
    name = f"synthetic-{number:04d}"
    axes = itertools.product(["cpu", "gpu"], ["mlp", "cnn", "lstm"], [32, 128, 512, 1024], [1, 2, 3])
    for position, (device, model, batch_size, repeat) in enumerate(axes):
        seconds = 20.0 + (number * 7 + position * 13) % 100 / 50
        data = synthetic_record(
            machine=name,
            device=device,
            model=model,
            batch_size=batch_size,
            repeat=repeat,
            durations__fit_seconds=seconds,
        )
        folder = checkout / f"results/machines/{name}/runs/tf-2.19/{device}/{model}/{batch_size}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{repeat}.json").write_text(json.dumps(data, indent=1))
    (checkout / f"results/machines/{name}/machine.json").write_text(json.dumps(synthetic_machine(name), indent=1))


def run(checkout: Path, command: list[str]) -> float:
    """Wall time of a command of Python's, in seconds."""
    started = time.perf_counter()
    result = subprocess.run([sys.executable, *command], cwd=checkout, env=os.environ, capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stdout + result.stderr)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
