"""Print or write a fleet of all nodes of a partition of SLURM, to be reviewed and kept; nothing is submitted."""

import argparse
from pathlib import Path

from trainmark import errors, terminal
from trainmark.planning import fleet_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, help="a new file; without it, the text is printed")
    parser.add_argument("partition", help="its name, as sinfo shows it")
    args = parser.parse_args()
    text = fleet_files.of_partition(args.partition, args.to)
    if args.to is None:
        print(text, end="")
        return
    fleet_files.write(text, args.to)
    terminal.say(f"trainmark: {args.to} names the nodes. Review it, and then: make fleet FLEET={args.to}")


if __name__ == "__main__":
    with errors.explained():
        main()
