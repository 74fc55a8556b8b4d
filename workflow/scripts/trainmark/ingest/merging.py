"""Results that come from elsewhere: checked, and written where they belong, never over something else.

Whoever sends results may have edited them: nothing is believed before it was checked.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainmark.errors import TrainmarkError
from trainmark.files import PendingFile
from trainmark.ingest import (
    admission,
    archives,
    arrivals,
    catalogue,
    consistency,
    copies,
    file_reader,
    machine_names,
    origins,
    source_files,
)
from trainmark.ingest.admission import Checks, Refusal
from trainmark.ingest.arrivals import Arrival
from trainmark.ingest.bad_files import BadFileError, Problem
from trainmark.ingest.consistency import Identity
from trainmark.ingest.origins import Memory
from trainmark.ingest.standing import Standing
from trainmark.machine import hardware
from trainmark.records import chain, layout, supersession, writing

_WHY = "Look at the copy there: make fleet takes nothing but what it has asked for"


@dataclass
class Merge:
    """What a merge found, by file below results/machines.

    Attributes:
        new: path -> content to be written.
        identical: how many are there already.
        kept: machine files that differ in driver or system alone; the one that is there is kept.
        moved: paths of files that are here and that a source has in an earlier session: they get their place there, and
            what is ``new`` may take theirs.
        problems: what is refused or in conflict.
        written: whether what is new was written.
        arrivals: what came from where.
        memory: how what was merged before came here.
        accepted_keys: as for ``bring_in``.
        measured: the one machine that may be in it, whose newer measurements take the place of older ones.
        superseding: paths of those that do.
        notes: file name -> content, of what is to be noted in results/origins.
    """

    new: dict[str, bytes] = field(default_factory=dict)
    identical: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    written: bool = False
    arrivals: list[Arrival] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    accepted_keys: Collection[str] = ()
    measured: str | None = None
    superseding: set[str] = field(default_factory=set)
    notes: dict[str, bytes] = field(default_factory=dict)


def bring_in(
    sources: list[Path],
    target: Path,
    schemas: Path,
    rename_to: str | None = None,
    skip_bad: bool = False,
    published: Mapping[str, Any] = catalogue.NOTHING_KNOWN,
    accepted_keys: Collection[str] = (),
) -> Merge:
    """Merge: check what the sources hold, and write what is new if all is good.

    No other command writes to ``target`` meanwhile.

    Args:
        sources: folders or archives of one or more machines' results.
        target: results/machines.
        schemas: the folder of the schemas.
        rename_to: the name under which the one machine in the sources is to be kept.
        skip_bad: whether to write what is good although something is refused.
        published: figures of hardware, as ``catalogue.load`` gives them.
        accepted_keys: fingerprints that may sign what another key has signed before.

    Raises:
        TrainmarkError: as ``plan_merge`` and ``write``.
    """
    with writing.locked(target, "a merge"):
        merge = plan_merge(sources, target, schemas, rename_to, published, accepted_keys)
        if skip_bad or not merge.problems:
            write(merge, target)
            merge.written = True
    return merge


def plan_merge(
    sources: list[Path],
    target: Path,
    schemas: Path,
    rename_to: str | None = None,
    published: Mapping[str, Any] = catalogue.NOTHING_KNOWN,
    accepted_keys: Collection[str] = (),
    standing: Standing | None = None,
) -> Merge:
    """Check what the sources hold against each other and against what is there; arguments as for ``bring_in``.

    What is there is ``standing``, where that is known from earlier merges.

    Raises:
        TrainmarkError: if a source is not there, or several machines should get one name.
        OSError: if an archive cannot be unpacked, as on a full disk.
    """
    if rename_to is not None:
        machine_names.refuse_bad(rename_to)
    here = standing or Standing.of(target, schemas, published)
    merge = Merge(memory=here.memory, accepted_keys=accepted_keys)
    fill(merge, sources, target, here, rename_to)
    return merge


def fill(merge: Merge, sources: list[Path], target: Path, here: Standing, rename_to: str | None = None) -> None:
    """Say in a merge what the sources hold, beside what is there; other arguments and errors as for ``plan_merge``."""
    with writing.scratch(target) as scratch:
        for number, source in enumerate(sources):
            try:
                folder = archives.unpacked(source, Path(scratch, str(number)))
            except BadFileError as error:
                merge.problems.append(Problem(str(source), error.what, error.remedy))
                continue
            machines = source_files.machines_folder(folder, Path(scratch, f"{number}-alone"))
            _plan_source(source, machines, target, here, rename_to, merge)
    for machine in sorted({path.partition("/")[0] for path in merge.new}):
        _refuse_measured(machine, target, merge)
    merge.notes = dict(_notes(merge, target))


def _plan_source(source: Path, folder: Path, target: Path, here: Standing, rename_to: str | None, merge: Merge) -> None:
    """Add one source, whose machines lie in ``folder``, to a merge."""
    checks, came = here.checks, []
    found = [path.partition("/") for path, _ in layout.result_files(folder)]
    machines = sorted({machine for machine, inside, _ in found if inside})
    for path in (path for path, inside, _ in found if not inside):
        error = file_reader.misplaced(path)
        merge.problems.append(Problem(f"{source}: {layout.printable(path)}", error.what, error.remedy))
    if not found:
        merge.problems.append(
            Problem(str(source), "holds no records and no machine file", ("Give a folder or an archive that does"))
        )
    if rename_to and len(machines) > 1:
        raise TrainmarkError(f"AS={rename_to} is the name of one machine, but {source} holds {len(machines)}.")
    there = {
        name: admission.read_machine(target, name, checks.reader) for name in ([rename_to] if rename_to else machines)
    }
    for machine in machines:
        name = rename_to or machine
        if merge.measured not in (None, name):
            merge.problems.append(Problem(f"{source}: {machine}", f"is not {merge.measured}, which was measured", _WHY))
            continue
        try:
            sums, origin = source_files.read_checksums(folder / machine)
        except BadFileError as error:
            merge.problems.append(Problem(f"{source}: {machine}/{archives.CHECKSUMS}", error.what, error.remedy))
            continue
        contents = dict(source_files.checked_files(source, folder, machine, checks.reader, merge.problems, sums, name))
        identity = admission.identity_of(name, contents, checks)
        known = _known_keys(name, identity, there[name], merge, checks) if origin.key else set()
        if known and origin.key and origin.key not in {*known, *merge.accepted_keys}:
            merge.problems.append(_other_key(source, name, origin.key, known, rename_to))
            continue
        merge.moved |= arrivals.make_room(contents, target, merge.new)
        sessions = arrivals.in_sessions({**there[name], **merge.new, **contents})
        standing = [
            path for path, content in contents.items() if _classify(source, path, content, target, merge, sessions)
        ]
        came += [path for path in standing if path in merge.new]
        records = {path: chain.digest(contents[path]) for path in standing if layout.RECORD.fullmatch(path)}
        merge.arrivals.append(Arrival(name, origin, identity, known, records))
    for machine, files in there.items():
        new = {path: content for path, content in merge.new.items() if path.startswith(f"{machine}/")}
        files = {path: content for path, content in files.items() if path not in merge.moved}
        _refuse(source, admission.judge(machine, files, new, checks, asked_for=rename_to is not None), merge)
    _refuse(source, copies.find(target, merge.new, came, here.starts, checks.reader), merge)
    here.starts.add((path, merge.new[path]) for path in came if path in merge.new and layout.RECORD.fullmatch(path))


def _known_keys(name: str, identity: Identity, there: Mapping[str, bytes], merge: Merge, checks: Checks) -> set[str]:
    """Keys that have signed results of a machine before, here or earlier in this merge."""
    digests: list[str] = []
    # If it is another machine under this name, that is what is wrong with it, whoever signed it.
    if consistency.same_machine(identity, admission.identity_of(name, there, checks)):
        digests = [chain.digest(content) for path, content in there.items() if layout.RECORD.fullmatch(path)]
    found = merge.memory.keys_of(identity, digests)
    for arrival in merge.arrivals:
        alike = arrival.machine == name or (identity[0] is not None and arrival.identity == identity)
        taken = any(path in merge.new for path in arrival.records)
        if alike and taken and arrival.origin.key and arrival.origin.signature == origins.SIGNED:
            found.add(arrival.origin.key)
    return found


def _other_key(source: Path, name: str, key: str, known: Collection[str], rename_to: str | None) -> Problem:
    """What to say of results that are signed by another key than those before them."""
    option = f" AS={rename_to}" if rename_to else ""
    return Problem(
        f"{source}: {name}",
        f"is signed by {key}, but earlier results of this machine were signed by {', '.join(sorted(known))}",
        "Ask the owner, over another channel, whether this is their new key. If it is: "
        f"{merge_command(source)}{option} {shlex.quote(f'KEY={key}')}",
    )


def _notes(merge: Merge, target: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file that is to be noted and is not there yet.

    A signature is noted of what was here before, too, unless it may have been measured here: anybody can sign a copy of
    that.
    """
    folder, this_computer = target.parent / layout.ORIGINS, hardware.machine_id_hash()
    for arrival in merge.arrivals:
        signed, foreign = arrival.origin.signature == origins.SIGNED, arrival.identity[0] != this_computer
        digests = {
            digest
            for path, digest in arrival.records.items()
            if path in merge.new
            # What is neither new nor there was refused.
            or (signed and (foreign or digest in merge.memory.records) and (target / path).exists())
        }
        name, content = origins.note(arrival.origin, arrival.identity, digests)
        if digests and not (folder / name).exists():
            yield name, content


