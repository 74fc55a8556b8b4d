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
        sys.exit("trainmark: " + hardware.unsupported())
    return os.path.join(HERE, "tf-2.19.{}.host.txt".format(platform))


def create(folder, python):
    """Create the bare environment, with pip in it; exits with a message where this Python cannot."""
    if os.path.exists(python) and subprocess.call([python, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0:
        return
    try:
        import ensurepip  # noqa: F401  Debian and Colab leave it out
    except ImportError:
        # pip can install itself into an environment that lacks it.
        subprocess.check_call([sys.executable, "-m", "venv", "--clear", "--without-pip", folder])
        if subprocess.call([sys.executable, "-m", "pip", "--quiet", "--python", python, "install", "pip"]) == 0:
            return
        sys.exit(
            "trainmark: this Python ({}) has neither ensurepip nor a pip of version 22.3 or newer.\n"
            "On Debian and Ubuntu: sudo apt-get install python3-venv".format(sys.executable)
        )
    subprocess.check_call([sys.executable, "-m", "venv", "--clear", folder])


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
    create(folder, python)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    for file in files:
        command += ["-r", file]
    if subprocess.call(command):
        sys.exit("trainmark: pip could not install the pinned packages; its message is above. Nothing was measured.")


if __name__ == "__main__":
    main()
