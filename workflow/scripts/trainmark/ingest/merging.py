"""Results that come from elsewhere: packed, checked, and written where they belong, never over something else.

Whoever sends results may have edited them: nothing is believed before it was checked.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import re
import shlex
import tarfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainmark import escaping
from trainmark.errors import TrainmarkError
from trainmark.files import PendingFile
from trainmark.ingest import admission, archives, catalogue, consistency, file_reader, origins, signing
from trainmark.ingest.admission import Checks, Refusal
from trainmark.ingest.consistency import Identity
from trainmark.ingest.file_reader import BadFileError, Problem, Reader
from trainmark.ingest.origins import Memory, Origin
from trainmark.machine import hardware
from trainmark.records import chain, layout, writing

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
BELIEVED = (
    "Checksums show damage, not forgery. A signature shows that all of an archive came from the holder of one key, not "
    "that its numbers are true."
)


@dataclass(frozen=True)
class Arrival:
    """What one source brings of one machine.

    Attributes:
        machine: the name that it gets here.
        origin: with which signature it came.
        identity: of the machine.
        known: keys that have signed its results before.
        records: path -> digest, of the records that are new or there already.
    """

    machine: str
    origin: Origin
    identity: Identity
    known: set[str]
    records: dict[str, str]

    def __str__(self) -> str:
        first = self.origin.signature == origins.SIGNED and self.origin.key not in self.known
        return f"{self.origin}{', a key that is new for this machine' if first else ''}"


@dataclass
class Merge:
    """What a merge found, by file below results/machines.

    Attributes:
        new: path -> content to be written.
        identical: how many are there already.
        kept: machine files that differ in driver or system alone; the one that is there is kept.
        problems: what is refused or in conflict.
        written: whether what is new was written.
        arrivals: what came from where.
        memory: how what was merged before came here.
        accepted_keys: as for ``bring_in``.
        notes: file name -> content, of what is to be noted in results/origins.
    """

    new: dict[str, bytes] = field(default_factory=dict)
    identical: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    written: bool = False
    arrivals: list[Arrival] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    accepted_keys: Collection[str] = ()
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
) -> Merge:
    """Check what the sources hold against each other and against what is there; arguments as for ``bring_in``.

    Raises:
        TrainmarkError: if a source is not there, or several machines should get one name.
        OSError: if an archive cannot be unpacked, as on a full disk.
    """
    if rename_to is not None and not _NAME.fullmatch(rename_to):
        raise TrainmarkError(f"{rename_to!r} is no machine name: lower-case letters, digits, single hyphens between.")
    merge = Merge(memory=origins.load(target.parent / layout.ORIGINS), accepted_keys=accepted_keys)
    checks = Checks(Reader(schemas), published)
    with writing.scratch(target) as scratch:
        for number, source in enumerate(sources):
            try:
                folder = archives.unpacked(source, Path(scratch, str(number)))
            except BadFileError as error:
                merge.problems.append(Problem(str(source), error.what, error.remedy))
                continue
            machines = _machines_folder(folder, Path(scratch, f"{number}-alone"))
            _plan_source(source, machines, target, checks, rename_to, merge)
    for machine in sorted({path.partition("/")[0] for path in merge.new}):
        _refuse_measured(machine, target, merge)
    merge.notes = dict(_notes(merge, target))
    return merge


def _plan_source(source: Path, folder: Path, target: Path, checks: Checks, rename_to: str | None, merge: Merge) -> None:
    """Add one source, whose machines lie in ``folder``, to a merge."""
    found = [path.partition("/") for path, _ in layout.result_files(folder)]
    machines = sorted({machine for machine, inside, _ in found if inside})
    for path in (path for path, inside, _ in found if not inside):
        error = file_reader.misplaced(path)
        merge.problems.append(Problem(f"{source}: {layout.printable(path)}", error.what, error.remedy))
    if not found:
        merge.problems.append(Problem(str(source), "holds no records and no machine file", "Name a folder that does"))
    if rename_to and len(machines) > 1:
        raise TrainmarkError(f"AS={rename_to} names one machine, and {source} holds {len(machines)}.")
    there = {
        name: admission.read_machine(target, name, checks.reader) for name in ([rename_to] if rename_to else machines)
    }
    for machine in machines:
        name = rename_to or machine
        try:
            sums, origin = _read_checksums(folder / machine)
        except BadFileError as error:
            merge.problems.append(Problem(f"{source}: {machine}/{archives.CHECKSUMS}", error.what, error.remedy))
            continue
        contents = dict(_checked(source, folder, machine, checks.reader, merge.problems, sums, name))
        identity = admission.identity_of(name, contents, checks)
        known = _known_keys(name, identity, there[name], merge, checks) if origin.key else set()
        if known and origin.key and origin.key not in {*known, *merge.accepted_keys}:
            merge.problems.append(_other_key(source, name, origin.key, known, rename_to))
            continue
        standing = [path for path, content in contents.items() if _classify(source, path, content, target, merge)]
        records = {path: chain.digest(contents[path]) for path in standing if layout.RECORD.fullmatch(path)}
        merge.arrivals.append(Arrival(name, origin, identity, known, records))
    for machine, files in there.items():
        new = {path: content for path, content in merge.new.items() if path.startswith(f"{machine}/")}
        _refuse(source, admission.judge(machine, files, new, checks, asked_for=rename_to is not None), merge)
    _refuse(source, admission.find_copies(target, merge.new, checks.reader), merge)


def _checked(
    source: Path,
    folder: Path,
    machine: str,
    reader: Reader,
    problems: list[Problem],
    sums: dict[str, str] | None = None,
    name: str | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of a machine that can be used; the others become problems.

    With ``sums``, those that are not as they were packed become problems, too. With ``name``, they are as under that.
    """
    name = name or machine
    for inside, entry in layout.result_files(folder / machine):
        path = f"{machine}/{inside}"
        try:
            content = file_reader.read_bytes(entry.path)
            if sums is not None:
                _verify(path, content, sums)
            reader.result(path, content)
            if name != machine:
                content = chain.renamed(content, name)
                reader.result(f"{name}/{inside}", content)
        except BadFileError as error:
            problems.append(Problem(f"{source}: {layout.printable(path)}", error.what, error.remedy))
            continue
        yield f"{name}/{inside}", content
    for path in sorted(sums or ()):
        problems.append(Problem(f"{source}: {machine}/{path}", "is missing, though it was packed", file_reader.AGAIN))


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
        f"is signed by {key}, and results of this machine were signed by {', '.join(sorted(known))} before",
        "Ask its owner, by another way than it came, whether that is a new key of theirs. If it is: "
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


