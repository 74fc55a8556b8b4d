"""What planning costs: processor time and memory of "snakemake -n".

For a grid with many batch sizes on one machine, then for fleets, each of whose machines lacks 72 runs, as one with a
GPU does at first. Beside a fleet stands a rule that does nothing, planned for as many jobs: the ratio is what our rules
add to Snakemake's own work, and says more than seconds, in which computers differ by a factor of three.
"""

import argparse
import json
import os
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
RUNS_EACH = 72
NODE = {"partition": "synthetic", "platform": "linux-64-cuda"}
# Machines of a fleet -> what planning takes at most: CPU seconds, and MB.
MOST = {100: (30, 500), 1000: (240, 2500)}
ALLOCATIONS = ("run", "machine")
COMMAND = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run"]
TRIVIAL = """
rule all:
    input: expand("made/{{machine}}/{{number}}.json", machine=range({machines}), number=range({runs}))

rule make:
    output: "made/{{machine}}/{{number}}.json"
    shell: "touch {{output}}"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, nargs="*", default=[1, 10, MANY], help="of each of 99 cells")
    parser.add_argument("--machines", type=int, nargs="*", default=[*MOST], help="of each fleet")
    parser.add_argument(
        "--allocation", nargs="+", default=[*ALLOCATIONS], choices=ALLOCATIONS, help="what SLURM is asked for"
    )
    parser.add_argument("--calls", type=int, default=3, help="of each grid; the median is printed. Fleets: one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("Snakefile", "config", "envs", "profiles", "workflow"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(folder, name))
        measure_grids(Path(folder), args.repeats, args.calls)
        measure_fleets(Path(folder), args.machines, args.allocation)


def measure_grids(folder: Path, numbers: list[int], calls: int) -> None:
    """Print a line of a table for each number of repeats."""
    print("| runs missing | CPU (s) | memory (MB) |\n|---|---|---|")
    for repeats in numbers:
        found = [plan(folder, {**CELLS, "repeats": repeats, "machine": "synthetic"}) for _ in range(calls)]
        seconds = statistics.median(each[0] for each in found)
        print(f"| {99 * repeats} | {seconds:.1f} | {max(each[1] for each in found):.0f} |", flush=True)
        if repeats == MANY:
            print_bound(f"planning of {99 * MANY} runs, CPU seconds", seconds, most=23)


def measure_fleets(folder: Path, numbers: list[int], allocations: list[str]) -> None:
    """Print a line of a table for each number of machines and each allocation."""
    costs = "CPU (s) | memory (MB)"
    print(f"\n| machines | runs missing | allocation | {costs} | of a trivial rule: {costs} | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for machines in numbers:
        fleet = {f"synthetic-{number}": {**NODE, "node": f"n{number}"} for number in range(machines)}
        trivial = plan_trivially(folder / "trivial", machines)
        for allocation in allocations:
            seconds, peak = plan(folder, {**OF_FLEET, "fleet": fleet, "allocation": allocation})
            cells = f"{machines} | {RUNS_EACH * machines} | {allocation}"
            costs = f"{seconds:.1f} | {peak:.0f} | {trivial[0]:.1f} | {trivial[1]:.0f} | {seconds / trivial[0]:.2f}"
            print(f"| {cells} | {costs} |", flush=True)
            if machines in MOST:
                what = f"planning of a fleet of {machines}, by {allocation}"
                print_bound(f"{what}, CPU seconds", seconds, most=MOST[machines][0])
                print_bound(f"{what}, MB", peak, most=MOST[machines][1])


def plan(folder: Path, settings: dict) -> tuple[float, float]:
    """What ``measure`` gives of a dry run with these settings."""
    (folder / "large.json").write_text(json.dumps(settings))
    return measure(folder, "--configfile", "large.json")


def plan_trivially(folder: Path, machines: int) -> tuple[float, float]:
    """The same of a rule that does nothing, for as many jobs as a fleet has runs."""
    folder.mkdir(exist_ok=True)
    (folder / "Snakefile").write_text(TRIVIAL.format(machines=machines, runs=RUNS_EACH))
    return measure(folder, "--quiet")


def measure(folder: Path, *options: str) -> tuple[float, float]:
    """CPU seconds, user and system together, and peak memory in MB, of one call with the processes that it started."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([*COMMAND, *options], cwd=folder, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            output.seek(0)
            sys.exit(output.read().decode(errors="replace"))
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
