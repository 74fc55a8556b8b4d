"""Unpack an archive of which nothing is believed; started by a merge, which says how much it may take."""

import argparse
import json
from pathlib import Path

from trainmark import system
from trainmark.ingest import archives


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="the archive")
    parser.add_argument("scratch", type=Path, help="an empty folder for its files")
    parser.add_argument("seconds", type=int, help="of the processor's time that it may take")
    parser.add_argument("memory", type=int, help="bytes that it may take")
    args = parser.parse_args()
    system.end_with_parent()
    archives.limit_this_process(args.seconds, args.memory)
    print(json.dumps(archives.unpack(args.source, args.scratch)))


if __name__ == "__main__":
    main()
