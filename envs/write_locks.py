"""Write the pinned environments from envs/inputs, or check that they still are what would be written.

For every platform, on Linux: uv resolves for a platform and a Python that this machine need not be. Each package is
pinned with the hashes of just those files that the platform's pip may choose.

    python envs/write_locks.py            # write; pins that still fit are kept, so delete a file to renew all of them
    python envs/write_locks.py --check    # change nothing; exit 1 with one line for everything that is wrong
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tomllib

ENVS = Path(__file__).resolve().parent
sys.path.insert(0, str(ENVS.parent / "workflow" / "scripts"))

from trainmark import stacks, words
from trainmark.install.lockfile import Pin, normalised, pins

# What uv calls the oldest system of each platform that is supported: glibc 2.28 (2018); of macOS, it is named apart.
TARGETS = {
    "linux-64": "x86_64-manylinux_2_28",
    "linux-64-cuda": "x86_64-manylinux_2_28",
    "osx-arm64": "aarch64-apple-darwin",
}
# Reports can be drawn where nothing can be measured.
REPORT_TARGETS = {"linux-aarch64": "aarch64-manylinux_2_28", "osx-64": "x86_64-apple-darwin"}
OLDEST_MACOS = "12.0"
HOST_PYTHONS = ("3.11", "3.12")
# Snakemake needs it, and it is published as source alone (a few lines of Python).
SOURCE_ONLY = "connection-pool"


@dataclass(frozen=True)
class Lock:
    """One file to write.

    Attributes:
        name: of the file in envs/.
        inputs: names in envs/inputs, without .in.
        platforms: keys of TARGETS or REPORT_TARGETS that it must install on.
        pythons: versions that it must install on.
        agrees_with: names of locks, earlier in LOCKS, whose pins it may not contradict.
        oldest_macos: that it must install on, where it is for macOS.
    """

    name: str
    inputs: tuple[str, ...]
    platforms: tuple[str, ...]
    pythons: tuple[str, ...]
    agrees_with: tuple[str, ...] = ()
    oldest_macos: str = OLDEST_MACOS


def _locks() -> list[Lock]:
    """All locks: the stacks are those that have inputs, platform by platform."""
    both = ("linux-64", "osx-arm64")
    names = [path.name[:-3] for path in sorted((ENVS / "inputs").glob("*-*.*.in"))]
    found, others = [], []
    for stack, _, platform in (name.rpartition(".") for name in names if name.rpartition(".")[2] in TARGETS):
        if stack in (stacks.ARTICLES, stacks.DEFAULT):
            found += _of_stack(stack, platform, ())
        else:
            others += _of_stack(stack, platform, ("report.yaml", "tests.txt"))
    hosts = tuple(lock.name for lock in found if lock.name.endswith("host.txt"))
    found.append(Lock("report.yaml", ("report",), (*both, *REPORT_TARGETS), ("3.12",), hosts))
    # The plugin for SLURM takes no numpy that tf-2.19 does, so these pins agree with no stack's.
    found.append(Lock("controller.txt", ("controller",), ("linux-64",), HOST_PYTHONS))
    found.append(Lock("uv.txt", ("uv",), both, HOST_PYTHONS))
    return [*found, Lock("tests.txt", ("tests",), both, HOST_PYTHONS, hosts), *others]


def _of_stack(stack: str, platform: str, agrees_with: tuple[str, ...]) -> list[Lock]:
    """The locks of a stack for a platform: the stack and the report are the same with conda and without."""
    says, name = stacks.named(stack), f"{stack}.{platform}"
    host, where, macos = f"{name}.host.txt", (platform,), says.oldest_macos
    alone = Lock(f"{name}.yaml", (name,), where, (says.python,), (host,) if says.host_pythons else (), macos)
    if not says.host_pythons:
        return [alone]
    return [Lock(host, ("host", name), where, says.host_pythons, agrees_with, macos), alone]


LOCKS = _locks()


# Bytes that pip downloads for the locks that have been resolved, on the platform where that is most; by name.
DOWNLOADS: dict[str, int] = {}


class ResolutionError(Exception):
    """No set of versions and files satisfies a lock's inputs; says what uv says."""


