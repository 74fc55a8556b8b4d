"""All benchmarks, one after the other. Their figures, with machine, date and commit, become docs/bench.md.

Run nothing else meanwhile. It takes about three quarters of an hour on two cores; --only takes some
of them and leaves the figures of the others.
"""

import argparse
import datetime
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(HERE)]

from bounds import PAST
from trainmark import files, system
from trainmark.machine import hardware
from trainmark.planning import plan

OUTPUT = ROOT / "docs/bench.md"
# Name -> what it measures, in the order in which they are run: first what wants the quietest machine.
BENCHMARKS = {
    "harness": "What the workflow costs, against a plain script",
    "planning": "Planning many runs",
    "report": "The report over many machines",
    "meters": "The meters",
    "gate": "The convergence gate",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), help="some of them")
    args = parser.parse_args()
    commit = system.command_output("git", "-C", str(ROOT), "describe", "--always", "--dirty") or "unknown"
    sections = read_sections()
    for name in args.only:
        head = describe_machine(commit)
        print(f"\n{BENCHMARKS[name]}\n{head}\n", flush=True)
        text = run(name)
        sections[BENCHMARKS[name]] = f"{head}\n\n```\n{text}\n```\n"
        files.write_whole(OUTPUT, page(sections))
    past = [line for text in sections.values() for line in text.splitlines() if PAST in line]
    print("\n".join(["", *(past or ["Every figure is within its bound."])]))
    print(f"Written to {OUTPUT.relative_to(ROOT)}")


def describe_machine(commit: str) -> str:
    """What the figures are of."""
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    return (
        f"{hardware.chip()}, {hardware.usable_cores()} cores, {hardware.operating_system()}; stack "
        f"{plan.surroundings(False).installed_stack}; {datetime.date.today()}, commit {commit}; load before: {load}."
    )


def run(name: str) -> str:
    """What a benchmark printed, which is shown as it comes; one that fails ends all."""
    command = [sys.executable, "-u", str(HERE / f"measure_{name}.py")]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        sys.exit(f"measure_{name}.py failed with exit code {process.returncode}.")
    return "".join(lines).strip()


def read_sections() -> dict[str, str]:
    """What the file holds, by the titles of its sections."""
    text = OUTPUT.read_text() if OUTPUT.exists() else ""
    parts = text.split("\n## ")[1:]
    return {title: body.strip() + "\n" for title, _, body in (part.partition("\n") for part in parts)}


def page(sections: dict[str, str]) -> str:
    """The figures as Markdown."""
    title = "# Figures of make bench\n\nWritten by `make bench`; what they mean is in [benchmarks.md](benchmarks.md).\n"
    found = [f"## {name}\n\n{sections[name]}" for name in BENCHMARKS.values() if name in sections]
    return "\n".join([title, *found])


if __name__ == "__main__":
    main()
