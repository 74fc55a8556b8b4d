"""Write the references of the convergence gate from this machine's CPU records."""

import argparse
from pathlib import Path

from trainmark import errors, files, terminal
from trainmark.analysis import reference_runs
from trainmark.experiment import grid, suites
from trainmark.machine import gpus, hardware
from trainmark.words import plural


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machine", help="the machine whose records are used; default: this one")
    parser.add_argument("--suite", choices=suites.NAMES, default=suites.DEFAULT, help="of these records")
    parser.add_argument("--stack", required=True, help="the stack of these records")
    parser.add_argument("output", type=Path, help="config/references.yaml, to be written")
    args = parser.parse_args()
    machine = args.machine or hardware.automatic_name(gpus.choose())
    of = machine, args.stack, args.suite
    found = reference_runs.gather(grid.MACHINES, Path("workflow/schemas"), *of)
    files.write_whole(args.output, found.text)
    others = f" {plural(found.others, 'run')} of other experiments left out." if found.others else ""
    terminal.say(f"trainmark: {args.output} holds {plural(found.runs, 'run')} of {machine}.{others}")


if __name__ == "__main__":
    with errors.explained():
        main()
