"""Measure a fleet: machines that ssh reaches, nodes that SLURM reaches, or both at once; then draw one report."""

import argparse
import os
import sys
from pathlib import Path

from trainmark import errors
from trainmark.planning import ssh_machines
from trainmark.ssh import fleet_run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="profiles/slurm", help="of Snakemake, for the nodes that SLURM reaches")
    parser.add_argument("--use-conda", action="store_true", help="whether nodes that SLURM reaches train in conda")
    parser.add_argument("fleet", help="file that names the machines, as config/fleet.yaml")
    args = parser.parse_args()
    config, layers = fleet_run.configuration(args.fleet, args.use_conda, Path("workflow/schemas"))
    conda = ["--use-conda"] * args.use_conda
    slurm = fleet_run.slurm_command(config, ["--profile", args.profile, *conda], args.fleet)
    if not ssh_machines.of(config):
        os.execv(sys.executable, slurm)
    report = [sys.executable, "-m", "snakemake", "--cores", "1", *conda, "report", "--configfile", args.fleet]
    return fleet_run.measure(config, layers, slurm, report)


if __name__ == "__main__":
    with errors.explained(), errors.terminable():
        sys.exit(main())
