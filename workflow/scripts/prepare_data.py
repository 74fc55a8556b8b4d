"""Find a suite's data set, verify it and decode it into arrays that every run maps."""

import argparse
import logging
from pathlib import Path

from trainmark import errors, terminal
from trainmark.experiment import suites


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", choices=suites.NAMES, default=suites.DEFAULT, help="whose data set")
    parser.add_argument("--data-folder", default="", help="use only the files in this folder")
    parser.add_argument("--download", choices=["True", "False"], default="True", help="whether to ask the network")
    parser.add_argument("output", type=Path, help="folder of the arrays")
    args = parser.parse_args()
    data = suites.named(args.suite).data
    files, source = data.obtain(args.data_folder or None, args.download == "True")
    data.save(files, args.output)
    logging.info("decoded from %s", source)
    checked = "made up: for trying, in no comparison," if data.invented else "verified,"
    terminal.say(f"trainmark: data set: {data.name}, {checked} from {source}")


if __name__ == "__main__":
    with errors.explained():
        main()
