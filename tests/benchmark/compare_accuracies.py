"""Whether the accuracies that runs of a framework reach are those of the references, which TensorFlow made.

Reads the records that one machine has of its CPU. For each stack, model and batch size it prints, after each epoch, the
accuracies, their mean less that of the references with its 95 % interval, and how many runs the convergence gate
refuses. The decision follows from what the gate would do: of healthy runs whose mean is that of the references less
MARGIN it refuses LEVEL, and more of those of a lower mean. The references hold where it refuses none of these runs and,
were their mean as low as the interval allows, would refuse at most TOLERATED of them. Six runs of each model at batch
size 512, with a stack, are made by

    snakemake --cores 1 measure --config 'stacks=[torch-2.11]' 'batch_sizes=[512]' repeats=6 'devices=[cpu]'
"""

import argparse
import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from scipy import special, stats

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts")]

from trainmark.analysis import convergence
from trainmark.analysis.run_rows import settings_of
from trainmark.ingest.file_reader import Reader, read_bytes
from trainmark.records import layout
from trainmark.records.record import OK

# Fewer say too little of their spread.
FEWEST_RUNS = 6
# The share of healthy runs that the gate may refuse, at the low end of what the runs leave possible.
TOLERATED = 0.05
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
        freedom = sum(len(group) - 1 for group in groups.values())
        expected, most = (share_refused(shift, deviation, limit, freedom) for shift in (mean, low))
        decided = decide(len(found), high, refused, expected, most)
        decision = f"{stack} {model} {batch_size}, epoch {epoch}: {decided}"
    return decision


def difference(found: Sequence[float], references: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the difference of two means, by Welch's t (B. L. Welch, Biometrika 34, 1947)."""
    if min(len(found), len(references)) < 2:
        return -math.inf, math.inf
    interval = stats.ttest_ind(found, references, equal_var=False).confidence_interval(0.95)
    return float(interval.low), float(interval.high)


def share_refused(shift: float, deviation: float, limit: float, freedom: int) -> float:
    """The share of healthy runs that the gate refuses whose mean accuracy differs by ``shift`` from the references'.

    Args:
        shift: mean of the runs less that of the references.
        deviation: as ``convergence.limit_of`` gives it, with the limit.
        limit: of t.
        freedom: degrees of freedom of the deviation.
    """
    return float(special.stdtr(freedom, limit - (shift + convergence.MARGIN) / deviation))


def decide(runs: int, high: float, refused: int, expected: float, most: float) -> str:
    """Whether the references hold for these runs.

    Args:
        runs: how many there are.
        high: upper end of the interval of their mean less that of the references.
        refused: how many of them the gate refuses.
        expected: the share of such runs that it refuses, by their mean.
        most: the same, by the lower end of the interval.
    """
    if runs < FEWEST_RUNS:
        return f"not decided: {runs} runs, {FEWEST_RUNS} are needed"
    shares = f"the gate refuses {refused} of these {runs} runs, and of further ones {expected:.1%}, at most {most:.1%}"
    if not refused and most <= TOLERATED:
        return f"the references hold: {shares}"
    if high < -convergence.MARGIN:
        return f"references of its own are needed: its mean is lower by more than {convergence.MARGIN:g}; {shares}"
    return f"not decided: {shares}"


if __name__ == "__main__":
    main()
