"""Records and machine files, read and checked: nothing that is not what it says reaches a table.

A file is checked for being readable, for its format and schema, for lying where it belongs, for its digest, and for
values that can be. Every fault is a sentence for the person who has the file, with what to do about it.
"""

from __future__ import annotations

import datetime
import operator
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from trainmark import files
from trainmark.experiment import grid, suites, workloads
from trainmark.ingest import decoding, plausibility, schemas, yaml_file
from trainmark.ingest.bad_files import BadFileError
from trainmark.ingest.older_formats import MACHINE_UPGRADES, UPGRADES
from trainmark.machine import hardware
from trainmark.records import layout
from trainmark.records.record import FORMAT_VERSION, OK, ROOFLINE_FORMAT


@dataclass(frozen=True)
class Workload:
    """What a record's runs computed.

    Attributes:
        values: as the record holds them.
        digest: of all of them.
        settings_digest: of all but the model.
    """

    values: Any
    digest: str
    settings_digest: str


def read_bytes(path: str, most: int = files.LARGEST_BYTES) -> bytes:
    """A file's content.

    Args:
        path: of the file.
        most: bytes that it may have.

    Raises:
        BadFileError: if it is no readable file, or too large to be one of ours.
    """
    try:
        content = files.read_start(path, most)
    except IsADirectoryError:
        raise BadFileError(
            "is a folder where a file should be", "Remove it, or move what is in it to its place"
        ) from None
    except OSError as error:
        raise BadFileError(f"cannot be read ({error.strerror})", "Mend its permissions or get it again") from None
    if len(content) > most:
        raise BadFileError(f"is larger than {most:,} bytes, which no record is")
    return content


class Reader:
    """Reads records and machine files.

    Args:
        folder: of the schemas.
    """

    def __init__(self, folder: Path) -> None:
        schema = yaml_file.read(folder / "record.schema.yaml")
        self._record = msgspec.json.Decoder(schemas.compile_type(schema, "Record", raw=("workload",)))
        self._workload = msgspec.json.Decoder(schemas.compile_type(schema["properties"]["workload"], "Workload"))
        self._machine = msgspec.json.Decoder(
            schemas.compile_type(yaml_file.read(folder / "machine.schema.yaml"), "Machine")
        )
        self._roofline = msgspec.json.Decoder(
            schemas.compile_type(yaml_file.read(folder / "roofline.schema.yaml"), "Roofline")
        )
        parts = schema["then"]["properties"].items()
        self._when_ok = [f"{part}.{name}" for part, rule in parts for name in rule.get("required", ())]
        self._of_ok = operator.attrgetter(*self._when_ok)
        self._workloads: dict[bytes, Workload] = {}
        tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        self._latest = tomorrow.isoformat(timespec="milliseconds")

    def record(self, path: str, content: bytes) -> tuple[Any, Workload]:
        """A record and its workload.

        Args:
            path: relative to the folder of the machines.
            content: of the file.

        Raises:
            BadFileError: if it is not what it should be.
        """
        record = decoding.decode(self._record, content, FORMAT_VERSION, UPGRADES)
        workload = self._workload_of(record)
        _check_place(layout.of_session(path)[1], record, workload.values.suite or suites.DEFAULT)
        if workload.digest != record.workload_digest:
            raise BadFileError(
                f"was edited: the digest of its workload is {workload.digest[:12]}..., but it says "
                f"{record.workload_digest[:12]}..."
            )
        if record.status == OK:
            self._check_complete(record)
        impossible = plausibility.find_impossible(record, workload.values, self._latest)
        if impossible:
            raise BadFileError(f"cannot be true: {impossible}")
        return record, workload

    def machine(self, path: str, content: bytes) -> Any:
        """A machine file; arguments and errors as for ``record``."""
        machine = decoding.decode(self._machine, content, hardware.FORMAT_VERSION, MACHINE_UPGRADES)
        folder = path.split("/")[0]
        if machine.machine != folder:
            raise BadFileError(f"says machine {machine.machine!r} but lies under {folder!r}", _rename_remedy(folder))
        return machine

    def roofline(self, path: str, content: bytes) -> Any:
        """A sweep of matrix products; arguments and errors as for ``record``."""
        found = decoding.decode(self._roofline, content, ROOFLINE_FORMAT)
        path = layout.of_session(path)[1]
        if path != f"{found.machine}/roofline/{found.stack}/{found.device}.json":
            where = path.removesuffix(".json").replace("/roofline/", "/", 1)
            what = f"says {found.machine} {found.stack} {found.device} but lies under {where}"
            raise BadFileError(what, _rename_remedy(path.partition("/")[0]))
        return found

    def result(self, path: str, content: bytes) -> Any:
        """A record, a machine file or a sweep, as belongs where it lies; arguments and errors as for ``record``."""
        if layout.RECORD.fullmatch(path):
            return self.record(path, content)[0]
        if layout.MACHINE_FILE.fullmatch(path):
            return self.machine(path, content)
        if layout.ROOFLINE.fullmatch(path):
            return self.roofline(path, content)
        raise misplaced(path)

    def _workload_of(self, record: Any) -> Workload:
        raw = bytes(record.workload)
        found = self._workloads.get(raw)
        if found is None:
            values = decoding.decode_part(self._workload, raw, "workload")
            known = [name for name in suites.NAMES if name != suites.DEFAULT]  # which no workload names
            if values.suite is not msgspec.UNSET and values.suite not in known:
                raise BadFileError(
                    f"is of the suite {values.suite!r}, which is not known here; expected none or one of "
                    f"{', '.join(known)}",
                    "Update trainmark if that suite is new, or move the file away",
                )
            plain = msgspec.to_builtins(values)
            found = Workload(values, workloads.digest(plain), workloads.settings_digest(plain))
            self._workloads[raw] = found
        return found

    def _check_complete(self, record: Any) -> None:
        values = self._of_ok(record)
        if msgspec.UNSET in values:
            raise BadFileError(f"has status ok but no {self._when_ok[values.index(msgspec.UNSET)]}")
        if record.accuracy is None:
            raise BadFileError("has status ok but no accuracy")


def misplaced(path: str) -> BadFileError:
    """What to say of a file that is named like a result and lies where none belongs."""
    if path != layout.printable(path):
        return BadFileError("has a name that is not UTF-8", "Rename it, or remove it")
    return BadFileError(
        "lies where no record and no machine file belongs",
        "Records are <machine>/runs/<stack>/<device>/<model>/<batch_size>/<repeat>.json, those of another suite than "
        f"{suites.DEFAULT} <machine>/suites/<suite>/runs/..., those of an earlier session "
        "<machine>/sessions/<time>/runs/...; move it there, or remove it",
    )


def _check_place(path: str, record: Any, suite: str) -> None:
    """Demand that a record lies where its suite, cell and repeat belong."""
    cell = grid.Cell(record.machine, record.stack, record.device, record.model, record.batch_size)
    run = grid.Run(cell, record.repeat, record.control, suite)
    if run.place == path:
        return
    machine, right = path.partition("/")[0], run.path
    alone = str(right.relative_to(grid.MACHINES / record.machine)) == path.partition("/")[2]
    raise BadFileError(
        f"is the record of {record.machine} {run}, which belongs to {right}",
        _rename_remedy(machine) if alone else "Move it there, or remove it",
    )


def _rename_remedy(folder: str) -> str:
    old = shlex.quote(f"MACHINE={folder}")
    return f"Give the folder its old name back, or rename it in full: make rename {old} TO=another-name"
