"""Show the finished page of the shipped records: nothing is trained, and no results of the user's are touched."""

import argparse
import sys
from pathlib import Path

from trainmark import desktop, errors, terminal
from trainmark.planning import demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, nargs="+", required=True, help="archives of results")
    parser.add_argument("folder", type=Path, help="for the page, its tables and figures; what was there is replaced")
    args = parser.parse_args()
    terminal.say("trainmark: drawing the page of the shipped records; this trains nothing and takes half a minute.")
    demo.draw(Path(), args.records, args.folder, sys.executable)
    desktop.show(args.folder / "index.html")


if __name__ == "__main__":
    with errors.explained(), errors.terminable():
        main()
