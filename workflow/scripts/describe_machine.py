"""Describe this computer in machine.json."""

import argparse
import json
from pathlib import Path

from trainmark import errors, files, gpus, hardware


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", default=gpus.AUTO, help="which GPU is timed, as in the configuration")
    parser.add_argument("output", type=Path, help="results/machines/MACHINE/machine.json, to be written")
    args = parser.parse_args()
    description = {"format_version": hardware.FORMAT_VERSION, "machine": args.output.parent.name}
    description |= hardware.describe(gpus.choose(args.gpu))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    files.write_whole(args.output, json.dumps(description, indent=1) + "\n")


if __name__ == "__main__":
    with errors.explained():
        main()