def _read_checksums(folder: Path) -> tuple[dict[str, str] | None, Origin]:
    """Path -> SHA-256 of the files that were packed, None where there is no such list; and who has signed it.

    Raises:
        BadFileError: if it cannot be read, or was not signed as it is.
    """
    path, signature = folder / archives.CHECKSUMS, folder / archives.SIGNATURE
    signed = os.path.lexists(signature)
    if not os.path.lexists(path):
        if signed:
            raise BadFileError("is missing, though it was signed", signing.AGAIN)
        return None, Origin(origins.UNSIGNED)
    content = file_reader.read_bytes(str(path), archives.LARGEST_CHECKSUMS)
    origin = Origin(origins.UNSIGNED)
    if signed:
        try:
            key, checked = signing.check(content, file_reader.read_bytes(str(signature), signing.LARGEST_BYTES))
        except BadFileError as error:
            raise BadFileError(f"has a signature, {archives.SIGNATURE}, which {error.what}", error.remedy) from None
        origin = Origin(origins.SIGNED if checked else origins.UNCHECKED, key)
    lines = content.decode(errors="replace").splitlines()
    pairs = (line.split("  ", 1) for line in lines if "  " in line)
    return {path: digest for digest, path in pairs}, origin


def _verify(path: str, content: bytes, sums: dict[str, str]) -> None:
    expected = sums.pop(path.partition("/")[2], None)
    if expected is None:
        raise BadFileError("was added after the results were packed", "Pack them again: make pack")
    if hashlib.sha256(content).hexdigest() != expected:
        raise BadFileError("was changed after it was packed: its checksum is another")


