"""The virtual environment of make: the Python that it is made with, and what pip installs into it.

Written for any Python 3.7, which may be the only one that a machine has; nothing but the standard library is used.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trainmark import process_environment, stacks
from trainmark.errors import TrainmarkError
from trainmark.install import debian
from trainmark.terminal import say

_ROOT = Path(__file__).resolve().parents[4]
_INSTALLER = _ROOT / "envs" / "create_venv.py"
_UV_PINS = _ROOT / "envs" / "uv.txt"
# From here on uv puts nothing outside the folder that it is told, and reads UV_PYTHON_DOWNLOADS_JSON_URL.
_OLDEST_UV = (0, 8)
_INSTEAD = "On Debian and Ubuntu: sudo apt-get install python3-venv"
# What an environment says of itself where nothing is wrong with it.
SOUND = "sound"


def pythons_folder() -> Path:
    """Where a Python is put that make brings itself; machines of several kinds may share the checkout."""
    return _ROOT / ".python" / f"{sys.platform}-{platform.machine()}"


def fault_of_this(folder: Path, pythons: Sequence[str]) -> str | None:
    """What is wrong with the virtual environment in ``folder``, told by the Python in it; None if nothing.

    Args:
        folder: of the environment.
        pythons: the versions that its stack supports, as 3.12.
    """
    if Path(sys.prefix).resolve() != folder.resolve() or sys.prefix == sys.base_prefix:
        return "it is no longer a virtual environment"
    if "{}.{}".format(*sys.version_info) not in pythons or not Path(sysconfig.get_paths()["purelib"]).is_dir():
        return f"its Python is now {_version()}"
    pip = folder / "bin" / "pip"  # as every script there, it names the Python beside it
    if pip.is_file() and str(folder.absolute() / "bin" / "python") not in pip.read_text(errors="replace"):
        return "it was moved or copied here from another folder"
    return None


def fault_of(folder: Path, stack: str = stacks.DEFAULT) -> str | None:
    """What is wrong with a stack's virtual environment in ``folder``, seen from another Python; None if nothing."""
    command = [str(folder / "bin" / "python"), "-I", str(_INSTALLER), "--check", "--stack", stack, str(folder)]
    try:
        told = subprocess.run(command, capture_output=True, env=process_environment.clean(), text=True).stdout.strip()
    except OSError:
        return "its Python is gone"
    if told != SOUND:
        return told or "its Python does not start"
    return None if any(folder.glob("lib/python3.*/site-packages/pip")) else "it is not complete"


def create(folder: Path) -> None:
    """Make a virtual environment with this Python, with pip in it, in the place of an unsound one.

    Raises:
        TrainmarkError: if there is something else in the folder, or this Python cannot make one.
    """
    if os.path.lexists(folder) and not (folder / "pyvenv.cfg").is_file() and not _is_empty(folder):
        raise TrainmarkError(
            f"{folder} is not a virtual environment, so it is not emptied. Move it away and give the same command "
            "again."
        )
    if folder.is_symlink():  # what it leads to is another checkout's, and would be emptied
        say(f"trainmark: {folder} is a link to {folder.resolve()}, which stays as it is. A new environment is made.")
        folder.unlink()
    python, make = folder.absolute() / "bin" / "python", [sys.executable, "-I", "-m", "venv", "--clear"]
    if importlib.util.find_spec("ensurepip"):
        _call([*make, str(folder)])
        return
    _call([*make, "--without-pip", str(folder)])
    with tempfile.TemporaryDirectory() as temporary:  # pip can install itself into an environment that lacks it
        pip = pip_command(Path(temporary))
        command = [*pip, "--quiet", "--python", str(python), "install", "pip"]
        if subprocess.call(command, env=pip_variables(pip)):  # before version 22.3 it cannot
            raise TrainmarkError(
                f"This Python ({sys.executable}) lacks ensurepip, and its pip could not help. {_INSTEAD}"
            )


def install(folder: Path, files: list[str]) -> None:
    """Install pinned requirements into a sound virtual environment.

    Raises:
        TrainmarkError: if pip cannot, after its own message.
    """
    pip = [str(folder / "bin" / "python"), "-I", "-m", "pip"]
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    for file in files:
        command += ["-r", file]
    if subprocess.call(command, env=pip_variables(pip)):
        raise TrainmarkError("pip could not install the pinned packages; its message is above. Nothing was measured.")


def pip_variables(pip: list[str]) -> dict[str, str]:
    """The environment variables for pip: the network is reached as the user's settings say, all else is pip's default.

    Otherwise ``user = yes`` or a ``target`` in a pip.conf, say, would put the packages elsewhere.

    Args:
        pip: the command that is going to run.

    Raises:
        TrainmarkError: if pip cannot read its settings.
    """
    variables = process_environment.clean()
    plain = {**variables, "PIP_QUIET": "0", "PIP_VERBOSE": "0", "PIP_NO_COLOR": "1"}
    plain["PIP_CONFIG_FILE"] = os.environ.get("PIP_CONFIG_FILE", "")
    command = [*pip, "config", "list"]
    try:
        listed = _output(command, plain)
    except TrainmarkError as error:
        raise TrainmarkError(f"pip cannot read its settings. This command says why: {_quoted(command)}") from error
    found = {}
    for section in ("global", "install"):  # the second outranks the first, and variables outrank both
        for option in process_environment.PIP_NETWORK:
            name = f"{section}.{option.lower().replace('_', '-')}"
            for value in re.findall(rf"^{name}=(.*)$", listed, re.MULTILINE):  # as: global.index-url='https://...'
                found[f"PIP_{option}"] = ast.literal_eval(value)
    return {**found, **variables, "PIP_CONFIG_FILE": os.devnull}


