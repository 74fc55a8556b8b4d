"""Say whether a job of SLURM is running, or how it has ended, in the words that Snakemake's cluster-generic takes."""

import argparse

from trainmark import errors
from trainmark.planning import slurm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", help="the number that sbatch gave it")
    print(slurm.progress(parser.parse_args().job))


if __name__ == "__main__":
    with errors.explained():
        main()
