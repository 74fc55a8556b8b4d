"""Create the virtual environment that make uses, from the pinned requirements of this platform.

Where the pinned packages do not support this Python, one that they support is looked for or fetched, and goes on.
Written for any Python 3, so that a very old one gets a message instead of a syntax error.
"""

import argparse
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST = (3, 7)
FOUND = "{} ({})".format(sys.version.split()[0], sys.executable)

if sys.version_info < OLDEST:
    sys.exit("trainmark: Python 3.11 or 3.12 is needed, or 3.7 or newer to fetch one; found {}.".format(FOUND))
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from trainmark import stacks
from trainmark.errors import TrainmarkError
from trainmark.install import virtual_environment


def main():
    """Create or refresh the environment, or check the one that this Python is in."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say what is wrong with the environment, or 'sound'")
    parser.add_argument("--no-other-python", action="store_true", help="use this Python or none")
    known = [each for each in stacks.names() if stacks.named(each).host_pythons]
    parser.add_argument("--stack", choices=known, default=stacks.DEFAULT, help="to install beside the workflow")
    parser.add_argument(
        "--controller", action="store_true", help="install what gives a fleet's jobs to SLURM, and no stack"
    )
    parser.add_argument("folder", type=Path, help="of the environment")
    parser.add_argument("extra", nargs="*", help="further requirement files")
    args = parser.parse_args()
    pythons = stacks.named(args.stack).host_pythons
    if args.check:
        print(virtual_environment.fault_of_this(args.folder, pythons) or virtual_environment.SOUND)
        return
    try:
        if "{}.{}".format(*sys.version_info) in pythons:
            prepare(args.folder, args.stack, args.extra, args.controller)
        else:
            go_on_with(other_python(args.folder, args.stack, args.no_other_python))
    except (TrainmarkError, OSError) as error:
        sys.exit("trainmark: {}".format(error))


def prepare(folder, stack, extra, controller=False):
    """Have a sound environment in a folder, with this Python, and the pinned packages in it."""
    files = [str(HERE / "controller.txt") if controller else requirements_file(stack), *extra]
    fault = virtual_environment.fault_of(folder, stack)
    if fault and folder.exists():
        print("trainmark: {} is made anew, since {}".format(folder, fault), flush=True)
    names = [os.path.basename(file) for file in files]
    size = json.loads((HERE / "sizes.json").read_text())[names[0]] / 1e9
    what = "trainmark: installing {} into {} ({:.1f} GB to download, up to 5 times as much on the disk, some minutes)"
    print(what.format(", ".join(names), folder, size), flush=True)
    if fault:
        virtual_environment.create(folder)
    virtual_environment.install(folder, files)


def requirements_file(stack):
    """Path of the pinned requirements of a stack for this platform; an error where there are none."""
    from trainmark.machine import hardware  # which Pythons before 3.10 may not be able to read

    platform = hardware.platform_tag()
    if platform is None:
        raise TrainmarkError(hardware.unsupported())
    there = stacks.host_stacks(platform)
    if stack not in there:
        raise TrainmarkError(
            "STACK={} is not pinned for {}; expected one of {}.".format(stack, platform, ", ".join(there))
        )
    return str(HERE / "{}.{}.host.txt".format(stack, platform))


def other_python(folder, stack, none_allowed):
    """A Python that the pinned packages support, for this one."""
    pythons = stacks.named(stack).host_pythons
    needed = "Python {} is needed".format(" or ".join(pythons))
    if none_allowed:
        raise TrainmarkError("{}, and PYTHON= names {}. Without it, make finds or fetches one.".format(needed, FOUND))
    if sys.version_info >= (3, 10):
        requirements_file(stack)  # nothing is fetched where nothing can be installed
    if virtual_environment.fault_of(folder, stack) is None:
        return str(folder / "bin" / "python")
    brought = virtual_environment.brought_python(pythons)
    if brought:
        return brought
    print(
        "trainmark: {}, and here is {}: make fetches one for itself, with uv, into {} (about 30 MB).".format(
            needed, FOUND, os.path.relpath(str(virtual_environment.pythons_folder()))
        ),
        flush=True,
    )
    return virtual_environment.bring_python(pythons)


def go_on_with(python):
    """Give the same command to another Python."""
    command = [python, "-I", os.path.abspath(__file__), "--no-other-python", *sys.argv[1:]]
    os.execv(python, command)


if __name__ == "__main__":
    main()