def resolve(lock: Lock, kept: dict[str, Pin]) -> dict[str, Pin]:
    """The pins that the inputs give on all of a lock's platforms and Pythons.

    Args:
        lock: what to resolve.
        kept: pins to keep where the inputs allow it.

    Raises:
        ResolutionError: if there is no such set, or if two platforms or Pythons would get different versions.
    """
    found = {(platform, python): {} for platform in lock.platforms for python in lock.pythons}
    for platform, python in found:
        found[platform, python] = resolve_one(lock, platform, python, kept)
    names = sorted(set().union(*found.values()))
    return {
        name: merge(name, {where: pinned[name] for where, pinned in found.items() if name in pinned}, lock)
        for name in names
    }


def merge(name: str, found: dict[tuple[str, str], Pin], lock: Lock) -> Pin:
    """One pin from those of several platforms and Pythons, with a marker where some of them do without the package.

    Raises:
        ResolutionError: if the versions differ, or no marker tells those that need the package from the others.
    """
    if len({pin.version for pin in found.values()}) > 1:
        versions = ", ".join(f"{pin.version} on {' '.join(where)}" for where, pin in found.items())
        raise ResolutionError(f"{name} has no one version: {versions}")
    platforms, pythons = ({where[axis] for where in found} for axis in (0, 1))
    systems, others = ({_system(platform) for platform in some} for some in (platforms, {*lock.platforms} - platforms))
    if len(found) != len(platforms) * len(pythons) or systems & others:
        raise ResolutionError(f"{name} is needed on {list(found)} alone; give these platforms locks of their own")
    markers = [f"python_version in '{' '.join(sorted(pythons))}'"] if len(pythons) < len(lock.pythons) else []
    markers += [f"sys_platform in '{' '.join(sorted(systems))}'"] if others else []
    pins_there = list(found.values())
    hashes = frozenset().union(*(pin.hashes for pin in pins_there))
    return Pin(pins_there[0].version, hashes, " and ".join(markers))


def _system(platform: str) -> str:
    """What ``sys_platform`` is in environment markers (PEP 508)."""
    return "darwin" if platform.startswith("osx") else "linux"


def resolve_one(lock: Lock, platform: str, python: str, kept: dict[str, Pin]) -> dict[str, Pin]:
    """The pins for one platform and Python, with the files that its pip may choose among."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "pylock.toml")  # uv prefers the versions that it finds there
        packages = "".join(f'[[packages]]\nname = "{name}"\nversion = "{pin.version}"\n' for name, pin in kept.items())
        if kept:  # of a file without packages, uv says that it is broken
            output.write_text(f'lock-version = "1.0"\ncreated-by = "trainmark"\n{packages}')
        command = ["uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--generate-hashes"]
        command += ["--only-binary", ":all:", "--no-binary", SOURCE_ONLY, "--output-file", str(output)]
        command += ["--python-version", python, "--python-platform", (TARGETS | REPORT_TARGETS)[platform]]
        command += [str(ENVS / "inputs" / f"{name}.in") for name in lock.inputs]
        for name in lock.agrees_with:
            constraints = Path(folder, f"{name}.constraints")
            versions = pins((ENVS / name).read_text()).items() if (ENVS / name).exists() else ()
            constraints.write_text("".join(f"{package}=={pin.version}\n" for package, pin in versions))
            command += ["--constraints", str(constraints)]
        settings = {"UV_PYTHON_DOWNLOADS": "never", "MACOSX_DEPLOYMENT_TARGET": lock.oldest_macos}
        try:
            result = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
        except FileNotFoundError:
            sys.exit("uv is needed and was not found; 'make lock' and 'make check-locks' install it.")
        if result.returncode:
            raise ResolutionError(
                f"nothing satisfies the inputs on {platform}, Python {python}:\n{result.stderr.strip()}"
            )
        packages = tomllib.loads(output.read_text())["packages"]
    DOWNLOADS[lock.name] = max(DOWNLOADS.get(lock.name, 0), sum(map(_download_bytes, packages)))
    return {normalised(package["name"]): Pin(package["version"], frozenset(_hashes(package))) for package in packages}


def _files(package: dict) -> list[dict]:
    return [package["sdist"]] if package["name"] == SOURCE_ONLY else package.get("wheels", [])


def _hashes(package: dict) -> list[str]:
    return [file["hashes"]["sha256"] for file in _files(package)]


def _download_bytes(package: dict) -> int:
    return max(file["size"] for file in _files(package))


def rendered(lock: Lock, pinned: dict[str, Pin]) -> str:
    """The lock's text."""
    head = [
        f"# Written by 'make lock' from {' and '.join(f'inputs/{name}.in' for name in lock.inputs)}; edit those.",
        f"# For {' and '.join(lock.platforms)}, Python {' and '.join(lock.pythons)}.",
    ]
    lines = [" ".join([f"{name}=={pin.version}{_marker(pin)}", *_options(pin)]) for name, pin in pinned.items()]
    if lock.name.endswith(".txt"):
        return "\n".join([*head, *(line.replace(" --hash", " \\\n    --hash") for line in lines)]) + "\n"
    # Snakemake copies the file before conda reads it, so the pins stand here and not in a file beside it.
    head += ["channels:", "  - conda-forge", "dependencies:", f"  - python={lock.pythons[0]}"]
    head += ["  - pip", "  - pip:", '      - "--require-hashes"', '      - "--only-binary=:all:"']
    return "\n".join([*head, *(f"      - {line}" for line in lines)]) + "\n"


