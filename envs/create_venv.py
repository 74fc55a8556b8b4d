"""Create the virtual environment that make uses, from the pinned requirements of this platform.

Where the pinned packages do not support this Python, one that they support is looked for or fetched, and goes on.
Written for any Python 3, so that a very old one gets a message instead of a syntax error.
"""

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST = (3, 7)
FOUND = "{} ({})".format(sys.version.split()[0], sys.executable)

if sys.version_info < OLDEST:
    sys.exit("trainmark: Python 3.11 or 3.12 is needed, or 3.7 or newer to fetch one; found {}.".format(FOUND))
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from trainmark.errors import TrainmarkError
from trainmark.install import virtual_environment


def main():
    """Create or refresh the environment, or check the one that this Python is in."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say what is wrong with the environment, or 'sound'")
    parser.add_argument("--no-other-python", action="store_true", help="use this Python or none")
    parser.add_argument("folder", type=Path, help="of the environment")
    parser.add_argument("extra", nargs="*", help="further requirement files")
    args = parser.parse_args()
    if args.check:
        print(virtual_environment.fault_of_this(args.folder) or virtual_environment.SOUND)
        return
    try:
        if sys.version_info[:2] in virtual_environment.SUPPORTED:
            prepare(args.folder, args.extra)
        else:
            go_on_with(other_python(args.folder, args.no_other_python))
    except (TrainmarkError, OSError) as error:
        sys.exit("trainmark: {}".format(error))


def prepare(folder, extra):
    """Have a sound environment in a folder, with this Python, and the pinned packages in it."""
    files = [requirements_file(), *extra]
    fault = virtual_environment.fault_of(folder)
    if fault and folder.exists():
        print("trainmark: {} is made anew, since {}".format(folder, fault), flush=True)
    names = ", ".join(os.path.basename(file) for file in files)
    print("trainmark: installing {} into {} (1 to 5 GB, some minutes)".format(names, folder), flush=True)
    if fault:
        virtual_environment.create(folder)
    virtual_environment.install(folder, files)


def requirements_file():
    """Path of the pinned requirements for this platform; an error where there are none."""
    from trainmark.machine import hardware  # which Pythons before 3.10 may not be able to read

    platform = hardware.platform_tag()
    if platform is None:
        raise TrainmarkError(hardware.unsupported())
    return str(HERE / "tf-2.19.{}.host.txt".format(platform))


def other_python(folder, none_allowed):
    """A Python that the pinned packages support, for this one."""
    if none_allowed:
        raise TrainmarkError(
            "Python 3.11 or 3.12 is needed, and PYTHON= names {}. Without it, make finds or fetches one.".format(FOUND)
        )
    if sys.version_info >= (3, 10):
        requirements_file()  # nothing is fetched where nothing can be installed
    if virtual_environment.fault_of(folder) is None:
        return str(folder / "bin" / "python")
    brought = virtual_environment.brought_python()
    if brought:
        return brought
    print(
        "trainmark: Python 3.11 or 3.12 is needed, and here is {}: make fetches one for itself, with uv, into {} "
        "(about 30 MB).".format(FOUND, os.path.relpath(str(virtual_environment.pythons_folder()))),
        flush=True,
    )
    return virtual_environment.bring_python()


def go_on_with(python):
    """Give the same command to another Python."""
    command = [python, "-I", os.path.abspath(__file__), "--no-other-python", *sys.argv[1:]]
    os.execv(python, command)


if __name__ == "__main__":
    main()
