"""What planning costs: CPU seconds and memory of "snakemake --dry-run" where up to thousands of runs are missing.

First of one machine, and then of fleets, each of whose machines lacks 72 runs, as one with a GPU does at first.
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
from pathlib import Path

from bounds import print_bound

ROOT = Path(__file__).resolve().parents[2]
# 99 of them.
CELLS = {"models": ["mlp", "cnn", "lstm"], "batch_sizes": [32 * n for n in range(1, 34)], "devices": ["cpu"]}
MANY = 100
# 72 runs of each machine.
OF_FLEET = {"models": ["mlp", "cnn", "lstm"], "batch_sizes": [32, 128, 512, 1024], "repeats": 3}
NODE = {"partition": "synthetic", "platform": "linux-64-cuda"}
MANY_MACHINES = 1000
COMMAND = ["-m", "snakemake", "--cores", "1", "--dry-run", "--configfile", "large.json"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, nargs="+", default=[1, 10, MANY], help="of each of 99 cells")
    parser.add_argument("--machines", type=int, nargs="*", default=[100, MANY_MACHINES], help="of each fleet")
    parser.add_argument("--calls", type=int, default=3, help="of each; the median is printed")
    args = parser.parse_args()
    print("| runs missing | CPU (s) | peak memory so far (MB) |")
    print("|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("Snakefile", "config", "envs", "profiles", "workflow"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(folder, name))
        for repeats in args.repeats:
            settings = {**CELLS, "repeats": repeats, "machine": "synthetic"}
            Path(folder, "large.json").write_text(json.dumps(settings))
            seconds = statistics.median(cpu_seconds(folder) for _ in range(args.calls))
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            peak /= 2**20 if sys.platform == "darwin" else 2**10
            print(f"| {99 * repeats} | {seconds:.1f} | {peak:.0f} |", flush=True)
        of_fleets = {machines: measure_fleet(folder, machines) for machines in args.machines}
    if repeats == MANY:
        print_bound(f"planning of {99 * MANY} runs, CPU seconds", seconds, most=23)
    if MANY_MACHINES in of_fleets:
        print_bound(f"planning of a fleet of {MANY_MACHINES}, CPU seconds", of_fleets[MANY_MACHINES], most=240)


def measure_fleet(folder: str, machines: int) -> float:
    """CPU seconds of the planning of a fleet of so many machines, once; prints a line of the table."""
    fleet = {f"synthetic-{number}": {**NODE, "node": f"n{number}"} for number in range(machines)}
    Path(folder, "large.json").write_text(json.dumps({**OF_FLEET, "fleet": fleet}))
    seconds = cpu_seconds(folder)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(f"| {72 * machines}, of a fleet of {machines} | {seconds:.1f} | {peak:.0f} |", flush=True)
    return seconds


def cpu_seconds(folder: str) -> float:
    """Of one call, user and system together, its child processes included."""
    before = os.times()
    result = subprocess.run([sys.executable, *COMMAND], cwd=folder, capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stdout + result.stderr)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


if __name__ == "__main__":
    main()
