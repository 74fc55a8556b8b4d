"""Find Fashion-MNIST, verify it and decode it into arrays that every run maps."""

import argparse
import logging
from pathlib import Path

from trainmark import errors, terminal
from trainmark.dataset import fashion_mnist


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-folder", default="", help="use only the files in this folder")
    parser.add_argument("--download", choices=["True", "False"], default="True", help="whether to ask the network")
    parser.add_argument("output", type=Path, help="folder of the arrays")
    args = parser.parse_args()
    payloads, source = fashion_mnist.obtain(args.data_folder or None, args.download == "True")
    fashion_mnist.save_arrays(payloads, args.output)
    logging.info("decoded from %s", source)
    terminal.say(f"trainmark: data set: {fashion_mnist.NAME}, verified, from {source}")


if __name__ == "__main__":
    with errors.explained():
        main()
