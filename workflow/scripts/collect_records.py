"""Read every record, check it, and write the tables that all else reads."""

import argparse
from pathlib import Path

from trainmark import errors, files, layers, terminal
from trainmark.analysis import collecting, convergence, kept_parts
from trainmark.experiment import grid
from trainmark.ingest import catalogue
from trainmark.words import plural

SCHEMAS = Path("workflow/schemas")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on-bad-record", choices=["stop", "skip"], required=True, help="what to do with bad files")
    parser.add_argument("--references", type=Path, nargs="+", required=True, help="config/references.yaml and the like")
    parser.add_argument("--level", type=float, required=True, help="share of healthy runs that may be refused")
    parser.add_argument("--hardware", type=Path, nargs="+", required=True, help="config/hardware.yaml and the like")
    parser.add_argument("output", type=Path, help="folder in which the tables are written")
    args = parser.parse_args()
    skip = args.on_bad_record == "skip"
    references = [convergence.load(path) for path in args.references]
    gate = convergence.Gate(references[0], args.level, references[1:])
    published = catalogue.load(args.hardware)
    made_by = (
        layers.digest("collect_records.py", "analysis"),
        args.level,
        files.digests([*args.references, *args.hardware, *sorted(SCHEMAS.glob("*"))]),
    )
    kept = kept_parts.KeptParts(Path(".snakemake/trainmark-collected.msgpack"), repr(made_by), collecting.Collected)
    left_out = collecting.collect(grid.MACHINES, SCHEMAS, args.output, skip, gate, published, kept)
    if left_out:
        count = plural(len(left_out), "file")
        terminal.say(f"trainmark: {count} cannot be used: left out and listed in {args.output}/excluded_files.csv")


if __name__ == "__main__":
    with errors.explained():
        main()
