"""Create the virtual environment that make uses, from the pinned requirements of this platform.

Written for any Python 3, so that a wrong one gets a message instead of a syntax error.
"""

import os
import subprocess
import sys

SUPPORTED = ((3, 11), (3, 12))
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(os.path.dirname(HERE), "workflow", "scripts")


def refuse_other_pythons():
    """Exit with a message unless this Python is one that the pinned packages support."""
    if sys.version_info[:2] in SUPPORTED:
        return
    sys.exit(
        "trainmark: Python 3.11 or 3.12 is needed, found {} ({}).\n"
        "Name one that you have: make run PYTHON=/path/to/python3.12\n"
        "or install it, for example with 'brew install python@3.12' or 'conda create -n py312 python=3.12'.".format(
            sys.version.split()[0], sys.executable
        )
    )


def requirements_file():
    """Path of the pinned requirements for this platform; exits with a message where there are none."""
    sys.path.insert(0, SCRIPTS)
    from trainmark import hardware

    platform = hardware.platform_tag()
    if platform is None:
        sys.exit(
            "trainmark: no pinned TensorFlow runs on this platform. Supported: Macs with Apple Silicon, and Linux on "
            "x86-64 with or without an NVIDIA GPU."
        )
    return os.path.join(HERE, "tf-2.19.{}.host.txt".format(platform))


def main():
    """Create or refresh the environment; arguments: its folder, then further requirement files."""
    refuse_other_pythons()
    folder, extra = sys.argv[1], sys.argv[2:]
    files = [requirements_file(), *extra]
    python = os.path.join(folder, "bin", "python")
    print(
        "trainmark: installing {} into {} (1 to 5 GB, some minutes)".format(
            ", ".join(os.path.basename(file) for file in files), folder
        ),
        flush=True,
    )
    if not os.path.exists(python):
        subprocess.check_call([sys.executable, "-m", "venv", folder])
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    for file in files:
        command += ["-r", file]
    if subprocess.call(command):
        sys.exit("trainmark: pip could not install the pinned packages; its message is above. Nothing was measured.")


if __name__ == "__main__":
    main()
