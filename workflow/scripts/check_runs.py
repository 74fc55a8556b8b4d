"""Fail, with the command that repeats them, when local runs have failed or did not converge."""

import argparse
from pathlib import Path

from trainmark import errors, files
from trainmark.measure import progress
from trainmark.records import record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--session", type=Path, required=True, help="knows the command that the user gave")
    parser.add_argument("--runs", type=Path, nargs="*", default=[], help="runs.csv, which knows what did not converge")
    parser.add_argument("output", type=Path, help="written when every run is ok")
    parser.add_argument("records", nargs="*", help="the local grid's records")
    args = parser.parse_args()
    found = {path: record.load_own(Path(path)) for path in args.records}
    failed = {p: f"{r['status']}: {r['reason']}" for p, r in found.items() if r["status"] != record.OK}
    for table in args.runs:
        failed |= {path: why for path, why in progress.not_converged(table).items() if path in found}
    if failed:
        raise errors.TrainmarkError(progress.failure_summary(failed, progress.load_session(args.session)))
    files.write_whole(args.output, f"{len(found)} local runs are ok.\n")


if __name__ == "__main__":
    with errors.explained():
        main()
