"""The stacks that there are: those with a lock in envs/, and what envs/stacks.json says that no lock can.

A stack is named after its framework and the version of that: ``tf-2.19``. Written for any Python 3.7, with nothing but
the standard library.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainmark.errors import TrainmarkError

ENVS = Path(__file__).resolve().parents[3] / "envs"
# The article's, and what make installs where no stack is named.
ARTICLES, DEFAULT = "tf-2.12", "tf-2.19"
PLATFORMS = ("linux-64", "linux-64-cuda", "osx-arm64")
# In ``stacks`` of the configuration: whatever framework is installed beside Snakemake, whatever its version.
INSTALLED = "installed"
_UNPINNED = "-unpinned"
_LOCK = re.compile(r"([a-z]+-[0-9.]+)\.({})\.yaml".format("|".join(PLATFORMS)))


@dataclass(frozen=True)
class Build:
    """For which NVIDIA GPUs and drivers the code of a stack's framework was built, by the contents of its wheels.

    Attributes:
        machine_code: compute capabilities that it holds machine code for, which runs on those of the same major number
            and a higher minor one, too (CUDA C++ Programming Guide, Binary Compatibility).
        intermediate: compute capability of its intermediate code (PTX), which the driver compiles for all later ones;
            None if it holds none.
        driver: the oldest that runs machine code (CUDA Compatibility, Minor Version Compatibility).
        compiling_driver: the oldest that reads this intermediate code: of the CUDA that it was written by.
    """

    machine_code: tuple[tuple[int, ...], ...]
    intermediate: tuple[int, ...] | None
    driver: str
    compiling_driver: str | None

    def has_machine_code(self, capability: tuple[int, ...]) -> bool:
        """Whether nothing has to be compiled for GPUs of this compute capability."""
        return any(each[0] == capability[0] and each[1:] <= capability[1:] for each in self.machine_code)

    def has_code(self, capability: tuple[int, ...]) -> bool:
        """Whether GPUs of this compute capability can run it, compiled by the driver or not."""
        compiled = self.intermediate is not None and capability >= self.intermediate
        return compiled or self.has_machine_code(capability)


@dataclass(frozen=True)
class Stack:
    """One stack.

    Attributes:
        name: as the configuration and the records have it.
        label: what people call it.
        packages: under which names its framework is published, by platform and build.
        python: version that conda installs, as 3.12.
        host_pythons: versions that its lock for the virtual environment of make is for; empty without such a lock.
        oldest_macos: the oldest that it runs on, on its GPU, as 14.0.
        build: of its code for NVIDIA's GPUs.
        mac_gpu_remark: what is to be said before it trains on Apple's GPU; empty for nothing.
    """

    name: str
    label: str
    packages: tuple[str, ...]
    python: str
    host_pythons: tuple[str, ...]
    oldest_macos: str
    build: Build
    mac_gpu_remark: str = ""


def numbers(version: str | None) -> tuple[int, ...]:
    """The numbers of a version or compute capability, to be compared."""
    return tuple(int(part) for part in (version or "").split(".") if part.isdigit())


def names() -> tuple[str, ...]:
    """The stacks that have a lock, by framework and version."""
    found = {match[1] for match in map(_LOCK.fullmatch, _files()) if match}
    return tuple(sorted(found, key=age))


def pattern(further: Iterable[str]) -> str:
    """A regular expression for the names of the stacks that have a lock, and of further ones."""
    return "|".join(map(re.escape, dict.fromkeys([*names(), *further])))


def platforms(stack: str) -> tuple[str, ...]:
    """The platforms for which a stack has a lock for conda."""
    return tuple(each for each in PLATFORMS if f"{stack}.{each}.yaml" in _files())


def host_stacks(platform: str | None) -> tuple[str, ...]:
    """The stacks that make can install on a platform."""
    return tuple(each for each in names() if f"{each}.{platform}.host.txt" in _files())


@functools.lru_cache(maxsize=1)
def _files() -> tuple[str, ...]:
    return tuple(sorted(path.name for path in ENVS.iterdir()))


def framework(stack: str) -> str:
    """The framework of a stack, as stacks' names begin with it."""
    return stack.partition("-")[0]


def age(stack: str) -> tuple[str, tuple[int, ...]]:
    """Sorts stacks by framework and version: tf-2.9 before tf-2.12."""
    return framework(stack), numbers(stack.partition("-")[2])


@functools.lru_cache(maxsize=1)
def _said() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ENVS / "stacks.json").read_text())
    return found


@functools.lru_cache(maxsize=100)
def named(stack: str) -> Stack:
    """A stack that has a lock.

    Raises:
        TrainmarkError: if envs/stacks.json does not describe it.
    """
    try:
        says, of_framework = _said()["stacks"][stack], _said()["frameworks"][framework(stack)]
        cuda = says["cuda"]
        intermediate = numbers(cuda["intermediate"]) or None
        build = Build(tuple(map(numbers, cuda["machine_code"])), intermediate, cuda["driver"], cuda["compiling_driver"])
        return Stack(
            stack,
            label(stack),
            tuple(of_framework["packages"]),
            says["python"],
            tuple(says["host_pythons"]),
            says["oldest_macos"],
            build,
            says.get("mac_gpu_remark", ""),
        )
    except KeyError as error:
        raise TrainmarkError(
            f"envs/stacks.json: {error} is missing of what it should say about the stack {stack}, which has a lock; "
            "add it, as it is there for the other stacks."
        ) from None


def framework_packages() -> dict[str, tuple[str, ...]]:
    """The frameworks, by the beginning of their stacks' names, and under which names each is published."""
    return {name: tuple(each["packages"]) for name, each in _said()["frameworks"].items()}


def unpinned(of: str, version: str) -> str:
    """What records call what is installed of a framework and no lock pins; the build (``+cu130``) is not in it."""
    public = re.sub(r"[^a-z0-9.]", "", version.partition("+")[0].lower())
    return f"{of}-{public}{_UNPINNED}"


def is_unpinned(stack: str) -> bool:
    """Whether a stack is what was installed on a machine, and not what a lock pins."""
    return stack.endswith(_UNPINNED)


def version(stack: str) -> str:
    """The version of its framework in a stack's name: the beginning of it, or all of one that no lock pins."""
    found = stack.partition("-")[2]
    return found[: -len(_UNPINNED)] if is_unpinned(stack) else found


def label(stack: str) -> str:
    """What people call a stack, be it known here or not."""
    known = _said()["frameworks"].get(framework(stack))
    if known is None:
        return stack
    return f"{known['label']} {version(stack)}{', not pinned' if is_unpinned(stack) else ''}"
