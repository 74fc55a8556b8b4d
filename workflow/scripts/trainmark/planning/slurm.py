"""What SLURM says of jobs, which of this folder there are and what became of one; and of the nodes of a partition."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# How the comment of a job of ours begins: the plugin writes it so, and profiles/slurm-generic. Where a job makes all
# that a machine lacks, the plugin writes the group's name in the place of the wildcards.
_COMMENT = "rule_"
_MACHINE = re.compile(r"(?:_wildcards_|^rule_fleet-)([a-z0-9]+(?:-[a-z0-9]+)*)")
# Reasons for which a job waits that others' jobs do not explain: they may hold for ever. BeginTime is that of a job
# whose node has died: SLURM waits for two minutes before it starts it again.
_HOPELESS = re.compile(
    r"DOWN|DRAIN|NotAvail|BadConstraints|Unavailable|NodeLimit|TimeLimit|Inactive|Held|Invalid|Dependency|NotFound|"
    r"BeginTime|AccountNotAllowed|QOSNotAllowed|PartitionConfig",
    re.IGNORECASE,
)
# States of nodes that take no jobs, a star being that of one that does not answer.
_AWAY = re.compile(r"DOWN|DRAIN|FAIL|MAINT|INVAL|UNKNOWN|\*$", re.IGNORECASE)
_ANSWER_SECONDS = 30
_FIELDS = ("JobState", "Reason", "NodeList")
# States in which a job has ended without success, the last of which is that SLURM no longer knows it; in all others, it
# may still run. A job that is started again after the death of its node waits.
_FAILED = ("NODE_FAIL", "BOOT_FAIL", "CANCELLED", "DEADLINE", "FAILED", "OUT_OF_MEMORY", "TIMEOUT", "PREEMPTED", "")


@dataclass(frozen=True)
class QueuedJob:
    """A job that SLURM has not finished.

    Attributes:
        number: its id.
        state: as PENDING.
        machine: of the fleet that it is for; empty where its comment does not tell.
        reason: why it waits, in SLURM's words.
    """

    number: str
    state: str
    machine: str
    reason: str


@dataclass(frozen=True)
class ListedNode:
    """A node as sinfo lists it.

    Attributes:
        name: of the node.
        partition: that it is in.
        gres: generic resources, as ``gpu:a100:4(S:0-1)``; empty for none.
        state: as ``idle``.
    """

    name: str
    partition: str
    gres: str
    state: str

    @property
    def away(self) -> bool:
        """Whether it takes no jobs as long as it has that state."""
        return bool(_AWAY.search(self.state))


class NoAnswerError(Exception):
    """SLURM was asked, and did not answer; says why."""


class UnknownJobError(NoAnswerError):
    """SLURM does not know a job, or no longer."""


def nodes(partition: str) -> list[ListedNode]:
    """The nodes of a partition in the order of their names, each once; none of a partition that there is not.

    Args:
        partition: its name, or several names with commas between them.

    Raises:
        NoAnswerError: if SLURM does not answer, as where it is not installed.
    """
    said = _answer("sinfo", "--Node", "--noheader", f"--partition={partition}", "--format=%N|%R|%G|%T")
    found: dict[str, ListedNode] = {}
    for line in said.splitlines():
        name, of, gres, now = (_value(text.strip()) for text in line.split("|"))
        found.setdefault(name, ListedNode(name, of, gres, now))
    return [*found.values()]


def queued(folder: Path) -> list[QueuedJob]:
    """The jobs that Snakemake has given to SLURM from this folder and that are not finished, without the one we are in.

    Args:
        folder: the project's.

    Raises:
        NoAnswerError: if SLURM does not answer, as where it is not installed.
    """
    user = ["--user", os.environ["USER"]] if os.environ.get("USER") else []
    lines = _answer("squeue", "--noheader", *user, "--format=%i|%T|%r|%k|%Z").splitlines()
    return queued_of(lines, folder, os.environ.get("SLURM_JOB_ID"))


def queued_of(lines: list[str], folder: Path, own: str | None) -> list[QueuedJob]:
    """The same, of squeue's lines.

    Args:
        lines: number, state, reason, comment and folder of each job, between bars.
        folder: the project's.
        own: number of the job in which this process is, if in one.
    """
    found = []
    for line in lines:
        number, name, reason, rest = line.split("|", 3)
        comment, _, there = rest.rpartition("|")  # a comment is anybody's text
        if comment.startswith(_COMMENT) and number != own and Path(there) == folder:
            machine = _MACHINE.search(comment)
            found.append(QueuedJob(number, name, machine[1] if machine else "", reason))
    return found


def hopeless(jobs: Iterable[QueuedJob]) -> dict[tuple[str, str], list[str]]:
    """The jobs that wait for something else than their turn: their numbers, by machine and SLURM's reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for job in jobs:
        if job.state == "PENDING" and _HOPELESS.search(job.reason):
            found.setdefault((job.machine, job.reason), []).append(job.number)
    return found


