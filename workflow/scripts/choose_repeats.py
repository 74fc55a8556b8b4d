"""Say which cells need another repeat, and of the others why they have enough."""

import argparse
import json
from pathlib import Path

from trainmark import errors, files, terminal
from trainmark.measure import progress
from trainmark.records import repeats_needed, supersession


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", type=float, required=True, help="half of the median's interval over the median")
    parser.add_argument("--limit", type=int, required=True, help="repeats of a cell at most")
    parser.add_argument("--session", type=Path, help="the plan of the runs to do, for the progress line")
    parser.add_argument("--superseded", type=Path, required=True, help="folder for records that are replaced")
    parser.add_argument("output", type=Path, help="results/repeats/ROUND.json, to be written")
    parser.add_argument("records", type=Path, nargs="+", help="every repeat of the grid until now")
    args = parser.parse_args()
    chosen = repeats_needed.choose(args.records, repeats_needed.Goal(args.precision, args.limit))
    told = repeats_needed.lines(chosen)
    told += supersession.announce(repeats_needed.foreign(chosen["next"], args.records), args.superseded)
    progress.plan_more(args.session, [path for path in chosen["next"] if not Path(path).exists()])
    files.write_whole(args.output, json.dumps(chosen, indent=1) + "\n")
    terminal.say(*told)


if __name__ == "__main__":
    with errors.explained():
        main()
