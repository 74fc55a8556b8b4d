"""What a person sees while the benchmark runs: one line a run."""

from __future__ import annotations

import csv
import datetime
import json
import logging
import re
import shlex
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from trainmark import escaping, files, mutex, words
from trainmark.errors import EXPLAINED
from trainmark.experiment import suites, workloads
from trainmark.experiment.grid import MACHINES, Cell, Run, run_from_path
from trainmark.files import write_whole
from trainmark.records.record import NOT_CONVERGED, OK, Record
from trainmark.system import read_text

log = logging.getLogger(__name__)

NOTHING_GUESSED: Mapping[str, float] = {}


@dataclass(frozen=True)
class Session:
    """One call of the benchmark.

    Attributes:
        planned: paths of the records that it will write.
        began: when it started, seconds since the epoch.
        samples: training samples times epochs of each of its runs.
        command: the command that the user gave.
        guesses: folder of the records of a cell -> seconds that one run of it may take, where that was estimated.
    """

    planned: list[str]
    began: float
    samples: int
    command: str
    guesses: dict[str, float] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the plan where the runs find it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(self)))

    def finished(self) -> list[str]:
        """The planned records that have been written since the session began."""
        return [path for path in self.planned if _modified(path) >= self.began]

    def of(self, machine: str) -> Session:
        """What of it is on one machine."""
        start = f"{MACHINES}/{machine}/"
        return replace(self, planned=[path for path in self.planned if path.startswith(start)])


def plan_more(path: Path | None, records: list[str]) -> None:
    """Add records to the session's plan, as they turn out to be needed; those of two machines may do so at once."""
    if not (path and path.exists() and records):
        return
    with mutex.open_file(path.with_suffix(".lock")) as lock:
        mutex.wait(lock.fileno(), lambda holder: None, 0.05)
        session = load_session(path)
        if session:
            replace(session, planned=list(dict.fromkeys([*session.planned, *records]))).save(path)


def load_session(path: Path | None, record: Path | None = None) -> Session | None:
    """The session's plan; None where there is none.

    Args:
        path: of the plan.
        record: of whose machine the plan is wanted; that of all if not given.
    """
    try:
        session = Session(**json.loads(path.read_text())) if path else None
        return session.of(run_from_path(record).cell.machine) if session and record else session
    except (OSError, ValueError, TypeError) as error:
        log.info("no session plan: %s", error)
        return None


