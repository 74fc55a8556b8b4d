"""Builds the environment of an imitated machine: a Python of its own, its system's programs, and its files."""

import json
import os
import sys
import sysconfig
from pathlib import Path

from trainmark import stacks
from trainmark.install import lockfile

from tests.conftest import ROOT
from tests.machines.imitation import mac_tools, start

HERE = Path(__file__).resolve().parent
# The package of that name in the environment is our folder "imitation".
_PACKAGE = "imitated_machine"
_TOOLS = {
    "mac": [f"bin/{name}" for name in mac_tools.TOOLS],
    "nvidia": ["bin/nvidia-smi", "bin/systemd-detect-virt"],
    "none": [],
    "wsl": [f"{start.TREE}/usr/lib/wsl/lib/nvidia-smi", "bin/systemd-detect-virt"],
}
_MODULES = {
    "nvidia-ml-py": {
        "pynvml.py": (
            f"from {_PACKAGE} import nvml, start\n\nglobals().update(nvml.Library(start.description()).functions())\n"
        )
    },
    "zeus-apple-silicon": {
        "zeus_apple_silicon.py": (
            f"from {_PACKAGE} import apple_energy, start\n\n"
            "AppleEnergyMetrics = apple_energy.AppleEnergyMetrics\n"
            'AppleEnergyMonitor = apple_energy.monitor(start.description()["apple_watts"])\n'
        )
    },
}
# Python's own module on Macs, which urllib asks.
_SYSTEM_PROXIES = "def _get_proxies():\n    return {}\n\n\ndef _get_proxy_settings():\n    return {}\n"


def build(folder: Path, machine: dict, stack: str = "tf-2.19", python: str = sys.executable) -> Path:
    """Build it; gives its Python.

    Args:
        folder: to be made.
        machine: from ``macs`` and ``boxes``.
        stack: whose packages of the imitated platform are to be installed.
        python: of the real environment, which has the stack for Linux without a GPU.
    """
    real = _describe(python)
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(real["base"])
    home = Path(real["base"]).parent
    (folder / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    (folder / start.DESCRIPTION).write_text(json.dumps(machine, indent=1))
    for path, text in machine["files"].items():
        file = Path(f"{folder / start.TREE}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / start.TREE / "tmp").mkdir(parents=True, exist_ok=True)
    _install(folder / "lib" / real["name"] / "site-packages", machine["platform"], stack, Path(real["packages"]))
    for path in _TOOLS[machine["tools"]]:
        _write_tool(folder, path, real["base"])
    return folder / "bin/python"


def _describe(python: str) -> dict[str, str]:
    """The interpreter below an environment, the name of its version, and where its packages are."""
    if python == sys.executable:
        base, packages = os.path.realpath(sys.executable), sysconfig.get_path("purelib")
        return {"base": base, "packages": packages, "name": f"python{sys.version_info[0]}.{sys.version_info[1]}"}
    (packages,) = Path(python).parents[1].glob("lib/python3*/site-packages")
    return {"base": os.path.realpath(python), "packages": str(packages), "name": packages.parent.name}


def _install(packages: Path, platform: str, stack: str, real: Path) -> None:
    """The real environment's packages that the imitated platform's lock pins; the others of that lock by name alone.

    The files of TensorFlow are those of the build for Linux without a GPU, whatever it is called on the platform.
    """
    packages.mkdir(parents=True)
    ours, there = (_pins(stack, name) for name in (platform, "linux-64"))
    for folder in real.glob("*.dist-info"):
        distribution = lockfile.normalised(folder.name.partition("-")[0])
        if distribution not in (*ours, *stacks.named(stack).packages):
            continue
        for name in _top_level(folder) - (set() if distribution in ours else {folder.name}):
            if not (packages / name).exists():  # two may share a namespace
                (packages / name).symlink_to(real / name)
    for name in ours.keys() - there.keys():
        _pretend(packages, name, ours[name].version)
    if platform == "osx-arm64":
        (packages / "_scproxy.py").write_text(_SYSTEM_PROXIES)
    (packages / _PACKAGE).symlink_to(HERE / "imitation")
    (packages / f"{_PACKAGE}.pth").write_text(f"import {_PACKAGE}.start; {_PACKAGE}.start.imitate()\n")


def _pins(stack: str, platform: str) -> dict[str, lockfile.Pin]:
    """What a user's environment there holds: without conda, the workflow is beside the stack."""
    host = ROOT / f"envs/{stack}.{platform}.host.txt"
    return lockfile.pins((host if host.exists() else ROOT / f"envs/{stack}.{platform}.yaml").read_text())


def _top_level(distribution: Path) -> set[str]:
    """The names in the packages' folder that belong to an installed distribution."""
    paths = [line.partition(",")[0] for line in (distribution / "RECORD").read_text().splitlines()]
    return {path.partition("/")[0] for path in paths} - {"..", "__pycache__"}


def _pretend(packages: Path, name: str, version: str) -> None:
    """A distribution that is installed there."""
    folder = packages / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for file, text in _MODULES.get(name, {}).items():
        (packages / file).write_text(text)
    if name.startswith("nvidia-") and name not in _MODULES:  # nvidia-cublas-cu12 -> nvidia/cublas/lib
        wheel = packages / "nvidia" / "_".join(name.split("-")[1:-1])
        (wheel / "lib").mkdir(parents=True)
        if wheel.name == "cuda_nvcc":
            (wheel / "bin").mkdir()


def _write_tool(folder: Path, path: str, interpreter: str) -> None:
    """A program of the system, which runs outside the environment."""
    path = folder / path
    script = f"exec '{interpreter}' -I '{HERE / 'imitation/tools.py'}' '{folder}' {path.name} \"$@\""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
