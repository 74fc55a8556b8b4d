"""The end of a command on the terminal: this machine's results, what was disturbed, and where the page is."""

from __future__ import annotations

import collections
import csv
import functools
import json
import shlex
import shutil
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from trainmark import files, terminal, words
from trainmark.contents.columns import FORMATS, unknown
from trainmark.experiment import suites
from trainmark.experiment.grid import Cell, Run, run_from_path
from trainmark.machine import disturbances
from trainmark.measure import progress
from trainmark.planning import ssh_machines
from trainmark.planning.ssh_machines import SshMachine
from trainmark.records.record import NOT_CONVERGED, OK

PAGE = "index.html"
Row = Mapping[str, str]
# What is shown of a cell, and how it is written.
_VALUES = {
    "fit_seconds_median": "seconds",
    "throughput_samples_per_second_median": "integer",
    "test_accuracy_median": "accuracy",
}
# A line has at most so many characters, however wide the terminal is, and at least so many, however narrow.
_MOST, _FEWEST = 100, 40
_LONGEST_NAME = 20  # of a model
_GAP = "   "
_MOST_MACHINES = 4  # of a fleet


def age(report: Path) -> int | None:
    """When the page was last written, in nanoseconds since the epoch; None where there is none."""
    page = report / PAGE
    return page.stat().st_mtime_ns if page.exists() else None


def show(
    report: Path, machine: str, settings: str, session: progress.Session | None, outdated: int | None = None
) -> None:
    """Say how this machine's runs went, and where the page is; nothing where there is no page of them.

    Args:
        report: folder of the tables and the page.
        machine: this computer's name.
        settings: settings digest of the configured experiment. If the machine has no runs of it, the experiment that
            it has the most runs of is shown, as on the page.
        session: knows the command by which runs can be repeated.
        outdated: ``age`` of a page that was to be drawn anew, and was not if it has it still.
    """
    show_fleet(report, [machine], settings, session, outdated)


def show_fleet(
    report: Path,
    machines: Sequence[str],
    settings: str,
    session: progress.Session | None,
    outdated: int | None = None,
    by_ssh: Mapping[str, SshMachine] = types.MappingProxyType({}),
) -> None:
    """The same of several machines, and of no more than a few of them, since the page has all.

    Runs of those that ssh reaches are repeated there.
    """
    if age(report) in (None, outdated):
        return
    of_machine: dict[str, list[Row]] = {machine: [] for machine in machines[:_MOST_MACHINES]}
    for row in _rows(report / "cells.csv"):
        if row["machine"] in of_machine:
            of_machine[row["machine"]].append(row)
    disturbed = False
    for machine, cells in of_machine.items():
        listed = report / ("disturbed.txt" if len(machines) == 1 else f"disturbed-{machine}.txt")
        repeat = functools.partial(repeat_command, listed, session=session, there=by_ssh.get(machine))
        disturbed |= _show_cells(report, _of_one_experiment(cells, settings), repeat)
    if disturbed and by_ssh:
        terminal.say("After that, the command for the fleet brings them here and draws the page anew.")
    if len(machines) > len(of_machine):
        terminal.say(f"The results of {len(machines) - len(of_machine)} more machines are on the page.")
    terminal.say(f"Page: {(report / PAGE).resolve().as_uri()}", style=terminal.BOLD)


def _show_cells(report: Path, cells: list[Row], repeat: Callable[[list[str]], list[str]]) -> bool:
    """Say how the runs of one machine and experiment went, and how those are repeated that were disturbed, if any."""
    width = max(_FEWEST, min(shutil.get_terminal_size().columns, _MOST))
    failures = _failures(report, cells)
    for stack in dict.fromkeys(row["stack"] for row in cells):
        part = [row for row in cells if row["stack"] == stack]
        terminal.say(*textwrap.wrap(_title(part), width), style=terminal.BOLD)
        terminal.say(*table(part, failures, width))
    found = _disturbed(report, cells)
    if found:
        causes, paths = found
        terminal.say(*textwrap.wrap(_said(causes, len(paths), cells), width), style=terminal.YELLOW)
        terminal.say(*repeat(paths))
    return found is not None


def _rows(path: Path) -> Iterator[Row]:
    """The rows of a table; none where it was not made."""
    if path.exists():
        with path.open(newline="") as file:
            yield from csv.DictReader(file)


def _of_one_experiment(cells: list[Row], settings: str) -> list[Row]:
    """The cells of the configured experiment; if there are none, of the one with the most runs."""
    counts: collections.Counter[str] = collections.Counter()
    for row in cells:
        counts[row["settings_digest"]] += int(row["n"]) + int(row["failed"])
    chosen = settings if settings in counts else max(counts, key=lambda digest: counts[digest], default="")
    found = [row for row in cells if row["settings_digest"] == chosen]
    newest = max((int(row["protocol"]) for row in found), default=0)
    return [row for row in found if int(row["protocol"]) == newest]


def _cell(row: Row) -> Cell:
    return Cell(row["machine"], row["stack"], row["device"], row["model"], int(row["batch_size"]))


