"""Print a digest of the files of each machine named on stdin, so that several processes can ask for many files."""

import os
import sys

from trainmark.records import layout


def main() -> None:
    names = [os.fsdecode(name) for name in sys.stdin.buffer.read().split(b"\0") if name]
    print("\n".join(layout.machine_digest(sys.argv[1], name) for name in names))


if __name__ == "__main__":
    main()
