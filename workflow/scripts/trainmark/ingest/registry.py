"""A registry of results: archives that people sent, each taken or refused by itself, as a merge would do it.

Nothing of an archive is believed. It is read as ``merging`` reads it, one after the other, those that were published
before first: whoever comes later has to fit what is there. An archive is taken whole or not at all, and one that is
refused costs the others nothing.
"""

from __future__ import annotations

import filecmp
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from trainmark import escaping, stacks, words
from trainmark.errors import TrainmarkError
from trainmark.experiment import workloads
from trainmark.ingest import catalogue, file_reader, merging
from trainmark.ingest.consistency import Identity
from trainmark.ingest.merging import Merge
from trainmark.ingest.standing import Standing
from trainmark.records import layout, writing
from trainmark.records.record import OK, PROTOCOL

# The folder of a registry in which the archives lie, and how their names end: what make pack writes.
ARCHIVES, ENDING = "archives", ".tar.gz"
# Reasons of one archive that are said; a hostile one could have a hundred thousand.
_MOST_REASONS, _LONGEST_REASON = 10, 600


@dataclass(frozen=True)
class Outcome:
    """What became of an archive.

    Attributes:
        path: of the archive.
        new: whether it is to be judged now; else it was published before.
        reasons: why it is refused, in sentences; empty where it was taken.
        machines: names of the machines of which it holds results.
        added: how many of its files were not there before.
        identical: how many were there already.
        origin: with which signature it came.
        remarks: what a reader has to know of one that was taken.
    """

    path: Path
    new: bool
    reasons: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    added: int = 0
    identical: int = 0
    origin: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of its file."""
        return layout.printable(self.path.name)

    @property
    def taken(self) -> bool:
        """Whether its results are on the page."""
        return not self.reasons


@dataclass
class Registry:
    """Takes archives into a folder of machines that nobody else writes to.

    Attributes:
        target: results/machines of that folder.
        schemas: the folder of the schemas.
        settings: of the experiment that is compared here, all but the model, as a workload has them.
        published: figures of hardware, as ``catalogue.load`` gives them.
        computers: identity -> the names under which its results came.
    """

    target: Path
    schemas: Path
    settings: Mapping[str, Any]
    published: Mapping[str, Any] = field(default_factory=lambda: catalogue.NOTHING_KNOWN)
    computers: dict[Identity, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._standing = Standing.of(self.target, self.schemas, self.published)
        self._reader = self._standing.checks.reader
        self._digest = workloads.settings_digest(self.settings)

    @property
    def empty(self) -> bool:
        """Whether nothing was taken."""
        return not layout.result_files(self.target)

    def take(self, path: Path, new: bool = True) -> Outcome:
        """Take an archive, or say why not; nothing of it is written then.

        Args:
            path: of the archive.
            new: whether it is to be judged now; else it was published before.

        Raises:
            OSError: if the disk is full.
        """
        if reason := _no_archive(path):
            return Outcome(path, new, (reason,))
        with writing.locked(self.target, "a registry"):
            merge = merging.plan_merge([path], self.target, self.schemas, standing=self._standing)
            reasons = [_reason(str(problem), path) for problem in merge.problems]
            if not reasons and (why := self._incomparable(merge)):
                reasons = [why]
            if reasons:
                return Outcome(path, new, _few(reasons))
            merging.write(merge, self.target)
            self._standing.remember(merge.notes)
        remarks = tuple(self._remarks(merge))
        machines = tuple(arrival.machine for arrival in merge.arrivals)
        origin = "; ".join(dict.fromkeys(map(str, merge.arrivals)))
        return Outcome(path, new, (), machines, len(merge.new), merge.identical.total(), origin, remarks)

    def _incomparable(self, merge: Merge) -> str:
        """Why no run that an archive holds can be compared with others here; empty where one can."""
        found: Counter[str] = Counter()
        for path in (path for arrival in merge.arrivals for path in arrival.records):
            content = merge.new.get(path) or file_reader.read_bytes(str(self.target / path))
            record, workload = self._reader.record(path, content)
            why = self._difference(record, workload)
            if not why:
                return ""
            found[why] += 1
        kinds = "; ".join(f"{words.plural(count, 'run')} {why}" for why, count in found.most_common(_MOST_REASONS))
        asked = workloads.configuration_of(self.settings)
        return _line(
            f"Holds no run that can be compared here ({kinds or 'there is no run'}). Expected a run that is ok, with a "
            f"pinned stack, of this experiment: {_listed(asked)}, protocol {PROTOCOL}. Measure it with 'make "
            "benchmark' of the trainmark that this registry uses."
        )

    def _difference(self, record: Any, workload: file_reader.Workload) -> str:
        """Why a run is compared with none here; empty where it may be."""
        if record.status != OK:
            return f"with status {record.status}"
        if record.control:
            return f"of the control {record.control}"
        if stacks.is_unpinned(record.stack):
            return f"of {record.stack}, which no lock pins"
        if record.protocol != PROTOCOL:
            return f"of protocol {record.protocol}"
        if workload.settings_digest != self._digest:
            theirs = workloads.configuration_of(msgspec.to_builtins(workload.values))
            asked = workloads.configuration_of(self.settings)
            differs = {key: value for key, value in theirs.items() if value != asked.get(key)}
            return f"of another experiment ({_listed(differs) or 'other data, optimizer, loss or precision'})"
        return ""

    def _remarks(self, merge: Merge) -> Iterator[str]:
        """What a reader has to know of an archive that was taken."""
        if not merge.new:
            yield "Nothing new: all of it is there already."
        for path in merge.kept:
            yield f"{Path(path).relative_to(self.target)} differs in driver or system alone; the earlier one is kept."
        for arrival in merge.arrivals:
            names = self.computers.setdefault(arrival.identity, [])
            others = [name for name in names if name != arrival.machine]
            if others and arrival.identity[0] is not None:
                same = f"{arrival.machine} is the same computer as {words.and_words(others)}"
                yield f"{same}, measured under another name."
            if arrival.machine not in names:
                names.append(arrival.machine)


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {str(value).lower()}" for key, value in values.items())


def _reason(problem: str, path: Path) -> str:
    """A problem of a merge, without the folder in which the archive lies here."""
    return _line(problem.removeprefix(f"{path}: ").replace(str(path), path.name))


def _line(text: str) -> str:
    return words.cut(escaping.line(text), _LONGEST_REASON)


def _few(reasons: list[str]) -> tuple[str, ...]:
    rest = len(reasons) - _MOST_REASONS
    return (*reasons[:_MOST_REASONS], *([f"And {rest:,} more of the kind."] if rest > 0 else []))


def _no_archive(path: Path) -> str:
    """Why something in the folder of the archives is none, by its name and kind alone; empty where it may be one."""
    name = _line(layout.printable(path.name))
    if not stat.S_ISREG(path.lstat().st_mode):
        return f"{name} is a folder, a link or a device. Expected a file that 'make pack' wrote."
    if not path.name.endswith(ENDING):
        return f"{name} does not end in {ENDING}. Expected what 'make pack' wrote, and nothing else in this folder."
    return ""


def entries(registry: Path) -> list[Path]:
    """All that lies in a registry's folder of archives, sorted by name; hidden files are passed over.

    Raises:
        TrainmarkError: if there is no such folder.
    """
    folder = registry / ARCHIVES
    if not folder.is_dir() or folder.is_symlink():
        raise TrainmarkError(
            f"{folder} is no folder. A registry is a folder that holds {ARCHIVES}/ with what 'make pack' wrote, "
            f"as {ARCHIVES}/<machine>{ENDING}; docs/registry.md says how to make one."
        )
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def judge(registry: Registry, there: Path, before: Path | None) -> list[Outcome]:
    """Take every archive of a registry.

    Args:
        registry: with an empty target.
        there: the registry's folder.
        before: the same as it was published; None where all was. What is not in it, or has another content there, is
            new. It has to fit all of what was published, also what a changed registry no longer holds.

    Returns:
        What became of each: first of those published before, then of the new ones.
    """
    now = entries(there)
    if before is None:
        return [registry.take(path, new=False) for path in now]
    published = {path.name: path for path in entries(before)}
    old = {name: registry.take(path, new=False) for name, path in published.items()}
    found, new = [], []
    for path in now:
        if path.name in published and _same(path, published[path.name]):
            found.append(replace(old[path.name], path=path))
        else:
            new.append(registry.take(path))
    return found + new


def fill(registry: Registry, outcomes: list[Outcome], before: Path) -> list[Outcome]:
    """Take what the page is to have: what was taken, and the published version of what is refused in a new one.

    Args:
        registry: with an empty target. What a changed registry no longer holds does not get into it.
        outcomes: as ``judge`` gives them.
        before: the registry as it was published.

    Returns:
        The outcomes; one that was taken beside what was published, and fits no more without it, is refused.
    """
    found = []
    for each in outcomes:
        old = before / ARCHIVES / each.path.name
        if each.taken:
            again = registry.take(each.path, each.new)
            found.append(replace(each, reasons=again.reasons))
            continue
        if each.new and old.exists():
            registry.take(old, new=False)
        found.append(each)
    return found


def removed(there: Path, before: Path | None) -> list[str]:
    """Names of the archives that were published and are not there any more."""
    kept = {path.name for path in entries(there)}
    return [layout.printable(path.name) for path in entries(before) if path.name not in kept] if before else []


def _same(path: Path, other: Path) -> bool:
    """Whether two files are plain ones with the same content."""
    plain = all(stat.S_ISREG(each.lstat().st_mode) for each in (path, other))
    return plain and filecmp.cmp(path, other, shallow=False)