def _classify(source: Path, path: str, content: bytes, target: Path, merge: Merge) -> bool:
    """Say of one good file whether it is new or there already; if not, it is in conflict with what is there."""
    machine = path.partition("/")[0]
    there = merge.new.get(path)
    if there is None:
        try:
            there = file_reader.read_bytes(str(target / path)) if os.path.lexists(target / path) else None
        except BadFileError as error:
            merge.problems.append(Problem(str(target / path), error.what, error.remedy))
            return False
    if there is None:
        merge.new[path] = content
        return True
    if there == content:
        merge.identical[machine] += 1
        return True
    if layout.MACHINE_FILE.fullmatch(path):
        merge.kept.append(f"{target / path}")  # of another machine: refused with the machine
        return False
    merge.problems.append(
        Problem(
            f"{source}: {path}",
            f"is another measurement than {target / path}, which is kept",
            f"Bring it in under another name: {merge_command(source)} AS=another-name; or remove yours first",
        )
    )
    return False


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
        _leave_out(machine, merge)
        remedy = (
            "Give the same command again when that has ended, or bring it in under another name with AS=another-name"
        )
        merge.problems.append(Problem(str(target / machine), f"is being measured now by {who}", remedy))


def _leave_out(machine: str, merge: Merge) -> None:
    for path in [path for path in merge.new if path.startswith(f"{machine}/")]:
        del merge.new[path]


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
    try:
        writing.write_new(target, {**notes, **{target / path: content for path, content in merge.new.items()}})
    except FileExistsError as error:
        raise TrainmarkError(
            f"{error.filename2 or error.filename} has appeared meanwhile and is kept. Give the same command again: it "
            "goes on where it stopped."
        ) from None


def report(merge: Merge) -> list[str]:
    """Lines for the user: one a machine, then one a problem."""
    new = Counter(path.partition("/")[0] for path in merge.new)
    said: dict[str, list[str]] = {}
    for arrival in merge.arrivals:
        said.setdefault(arrival.machine, []).append(str(arrival))
    lines = [
        f"{name}: {new[name]} new, {merge.identical[name]} identical; {', '.join(dict.fromkeys(said[name]))}"
        for name in sorted({*new, *merge.identical})
    ]
    if merge.new and merge.arrivals:
        lines.append(BELIEVED)
    lines += [str(problem) for problem in merge.memory.problems]
    lines += [f"{path}: differs from yours in driver or system alone; yours is kept" for path in merge.kept]
    return lines + [f"  - {problem}" for problem in merge.problems]


def _machines_folder(folder: Path, scratch: Path) -> Path:
    """The folder in which the machines' folders lie, for one that a user names or an archive holds.

    For a single machine's folder that is one in ``scratch``, with nothing but a link to it.
    """
    for _ in range(3):  # an archive may wrap all in a folder or two
        for inner in ("results/machines", "machines"):
            if (folder / inner).is_dir():
                return folder / inner
        if _is_machine(folder):
            scratch.mkdir()
            (scratch / folder.resolve().name).symlink_to(folder.resolve(), target_is_directory=True)
            return scratch
        inside = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith(".")]
        if any(map(_is_machine, inside)) or len(inside) != 1:
            return folder
        folder = inside[0]
    return folder


def _is_machine(folder: Path) -> bool:
    """Whether a folder looks like that of one machine."""
    return (folder / "machine.json").is_file() or any((folder / kind).is_dir() for kind in layout.KINDS)


def _unsigned(checksums: bytes) -> None:
    """No signature."""


def pack(
    machine: str,
    machines: Path,
    schemas: Path,
    output: Path,
    sign: Callable[[bytes], bytes | None] = _unsigned,
) -> int:
    """Write one machine's results as an archive with checksums; equal results give equal archives.

    Args:
        machine: its name.
        machines: results/machines.
        schemas: the folder of the schemas.
        output: the archive.
        sign: gives the signature of the list of checksums, None for none.

    Returns:
        The number of files packed.

    Raises:
        TrainmarkError: naming what cannot be used, or if there is nothing to pack.
    """
    problems: list[Problem] = []
    with writing.locked(machines, f"the packing of {machine}"):
        _refuse_unknown(machine, machines)
        files = dict(_checked(machines, machines, machine, Reader(schemas), problems))
        if problems:
            raise TrainmarkError("Nothing was packed; mend these first.\n" + "\n".join(f"  - {p}" for p in problems))
        if not files:
            raise TrainmarkError(f"There are no results in {machines / machine}.")
        PendingFile(output).commit(_archive_of(machine, files, sign))
    return len(files)