def pip_command(folder: Path) -> list[str]:
    """The command of a pip for this Python, which may lack one; what that takes is put into ``folder``.

    Raises:
        TrainmarkError: if there is none to be had.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-I", "-m", "pip"]
    if importlib.util.find_spec("ensurepip"):
        _call([sys.executable, "-I", "-m", "venv", str(folder / "pip")])
        return [str(folder / "pip" / "bin" / "python"), "-I", "-m", "pip"]
    try:
        debian.unpack("python3-pip-whl", folder)
        (wheel,) = folder.glob("usr/share/python-wheels/pip-*.whl")
    except (debian.PackageError, OSError, ValueError) as error:
        raise TrainmarkError(
            f"This Python ({sys.executable}) lacks ensurepip and pip, and none could be fetched ({error}). {_INSTEAD}"
        ) from error
    return [sys.executable, "-I", str(wheel / "pip")]


def brought_python(pythons: Sequence[str]) -> str | None:
    """A Python of one of these versions, the newest, that was brought before and starts."""
    for version in reversed(pythons):
        for python in sorted(pythons_folder().glob(f"cpython-{version}.*/bin/python{version}"), reverse=True):
            if _starts(python):
                return str(python)
    return None


def bring_python(pythons: Sequence[str]) -> str:
    """A Python in this checkout, fetched by uv.

    Args:
        pythons: its version is one of these, as 3.12, without a gap between them.

    Raises:
        TrainmarkError: if it cannot be had; one sentence with what to do.
    """
    folder, failures = pythons_folder(), []
    newest = int(pythons[-1].partition(".")[2])
    request = f">={pythons[0]},<3.{newest + 1}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=str(folder)) as temporary:  # not /tmp, where programs may not be started
        for find_uv in (_uv_on_path, _uv_by_pip):
            try:
                uv = find_uv(Path(temporary))
                if uv:
                    _output([*uv, "python", "install", "--no-progress", request], _uv_variables(folder))
            except TrainmarkError as error:
                failures.append(str(error))
            python = brought_python(pythons)
            if python:
                return python
    raise TrainmarkError(
        f"Python {' or '.join(pythons)} is needed, only {_version()} was found ({sys.executable}), and none could be "
        f"fetched ({'; '.join(failures)}): connect to the network and give the same command again, or name one that "
        f"you have: make run PYTHON=/path/to/python{pythons[-1]}"
    )


def _uv_on_path(temporary: Path) -> list[str] | None:
    """The user's uv, if it is new enough."""
    uv = shutil.which("uv")
    if uv is None:
        return None
    match = re.search(r"uv (\d+)\.(\d+)", _output([uv, "--version"], process_environment.clean()))
    return [uv] if match and (int(match[1]), int(match[2])) >= _OLDEST_UV else None


def _uv_by_pip(temporary: Path) -> list[str]:
    """The pinned uv, put into a temporary folder: no package of any environment changes."""
    pip = pip_command(temporary)
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", "--target", str(temporary / "uv"), "-r", str(_UV_PINS)]
    _output(command, pip_variables(pip))
    return [str(temporary / "uv" / "bin" / "uv")]


def _uv_variables(folder: Path) -> dict[str, str]:
    """The environment variables for uv, which reads no pip.conf: certificates and proxy are taken from there."""
    pip = [sys.executable, "-I", "-m", "pip"]
    known = pip_variables(pip) if importlib.util.find_spec("pip") else process_environment.clean()
    found = {"SSL_CERT_FILE": known.get("PIP_CERT"), "ALL_PROXY": known.get("PIP_PROXY")}
    own = {"UV_PYTHON_INSTALL_DIR": str(folder), "UV_PYTHON_INSTALL_BIN": "0", "UV_NO_CACHE": "1"}
    return {**{name: value for name, value in found.items() if value}, **known, **own, "UV_PYTHON_DOWNLOADS": "manual"}


def _starts(python: Path) -> bool:
    try:
        return (
            subprocess.call([str(python), "-I", "-c", ""], env=process_environment.clean(), stderr=subprocess.DEVNULL)
            == 0
        )
    except OSError:
        return False


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _quoted(command: list[str]) -> str:
    return " ".join(map(shlex.quote, command))


def _version() -> str:
    return f"Python {sys.version.split()[0]}"


def _call(command: list[str]) -> None:
    """Run a command that must not fail.

    Raises:
        TrainmarkError: if it does, after its own message.
    """
    if subprocess.call(command, env=process_environment.clean()):
        raise TrainmarkError(f"This failed, its message is above: {_quoted(command)}")


def _output(command: list[str], variables: dict[str, str]) -> str:
    """What a command that must not fail prints, stripped.

    Raises:
        TrainmarkError: if it does; the text is the last line of its message.
    """
    try:
        result = subprocess.run(command, env=variables, capture_output=True, text=True)
    except OSError as error:
        raise TrainmarkError(str(error)) from error
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"{command[0]} ended with exit code {result.returncode}"]
        raise TrainmarkError(lines[-1].strip())
    return result.stdout.strip()
