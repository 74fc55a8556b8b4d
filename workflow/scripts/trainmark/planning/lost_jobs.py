"""What is told of each job of a fleet when it has ended, and what is kept of those that were lost.

A job that ends without a record was lost by the cluster or refused on its node. That is no result, and so in no record:
it is told at once, with what SLURM says, and kept for the page until the run is there.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trainmark import errors, files, terminal, words
from trainmark.errors import TrainmarkError
from trainmark.experiment.grid import run_from_path
from trainmark.measure import progress
from trainmark.planning import call, slurm
from trainmark.records.record import Record, load_own
from trainmark.system import read_text

# The rules whose jobs run on nodes.
RULES = ("describe_machine", "time_training", "measure_roofline")
# What a call has lost, until the next one that measures.
LOST = Path(".snakemake/trainmark-lost.json")
# Of SLURM's jobs by profiles/slurm-generic; of its plugin, further down there.
LOGS = Path(".snakemake/slurm_logs")
_LONGEST = 500  # characters of what others say
# For how many times as long as a look at the records took they are not looked at.
_OF_LOOKING = 20
# Rule, first output and logs of a job.
Made = tuple[str, str, Sequence[str]]


@dataclass(frozen=True)
class LostJob:
    """A job of a node that ended without what it was to make.

    Attributes:
        machine: it was for.
        what: it was to make, in words.
        path: of that.
        number: SLURM's; None where it was never submitted.
        state: what became of it, in SLURM's words.
        log: the file in which more stands; empty where there is none.
        why: what the job itself said before it ended; empty if nothing.
    """

    machine: str
    what: str
    path: str
    number: str | None
    state: str
    log: str
    why: str


class Teller:
    """Tells of each run of a fleet when it has ended, and of jobs that were lost.

    Args:
        session: of this call.
    """

    def __init__(self, session: Path = call.SESSION) -> None:
        self._file, self._stamp = session, 0.0
        self._session: progress.Session | None = None
        self._of_machine: dict[str, progress.Session] = {}
        self._told: set[str] = set()
        self._one_at_a_time = threading.RLock()
        self.lost: list[LostJob] = []
        self.failures, self.stopped = 0, False
        self._read_session()

    def stop(self) -> None:
        """Be told that the user has stopped the call: what ends now is not lost."""
        self.stopped = True

    def finished(self, rule: str, path: str) -> None:
        """Tell of a job that has made what it was to make."""
        if rule == "time_training":
            self._tell_of_record(path)

    def watch(self, seconds: float) -> None:
        """From now on, tell of runs whose record is there, though SLURM's job, which makes more of them, goes on.

        Args:
            seconds: between two looks at the most. Where many records are awaited, a look takes long on a network
                folder, and they become fewer, so that looking takes at most a twentieth of the time.
        """
        threading.Thread(target=self._watch, args=(seconds,), daemon=True).start()

    def _watch(self, seconds: float) -> None:
        while True:
            time.sleep(seconds)
            began = time.monotonic()
            self.look()
            time.sleep(_OF_LOOKING * (time.monotonic() - began))

    def look(self) -> None:
        """Tell of the runs whose records are there and that nothing was told of yet."""
        for path in [path for path in self._planned() if path not in self._told]:
            if self._is_new(path):
                self._tell_of_record(path)

    def failed(self, jobs: Sequence[Made], number: str | None, logs: Sequence[str], message: str) -> None:
        """Tell of jobs that were one job of SLURM, which has failed, with what it says, and keep that for the page.

        Args:
            jobs: rule, first output and logs of each.
            number: SLURM's; None if it was not submitted.
            logs: of SLURM's job.
            message: of the executor.
        """
        jobs = [job for job in jobs if job[0] in RULES]
        if not jobs or self.stopped:
            return
        self.failures += 1
        missing = [job for job in jobs if not self._is_new(job[1])]
        state = slurm.fate(number)
        of_slurm = [*logs, *([str(LOGS / f"{number}.log")] if number else [])]
        found = [self._lost(job, number, state, of_slurm, message) for job in missing or jobs]
        found.sort(key=lambda lost: not lost.why)  # what one has said is told
        terminal.say(f"trainmark: {line(*found)}", style=terminal.YELLOW)
        there = [path for rule, path, _ in jobs if rule == "time_training" and self._is_new(path)]
        untold = [path for path in there if path not in self._told]
        if untold:
            its = "its record was" if len(jobs) == 1 else f"{words.plural(len(untold), 'record')} had been"
            terminal.say(f"trainmark: {its} written before, and {'counts' if len(untold) == 1 else 'count'}:")
        for path in untold:
            self._tell_of_record(path)
        if missing:
            self.lost += found
            save(self.lost)

    def _lost(self, job: Made, number: str | None, state: str, of_slurm: Sequence[str], message: str) -> LostJob:
        rule, path, own = job
        there = [_below_here(log) for log in reversed([*own, *of_slurm]) if log and Path(log).exists()]
        why = _said([log for log in there if self._is_new(log)]) if number else " ".join(message.split())[:_LONGEST]
        return LostJob(Path(path).parts[2], _words(rule, path), path, number, state, (there or [""])[0], why)

    def _is_new(self, path: str) -> bool:
        """Whether a file was written by this call."""
        return Path(path).exists() and Path(path).stat().st_mtime >= (self._session.began if self._session else 0)

    def _tell_of_record(self, path: str) -> None:
        with self._one_at_a_time:
            if path in self._told:
                return
            try:
                record = Record(**load_own(Path(path)))
            except (TrainmarkError, TypeError, OSError):
                return  # refused where the records are read
            self._told.add(path)
            terminal.say(progress.run_line(record, self._on(record.machine), True))

    def _planned(self) -> Sequence[str]:
        self._read_session()
        return self._session.planned if self._session else []

    def _on(self, machine: str) -> progress.Session | None:
        self._read_session()
        if self._session and machine not in self._of_machine:
            self._of_machine[machine] = self._session.of(machine)
        return self._of_machine.get(machine)

    def _read_session(self) -> None:
        """Read the plan of this call, and again when it has become longer, as with ``repeats: auto``."""
        try:
            stamp = self._file.stat().st_mtime
        except OSError:
            return
        if stamp != self._stamp:
            self._session, self._stamp, self._of_machine = progress.load_session(self._file), stamp, {}


def line(lost: LostJob, *others: LostJob) -> str:
    """What is told of a lost job, and of others that were one job of SLURM with it."""
    what = f"{len(others) + 1} jobs, among them {lost.what}" if others else lost.what
    job = f"SLURM job {lost.number}" if lost.number else "no SLURM job"
    log = f", log {lost.log}" if lost.log else ""
    why = f": {lost.why}" if lost.why else ""
    return f"{lost.machine}: {what}: {job}: {lost.state}{log}{why}"


def _below_here(path: str) -> str:
    return path.removeprefix(f"{Path.cwd()}/")


def _words(rule: str, path: str) -> str:
    if rule == "time_training":
        return str(run_from_path(Path(path)))
    return "description of the machine" if rule == "describe_machine" else f"products of matrices, {path}"


def _said(logs: Sequence[str]) -> str:
    """What a script of ours has said in one of the logs of its job; empty if nothing."""
    for log in logs:
        lines = (read_text(log) or "").splitlines()
        at = next((number for number, text in enumerate(lines) if errors.EXPLAINED in text), None)
        if at is not None:
            return " ".join([lines[at].partition(errors.EXPLAINED)[2], *lines[at + 1 :]]).strip()
    return ""


def save(lost: Sequence[LostJob]) -> None:
    """Keep what was lost for the page."""
    LOST.parent.mkdir(parents=True, exist_ok=True)
    files.write_whole(LOST, json.dumps([asdict(each) for each in lost]))


def still_lost() -> list[dict[str, str | None]]:
    """The jobs whose result is still missing, as plain data."""
    try:
        lost = [LostJob(**entry) for entry in json.loads(LOST.read_text())]
    except (OSError, ValueError, TypeError):
        return []
    return [asdict(each) for each in lost if not Path(each.path).exists()]


def draw_despite(teller: Teller, python: str, use_conda: bool, options: Sequence[str]) -> bool:
    """Draw the page of what is there after a call in which jobs of nodes have failed, for which Snakemake draws none.

    Args:
        teller: was told of the failures.
        python: that runs Snakemake.
        use_conda: whether the report has its conda environment.
        options: by which this call's configuration was given.

    Returns:
        Whether it had to be drawn this way.
    """
    if not teller.failures or teller.stopped:
        return False
    terminal.say(
        "trainmark: jobs were lost, see above. The report is of what is there. The same command makes the rest."
    )
    conda = ["--use-conda"] if use_conda else []
    subprocess.run([python, "-m", "snakemake", "--cores", "1", *conda, "report", *options])
    return True
