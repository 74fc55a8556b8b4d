"""Pack one machine's results into an archive to send, with checksums and a signature."""

import argparse
from pathlib import Path

from trainmark import errors, terminal
from trainmark.experiment import grid
from trainmark.ingest import merging, packing, signing
from trainmark.machine import gpus, hardware
from trainmark.planning import strict_yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machine", help="default: this one, by its name in config/config.yaml")
    args = parser.parse_args()
    config = strict_yaml.read("config/config.yaml").values
    machine = args.machine or config.get("machine", "auto")
    if machine == "auto":
        machine = hardware.automatic_name(gpus.choose(config.get("gpu", "auto")))
    output = grid.MACHINES.parent / f"{machine}.tar.gz"
    signer = signing.Signer()
    count = packing.pack(machine, grid.MACHINES, Path("workflow/schemas"), output, signer.sign)
    command = merging.merge_command(output.name)
    terminal.say(f"trainmark: {count} files of {machine} are in {output}. To merge it, the receiver gives:  {command}")
    terminal.say(*signer.said)


if __name__ == "__main__":
    with errors.explained(), errors.terminable():
        main()
