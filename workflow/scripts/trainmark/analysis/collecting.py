"""From records to tables: every record is read and checked once, and all else reads what is written here."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import itertools
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from trainmark.analysis.convergence import Gate
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
from trainmark.records.chain import Link
from trainmark.words import plural

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
        peaks: rows of peaks.csv, one a round of a sweep of matrix products.
        settings: settings digest -> what it is the digest of, as canonical JSON.
        problems: the files that cannot be used.
        vanished: whether one of these is there no more.
        facts: of every machine.
        origins: rows of origins.csv.
    """

    runs: int = 0
    vanished: bool = False
    runs_csv: list[str] = field(default_factory=list)
    controls_csv: list[str] = field(default_factory=list)
    machines: list[Mapping[str, Any]] = field(default_factory=list)
    peaks: list[Row] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    origins: list[Row] = field(default_factory=list)

    def add(self, other: Collected) -> None:
        """Add what was read elsewhere."""
        self.runs += other.runs
        self.vanished |= other.vanished
        self.runs_csv += other.runs_csv
        self.controls_csv += other.controls_csv
        self.machines += other.machines
        self.peaks += other.peaks
        self.settings |= other.settings
        self.problems += other.problems
        self.facts += other.facts
        self.origins += other.origins


def collect(
    machines: Path,
    schemas: Path,
    output: Path,
    skip_bad: bool,
    gate: Gate,
    published: Mapping[str, Any] = catalogue.NOTHING_KNOWN,
) -> list[Problem]:
    """Read every record and machine file below ``machines`` and write the tables.

    Args:
        machines: the folder of the machines.
        schemas: the folder of the schemas.
        output: folder in which the collected tables are written.
        skip_bad: whether files that cannot be used are listed in excluded_files.csv instead of refused.
        gate: says of each run that is ok whether it learned.
        published: figures of hardware, as ``catalogue.load`` gives them.

    Returns:
        The files that were left out.

    Raises:
        TrainmarkError: naming every file that cannot be used, unless they are skipped; or if there is no record. No
            table is written then.
    """
    for _ in range(_TRIES):
        found = read_all(machines, schemas, gate, published)
        if not found.vanished:
            break
    _refuse_unusable(found, machines, skip_bad)
    # What is not known of signatures costs no measurement.
    problems = [*found.problems, *origins.load(machines.parent / layout.ORIGINS).problems]
    machine_rows = [[row[key] for key in tables.named("machines").keys] for row in found.machines]
    _write(output, "runs", [], "".join(found.runs_csv))
    _write(output, "controls", [], "".join(found.controls_csv))
    _write(output, "peaks", found.peaks)
    _write(output, "machines", machine_rows)
    _write(output, "origins", found.origins)
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


def _write(output: Path, name: str, rows: Sequence[Sequence[Any]], further: str = "") -> None:
    """Write a table: its heading, rows, and further ones that are text already."""
    table = tables.named(name)
    write_whole(output / table.file, csv_text([table.keys, *rows]) + further)


