"""From records to tables: every record is read and checked once, and all else reads what is written here."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import gc
import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from trainmark.analysis import run_rows
from trainmark.analysis.convergence import Gate
from trainmark.analysis.kept_parts import KeptParts, Stamp
from trainmark.analysis.machine_parts import MachinePart
from trainmark.analysis.run_rows import Row, machine_row, peak_rows, rows_text, run_row, settings_of
from trainmark.contents import tables
from trainmark.errors import TrainmarkError
from trainmark.files import csv_text, write_whole
from trainmark.ingest import catalogue, consistency, origins
from trainmark.ingest.bad_files import BadFileError, Problem
from trainmark.ingest.consistency import Facts
from trainmark.ingest.file_reader import Reader, misplaced, read_bytes
from trainmark.machine import hardware
from trainmark.records import chain, layout
from trainmark.records.chain import Chain, Link
from trainmark.words import plural

# Where what was read of each machine is kept.
Kept = KeptParts["Collected"]
# Below so many files, starting processes takes longer than reading.
_FEW_FILES = 5000
# How often all is read again because a machine was renamed meanwhile.
_TRIES = 10


@dataclass
class Collected:
    """What was read below a folder of machines.

    Attributes:
        runs: the number of runs.
        runs_csv: their rows as text; a thousand machines' rows as objects would take half a gigabyte.
        controls_csv: rows of controls.csv as text, the runs that are variants of a cell's.
        machines: rows of machines.csv.
        earlier_csv: rows of earlier_runs.csv as text.
        earlier_machines: rows of earlier_machines.csv.
        peaks: rows of peaks.csv, one a round of a sweep of matrix products.
        further: rows of the tables that only some runs have a row of, by the tables' names.
        settings: settings digest -> what it is the digest of, as canonical JSON.
        problems: the files that cannot be used.
        vanished: whether one of these is there no more.
        facts: of every machine.
        chains: of every machine that has records.
        digests: of its records.
    """

    runs: int = 0
    vanished: bool = False
    runs_csv: list[str] = field(default_factory=list)
    controls_csv: list[str] = field(default_factory=list)
    machines: list[Mapping[str, Any]] = field(default_factory=list)
    earlier_csv: list[str] = field(default_factory=list)
    earlier_machines: list[Row] = field(default_factory=list)
    peaks: list[Row] = field(default_factory=list)
    further: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in run_rows.FURTHER})
    settings: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    chains: dict[str, Chain] = field(default_factory=dict)
    digests: dict[str, list[str]] = field(default_factory=dict)

    def add(self, other: Collected) -> None:
        """Add what was read elsewhere."""
        self.runs += other.runs
        self.vanished |= other.vanished
        self.runs_csv += other.runs_csv
        self.controls_csv += other.controls_csv
        self.machines += other.machines
        self.earlier_csv += other.earlier_csv
        self.earlier_machines += other.earlier_machines
        self.peaks += other.peaks
        for name, rows in self.further.items():
            rows += other.further[name]
        self.settings |= other.settings
        self.problems += other.problems
        self.facts += other.facts
        self.chains |= other.chains
        self.digests |= other.digests


def collect(
    machines: Path,
    schemas: Path,
    output: Path,
    skip_bad: bool,
    gate: Gate,
    published: Mapping[str, Any] = catalogue.NOTHING_KNOWN,
    kept: Kept | None = None,
) -> list[Problem]:
    """Read every record and machine file below ``machines`` and write the tables.

    Args:
        machines: the folder of the machines.
        schemas: the folder of the schemas.
        output: folder in which the collected tables are written.
        skip_bad: whether files that cannot be used are listed in excluded_files.csv instead of refused.
        gate: says of each run that is ok whether it learned.
        published: figures of hardware, as ``catalogue.load`` gives them.
        kept: where to keep what was read, and to find what was read before.

    Returns:
        The files that were left out.

    Raises:
        TrainmarkError: naming every file that cannot be used, unless they are skipped; or if there is no record. No
            table is written then.
    """
    for _ in range(_TRIES):
        found = read_all(machines, schemas, gate, published, kept)
        if not found.vanished:
            break
    _refuse_unusable(found, machines, skip_bad)
    came = origins.load(machines.parent / layout.ORIGINS)
    problems = [*found.problems, *came.problems]  # what is not known of signatures costs no measurement
    machine_rows = [[row[key] for key in tables.named("machines").keys] for row in found.machines]
    _write(output, "runs", [], "".join(found.runs_csv))
    _write(output, "controls", [], "".join(found.controls_csv))
    _write(output, "earlier_runs", [], "".join(found.earlier_csv))
    _write(output, "earlier_machines", found.earlier_machines)
    _write(output, "peaks", found.peaks)
    for name, rows in found.further.items():
        _write(output, name, rows)
    _write(output, "machines", machine_rows)
    _write(output, "origins", [_origin_row(found, machine, came) for machine in found.chains])
    _write(output, "experiments", sorted(found.settings.items()))
    _write(output, "excluded_files", [astuple(problem) for problem in problems])
    return problems


def _refuse_unusable(found: Collected, machines: Path, skip_bad: bool) -> None:
    """Refuse what no report can be drawn from."""
    if found.problems and not skip_bad:
        raise TrainmarkError(
            f"{plural(len(found.problems), 'file')} below {machines} cannot be used, so no report was drawn and "
            "nothing was changed. Mend each, or draw the others with --config on_bad_record=skip.\n"
            + "\n".join(f"  - {machines}/{problem}" for problem in found.problems)
        )
    if not found.runs:
        raise TrainmarkError(
            f"There is no record{' that can be used' * bool(found.problems)} below {machines}: nothing to report. "
            "Measure this machine with 'snakemake --cores 1', or bring other people's results here: see README.md."
        )


def _origin_row(found: Collected, machine: str, known: origins.Memory) -> Row:
    """A row of origins.csv."""
    came = [known.records[digest] for digest in found.digests[machine] if digest in known.records]
    counts = [sum(each.signature == kind for each in came) for kind in origins.BEST_FIRST]
    keys = " ".join(sorted({each.key for each in came if each.key}))
    return (machine, *counts, len(found.digests[machine]) - len(came), keys, *astuple(found.chains[machine]))


def _write(output: Path, name: str, rows: Sequence[Sequence[Any]], further: str = "") -> None:
    """Write a table: its heading, rows, and further ones that are text already."""
    table = tables.named(name)
    write_whole(output / table.file, csv_text([table.keys, *rows]) + further)


def read_all(
    machines: Path,
    schemas: Path,
    gate: Gate,
    published: Mapping[str, Any] = catalogue.NOTHING_KNOWN,
    kept: Kept | None = None,
) -> Collected:
    """Every record and machine file below ``machines``, and what is wrong with the others.

    Arguments are those of ``collect``. Many files are read by as many processes as there are cores: nothing is
    timed while the report is drawn.
    """
    stamps = [stamp for _, stamp in sorted(layout.find(machines, _stamp_below(machines)))]
    parts = {key: list(part) for key, part in itertools.groupby(stamps, key=lambda stamp: stamp[0].partition("/")[0])}
    collector = Collector(machines, schemas, gate, published)
    known = kept.load(parts) if kept else {}
    paths = {machine: [stamp[0] for stamp in part] for machine, part in parts.items()}
    read = collector.read_machines({machine: part for machine, part in paths.items() if machine not in known})
    if kept and read:
        # What may be right tomorrow, or is about a file that has gone, is read again.
        good = {machine: each for machine, each in read.items() if not (each.problems or each.vanished)}
        kept.save(parts, {**known, **good})
    return _without_copies(collector, paths, {**known, **read})


def _stamp_below(machines: Path) -> Callable[[os.DirEntry[str]], tuple[str, Stamp]]:
    """What tells of an entry below a folder whether its content has changed, behind what they are sorted by."""
    start = len(str(machines).rstrip("/")) + 1

    def stamp(entry: os.DirEntry[str]) -> tuple[str, Stamp]:
        path = entry.path[start:]
        try:
            found = entry.stat()
        except OSError:  # a link that leads nowhere
            return path, (path, 0, 0, 0)
        return path, (path, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    return stamp


def _without_copies(collector: Collector, paths: Mapping[str, list[str]], read: Mapping[str, Collected]) -> Collected:
    """What was read of all machines, but for measurements that stand under several names."""
    in_order = {machine: read[machine] for machine in paths}
    copies = consistency.find_copies((facts for each in in_order.values() for facts in each.facts), collector.losses)
    excluded: dict[str, set[str]] = defaultdict(set)
    problems: list[Problem] = []
    for (machine, other), copied in copies.items():
        problems.append(consistency.copies_problem(machine, other, len(copied)))
        excluded[machine] |= set(copied)
    found = Collected(problems=problems)
    for machine, each in in_order.items():
        without = excluded.get(machine, set())
        rest = [path for path in paths[machine] if path not in without]
        found.add(collector.read_machine(rest) if without else each)
    return found


@dataclass(frozen=True)
class Collector:
    """Reads machines' folders.

    Attributes:
        machines: the folder of the machines.
        schemas: the folder of the schemas.
        gate: says of each run that is ok whether it learned.
        published: figures of hardware, as ``catalogue.load`` gives them.
    """

    machines: Path
    schemas: Path
    gate: Gate
    published: Mapping[str, Any]

    @functools.cached_property
    def reader(self) -> Reader:
        """Of single files."""
        return Reader(self.schemas)

    def __getstate__(self) -> dict[str, Any]:
        """For other processes, which make their own reader."""
        return {key: value for key, value in self.__dict__.items() if key != "reader"}

    def read_machines(self, parts: Mapping[str, list[str]]) -> dict[str, Collected]:
        """What lies in several machines' folders, by their names; the paths of their files are given."""
        if sum(map(len, parts.values())) < _FEW_FILES:
            return {machine: self.read_machine(paths) for machine, paths in parts.items()}
        processes = hardware.usable_cores()
        # What a record leaves behind has no cycles, and looking for them would take a tenth of the time.
        with concurrent.futures.ProcessPoolExecutor(processes, initializer=gc.disable) as pool:
            chunk = max(1, len(parts) // (8 * processes))  # every machine whole, in one process
            return dict(zip(parts, pool.map(self.read_machine, parts.values(), chunksize=chunk)))

    def losses(self, path: str) -> tuple[float, ...] | None:
        """The losses of a run that is ok; None of another, and of one that has gone meanwhile."""
        with contextlib.suppress(BadFileError):
            return consistency.losses(self.reader, path, read_bytes(f"{self.machines}/{path}"))
        return None

    def read_machine(self, paths: list[str]) -> Collected:
        """What lies in one machine's folder."""
        found, part = Collected(), MachinePart(Facts(paths[0].partition("/")[0]))
        for path in paths:
            try:
                self._read(path, found, part)
            except BadFileError as error:
                found.vanished |= not os.path.lexists(f"{self.machines}/{path}")
                found.problems.append(Problem(layout.printable(path), error.what, error.remedy))
        together = part.facts.problems(self.published)
        found.problems += together
        bad = {problem.path for problem in together}
        if part.facts.machine not in bad:
            found.runs = len(part.runs.keys() - bad)
            for name, row in (each for rows in part.good(part.further, bad) for each in rows):
                found.further[name].append(row)
            found.peaks = [row for rows in part.good(part.peaks, bad) for row in rows]
            found.runs_csv.append(rows_text(part.good(part.runs, bad)))
            found.controls_csv.append(rows_text(part.good(part.controls, bad)))
            found.earlier_csv.append(rows_text(part.good(part.earlier, bad)))
            found.facts.append(part.facts)
            if part.links:
                found.chains[part.facts.machine] = chain.follow(part.links)
                found.digests[part.facts.machine] = [link.digest for link in part.links]
        return found

    def _read(self, path: str, found: Collected, part: MachinePart) -> None:
        """Read one file of a machine.

        Raises:
            BadFileError: if it cannot be used.
        """
        session = layout.of_session(path)[0]
        if layout.RECORD.fullmatch(path):
            self._read_record(path, session, found, part)
        elif layout.MACHINE_FILE.fullmatch(path):
            description = self.reader.machine(path, read_bytes(f"{self.machines}/{path}"))
            row = machine_row(description)
            if session:
                part.facts.add_earlier_machine(description)
                found.earlier_machines.append((session, *(row[key] for key in tables.named("machines").keys)))
            else:
                found.machines.append(row)
                part.facts.add_machine(description)
        elif layout.ROOFLINE.fullmatch(path):
            sweep = self.reader.roofline(path, read_bytes(f"{self.machines}/{path}"))
            if not session:
                part.peaks[path] = peak_rows(sweep)
            part.facts.add_sweep(path, sweep)
        else:
            raise misplaced(path)

    def _read_record(self, path: str, session: str, found: Collected, part: MachinePart) -> None:
        """Read a record; errors as for ``_read``. Controls of earlier sessions are in no table."""
        content = read_bytes(f"{self.machines}/{path}")
        record, workload = self.reader.record(path, content)
        part.links.append(Link(chain.digest(content), record.previous, record.started_at))
        if workload.settings_digest not in found.settings:
            found.settings[workload.settings_digest] = settings_of(workload.values)
        row = run_row(record, workload, self.gate, found.settings[workload.settings_digest])
        part.facts.add_record(path, record, workload.values)
        if session:
            if not record.control:
                part.earlier[path] = (session, *row)
            return
        (part.controls if record.control else part.runs)[path] = row
        part.further[path] = run_rows.further_rows(record, workload)
