"""The lock of each stack, and which stacks are installed beside this Python.

What is installed and no lock pins can be timed, too: the list of all that is installed then stands for the lock, so
that it cannot change unnoticed while a benchmark runs, and records say by its digest which versions it was.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from pathlib import Path

from trainmark import files, stacks
from trainmark.install import lockfile

# Where the lists of what is installed lie, relative to the working directory.
_LISTS = Path(".snakemake/trainmark-unpinned")


def path(stack: str, platform: str | None) -> Path:
    """A stack's lock for a platform, relative to the working directory; the list where no lock pins the stack."""
    return _LISTS / f"{stack}.txt" if stacks.is_unpinned(stack) else Path(f"envs/{stack}.{platform}.yaml")


def framework_version(stack: str, platform: str) -> str:
    """The version of the framework that a stack's lock for a platform pins."""
    pinned = lockfile.pins((stacks.ENVS / f"{stack}.{platform}.yaml").read_text())
    (version,) = {pinned[name].version for name in stacks.named(stack).packages if name in pinned}
    return version


def installed(platform: str | None) -> tuple[str, ...]:
    """The stacks whose framework is installed beside this Python in the version that their locks pin."""
    there = [stack for stack in stacks.names() if platform in stacks.platforms(stack)]
    found = {stack: lockfile.installed_versions(stacks.named(stack).packages).values() for stack in there}
    return tuple(stack for stack, versions in found.items() if framework_version(stack, str(platform)) in versions)


def unpinned() -> tuple[str, ...]:
    """The frameworks that are installed beside this Python, with Keras, whatever their versions, as stacks."""
    if lockfile.installed_versions(["keras"])["keras"] is None:
        return ()
    found = []
    for framework, packages in stacks.framework_packages().items():
        versions = sorted({each for each in lockfile.installed_versions(packages).values() if each})
        found += [stacks.unpinned(framework, version) for version in versions]
    return tuple(found)


def write_lists(names: Iterable[str]) -> None:
    """Write the list of all that is installed beside this Python, for each of these stacks that no lock pins."""
    for stack in filter(stacks.is_unpinned, names):
        _LISTS.mkdir(parents=True, exist_ok=True)
        files.write_whole(path(stack, None), listed())


def listed() -> str:
    """All packages that are installed beside this Python, as a requirements file without hashes."""
    found: dict[str, str] = {}
    for each in importlib.metadata.distributions():  # of two with one name, the first is imported
        found.setdefault(lockfile.normalised(each.metadata["Name"]), each.version)
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))
