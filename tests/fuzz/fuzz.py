"""Fuzz for as long as one likes, with examples that differ each time, and say what came of it.

    python tests/fuzz/fuzz.py --files 20000 --archives 2000 --configurations 500 --dry-runs 100

Prints how many examples there were of each kind, how many were taken, the slowest and the most memory; and stops at the
first that breaks a property, with what it was.
"""

import argparse
import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow" / "scripts")]

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import archives, configurations, properties, strategies

# Files that are merged together, as if a stranger had sent them.
_BATCH = 25
# Beyond these the run fails: nothing that strangers send may hang a merge, or fill the memory.
_MOST_SECONDS, _MOST_MEGABYTES = 5.0, 300.0


@dataclass
class Tally:
    """What came of the examples of one kind."""

    name: str
    examples: int = 0
    taken: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    megabytes: float = 0.0

    def add(self, examples: int, taken: int, seconds: float, megabytes: float) -> None:
        self.examples += examples
        self.taken += taken
        self.seconds += seconds
        self.slowest = max(self.slowest, seconds)
        self.megabytes = max(self.megabytes, megabytes)

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.examples:,} examples, {self.taken:,} taken and the others named; processor time of "
            f"the slowest check {self.slowest:.2f} s, of all {self.seconds:,.0f} s; "
            f"most memory of a check {self.megabytes:.0f} MB"
        )


class Memory:
    """The memory that a check takes of this process, in MB.

    This process also holds the examples and what Hypothesis remembers of them, which no merge has to hold. Linux can
    forget the most that a process has had, so that what a check adds is seen; elsewhere all of it counts. The process
    that unpacks an archive is held to its own limit by the kernel.
    """

    def __init__(self) -> None:
        self._before = 0.0
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
            self._before = self._kibibytes("VmRSS")

    def taken(self) -> float:
        try:
            return (self._kibibytes("VmHWM") - self._before) / 2**10
        except OSError:
            unit = 2**20 if sys.platform == "darwin" else 2**10
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

    @staticmethod
    def _kibibytes(name: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def run(tally: Tally, strategy: st.SearchStrategy, count: int, check: Callable, size: Callable = lambda _: 1) -> Tally:
    """Draw so many examples and check each."""
    if not count:
        return tally

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def each(example: object) -> None:
        memory = Memory()
        started = sum(os.times()[:4])  # of this process and its children, whatever else computes
        taken = check(example)
        tally.add(size(example), int(taken), sum(os.times()[:4]) - started, memory.taken())

    each()
    print(tally, flush=True)
    return tally


def dry_run(checkout: Path, content: bytes) -> bool:
    """Snakemake with a configuration: no traceback, and an exit code of 0 or a sentence."""
    (checkout / "config/config.yaml").write_bytes(content)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-n"]
    result = subprocess.run(command, cwd=checkout, capture_output=True, timeout=120)
    output = (result.stdout + result.stderr).decode(errors="replace")
    assert "Traceback" not in output, (content, output)
    assert result.returncode == 0 or re.search(r"^trainmark: .", output, re.MULTILINE), (content, output)
    return result.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000, help="records, machine files and sweeps")
    parser.add_argument("--pages", type=int, default=5, help="how many pages to write of what was taken")
    parser.add_argument("--archives", type=int, default=2_000)
    parser.add_argument("--configurations", type=int, default=5_000)
    parser.add_argument("--dry-runs", type=int, default=500, help="configurations that Snakemake plans with")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trainmark-fuzz-") as name:
        folder = Path(name)
        checkout = _checkout(folder)
        os.chdir(checkout)

        def fresh(check: Callable, **options: object) -> Callable:
            def checked(example: object) -> int:
                empty = Path(tempfile.mkdtemp(dir=folder))
                taken = check(example, empty, **options)
                empty.rmdir()
                return taken[0] if isinstance(taken, tuple) else taken

            return checked

        batches = st.lists(strategies.files(), min_size=_BATCH, max_size=_BATCH)
        tallies = [
            run(Tally("files"), batches, args.files // _BATCH, fresh(properties.check_files), len),
            run(Tally("archives"), archives.archives(), args.archives, fresh(properties.check_archive)),
            run(
                Tally("configurations"),
                configurations.configurations(properties.CONFIG),
                args.configurations,
                lambda content: properties.check_configuration(content, folder),
            ),
        ]
        memory = max(tally.megabytes for tally in tallies)  # of no page, whose writing takes pandas and more
        run(Tally("pages"), batches, args.pages, fresh(properties.check_files, draw=True), len)
        dry = configurations.configurations(properties.CONFIG)
        run(Tally("dry runs"), dry, args.dry_runs, lambda content: dry_run(checkout, content))
    slowest = max(tally.slowest for tally in tallies)
    if slowest > _MOST_SECONDS or memory > _MOST_MEGABYTES:
        sys.exit(
            f"The slowest took {slowest:.1f} s, of {_MOST_SECONDS:g}; memory {memory:.0f} MB, of {_MOST_MEGABYTES:g}."
        )


def _checkout(folder: Path) -> Path:
    """A copy of the project to run Snakemake in."""
    checkout = folder / "checkout"
    checkout.mkdir()
    shutil.copy(ROOT / "Snakefile", checkout)
    for part in ("config", "envs", "profiles", "workflow"):
        shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
    return checkout


if __name__ == "__main__":
    main()
