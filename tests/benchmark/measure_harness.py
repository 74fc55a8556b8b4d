"""What the harness costs: the workflow against a plain script that does the same trainings in one process.

Three tables: (a) overhead, the wall time of the quick grid, with the sweep of matrix products and the report apart; (b)
the run that has nothing to do; (c) fidelity, the ratio of the times of ``fit``, pair by pair. Neighbouring pairs are
compared because small machines drift by a factor of two within minutes. Takes about a quarter of an hour on two cores;
run nothing else meanwhile.
"""

import argparse
import datetime
import gzip
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(Path(__file__).parent)]

from bounds import print_bound
from trainmark.dataset import fashion_mnist
from trainmark.experiment import grid
from trainmark.machine import gpus, hardware
from trainmark.planning import plan

# One cell a model, each long enough for a ratio.
FIDELITY_CELLS = [("mlp", 32), ("cnn", 32), ("lstm", 128)]
SCRIPT = [sys.executable, str(ROOT / "tests" / "benchmark" / "plain_script.py")]
IMPORTS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="pairs per cell in (c)")
    parser.add_argument("--grids", type=int, default=1, help="repeats of (a)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkout, data = Path(folder, "checkout"), Path(folder, "data")
        write_data(data)
        for name in ("Snakefile", "config", "envs", "profiles", "workflow"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else copy_file)(source, checkout / name)
        measure_overhead(checkout, data, args.grids)
        measure_nothing(checkout)
        measure_fidelity(checkout, data, args.pairs)


def copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def write_data(folder: Path) -> None:
    """The four files as the plain script reads them."""
    payloads, _ = fashion_mnist.obtain(None, allow_download=True)
    folder.mkdir()
    for name, payload in payloads.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(payload))


def seconds_of(command: list[str], folder: Path) -> tuple[float, str]:
    """Wall time of a command, and what it printed; a failing command ends the benchmark with its output."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    start = time.perf_counter()
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    wall = time.perf_counter() - start
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stdout}\n{result.stderr}")
    return wall, result.stdout


def snakemake(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "config/quick.yaml", *arguments]


def measure_fidelity(checkout: Path, data: Path, pairs: int) -> None:
    """Time the same training by the workflow and by the script, alternating which goes first."""
    print(f"(c) Fidelity: seconds of fit, workflow / plain script, {pairs} alternating pairs per cell")
    print(f"{'cell':<12}{'script (s)':>12}{'workflow (s)':>14}{'median':>9}{'min':>7}{'max':>7}")
    machine, stack = hardware.automatic_name(gpus.choose()), plan.installed_stack()
    everything = []
    for model, batch_size in FIDELITY_CELLS:
        record = grid.Run(grid.Cell(machine, stack, "cpu", model, batch_size), 1).path
        cell = ["--models", model, "--batch-sizes", str(batch_size)]

        def plain(cell: list[str] = cell) -> float:
            return json.loads(seconds_of([*SCRIPT, str(data), *cell], checkout)[1])["fit_seconds"]

        def workflow(record: Path = record) -> float:
            seconds_of(snakemake("--forcerun", str(record), "--", str(record)), checkout)
            return json.loads((checkout / record).read_text())["durations"]["fit_seconds"]

        times = []
        for pair in range(pairs):
            if pair % 2:
                ours = workflow()
                times.append((plain(), ours))
            else:
                theirs = plain()
                times.append((theirs, workflow()))
        ratios = [ours / theirs for theirs, ours in times]
        everything += ratios
        print_ratios(f"{model} {batch_size}", ratios, *map(statistics.median, zip(*times)))
    print_ratios("all", everything)
    print_bound("median ratio of the times of fit", statistics.median(everything), least=0.98, most=1.02)


def print_ratios(name: str, ratios: list[float], *medians: float) -> None:
    seconds = f"{medians[0]:>12.2f}{medians[1]:>14.2f}" if medians else " " * 26
    print(f"{name:<12}{seconds}{statistics.median(ratios):>9.3f}{min(ratios):>7.3f}{max(ratios):>7.3f}", flush=True)


def measure_overhead(checkout: Path, data: Path, grids: int) -> None:
    """Time the quick grid by the workflow and by the script, and say where the workflow's time goes."""
    bare = [sys.executable, "-c", "import tensorflow"]
    ratios = []
    for repeat in range(1, grids + 1):
        script, _ = seconds_of([*SCRIPT, str(data)], checkout)
        imports = statistics.median(seconds_of(bare, checkout)[0] for _ in range(IMPORTS))
        shutil.rmtree(checkout / "results", ignore_errors=True)
        workflow, _ = seconds_of(snakemake("--config", "roofline=false", "--", "measure"), checkout)
        sweep, _ = seconds_of(snakemake("--", "measure"), checkout)
        report, _ = seconds_of(snakemake(), checkout)
        records = [json.loads(p.read_text()) for p in checkout.glob("results/machines/*/runs/*/*/*/*/*.json")]
        expected = script + len(records) * imports
        ratios.append(workflow / expected)
        rows = [
            ("plain script", script, ""),
            (f"+ {len(records)} x import tensorflow", expected - script, f"median of {IMPORTS}: {imports:.2f} s"),
            ("= expected", expected, ""),
            ("workflow, the runs", workflow, f"{workflow / expected:.3f} of what is expected"),
            *breakdown(records, workflow),
            ("apart: the sweep of matrix products, and a start of Snakemake", sweep, ""),
            ("apart: the report, and a start of Snakemake", report, ""),
        ]
        print(f"(a) Overhead: wall time of the quick grid, {repeat} of {grids}")
        print_rows(rows)
    print_bound("the quick grid over script and imports", statistics.median(ratios), most=1.05)
    print(flush=True)


def measure_nothing(checkout: Path) -> None:
    """Time the command when there is nothing to do."""
    noop = statistics.median(seconds_of(snakemake(), checkout)[0] for _ in range(5))
    version = statistics.median(seconds_of([*snakemake()[:3], "--version"], checkout)[0] for _ in range(5))
    print("(b) Nothing to be done")
    print_rows([("workflow", noop, ""), ("snakemake --version", version, "")])
    print_bound("seconds above 'snakemake --version' with nothing to do", noop - version, most=0.5)
    print(flush=True)


def breakdown(records: list[dict], workflow: float) -> list[tuple[str, float, str]]:
    """Where the workflow's wall time went, by the records' own clocks."""
    names = ("import", "data", "build", "fit", "evaluate")
    parts = [(name, sum(record["durations"][f"{name}_seconds"] for record in records)) for name in names]
    spans = sorted([datetime.datetime.fromisoformat(r[key]) for key in ("started_at", "ended_at")] for r in records)
    inside = sum((end - start).total_seconds() for start, end in spans)
    between = sum((b[0] - a[1]).total_seconds() for a, b in itertools.pairwise(spans))
    around = workflow - (spans[-1][1] - spans[0][0]).total_seconds()
    parts.append(("start of the process, proof of the device", inside - sum(seconds for _, seconds in parts)))
    parts.append(("between the runs", between))
    parts.append(("before the first and after the last: data set, machine", around))
    return [(f"  {name}", seconds, f"{seconds / workflow:.1%}") for name, seconds in parts]


def print_rows(rows: list[tuple[str, float, str]]) -> None:
    for name, seconds, note in rows:
        print(f"{name:<58}{seconds:>8.1f} s  {note}")
    print(flush=True)


if __name__ == "__main__":
    main()
