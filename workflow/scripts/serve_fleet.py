"""On a machine that ssh reaches, for the fleet's command: put a copy of this project in place, or measure with it."""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # which -I leaves out

from trainmark.install import served_copy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, help="folder in which a copy has arrived")
    parser.add_argument("--serve", help="identifier of the copy to measure with")
    args = parser.parse_args()
    try:
        if args.place:
            served_copy.place(args.place)
            return 0
        return served_copy.serve(args.serve, served_copy.LifeLine(sys.stdin.fileno()))
    except served_copy.BusyError as error:
        print(f"trainmark: {error}", flush=True)
        return served_copy.BUSY
    except (served_copy.RefusedError, OSError) as error:
        print(f"trainmark: {error}", flush=True)
        return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the thread that listens never ends
