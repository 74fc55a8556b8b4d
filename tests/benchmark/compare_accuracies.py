"""Whether the accuracies that runs of a framework reach are those of the references, which TensorFlow made.

Reads the records that one machine has of its CPU. For each stack, model and batch size it prints, after each epoch, the
accuracies, their mean less that of the references with its 95 % interval, and how many runs the convergence gate
refuses. The decision is that of a test of non-inferiority: the references hold where all of the interval lies above
-MARGIN and the gate refuses no run. Six runs of each model at batch size 512, with a stack, are made by

    snakemake --cores 1 measure --config 'stacks=[torch-2.11]' 'batch_sizes=[512]' repeats=6 'devices=[cpu]'
"""

import argparse
import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts")]

from trainmark.analysis import convergence
from trainmark.analysis.run_rows import settings_of
from trainmark.ingest.file_reader import Reader, read_bytes
from trainmark.records import layout
from trainmark.records.record import OK

# Fewer say too little of their spread.
FEWEST_RUNS = 6
# Stack, model and batch size -> runs -> validation accuracy by epoch.
Accuracies = dict[tuple[str, str, int], list[list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("machine", type=Path, help="a machine's folder, as results/machines/NAME")
    parser.add_argument("--level", type=float, default=0.001, help="convergence_level of the configuration")
    args = parser.parse_args()
    references = convergence.load(ROOT / "config/references.yaml")
    print("| stack | model | batch size | epoch | runs | accuracies | less the references' mean | refused |")
    print("|---|---|---|---|---|---|---|---|")
    decisions = []
    for case, runs in sorted(accuracies(args.machine, references.settings).items()):
        decisions.append(print_case(case, runs, references, args.level))
    print("\n".join(["", *decisions]))


def accuracies(machine: Path, settings: str) -> Accuracies:
    """Those of the CPU runs that ended and computed what the references did; others are counted and named."""
    reader, found, others = Reader(ROOT / "workflow/schemas"), defaultdict(list), 0
    for path, entry in layout.result_files(machine):
        path = f"{machine.name}/{path}"
        if not layout.RECORD.fullmatch(path):
            continue
        record, workload = reader.record(path, read_bytes(entry.path))
        same = convergence.without_epochs(settings_of(workload.values)) == settings
        if same and (record.device, record.status, record.control) == ("cpu", OK, None):
            found[record.stack, record.model, record.batch_size].append(list(record.accuracy.validation_accuracy))
        else:
            others += 1
    if others:
        print(f"{others} records are not ok, not of the CPU, controls, or of another experiment, and left out.\n")
    return found


def print_case(
    case: tuple[str, str, int], runs: list[list[float]], references: convergence.References, level: float
) -> str:
    """Print a line for each epoch that all runs have, and give the decision after the last."""
    stack, model, batch_size = case
    healthy = references.accuracy[model]
    decision = ""
    for epoch in range(1, min(map(len, runs)) + 1):
        found = sorted(run[epoch - 1] for run in runs)
        groups = {size: [run[epoch - 1] for run in those] for size, those in healthy.items()}
        low, high = difference(found, groups[batch_size])
        least, deviation, limit = convergence.limit_of(groups[batch_size], list(groups.values()), level)
        refused = sum((value - least) / deviation < limit for value in found)
        mean = statistics.mean(found) - statistics.mean(groups[batch_size])
        shown = ", ".join(f"{value:.4f}" for value in found)
        print(
            f"| {stack} | {model} | {batch_size} | {epoch} | {len(found)} | {shown} | "
            f"{mean:+.4f} [{low:+.4f}, {high:+.4f}] | {refused} |"
        )
        decision = f"{stack} {model} {batch_size}, epoch {epoch}: {decide(len(found), low, high, refused)}"
    return decision


def difference(found: Sequence[float], references: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the difference of two means, by Welch's t (B. L. Welch, Biometrika 34, 1947)."""
    if min(len(found), len(references)) < 2:
        return -math.inf, math.inf
    interval = stats.ttest_ind(found, references, equal_var=False).confidence_interval(0.95)
    return float(interval.low), float(interval.high)


def decide(runs: int, low: float, high: float, refused: int) -> str:
    """Whether the references hold for runs whose mean lies so far from theirs."""
    if runs < FEWEST_RUNS:
        return f"not decided: {runs} runs, {FEWEST_RUNS} are needed"
    margin = convergence.MARGIN
    if low > -margin and not refused:
        return "the references hold"
    if high < -margin:
        return f"references of its own are needed: its mean is lower by more than {margin:g}"
    return f"not decided: by these runs the mean may be lower by {-low:.4f}, and {refused} of them are refused"


if __name__ == "__main__":
    main()