def _classify(
    source: Path, path: str, content: bytes, target: Path, merge: Merge, sessions: Collection[tuple[str, bytes]]
) -> bool:
    """Say of one good file whether it is new or there already; if not, it is in conflict with what is there.

    One that stands in an earlier session, of the source or here, is there, and older than what may have its name.
    """
    machine = path.partition("/")[0]
    try:
        there = content if (path, content) in sessions else _what_is_there(path, target, merge)
    except BadFileError as error:
        merge.problems.append(Problem(str(target / path), error.what, error.remedy))
        return False
    if there == content:
        merge.identical[machine] += 1
        return True
    if there is None:
        merge.new[path] = content
        return True
    if merge.measured and not layout.MACHINE_FILE.fullmatch(path) and chain.started_later(content, there):
        merge.new[path] = content
        merge.superseding.add(path)
        return True
    if layout.MACHINE_FILE.fullmatch(path):
        merge.kept.append(f"{target / path}")  # of another machine: refused with the machine
    else:
        what = f"is a different measurement from {target / path}, which is kept"
        remedy = f"Bring it in under another name: {merge_command(source)} AS=another-name; or remove yours first"
        merge.problems.append(Problem(f"{source}: {path}", what, remedy))
    return False


def _what_is_there(path: str, target: Path, merge: Merge) -> bytes | None:
    """What has a path in the merge, or will keep it in the target; None where nothing does."""
    if path in merge.new or path in merge.moved or not os.path.lexists(target / path):
        return merge.new.get(path)
    return file_reader.read_bytes(str(target / path))