def _marker(pin: Pin) -> str:
    return f" ; {pin.marker}" if pin.marker else ""


def _options(pin: Pin) -> list[str]:
    return [f"--hash=sha256:{value}" for value in sorted(pin.hashes)]


def differences(lock: Lock, text: str, pinned: dict[str, Pin]) -> list[str]:
    """What is wrong with a lock's present text: one line a package, or one for anything else."""
    found = pins(text)
    where = f"{' and '.join(lock.platforms)}, Python {' and '.join(lock.pythons)}"
    lines = [
        f"{name}=={found[name].version} is pinned, but the inputs do not ask for it" for name in found.keys() - pinned
    ]
    for name, pin in pinned.items():
        if name not in found:
            lines.append(f"{name} is missing; the inputs give {pin.version}")
        elif found[name].version != pin.version:
            lines.append(f"{name}=={found[name].version} is pinned; the inputs give {pin.version} for {where}")
        elif found[name].hashes != pin.hashes:
            wrong = sorted(found[name].hashes - pin.hashes)
            what = f"hash {wrong[0][:12]}... is that of no file" if wrong else "a hash is missing"
            lines.append(f"{name}=={pin.version}: {what} that can be installed on {where}")
    if not lines and text != rendered(lock, pinned):
        lines = ["stale: something other than the pins differs from what 'make lock' writes"]
    return sorted(lines)


def check(lock: Lock) -> list[str]:
    """One line for everything that is wrong with a lock."""
    path = ENVS / lock.name
    if not path.exists():
        return ["is missing"]
    text = path.read_text()
    try:
        return differences(lock, text, resolve(lock, pins(text)))
    except ResolutionError as error:
        return [str(error)]


def main() -> None:
    """Write all locks, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where a file is not right")
    only_check = parser.parse_args().check
    problems = 0
    for lock in LOCKS:
        path = ENVS / lock.name
        if only_check:
            lines = check(lock)
            print(f"envs/{lock.name}: {'ok' if not lines else 'NOT RIGHT'}", flush=True)
            for line in lines:
                print(f"  envs/{lock.name}: {line}")
            problems += len(lines)
            continue
        try:
            pinned = resolve(lock, pins(path.read_text()) if path.exists() else {})
        except ResolutionError as error:
            sys.exit(f"envs/{lock.name}: {error}")
        path.write_text(rendered(lock, pinned))
        print(f"envs/{lock.name}: {len(pinned)} packages", flush=True)
    # What the workflow says before it makes an environment.
    sizes = ENVS / "sizes.json"
    text = (
        json.dumps(
            {
                name: DOWNLOADS[name]
                for name in sorted(DOWNLOADS)
                if name.endswith((".yaml", ".host.txt", "controller.txt"))
            },
            indent=1,
        )
        + "\n"
    )
    if not only_check:
        sizes.write_text(text)
    elif not sizes.exists() or sizes.read_text() != text:
        print(f"envs/{sizes.name}: NOT RIGHT\n  stale: it should say\n{text}")
        problems += 1
    if problems:
        sys.exit(f"{words.plural(problems, 'problem')}. 'make lock' writes the files anew from envs/inputs.")


if __name__ == "__main__":
    main()
