"""Describe this computer in machine.json."""

import argparse
import json
from pathlib import Path

from trainmark import errors
from trainmark.machine import gpus, hardware
from trainmark.measure import node_check
from trainmark.records import writing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", default=gpus.AUTO, help="which GPU is timed, as in the configuration")
    parser.add_argument("--node", type=node_check.expectation, help="the node of a fleet that this has to be, as JSON")
    parser.add_argument("output", type=Path, help="results/machines/MACHINE/machine.json, to be written")
    args = parser.parse_args()
    gpu = gpus.choose(args.gpu)
    node_check.refuse_other_node(args.node, gpu, False, None)
    description = {"format_version": hardware.FORMAT_VERSION, "machine": args.output.parent.name}
    description |= hardware.describe(gpu)
    content = json.dumps(description, indent=1) + "\n"
    writing.write(args.output.parents[1], args.output, content.encode(), "the description of this computer")


if __name__ == "__main__":
    with errors.explained():
        main()
