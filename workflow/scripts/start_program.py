"""Start a Python program in the environment of trainmark's own processes, whatever the caller's shell holds.

python -I workflow/scripts/start_program.py -m snakemake ...: what follows is for the same Python, without -I.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # which -I leaves out

from trainmark import process_environment


def main() -> None:
    os.execve(sys.executable, [sys.executable, *sys.argv[1:]], process_environment.clean())


if __name__ == "__main__":
    main()
