"""New records that are measurements of another machine, under another name."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from trainmark.ingest import consistency, file_reader
from trainmark.ingest.admission import Refusal
from trainmark.ingest.bad_files import BadFileError
from trainmark.ingest.consistency import Facts
from trainmark.ingest.file_reader import Reader
from trainmark.records import chain, layout


class Starts:
    """Which records below a folder of machines started when: read once, and kept up with what comes.

    Two records of one start may be one measurement; most archives bring no start that is there, so that of all that is
    there nothing has to be read again.

    Args:
        machines: results/machines.
    """

    def __init__(self, machines: Path) -> None:
        self._machines = machines
        self._paths: dict[str, set[str]] | None = None
        # Records whose start is not where this project writes it: found by parsing alone.
        self._unclear: set[str] = set()

    def add(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Know of records that have come, given by path and content."""
        paths = self._found()
        for path, content in records:
            self._add(paths, path, content)

    def of(self, starts: Collection[str]) -> set[str]:
        """Paths of the records that may have started at one of these times; some may have gone meanwhile."""
        paths = self._found()
        return self._unclear.union(*(paths.get(start, ()) for start in starts)) if starts else set()

    def _found(self) -> dict[str, set[str]]:
        if self._paths is None:
            self._paths = defaultdict(set)
            for path, entry in layout.result_files(self._machines):
                with contextlib.suppress(BadFileError):
                    if layout.RECORD.fullmatch(path):
                        self._add(self._paths, path, file_reader.read_bytes(entry.path))
        return self._paths

    def _add(self, paths: dict[str, set[str]], path: str, content: bytes) -> None:
        match = chain.START.search(content)
        (paths[match[1].decode(errors="replace")] if match else self._unclear).add(path)


def find(
    machines: Path, new: Mapping[str, bytes], came: Collection[str], starts: Starts, reader: Reader
) -> list[Refusal]:
    """New records that are measurements of another machine that is there, or that comes, too.

    Args:
        machines: results/machines.
        new: path and content of all files that are to come.
        came: paths of those that have not been looked at yet.
        starts: of the records that are there, and of those of ``new`` that have been looked at.
        reader: of files.
    """
    contents = {path: new[path] for path in came if path in new and layout.RECORD.fullmatch(path)}
    wanted = {reader.record(path, content)[0].started_at for path, content in contents.items()}
    for path in starts.of(wanted) - contents.keys():
        with contextlib.suppress(BadFileError):
            content = new[path] if path in new else file_reader.read_bytes(str(machines / path))
            reader.record(path, content)
            contents[path] = content
    facts: dict[str, Facts] = {}
    for path, content in sorted(contents.items()):
        machine = path.partition("/")[0]
        facts.setdefault(machine, Facts(machine)).add(reader, path, content)
    copies = consistency.find_copies(facts.values(), lambda path: consistency.losses(reader, path, contents[path]))
    found = []
    for (machine, other), paths in copies.items():
        entering = [path for path in paths if path in new]
        if entering:
            problem = consistency.copies_problem(machine, other, len(entering))
            found.append(Refusal(entering, machine, problem.what, problem.remedy))
    return found
