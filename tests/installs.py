"""What tests of the installation need: small packages, Pythons of this machine, and a mirror of one of them."""

import base64
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def write_wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """Write version 1 of a pure package; gives its pinned requirement, with the hash."""
    info = f"{name}-1.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    wheel = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
    return f"{name}==1 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def make_environment(folder: Path, base: str | Path, pins: list, modules: str) -> str:
    """Make a virtual environment with packages; gives its Python, in which some modules were imported."""
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
    found = str(folder / "bin/python")
    install(found, *pins)
    # Compiles what is imported, or each of the processes that begin together would do so.
    subprocess.run([found, "-c", f"import {modules}"], check=True, capture_output=True, timeout=300)
    return found


def install(python: str, *arguments: str | Path) -> None:
    """Install packages into the environment of a Python."""
    uv = shutil.which("uv", path=f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}")
    # A tenth of pip's time; where the network is reached as a pip.conf says, which uv does not read, pip does it.
    if uv is None or subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *arguments]).returncode:
        subprocess.run([python, "-m", "ensurepip"], check=True, capture_output=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        subprocess.run([*pip, *arguments], check=True)


def find_python(*versions: str) -> Path:
    """A Python of one of these versions that starts, on the path or one of pyenv's; skips the test if there is none."""
    for version in versions:
        pyenvs = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
        for candidate in filter(None, [shutil.which(f"python{version}"), *pyenvs]):
            command = [candidate, "-I", "-c", "import sys; print(sys.executable)"]
            found = subprocess.run(command, capture_output=True, text=True)
            if found.returncode == 0:
                return Path(found.stdout.strip())
    pytest.skip(f"no Python {' or '.join(versions)} was found")


def link_tools(folder: Path, python: Path) -> Path:
    """A folder for PATH with all that PATH has but Pythons and what brings them; ``python3`` is ``python``."""
    folder.mkdir()
    for place in map(Path, os.environ["PATH"].split(os.pathsep)):
        for tool in place.iterdir() if place.is_dir() else ():
            if not re.match(r"(python|pypy|pip|uv|conda|mamba|pyenv)", tool.name) and not (folder / tool.name).exists():
                (folder / tool.name).symlink_to(tool)
    (folder / "python3").symlink_to(python)
    return folder


def copy_python(target: Path, *without: str) -> Path:
    """A copy of the Python that runs the tests, with no packages; gives its executable.

    Skips the test where a copy does not start, as with Pythons that know where they were installed.

    Args:
        target: the new folder.
        without: modules to leave out.
    """
    base = Path(sys.base_prefix)
    executable = target / "bin" / f"python{VERSION}"
    executable.parent.mkdir(parents=True)
    shutil.copy(base / "bin" / f"python{VERSION}", executable)
    names = ("__pycache__", "site-packages", "test", "config-*", *without)
    library = f"lib/python{VERSION}"
    shutil.copytree(base / library, target / library, ignore=shutil.ignore_patterns(*names), symlinks=True)
    for shared in (base / "lib").glob("libpython*"):
        shutil.copy(shared, target / "lib", follow_symlinks=False)
    (target / library / "site-packages").mkdir()
    command = [executable, "-I", "-c", "import sys, ssl; print(sys.prefix)"]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.stdout.strip() != str(target):
        pytest.skip(f"a copy of {base} does not start by itself: {found.stdout}{found.stderr}")
    return executable


def write_mirror(folder: Path) -> dict[str, str]:
    """A mirror that has the Python that runs the tests, for uv; gives the variables that lead there."""
    copy_python(folder / "python")
    archive = folder / "python.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        file.add(folder / "python", "python")
    shutil.rmtree(folder / "python")
    mac, machine = sys.platform == "darwin", platform.machine().replace("arm64", "aarch64")
    what = {"name": "cpython", "arch": {"family": machine, "variant": None}, "os": sys.platform}
    what |= {"libc": "none" if mac else "gnu", "prerelease": "", "variant": None, "build": "20250101"}
    what |= dict(zip(("major", "minor", "patch"), sys.version_info))
    what |= {"url": archive.as_uri(), "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}
    (folder / "downloads.json").write_text(json.dumps({"cpython": what}))
    return {"UV_PYTHON_DOWNLOADS_JSON_URL": str(folder / "downloads.json")}
