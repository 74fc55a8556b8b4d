"""Where every process of an imitated environment begins: the environment's .pth file calls ``imitate``."""

import functools
import json
import os
import sys

from . import darwin, files, hooks, linux, sleeping

# Beside the environment's bin/ and lib/.
DESCRIPTION, TREE = "imitated-machine.json", "tree"
# CLOCK_REALTIME and CLOCK_BOOTTIME, which count the time in which Linux sleeps.
_GOING_ON = frozenset({0, 7})


def description() -> dict:
    """What this environment imitates, as ``macs`` and ``boxes`` made it."""
    with files.real_open(os.path.join(sys.prefix, DESCRIPTION)) as file:
        return json.load(file)


@functools.cache  # Python reads a virtual environment's .pth files twice
def imitate() -> None:
    """Turn this process into one of the imitated machine."""
    machine = description()
    root_only, counting = machine["root_only"], machine["counting"]
    tree = files.Tree(os.path.join(sys.prefix, TREE), machine["paths"], root_only, counting)
    files.redirect(tree)
    if machine["system"] == "Darwin":
        darwin.imitate(machine)
    elif machine["logical_cpus"]:
        linux.imitate(machine)
    if machine["sleeps_seconds"]:
        sleeping.imitate(machine["sleeps_seconds"], darwin.GOING_ON if machine["system"] == "Darwin" else _GOING_ON)
    hooks.install(machine, tree)
