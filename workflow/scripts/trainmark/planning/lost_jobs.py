"""What is told of each job of a fleet when it has ended, and what is kept of those that were lost.

A job that ends without a record was lost by the cluster or refused on its node. That is no result, and so in no record:
it is told at once, with what SLURM says, and kept for the page until the run is there.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trainmark import errors, files, terminal
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
    """Tells of each job of a node when it has ended.

    Args:
        session: of this call.
    """

    def __init__(self, session: Path = call.SESSION) -> None:
        self._session = progress.load_session(session)
        self._of_machine: dict[str, progress.Session] = {}
        self.lost: list[LostJob] = []
        self.failures, self.stopped = 0, False

    def stop(self) -> None:
        """Be told that the user has stopped the call: what ends now is not lost."""
        self.stopped = True

    def finished(self, rule: str, path: str) -> None:
        """Tell of a job that has made what it was to make."""
        if rule == "time_training":
            self._tell_of_record(path)

    def failed(self, rule: str, path: str, number: str | None, logs: Sequence[str], message: str) -> None:
        """Tell of a job that has failed, with what SLURM says of it, and keep that for the page."""
        if rule not in RULES or self.stopped:
            return
        self.failures += 1
        state = slurm.fate(number)
        of_slurm = [str(LOGS / f"{number}.log")] if number else []
        there = [_below_here(log) for log in reversed([*logs, *of_slurm]) if log and Path(log).exists()]
        why = _said([log for log in there if self._is_new(log)]) if number else " ".join(message.split())[:_LONGEST]
        lost = LostJob(Path(path).parts[2], _words(rule, path), path, number, state, (there or [""])[0], why)
        terminal.say(f"trainmark: {line(lost)}", style=terminal.YELLOW)
        if rule == "time_training" and self._is_new(path):
            terminal.say("trainmark: its record was written before, and counts:")
            self._tell_of_record(path)
            return
        self.lost.append(lost)
        save(self.lost)

    def _is_new(self, path: str) -> bool:
        """Whether a file was written by this call."""
        return Path(path).exists() and Path(path).stat().st_mtime >= (self._session.began if self._session else 0)

    def _tell_of_record(self, path: str) -> None:
        try:
            record = Record(**load_own(Path(path)))
        except (TrainmarkError, TypeError, OSError):
            return  # refused where the records are read
        terminal.say(progress.run_line(record, self._on(record.machine), True))

    def _on(self, machine: str) -> progress.Session | None:
        if self._session and machine not in self._of_machine:
            self._of_machine[machine] = self._session.of(machine)
        return self._of_machine.get(machine)


def line(lost: LostJob) -> str:
    """What is told of a lost job."""
    job = f"SLURM job {lost.number}" if lost.number else "no SLURM job"
    log = f", log {lost.log}" if lost.log else ""
    why = f": {lost.why}" if lost.why else ""
    return f"{lost.machine}: {lost.what}: {job}: {lost.state}{log}{why}"


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
