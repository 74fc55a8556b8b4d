"""What the report costs when many people have sent their results, against a bare loop that only parses the files.

Writes N synthetic machines of 72 records each into a temporary checkout (no measurement of anything) and prints, for
each N: the bare loop; collecting for the first time, again, and after one more machine; the tables; peak memory; the
whole report; all of it again after one rerun; the size of the page; and the command that has nothing to do.
"""

import argparse
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
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts"), str(Path(__file__).parent)]

from bounds import PAGE_MEGABYTES, REPORT_SECONDS, print_bound

from tests import synthetic
from tests.conftest import path_of

BARE_LOOP = """
import json, os
for folder, _, names in os.walk("results/machines"):
    for name in names:
        with open(f"{folder}/{name}") as file:
            json.load(file)
"""
SCRIPTS = "workflow/scripts"
SETTINGS = ["--settings", "none", "--machine="]
GATE = ["--references", "config/references.yaml", "--level", "0.001"]
COLLECT = [
    f"{SCRIPTS}/collect_records.py",
    "--on-bad-record",
    "stop",
    *GATE,
    "--hardware",
    "config/hardware.yaml",
    "--",
    "out",
]
FURTHER = ["--hardware", "config/hardware.yaml", "--claims", "config/claims/article.yaml", "--", "out"]
TABLES = [f"{SCRIPTS}/make_tables.py", *SETTINGS, "--comparisons=[]", "--baseline=auto", *FURTHER]
REPORT = ["-m", "snakemake", "--cores", "1", "report"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, nargs="+", default=[5, 25, 100, 1000])
    parser.add_argument("--repeats", type=int, default=3, help="of each time; the median is printed")
    args = parser.parse_args()
    print(
        "| machines x 72 records | bare loop (s) | first collecting (s) | ratio | again (s) | ratio |"
        " one more machine (s) | ratio | tables (s) |",
        end="",
    )
    print(" peak memory (MB) | whole report (s) | after one rerun (s) | page (MB) | nothing to do (s) |")
    print("|" + "---|" * 14)
    bounded = []
    for count in args.machines:
        with tempfile.TemporaryDirectory() as folder:
            bounded += measure(Path(folder, "checkout"), count, args.repeats)
    for what, value, most in bounded:
        print_bound(what, value, most=most)


def measure(checkout: Path, count: int, repeats: int) -> list[tuple[str, float, float]]:
    """Print one line of the table; gives what has a bound: what it is, its value, and the most that is wanted."""
    for name in ("config", "envs", "profiles", "workflow"):
        shutil.copytree(ROOT / name, checkout / name)
    shutil.copy(ROOT / "Snakefile", checkout)
    (checkout / "out").mkdir()
    for number in range(count):
        write_machine(checkout, number)
    run(checkout, ["-c", BARE_LOOP])  # the files are in the page cache from here on
    bare, first, again = [], [], []
    for _ in range(repeats):  # in turns, since small machines drift
        bare.append(run(checkout, ["-c", BARE_LOOP]))
        forget(checkout)
        first.append(run(checkout, COLLECT))
        again.append(run(checkout, COLLECT))
    tables = run(checkout, TABLES)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    forget(checkout)
    report = run(checkout, REPORT)
    reruns = []
    for number in range(repeats):
        write_run(checkout, synthetic.records_of(*name_of(0), factor=lambda *_, n=number: 1.01 + n / 100)[0])
        reruns.append(run(checkout, REPORT))
    page = (checkout / "results/report/index.html").stat().st_size / 1e6
    nothing = statistics.median(run(checkout, REPORT) for _ in range(repeats))
    more = []
    for number in range(repeats):
        write_machine(checkout, count + number)
        more.append(run(checkout, COLLECT))
    base, found, second, added, rerun = map(statistics.median, (bare, first, again, more, reruns))
    print(
        f"| {count} x 72 | {base:.2f} | {found:.2f} | {found / base:.2f} | {second:.2f} | {second / base:.2f} | "
        f"{added:.2f} | {added / base:.2f} | {tables:.1f} | {peak:.0f} | {report:.1f} | {rerun:.1f} | {page:.1f} | "
        f"{nothing:.2f} |",
        flush=True,
    )
    bounded = [
        (f"the page of {count:,} machines, MB", page, PAGE_MEGABYTES.get(count)),
        (f"the whole report of {count:,} machines, seconds", report, REPORT_SECONDS.get(count)),
        ("collecting again over the bare loop", second / base, 1.2 if count >= 1000 else None),
        ("the first collecting over the bare loop", found / base, 1.2 if count >= 1000 else None),
    ]
    return [(what, value, most) for what, value, most in bounded if most]


def forget(checkout: Path) -> None:
    """Remove what was kept of an earlier collecting."""
    (checkout / ".snakemake/trainmark-collected.msgpack").unlink(missing_ok=True)


def name_of(number: int) -> tuple[str, str]:
    """Name and kind of an invented machine."""
    kind = list(synthetic.KINDS)[number % len(synthetic.KINDS)]
    return f"{kind}-{number:04d}", kind


def write_machine(checkout: Path, number: int) -> None:
    """One machine's records, with invented times."""
    name, kind = name_of(number)
    for data in synthetic.records_of(name, kind, factor=lambda *_: 1 + number % 50 / 100):
        write_run(checkout, data)
    (checkout / f"results/machines/{name}/machine.json").write_text(
        json.dumps(synthetic.describe(name, kind), indent=1)
    )


def write_run(checkout: Path, data: dict) -> None:
    """One record."""
    path = checkout / path_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1))


def run(checkout: Path, command: list[str]) -> float:
    """Wall time of a command of Python's, in seconds."""
    started = time.perf_counter()
    result = subprocess.run([sys.executable, *command], cwd=checkout, env=os.environ, capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stdout + result.stderr)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