def _failures(report: Path, cells: list[Row]) -> dict[Cell, str]:
    """What became of a run that is not ok, in words, by its cell."""
    wanted = {(row["machine"], row["settings_digest"], row["protocol"]) for row in cells}
    found = {}
    for row in _rows(report / "runs.csv"):
        if (row["machine"], row["settings_digest"], row["protocol"]) in wanted and row["status"] != OK:
            found[_cell(row)] = "did not learn" if row["status"] == NOT_CONVERGED else row["status"].replace("_", " ")
    return found


def _title(cells: list[Row]) -> str:
    counts = sorted({int(row["n"]) for row in cells if int(row["n"])})
    of = ""
    if counts:
        of = " (one run each)" if counts[-1:] == [1] else f" (medians of {words.and_words(map(str, counts))} runs)"
    return f"{cells[0]['machine']}, {cells[0]['stack']}: seconds, samples/s, test accuracy{of}"


def table(cells: list[Row], failures: Mapping[Cell, str], width: int) -> list[str]:
    """The results of one machine and stack: a line a device and batch size, a column a model.

    Args:
        cells: rows of cells.csv.
        failures: what became of a run that is not ok, by its cell.
        width: characters that a line has at most; models that do not fit beside the others stand below them.
    """
    devices = list(dict.fromkeys(row["device"] for row in cells))
    sides = sorted({(devices.index(row["device"]), int(row["batch_size"])) for row in cells})
    digits = len(str(max(size for _, size in sides)))
    labels = ["batch size", *(f"{devices[device]} {size:>{digits}}" for device, size in sides)]
    first = max(map(len, labels))
    columns = []
    for model in dict.fromkeys(row["model"] for row in cells):
        found = {(devices.index(r["device"]), int(r["batch_size"])): r for r in cells if r["model"] == model}
        values = [_values(found[side], failures) if side in found else ["-"] for side in sides]
        columns.append(_column(model, values, width - first - len(_GAP)))
    each = max(len(column[0]) for column in columns)
    most = max(1, (width - first) // (each + len(_GAP)))
    lines = []
    for start in range(0, len(columns), most):
        block = columns[start : start + most]
        lines += [_GAP.join([f"{label:>{first}}", *row]).rstrip() for label, *row in zip(labels, *block)]
    return lines


def _values(row: Row, failures: Mapping[Cell, str]) -> list[str]:
    """What is shown of a cell: its results, or the one word of why there are none."""
    if not int(row["n"]):
        return [failures.get(_cell(row), "failed")]
    return ["-" if unknown(row[key]) else FORMATS[kind](float(row[key])) for key, kind in _VALUES.items()]


def _column(model: str, cells: Sequence[list[str]], most: int) -> list[str]:
    """A column of the table, all of whose lines have one width: the model's name, then its cells."""
    results = [cell for cell in cells if len(cell) > 1]
    widths = [max(map(len, part)) for part in zip(*results)]
    lines = [
        " ".join(f"{text:>{wide}}" for text, wide in zip(cell, widths)) if len(cell) > 1 else cell[0] for cell in cells
    ]
    wide = min(most, max(len(line) for line in [*lines, model[:20]]))
    return [words.cut(line, wide).rjust(wide) for line in [model, *lines]]


def _disturbed(report: Path, cells: list[Row]) -> tuple[collections.Counter[str], list[str]] | None:
    """How often each cause disturbed one of the runs of these cells, and the paths of the runs; None without any."""
    causes: collections.Counter[str] = collections.Counter()
    paths, wanted = [], set(map(_cell, cells))
    shown = {row["settings_digest"] for row in cells}
    named_in = (row["settings"] for row in _rows(report / "experiments.csv") if row["settings_digest"] in shown)
    suite = next((suites.of(json.loads(settings)).name for settings in named_in), suites.DEFAULT)
    for row in _rows(report / "outliers.csv"):
        named = disturbances.known_causes(row["why"])
        if named and _cell(row) in wanted:
            causes.update(named)
            paths.append(str(Run(_cell(row), int(row["repeat"]), suite=suite).path))
    return (causes, paths) if paths else None


def _said(causes: collections.Counter[str], count: int, cells: list[Row]) -> str:
    runs = words.plural(sum(int(row["n"]) for row in cells), "run")
    why = ", ".join(f"{cause} ({times})" for cause, times in causes.most_common())
    was, them = ("was", "it") if count == 1 else ("were", "them")
    return f"{count} of {runs} {was} disturbed: {why}. To repeat {them}:"


def repeat_command(
    listed: Path, paths: list[str], session: progress.Session | None, there: SshMachine | None = None
) -> list[str]:
    """The command that repeats some runs, which it takes from a file: a list of them may be longer than a screen.

    Args:
        listed: the file, which is written.
        paths: of the records.
        session: knows the command that the user gave.
        there: the machine, if ssh reaches it.
    """
    files.write_whole(listed, "".join(f"{path}\n" for path in paths))
    if there:
        stacks = dict.fromkeys(run_from_path(Path(path)).cell.stack for path in paths)
        return [f"  {ssh_machines.repeating(there, stack, listed)}" for stack in stacks]
    return [f"  {progress.forcing(session, f'$(cat {shlex.quote(str(listed))})')}"]