@dataclass(frozen=True)
class State:
    """What SLURM says of a job.

    Attributes:
        name: as RUNNING; empty where it no longer knows the job.
        reason: for it; empty for none.
        node: on which it is or was; empty where none is known.
    """

    name: str
    reason: str = ""
    node: str = ""

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return (
            f"{self.name or 'state unknown, SLURM no longer knows the job'}{why}{f' on {self.node}' * bool(self.node)}"
        )


def state(number: str) -> State:
    """What became of a job. Accounting (sacct) is asked where the controller of SLURM has forgotten it already.

    Raises:
        NoAnswerError: if SLURM does not answer, for the moment or at all.
    """
    try:
        return state_of(_answer("scontrol", "--oneliner", "show", "job", number))
    except UnknownJobError:
        pass
    try:
        name, node = _answer("sacct", "-j", number, "-X", "-n", "-P", "-o", "State,NodeList").splitlines()[0].split("|")
    except (NoAnswerError, IndexError, ValueError):  # there may be no accounting
        return State("")
    return State(name.partition(" ")[0], "", _value(node))  # as "CANCELLED by 1000"


def remembered_seconds() -> float | None:
    """For how long SLURM knows what became of a job, after its end.

    Returns:
        None where a database keeps it (accounting), which ``sacct`` asks, and where SLURM does not answer.
    """
    try:
        return remembered_by(_answer("scontrol", "show", "config"))
    except NoAnswerError:
        return None


def remembered_by(text: str) -> float | None:
    """The same, of what scontrol says of SLURM's configuration."""
    found = dict(re.findall(r"^(\w+)\s*=\s*(.*\S)", text, re.MULTILINE))
    if "slurmdbd" in found.get("AccountingStorageType", "slurmdbd"):
        return None
    age = re.match(r"\d+", found.get("MinJobAge", ""))
    return float(age[0]) if age else 0.0


def fate(number: str | None) -> str:
    """What became of a job, in words, whatever SLURM answers; None is one that was never submitted."""
    if number is None:
        return "not submitted"
    try:
        return str(state(number))
    except NoAnswerError as error:
        return f"state unknown, {error}"


def progress(number: str) -> str:
    """Whether a job is ``running``, or ended as ``success`` or ``failed``.

    One that waits is running, and so is any while SLURM does not answer.
    """
    try:
        return progress_of(state(number))
    except NoAnswerError:
        return "running"


def state_of(text: str) -> State:
    """The same, of what scontrol says of a job on one line."""
    found = {key: _value(match[1]) for key in _FIELDS if (match := re.search(rf"\b{key}=(\S*)", text))}
    return State(found.get("JobState", ""), found.get("Reason", ""), found.get("NodeList", ""))


def progress_of(now: State) -> str:
    """The same, of what SLURM has said."""
    if now.name == "COMPLETED":
        return "success"
    return "failed" if now.name in _FAILED else "running"


def _value(text: str) -> str:
    """What SLURM says, but for its words for nothing."""
    return "" if text in ("None", "(null)", "None assigned", "N/A") else text


def _answer(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=_ANSWER_SECONDS).stdout
    except subprocess.CalledProcessError as error:
        why = error.stderr.strip() or f"exit code {error.returncode}"
        kind = UnknownJobError if "Invalid job id" in why else NoAnswerError
        raise kind(f"{command[0]}: {why}") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise NoAnswerError(f"{command[0]}: {error}") from None
