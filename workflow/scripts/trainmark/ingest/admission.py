"""Whether files from elsewhere may stand beside those of their machine that are there, and beside other machines'.

A merge asks what the report will ask of all of them together: what a merge accepts, the report draws. Beyond that
it is careful with a machine that is known: nothing enters it that does not say as clearly that it is of that machine.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainmark.ingest import consistency, file_reader
from trainmark.ingest.bad_files import BadFileError, Problem
from trainmark.ingest.consistency import Facts, Identity
from trainmark.ingest.file_reader import Reader
from trainmark.records import layout

# Records of earlier formats hold less that could contradict the machine's others.
_NAMES_THE_GPU_SINCE = 4


@dataclass(frozen=True)
class Checks:
    """What files are held against.

    Attributes:
        reader: of single files.
        published: figures of hardware, as ``catalogue.load`` gives them.
    """

    reader: Reader
    published: Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """New files that may not enter.

    Attributes:
        paths: of the files.
        name: what is spoken of: one of them, or their machine.
        what: is wrong; continues a sentence that begins with the name.
        remedy: what to do; None where it is to bring them in under another name.
        as_this: whether a user who knows that they are of this machine may say so.
    """

    paths: list[str]
    name: str
    what: str
    remedy: str | None = None
    as_this: bool = False


def read_machine(machines: Path, machine: str, reader: Reader) -> dict[str, bytes]:
    """Path and content of every file of a machine that is there and can be used."""
    found = {}
    for path, _ in layout.result_files(machines / machine):
        path = f"{machine}/{path}"
        with contextlib.suppress(BadFileError):
            content = file_reader.read_bytes(str(machines / path))
            reader.result(path, content)
            found[path] = content
    return found


def judge(
    machine: str, there: Mapping[str, bytes], new: Mapping[str, bytes], checks: Checks, asked_for: bool
) -> list[Refusal]:
    """Which of the new files of a machine may not stand beside the others.

    Args:
        machine: its name.
        there: path and content of the files that are there, as ``read_machine`` gives them.
        new: of those that are to come, each of which can be used.
        checks: what they are held against.
        asked_for: whether the user has said that they are of this machine.
    """
    known = _facts(machine, there, checks)
    if _facts(machine, {**there, **new}, checks).strangers():
        return [Refusal(list(new), machine, "is not the machine that has this name here")]
    found = [] if asked_for else _unproven(machine, known, new, checks)
    refused = {path for refusal in found for path in refusal.paths}
    rest = {path: content for path, content in new.items() if path not in refused}
    impossible, spoiled = _impossible(machine, there, rest, checks)
    found += impossible
    if spoiled:  # perhaps by what is refused already
        refused = {path for refusal in impossible for path in refusal.paths}
        rest = {path: content for path, content in rest.items() if path not in refused}
        spoiled = _impossible(machine, there, rest, checks)[1]
    if spoiled:
        found.append(Refusal(list(rest), machine, f"contradicts {spoiled.path}, which is there: {spoiled.what}"))
    return found


def _facts(machine: str, contents: Mapping[str, bytes], checks: Checks) -> Facts:
    facts = Facts(machine)
    for path, content in contents.items():
        facts.add(checks.reader, path, content)
    return facts


def identity_of(machine: str, contents: Mapping[str, bytes], checks: Checks) -> Identity:
    """Of a machine, by its files' path and content."""
    return _facts(machine, contents, checks).identity


def _unproven(machine: str, known: Facts, new: Mapping[str, bytes], checks: Checks) -> list[Refusal]:
    """New files that say less of which machine they are of than is known of it; records of older formats say less.

    Of a machine that is not there, what is known are the new files themselves.
    """
    there = known.identity != consistency.NOBODY
    identity = known.identity if there else _facts(machine, new, checks).identity
    paths = [
        path
        for path, content in new.items()
        if not consistency.proves(_facts(machine, {path: content}, checks).identity, identity)
        or (there and layout.RECORD.fullmatch(path) and json.loads(content)["format_version"] < _NAMES_THE_GPU_SINCE)
    ]
    if len(paths) == 1:
        what = f"may be of any machine: it does not say that it is of {machine}, or its format is older"
        return [Refusal(paths, paths[0], what, as_this=True)]
    what = f"gets {len(paths)} files that may be of any machine, such as {paths[0]}: they do not say " if paths else ""
    return (
        [Refusal(paths, machine, f"{what}that they are of it, or their format is older", as_this=True)] if paths else []
    )


def _impossible(
    machine: str, there: Mapping[str, bytes], new: Mapping[str, bytes], checks: Checks
) -> tuple[list[Refusal], Problem | None]:
    """New files that cannot be true beside the others, and one that is there which could not be beside the new ones."""
    before = {problem.path for problem in _facts(machine, there, checks).problems(checks.published)}
    problems = _facts(machine, {**there, **new}, checks).problems(checks.published)
    found = [Refusal([each.path], each.path, each.what, each.remedy) for each in problems if each.path in new]
    spoiled = (each for each in problems if each.path in there and each.path not in before)
    return found, next(spoiled, None)
