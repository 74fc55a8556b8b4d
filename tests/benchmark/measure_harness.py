"""What the harness costs: the workflow against a plain script that does the same trainings in one process.

Three tables: (a) overhead, the wall time of the quick grid, with the sweep of matrix products and the report apart; (b)
the run that has nothing to do; (c) fidelity, the ratio of the times of ``fit``, pair by pair. Neighbouring pairs are
compared because small machines drift by a factor of two within minutes. Takes about a quarter of an hour on two cores;
run nothing else meanwhile. With --stack, table (c) alone of any stack, whose Python --python names.
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
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(Path(__file__).parent)]

from bounds import print_bound
from trainmark.dataset import fashion_mnist
from trainmark.experiment import grid, workloads
from trainmark.machine import gpus, hardware
from trainmark.measure import worker_process
from trainmark.measure.worker import frameworks
from trainmark.planning import plan

# One cell a model, each long enough for a ratio.
FIDELITY_CELLS = [("mlp", 32), ("cnn", 32), ("lstm", 128)]
WORKLOAD = {"train_samples": 50000, "validation_samples": 10000, "test_samples": 10000, "epochs": 1}
WORKLOAD |= {"learning_rate": 0.001, "jit_compile": False}
# Seconds of fit of a model at a batch size.
Timing = Callable[[str, int], float]
SCRIPT = [sys.executable, str(ROOT / "tests" / "benchmark" / "plain_script.py")]
IMPORTS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="pairs per cell in (c)")
    parser.add_argument("--grids", type=int, default=1, help="repeats of (a)")
    parser.add_argument("--stack", help="(c) alone, of this stack")
    parser.add_argument("--python", default=sys.executable, help="of an environment that has the stack")
    parser.add_argument("--lock-file", type=Path, help="that pins it; by default that of this platform")
    parser.add_argument("--cells", nargs="+", type=cell, default=FIDELITY_CELLS, help="of (c), as mlp:512")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkout, data = Path(folder, "checkout"), Path(folder, "data")
        write_data(data)
        if args.stack:
            lock = args.lock_file or ROOT / "envs" / f"{args.stack}.{hardware.platform_tag()}.yaml"
            python = str(Path(args.python).absolute())  # not resolved: a link is what makes an environment
            other = OtherStack(args.stack, python, lock.resolve(), checkout, data)
            measure_fidelity(other.plain, other.workflow, args.cells, args.pairs, within=0.03)
            return
        for name in ("Snakefile", "config", "envs", "profiles", "workflow"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else copy_file)(source, checkout / name)
        measure_overhead(checkout, data, args.grids)
        measure_nothing(checkout)
        stack = InstalledStack(checkout, data)
        measure_fidelity(stack.plain, stack.workflow, args.cells, args.pairs)


def cell(text: str) -> tuple[str, int]:
    """``mlp:512`` as model and batch size."""
    model, _, batch_size = text.partition(":")
    return model, int(batch_size)


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


class InstalledStack:
    """The stack that make has installed, timed by the whole workflow and by the script."""

    def __init__(self, checkout: Path, data: Path) -> None:
        self.checkout, self.data, self.stack = checkout, data, plan.surroundings(False).installed_stack
        self.machine = hardware.automatic_name(gpus.choose())

    def plain(self, model: str, batch_size: int) -> float:
        return seconds_of_plain([*SCRIPT, str(self.data)], self.checkout, model, batch_size)

    def workflow(self, model: str, batch_size: int) -> float:
        record = grid.Run(grid.Cell(self.machine, self.stack, "cpu", model, batch_size), 1).path
        seconds_of(snakemake("--forcerun", str(record), "--", str(record)), self.checkout)
        return json.loads((self.checkout / record).read_text())["durations"]["fit_seconds"]


class OtherStack:
    """A stack in an environment of its own, timed by the workflow's program for one run, and by the script."""

    def __init__(self, stack: str, python: str, lock: Path, folder: Path, data: Path) -> None:
        self.stack, self.python, self.lock, self.folder, self.data = stack, python, lock, folder, data
        fashion_mnist.save_arrays(fashion_mnist.obtain(None, allow_download=True)[0], folder / "results/data")

    def plain(self, model: str, batch_size: int) -> float:
        script = [self.python, SCRIPT[1], str(self.data), "--backend", frameworks.of(self.stack).name]
        return seconds_of_plain(script, self.folder, model, batch_size)

    def workflow(self, model: str, batch_size: int) -> float:
        record = grid.Run(grid.Cell("benchmark", self.stack, "cpu", model, batch_size), 1).path
        workload = workloads.canonical_json(workloads.describe(model, WORKLOAD))
        command = [self.python, str(ROOT / "workflow/scripts/time_training.py"), "--workload", workload, "--seed", "1"]
        command += ["--threads", "auto", "--time-limit", "3600", "--data", "results/data"]
        command += ["--lock-file", str(self.lock), "--log", "log", str(record)]
        (self.folder / "log").touch()
        seconds_of(command, self.folder)
        return json.loads((self.folder / record).read_text())["durations"]["fit_seconds"]


def seconds_of_plain(script: list[str], folder: Path, model: str, batch_size: int) -> float:
    """Seconds of ``fit`` in the plain script, with no other timing beside it."""
    wanted = ["--models", model, "--batch-sizes", str(batch_size)]
    with worker_process.machine_lock("the plain script", None):
        return json.loads(seconds_of([*script, *wanted], folder)[1].splitlines()[-1])["fit_seconds"]


def measure_fidelity(
    plain: Timing, workflow: Timing, cells: list[tuple[str, int]], pairs: int, within: float = 0.02
) -> None:
    """Time the same training by the workflow and by the script, alternating which goes first.

    The median of all ratios is wanted ``within`` so much of 1.
    """
    print(f"(c) Fidelity: seconds of fit, workflow / plain script, {pairs} alternating pairs per cell")
    print(f"{'cell':<12}{'script (s)':>12}{'workflow (s)':>14}{'median':>9}{'min':>7}{'max':>7}")
    everything = []
    for each in cells:
        times = []
        for pair in range(pairs):
            if pair % 2:
                ours = workflow(*each)
                times.append((plain(*each), ours))
            else:
                theirs = plain(*each)
                times.append((theirs, workflow(*each)))
        ratios = [ours / theirs for theirs, ours in times]
        everything += ratios
        print_ratios(" ".join(map(str, each)), ratios, *map(statistics.median, zip(*times)))
    print_ratios("all", everything)
    print_bound("median ratio of the times of fit", statistics.median(everything), least=1 - within, most=1 + within)


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