def _refuse_unknown(machine: str, machines: Path) -> None:
    """Refuse a name that is not that of a folder of the machines.

    Raises:
        TrainmarkError: with those that there are.
    """
    there = sorted(path.name for path in machines.iterdir() if path.is_dir() and path.name != writing.OWN)
    if machine not in there:
        names = ", ".join(map(escaping.line, there)) or "none"
        raise TrainmarkError(f"There are no results of {machine!r} below {machines}. There are: {names}.")


def _archive_of(machine: str, files: dict[str, bytes], sign: Callable[[bytes], bytes | None]) -> bytes:
    """A .tar.gz of files, by path, with their checksums, and a signature of these."""
    lines = [f"{hashlib.sha256(c).hexdigest()}  {p.partition('/')[2]}\n" for p, c in sorted(files.items())]
    added = {f"{machine}/{archives.CHECKSUMS}": "".join(lines).encode()}
    signature = sign(added[f"{machine}/{archives.CHECKSUMS}"])
    if signature is not None:
        added[f"{machine}/{archives.SIGNATURE}"] = signature
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as archive,
    ):
        for path, content in sorted({**files, **added}.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def rename(machine: str, name: str, machines: Path, schemas: Path) -> int:
    """Rename a machine: its folder, and its name in every record and in its machine file.

    The renamed copy is complete before anything of the old folder is removed; what is no result of ours keeps that.

    Returns:
        The number of files renamed.

    Raises:
        TrainmarkError: if the new name cannot be used or is taken, a file cannot be used, or the machine is being
            measured.
    """
    if not _NAME.fullmatch(name):
        raise TrainmarkError(f"{name!r} is no machine name: lower-case letters, digits, single hyphens between.")
    with writing.locked(machines, f"the renaming of {machine}"):
        _refuse_unknown(machine, machines)
        for each in (machine, name):
            who = writing.who_measures(machines, each)
            if who:
                raise TrainmarkError(
                    f"{each} is being measured now by {who}. Nothing was renamed. Wait until that ends, or stop it, "
                    "and give the same command again."
                )
        contents = _renamed_files(machine, name, machines, Reader(schemas))
        _put_renamed(name, contents, machines)
        for path in contents:
            (machines / machine / path).unlink()
        for each in (archives.CHECKSUMS, archives.SIGNATURE):  # of files that are now others
            (machines / machine / each).unlink(missing_ok=True)
        for folder, _, _ in os.walk(machines / machine, topdown=False):
            with contextlib.suppress(OSError):  # something else is in it
                Path(folder).rmdir()
    return len(contents)


def _renamed_files(machine: str, name: str, machines: Path, reader: Reader) -> dict[str, bytes]:
    """Path, below the machine's folder, and content of every file of a machine as it is under another name.

    Raises:
        TrainmarkError: naming every file that cannot be used.
    """
    contents, problems = {}, []
    for path, entry in layout.result_files(machines / machine):
        try:
            content = chain.renamed(file_reader.read_bytes(entry.path), name)
            reader.result(f"{name}/{path}", content)
        except BadFileError as error:
            problems.append(Problem(f"{machine}/{layout.printable(path)}", error.what, error.remedy))
        else:
            contents[path] = content
    if problems:
        raise TrainmarkError("Nothing was renamed; mend these first.\n" + "\n".join(f"  - {p}" for p in problems))
    return contents


def _put_renamed(name: str, contents: dict[str, bytes], machines: Path) -> None:
    """Put a machine's files, by path below its folder, into the folder of its new name.

    Raises:
        TrainmarkError: if there are other results in it.
    """
    new = machines / name
    if new.exists():  # an earlier renaming was stopped before the old folder was gone, or the name is taken
        if any(not (new / path).is_file() or (new / path).read_bytes() != contents[path] for path in contents):
            raise TrainmarkError(f"{new} is there already, with other results. Nothing was changed.")
        return
    with writing.scratch(machines) as scratch:
        for path, content in contents.items():
            (scratch / name / path).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name / path).write_bytes(content)
        os.sync()
        (scratch / name).rename(new)