def _refuse(source: Path, refusals: list[Refusal], merge: Merge) -> None:
    """Leave out what may not enter, and say why."""
    for refusal in refusals:
        for path in refusal.paths:
            del merge.new[path]
        machine, command = refusal.paths[0].partition("/")[0], merge_command(source)
        remedy = refusal.remedy or f"Bring it in under another name: {command} AS=another-name"
        if refusal.as_this:
            remedy = f"If you know that it is of {machine}: {command} AS={machine}; else AS=another-name"
        merge.problems.append(Problem(f"{source}: {refusal.name}", refusal.what, remedy))


def _refuse_measured(machine: str, target: Path, merge: Merge) -> None:
    """Refuse what a benchmark that is going on may be about to write itself."""
    who = writing.who_measures(target, machine)
    if who:
        merge.new = {path: each for path, each in merge.new.items() if not path.startswith(f"{machine}/")}
        remedy = "Give the same command again when that has ended, or bring it in under another name, AS=another-name"
        merge.problems.append(Problem(str(target / machine), f"is being measured now by {who}", remedy))


def merge_command(source: str | Path) -> str:
    """The command that brings a source in, to be typed into a shell."""
    return f"make merge {shlex.quote(f'FROM={source}')}"


def write(merge: Merge, target: Path) -> None:
    """Write what is new, each file whole; stopped half-way, the same merge goes on where it stopped.

    Raises:
        TrainmarkError: if a file has appeared meanwhile that none of our commands wrote; it is kept.
    """
    # What is noted first is true of what comes after; the other way round, a merge that is killed would leave records
    # of which nobody knows how they came.
    notes = {target.parent / layout.ORIGINS / name: content for name, content in merge.notes.items()}
    apart = merge.moved | merge.superseding
    others = {target / path: content for path, content in merge.new.items() if path not in apart}
    superseded = supersession.folder()
    for path in merge.superseding:
        writing.place(writing.pending(target, target / path), merge.new[path], superseded)
    try:
        writing.write_new(target, {**notes, **others})
        for path in sorted(merge.moved):
            if not arrivals.stands_in_session(target, path):  # since its copy was refused
                merge.new.pop(path, None)
            elif path in merge.new:
                PendingFile(target / path).commit(merge.new[path])
            else:
                (target / path).unlink(missing_ok=True)
    except FileExistsError as error:
        raise TrainmarkError(
            f"{error.filename2 or error.filename} has appeared meanwhile and is kept. Give the same command again: it "
            "goes on where it stopped."
        ) from None
