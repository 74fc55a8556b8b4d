"""The folders of this package are layers: what the modules of each may import. A test holds them to it."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from trainmark import stacks

_PACKAGE = Path(__file__).resolve().parent
_STATED = ("machine", "experiment", "experiment/suites", "records")

# Folder -> the folders and the third-party packages that its modules may import, beside its own modules, the standard
# library and the modules at the top. A folder comes after those that it may import. Libraries of hardware, which a
# machine may lack, are imported by name at run time and are not listed.
FOLDERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "": ((), ()),
    "contents": ((), ()),
    "machine": ((), ()),
    "install": ((), ()),
    "dataset": (("install",), ("numpy",)),
    "experiment/suites": (("dataset",), ()),
    "experiment": (("machine", "experiment/suites"), ()),
    "records": (("experiment", "experiment/suites"), ()),
    "measure": ((*_STATED, "dataset", "install"), ()),
    "measure/worker/frameworks": (
        ("machine", "experiment", "measure"),
        ("jax", "jaxlib", "keras", "tensorflow", "torch"),
    ),
    "measure/worker": ((*_STATED, "install", "measure", "measure/worker/frameworks"), ("numpy",)),
    "doctor": (("machine", "experiment/suites", "records", "install", "measure"), ()),
    "ingest": (_STATED, ("msgspec", "yaml")),
    "planning": (
        (*_STATED, "contents", "install", "measure", "measure/worker/frameworks"),
        ("jsonschema", "snakemake", "yaml"),
    ),
    "ssh": (("machine", "experiment", "install", "measure", "planning"), ("yaml",)),
    "analysis": ((*_STATED, "contents", "ingest"), ("msgspec", "numpy", "pandas", "scipy", "yaml")),
    "report/figures": (("contents", "machine", "experiment", "records", "analysis"), ("matplotlib", "pandas")),
    "report/sections": (
        ("contents", "machine", "experiment", "experiment/suites", "records", "ingest", "analysis", "report/figures"),
        ("pandas",),
    ),
    "report": (("contents", "records", "analysis", "report/sections"), ("jinja2",)),
}


def reach(folder: str) -> set[str]:
    """A folder, those that it may import, those that they may import, and so on."""
    found = {"", folder}
    for each in FOLDERS[folder][0]:
        found |= reach(each)
    return found


@functools.cache  # one reading for all rules of a call
def digest(script: str, folder: str) -> str:
    """What a report's file depends on besides its inputs: the code that makes it.

    Args:
        script: name of the script, which is beside this package.
        folder: of this package, the highest that the script imports.

    Returns:
        SHA-256, as hexadecimal digits, of the script, of every module in ``reach(folder)``, with their places, and of
        what is said of the stacks, which has their labels.
    """
    return _digest_of([_PACKAGE.parent / script, *_modules(folder)])


def code_digest(folder: str) -> str:
    """The same of a folder of this package without any script."""
    return _digest_of(_modules(folder))


def _modules(folder: str) -> list[Path]:
    """Every module in ``reach(folder)``."""
    return [path for each in reach(folder) for path in (_PACKAGE / each).glob("*.py")]


def _digest_of(code: list[Path]) -> str:
    found = hashlib.sha256((stacks.ENVS / "stacks.json").read_bytes())
    for path in sorted(code):
        content = _content(path)
        found.update(f"{path.relative_to(_PACKAGE.parent).as_posix()}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


@functools.cache  # most modules are in several digests
def _content(path: Path) -> bytes:
    return path.read_bytes()