def _modified(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0


_SCHEDULING = re.compile(
    r"Using shell|Assuming unrestricted shared filesystem|Select jobs to execute|Execute \d+ jobs|"
    r"Activating conda environment|DAG of jobs will be updated|Updating checkpoint dependencies|"
    r"--keep-incomplete mode is set|"
    # Of files that came from elsewhere: its report has no times of those jobs, which nothing depends on.
    r"Missing metadata for file|"
    # Of jobs that are given to a cluster, which tell of themselves in one line each.
    r"SLURM run ID|Job \d+ has been submitted with SLURM jobid|Submitted (?:group )?job \d+ with external jobid|"
    r"No SLURM account given|No account was given|Unable to guess SLURM account|No job memory information|"
    r"Cleaning up SLURM log files"
)
# What Snakemake says at the end of a call in which a job has failed, of which the job, or we for it, have said why.
_FAILED_CALL = re.compile(
    r"Exiting because a job execution failed|WorkflowError:\s+At least one job did not complete successfully"
)
# What we refuse while Snakemake reads our files, with the place in them, which means nothing to the user.
_REFUSED = re.compile(
    r'WorkflowError in file "[^"\n]*/workflow/rules/(?:guard|config_layers|common)\.smk", line \d+:\n'
    r'(.*?)(?:\n  File "[^"\n]*", line \d+, in [^\n]*)?\s*',
    re.DOTALL,
)


# How a failed job of ours reads in Snakemake's words: the script, and the log that its stderr went to.
_FAILED_JOB = re.compile(
    r"set -euo pipefail;  (?:[^;]*/)?python[\d.]*'? (workflow/scripts/\w+\.py) .*2> ([^\s'\"]+)", re.DOTALL
)
_LOG_LINES = 10


def worth_showing(record: logging.LogRecord) -> bool:
    """A filter for Snakemake's logger, which would bury our lines.

    It says three lines before every job; and when a script of ours has failed, it shows the whole shell command. A
    script that could say why has done so. Of one that could not, as when a package cannot be imported, the end of its
    log is shown instead, and that a job has failed is not said again at the end. What we refuse while it reads our
    files or plans the jobs it wraps into a traceback, which is taken off.
    """
    text = record.getMessage()
    refused = re.search(r"TrainmarkError: (.*?)\nWildcards:", text, re.DOTALL) or _REFUSED.fullmatch(text)
    if refused:
        record.msg, record.args = escaping.terminal(f"trainmark: {refused[1]}"), ()
    failed = _FAILED_JOB.search(text)
    if failed and text.rstrip().endswith(("died with <Signals.SIGINT: 2>.", "exit status 130.")):
        return False
    if failed:
        lines = (read_text(failed[2]) or "").splitlines()
        if any(EXPLAINED in line for line in lines):
            return False
        tail = "\n".join(f"  {line[:300]}" for line in lines[-_LOG_LINES:]) or "  (empty)"
        why = f"{failed[1]} failed before it could say why. The end of its log, {failed[2]}:\n{tail}"
        record.msg = escaping.terminal(f"trainmark: {why}")
        record.args = ()
    return not (_SCHEDULING.match(text) or _FAILED_CALL.match(text))


def announce(count: int, machine: str, estimate_seconds: float | None) -> str:
    """The line before the first training."""
    about = f", about {words.duration_text(estimate_seconds)}" if estimate_seconds else ""
    return f"trainmark: {words.plural(count, 'run')} to do on {machine}{about}. Each prints one line when it ends."


def run_line(record: Record, session: Session | None, of_fleet: bool = False) -> str:
    """The line after a run: which cell, how it went, what is left; of a fleet, on which machine."""
    run = record.run
    cell = run.cell
    variant = f"{run.control} " if run.control else ""
    text = f"{cell.stack} {cell.device} {cell.model:<4} batch {cell.batch_size:>4} {variant}repeat {run.repeat}: "
    text = f"{cell.machine}: {text}" if of_fleet else text
    if record.status == OK and record.accuracy:
        seconds = record.durations["fit_seconds"]
        text += (
            f"fit {seconds:6.1f} s, {throughput(record.workload, seconds):>8,.0f} samples/s, "
            f"test accuracy {record.accuracy['test_accuracy']:.3f}"
        )
    else:
        text += f"FAILED ({record.status}): {record.reason}"
    if session is None or not session.planned:
        return text
    finished = session.finished()
    left = sorted(set(session.planned) - set(finished))
    width = len(str(len(session.planned)))
    text = f"[{len(finished):>{width}}/{len(session.planned)}] {text}"
    if left:
        seconds = estimate_seconds(left, finished, session.samples, session.guesses)
        about = f", about {words.duration_text(seconds)}" if seconds else ""
        return f"{text} | {len(left)} left{f' on {cell.machine}' if of_fleet else ''}{about}"
    return f"{text} | all runs {f'of {cell.machine} ' if of_fleet else ''}done"


_BAR = 12  # characters


def bar(run: Run, session: Session | None, now: float) -> str:
    """The line that a terminal shows while a run trains: how far the session is, and when it may end.

    It stands still, since nothing is to be drawn beside a timing; so it names the time of day.

    Args:
        run: that is about to start.
        session: its session.
        now: seconds since the epoch.
    """
    cell = run.cell
    text = f"{cell.device} {cell.model} batch {cell.batch_size}"
    if session is None or not session.planned:
        return text
    finished = session.finished()
    planned = len(session.planned)
    done = _BAR * len(finished) // planned
    left = sorted(set(session.planned) - set(finished))
    seconds = estimate_seconds(left, finished, session.samples, session.guesses)
    ends = ""
    if seconds:
        at = time.localtime(now + seconds)
        day = "" if at.tm_yday == time.localtime(now).tm_yday else time.strftime("%a ", at)
        ends = f", about {words.duration_text(seconds)} left ({day}{time.strftime('%H:%M', at)})"
    return f"[{'#' * done}{'.' * (_BAR - done)}] {len(finished)}/{planned}{ends}: {text}"


def throughput(workload: Mapping[str, Any], fit_seconds: float) -> float:
    """Training samples per second of ``fit``, whose time includes the validation after each epoch."""
    return workloads.samples_of(workload) / fit_seconds


def estimate_seconds(
    left: Iterable[str], finished: Iterable[str], samples: int, guesses: Mapping[str, float] = NOTHING_GUESSED
) -> float | None:
    """How long the runs that are left may take, in seconds; None where nothing is known yet.

    A run is expected to take what an earlier repeat of its cell took, whichever session measured it; a cell never
    timed, what was guessed, times what finished runs took of their guesses; and without a guess, what the finished runs
    took on average.

    Args:
        left: paths of the records to come.
        finished: paths of records that are there.
        samples: training samples times epochs of each run to come.
        guesses: folder of the records of a cell -> seconds of one run.
    """
    known = {path: seconds for path in finished if (seconds := wall_seconds(Path(path), samples))}
    mean = sum(known.values()) / len(known) if known else None
    guessed = {path: guess for path in known if (guess := guesses.get(str(Path(path).parent)))}
    ratio = sum(known[path] for path in guessed) / sum(guessed.values()) if guessed else 1.0
    total = 0.0
    for path in left:
        siblings = (wall_seconds(sibling, samples) for sibling in sorted(Path(path).parent.glob("*.json")))
        guess = guesses.get(str(Path(path).parent))
        expected = next((seconds for seconds in siblings if seconds), guess * ratio if guess else mean)
        if expected is None:
            return None
        total += expected
    return total


def wall_seconds(path: Path, samples: int) -> float | None:
    """From the start of a run's process to its end, by its record, scaled to a run of so many samples.

    None if it failed or cannot be read.
    """
    try:
        data = files.read_object(path)
        if data["status"] != OK:
            return None
        start, end = (datetime.datetime.fromisoformat(data[key]) for key in ("started_at", "ended_at"))
        return (end - start).total_seconds() * samples / workloads.samples_of(data["workload"])
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
        return None


def not_converged(runs: Path) -> dict[str, str]:
    """Path of the record -> status and reason, of the rows of runs.csv that did not pass the convergence gate.

    Args:
        runs: runs.csv or controls.csv, beside which experiments.csv lies.
    """
    with runs.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == NOT_CONVERGED]
    if not rows:
        return {}
    with runs.with_name("experiments.csv").open(newline="") as file:
        suite_of = {row["settings_digest"]: suites.of(json.loads(row["settings"])).name for row in csv.DictReader(file)}
    found = {}
    for row in rows:
        cell = Cell(row["machine"], row["stack"], row["device"], row["model"], int(row["batch_size"]))
        run = Run(cell, int(row["repeat"]), row["control"] or None, suite_of[row["settings_digest"]])
        found[str(run.path)] = f"{NOT_CONVERGED}: {row['reason']}"
    return found


def failure_summary(failed: dict[str, str], session: Session | None) -> str:
    """What failed, and the one command that repeats just that.

    Args:
        failed: path of the record -> status and reason.
        session: knows the command that was given.
    """
    lines = [f"{words.plural(len(failed), 'run')} failed."]
    lines += [f"  {run_from_path(Path(path))}: {escaping.line(why)}" for path, why in sorted(failed.items())]
    lines += ["Repeat just these with:", f"  {forcing(session, ' '.join(sorted(failed)))}"]
    return "\n".join(lines)


def forcing(session: Session | None, records: str) -> str:
    """The user's command once more, to measure these records again.

    Args:
        session: knows the command that was given.
        records: their paths, as a shell takes them.
    """
    kept, forced = [], False
    for word in shlex.split(session.command if session else "snakemake --cores 1"):
        # What an earlier call repeated is not meant.
        forced = word in ("--forcerun", "-R") or (forced and not word.startswith("-"))
        if not forced:
            kept.append(word)
    return f"{shlex.join(kept)} --forcerun {records}"