def read_all(
    machines: Path, schemas: Path, gate: Gate, published: Mapping[str, Any] = catalogue.NOTHING_KNOWN
) -> Collected:
    """Every record and machine file below ``machines``, read once, and what is wrong with the others.

    Many are read by as many processes as there are cores: nothing is timed while the report is drawn.
    """
    paths = [path for path, _ in layout.result_files(machines)]
    parts = [list(part) for _, part in itertools.groupby(paths, key=lambda path: path.partition("/")[0])]
    collector = Collector(machines, schemas, gate, published)
    if len(paths) < _FEW_FILES:
        read = collector.read_machines(parts)
    else:
        processes = hardware.usable_cores()
        chunks = [parts[start::processes] for start in range(processes)]  # every machine whole, in one process
        with concurrent.futures.ProcessPoolExecutor(processes) as pool:
            shares = list(pool.map(collector.read_machines, chunks))
        # In the order of the paths, whatever the number of processes.
        read = [shares[position % processes][position // processes] for position in range(len(parts))]
    return _without_copies(collector, parts, read)


def _without_copies(collector: Collector, parts: list[list[str]], read: list[Collected]) -> Collected:
    """What was read of all machines, but for measurements that stand under several names."""
    copies = consistency.find_copies((facts for each in read for facts in each.facts), collector.losses)
    excluded: dict[str, set[str]] = defaultdict(set)
    problems: list[Problem] = []
    for (machine, other), paths in copies.items():
        problems.append(consistency.copies_problem(machine, other, len(paths)))
        excluded[machine] |= set(paths)
    found = Collected(problems=problems)
    for part, each in zip(parts, read):
        without = excluded.get(part[0].partition("/")[0], set())
        found.add(collector.read_machine([path for path in part if path not in without]) if without else each)
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

    @functools.cached_property
    def came(self) -> Mapping[str, origins.Origin]:
        """How records came that a merge has brought, by their digest."""
        return origins.load(self.machines.parent / layout.ORIGINS).records

    def __getstate__(self) -> dict[str, Any]:
        """For other processes, which read both anew."""
        return {key: value for key, value in self.__dict__.items() if key not in ("reader", "came")}

    def read_machines(self, parts: list[list[str]]) -> list[Collected]:
        """What lies in several machines' folders, whose files' paths are given."""
        return [self.read_machine(paths) for paths in parts]

    def losses(self, path: str) -> tuple[float, ...] | None:
        """The losses of a run that is ok; None of another, and of one that has gone meanwhile."""
        with contextlib.suppress(BadFileError):
            return consistency.losses(self.reader, path, read_bytes(f"{self.machines}/{path}"))
        return None

    def read_machine(self, paths: list[str]) -> Collected:
        """What lies in one machine's folder."""
        found, facts = Collected(), Facts(paths[0].partition("/")[0])
        runs: dict[str, Row] = {}
        controls: dict[str, Row] = {}
        peaks: dict[str, list[Row]] = {}
        links: list[Link] = []
        for path in paths:
            try:
                if layout.RECORD.fullmatch(path):
                    content = read_bytes(f"{self.machines}/{path}")
                    record, workload = self.reader.record(path, content)
                    links.append(Link(chain.digest(content), record.previous, record.started_at))
                    if workload.settings_digest not in found.settings:
                        found.settings[workload.settings_digest] = settings_of(workload.values)
                    row = run_row(record, workload, self.gate, found.settings[workload.settings_digest])
                    (controls if record.control else runs)[path] = row
                    facts.add_record(path, record, workload.values)
                elif layout.MACHINE_FILE.fullmatch(path):
                    description = self.reader.machine(path, read_bytes(f"{self.machines}/{path}"))
                    found.machines.append(machine_row(description))
                    facts.add_machine(description)
                elif layout.ROOFLINE.fullmatch(path):
                    sweep = self.reader.roofline(path, read_bytes(f"{self.machines}/{path}"))
                    peaks[path] = peak_rows(sweep)
                    facts.add_sweep(path, sweep)
                else:
                    raise misplaced(path)
            except BadFileError as error:
                found.vanished |= not os.path.lexists(f"{self.machines}/{path}")
                found.problems.append(Problem(layout.printable(path), error.what, error.remedy))
        together = facts.problems(self.published)
        found.problems += together
        bad = {problem.path for problem in together}
        if facts.machine not in bad:
            found.runs = len(runs.keys() - bad)
            found.peaks = [row for path, rows in peaks.items() if path not in bad for row in rows]
            found.runs_csv.append(rows_text([row for path, row in runs.items() if path not in bad]))
            found.controls_csv.append(rows_text([row for path, row in controls.items() if path not in bad]))
            found.facts.append(facts)
            if links:
                found.origins.append(self._origin_row(facts.machine, links))
        return found

    def _origin_row(self, machine: str, links: list[Link]) -> Row:
        """A row of origins.csv."""
        came = [self.came[link.digest] for link in links if link.digest in self.came]
        counts = [sum(each.signature == kind for each in came) for kind in origins.BEST_FIRST]
        keys = " ".join(sorted({each.key for each in came if each.key}))
        return (machine, *counts, len(links) - len(came), keys, *astuple(chain.follow(links)))
