"""Find Fashion-MNIST, verify it and decode it into arrays that every run maps."""

import argparse
import logging
from pathlib import Path

from trainmark import dataset, errors, terminal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-folder", default="", help="use only the files in this folder")
    parser.add_argument("--download", choices=["True", "False"], default="True", help="whether to ask the network")
    parser.add_argument("output", type=Path, help="folder of the arrays")
    args = parser.parse_args()
    payloads, source = dataset.obtain(args.data_folder or None, args.download == "True")
    dataset.save_arrays(payloads, args.output)
    logging.info("decoded from %s", source)
    terminal.say(f"trainmark: data set: {dataset.NAME}, verified, from {source}")


if __name__ == "__main__":
    with errors.explained():
        main()
