"""Bring other machines' results in: checks first, then writes only what is new."""

import argparse
import sys
from pathlib import Path

from trainmark import errors, grid, merging


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, nargs="+", help="folders of results, or .zip or .tar.gz of them")
    parser.add_argument("--as", dest="name", help="keep the one machine in them under this name")
    parser.add_argument("--skip-bad", action="store_true", help="bring in what is good although something is refused")
    args = parser.parse_args()
    merge = merging.plan_merge(args.sources, grid.MACHINES, Path("workflow/schemas"), args.name)
    print("\n".join(merging.report(merge)))
    if merge.problems and not args.skip_bad:
        count = f"{len(merge.problems)} problem{'s' * (len(merge.problems) > 1)}"
        raise errors.TrainmarkError(f"{count}: nothing was written. To bring in the rest all the same, add SKIP=1.")
    merging.write(merge, grid.MACHINES)
    if merge.new:
        print("Draw the report with 'make report' or 'snakemake --cores 1 report'.")
    elif not merge.problems:
        print("All identical: nothing to write.")
    sys.exit(1 if merge.problems else 0)


if __name__ == "__main__":
    with errors.explained():
        main()
