"""Bring other machines' results in: checks first, then writes only what is new."""

import argparse
import sys
from pathlib import Path

from trainmark import errors, terminal, words
from trainmark.experiment import grid
from trainmark.ingest import catalogue, merge_lines, merging, renewal
from trainmark.install import make_variables
from trainmark.planning import strict_yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, nargs="*", help="folders of results, or .zip or .tar.gz of them")
    parser.add_argument("--as", dest="name", help="keep the one machine in them under this name")
    parser.add_argument("--accept-key", action="append", default=[], help="a new key (SHA256:...) of a machine's owner")
    parser.add_argument("--skip-bad", action="store_true", help="bring in what is good although something is refused")
    parser.add_argument("--measured", help="machine that a fleet's command has measured: newer results replace older")
    parser.add_argument("--from", dest="text", help="the sources as make has them, one text; with --make")
    parser.add_argument("--make", type=int, help="make's process")
    args = parser.parse_args()
    sources = args.sources if args.text is None else make_variables.sources(args.text, args.make)
    if not sources:
        parser.error("expected what to merge: a folder, a .zip or a .tar.gz")
    published = catalogue.load([Path(file) for file in strict_yaml.read("config/config.yaml").values["hardware"]])
    schemas = Path("workflow/schemas")
    if args.measured:
        merge = renewal.bring_in(sources, args.measured, grid.MACHINES, schemas, published)
    else:
        merge = merging.bring_in(
            sources, grid.MACHINES, schemas, args.name, args.skip_bad, published, accepted_keys=args.accept_key
        )
    terminal.say(*merge_lines.lines(merge))
    if not merge.written:
        count = words.plural(len(merge.problems), "problem")
        raise errors.TrainmarkError(f"{count}: nothing was written. To bring in the rest, add SKIP=1.")
    if merge.new:
        terminal.say("Draw the report with 'make report' or 'snakemake --cores 1 report'.")
    elif not merge.problems:
        noted = "; their signature is noted now" if merge.notes else ": nothing to write"
        terminal.say(f"All identical{noted}.")
    sys.exit(1 if merge.problems else 0)


if __name__ == "__main__":
    with errors.explained(), errors.terminable():
        main()
