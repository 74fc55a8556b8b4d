"""The system's programs on the imitated machine's PATH: each call is written down.

Run by ``<environment>/bin/<tool>``, outside the environment, as ``tools.py ENVIRONMENT TOOL [ARGUMENT ...]``.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from imitation import mac_tools, nvidia_smi, start

# What a tool does with the machine and its arguments. It gives what it prints, what it complains of, its exit code.
Tool = Callable[[dict, list[str]], tuple[str, str, int]]
TOOLS: dict[str, Tool] = {**mac_tools.TOOLS, "nvidia-smi": nvidia_smi.run}
TOOLS["systemd-detect-virt"] = lambda machine, arguments: (
    f"{machine['detected_virt']}\n",
    "",
    0 if machine["detected_virt"] != "none" else 1,
)


def main() -> None:
    """Do as one tool does."""
    environment, name, *arguments = sys.argv[1:]
    machine = json.loads(Path(environment, start.DESCRIPTION).read_text())
    with Path(environment, start.CALLS).open("a") as file:  # before it ends: caffeinate does when its process does
        file.write(json.dumps([name, *arguments]) + "\n")
    printed, complaint, code = TOOLS[name](machine, arguments)
    sys.stdout.write(printed)
    sys.stderr.write(complaint)
    sys.exit(code)


if __name__ == "__main__":
    main()
