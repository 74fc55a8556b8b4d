"""What is copied to a machine that ssh reaches: the files of this project, and the configuration for that machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trainmark import stacks
from trainmark.errors import TrainmarkError
from trainmark.install import served_copy
from trainmark.measure import provenance
from trainmark.planning.ssh_machines import SshMachine

# What measures, without what only tests, explains or shows. Results are not among them.
PARTS = ("Makefile", "Snakefile", "LICENSE", "config", "envs", "profiles", "workflow")
# Written anew for each machine: this computer's may name its own machine, GPU and folders.
_OWN = "config/config.yaml"
_NO_CODE = ("__pycache__", ".ipynb_checkpoints")


@dataclass(frozen=True)
class Project:
    """The files of this project as they are now, committed or not.

    Attributes:
        contents: path -> content, mode and time of the last change (seconds since the epoch).
        commit: that they are of, with ``-dirty`` where they were changed; None where that is not known.
    """

    contents: Mapping[str, tuple[bytes, int, float]]
    commit: str | None


@dataclass(frozen=True)
class Copy:
    """What is sent to one machine.

    Attributes:
        identifier: of the content.
        archive: a .tar.gz of ``project``, ``copy.json`` and ``before.sh``.
    """

    identifier: str
    archive: bytes


def read() -> Project:
    """The project in the working directory.

    Raises:
        TrainmarkError: if a file is not plain, or cannot be read.
    """
    found = {}
    for path in sorted(_paths()):
        if path.is_symlink() or not path.is_file():
            raise TrainmarkError(f"{path} is not a plain file, so it cannot be copied to the machines of a fleet.")
        state = path.stat()
        found[path.as_posix()] = (path.read_bytes(), state.st_mode & 0o755 | 0o644, state.st_mtime)
    return Project(found, provenance.code()["commit"])


def _paths() -> Iterator[Path]:
    """The files that git tracks and that are there; all, where this is no checkout of git."""
    parts = [part for part in PARTS if Path(part).exists()]
    if Path(".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z", "--", *parts], capture_output=True)
        if listed.returncode == 0:
            tracked = map(os.fsdecode, filter(None, listed.stdout.split(b"\0")))
            yield from (path for path in map(Path, tracked) if os.path.lexists(path))
            return
    for part in map(Path, parts):
        for path in [part] if part.is_file() else part.rglob("*"):
            if path.is_file() and not {*path.parts} & {*_NO_CODE}:
                yield path


def for_machine(project: Project, there: SshMachine, config: Mapping[str, Any], own: Mapping[str, Any]) -> Copy:
    """What is sent to a machine.

    Args:
        project: as ``read`` gives it.
        there: the machine.
        config: the checked configuration of the fleet.
        own: the values of config/config.yaml here.
    """
    contents = dict(project.contents)
    local = there.configuration(own)
    for path, values, what in (
        (_OWN, {**local, "stacks": own["stacks"], "devices": own["devices"]}, "config/config.yaml of the checkout"),
        (served_copy.CONFIGURATION, there.configuration(config), "the configuration of the fleet"),
    ):
        contents[path] = (_yaml(values, f"{what} from which make fleet was given"), 0o644, 0.0)
    about = {
        "machine": there.machine,
        "stacks": there.stacks,
        "default_stack": stacks.DEFAULT,
        "gpu": there.gpu,
        "commit": project.commit,
        "files": sorted(contents),
    }
    digest = hashlib.sha256(json.dumps([about, there.before]).encode())
    for path, (content, mode, _) in sorted(contents.items()):
        digest.update(f"{path}\0{mode}\0{len(content)}\0".encode() + content)
    identifier = digest.hexdigest()
    about["identifier"] = identifier
    members = {f"project/{path}": each for path, each in contents.items()}
    members["copy.json"] = (json.dumps(about).encode(), 0o644, 0.0)
    members["before.sh"] = (f"{there.before or ':'}\n".encode(), 0o644, 0.0)
    return Copy(identifier, _archive(members))


def _yaml(values: Mapping[str, Any], of: str) -> bytes:
    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
    return f"# Written for this machine, after {of}. The next one writes it anew.\n{text}".encode()


def _archive(members: Mapping[str, tuple[bytes, int, float]]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=3, mtime=0) as zipped,
        # Of a form that every tar reads.
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path, (content, mode, changed) in sorted(members.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mode, member.mtime = len(content), mode, int(changed)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
