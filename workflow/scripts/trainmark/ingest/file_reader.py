"""Records and machine files, read and checked: nothing that is not what it says reaches a table.

A file is checked for being readable, for its format and schema, for lying where it belongs, for its digest, and for
values that can be. Every fault is a sentence for the person who has the file, with what to do about it.
"""

from __future__ import annotations

import datetime
import json
import operator
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from trainmark import escaping, files
from trainmark.experiment import grid, workloads
from trainmark.ingest import plausibility, schemas
from trainmark.machine import energy, hardware, meters
from trainmark.records import layout
from trainmark.records.record import FORMAT_VERSION, OK, ROOFLINE_FORMAT

AGAIN = "Get it again from where it came, or remove it; a run of this machine is then measured again"
_LONGEST_SHOWN = 120  # of a name that may be anything
_DEEPEST = 20  # of lists and objects within each other; a record has 5
_MOST_DIGITS = 20  # of a whole number; the longest that a record may hold has 16


class BadFileError(Exception):
    """A file that is not what it should be.

    Attributes:
        what: is wrong; continues a sentence that begins with the file's name.
        remedy: what to do.
    """

    def __init__(self, what: str, remedy: str = AGAIN) -> None:
        super().__init__(f"{what}. {remedy}.")
        self.what, self.remedy = what, remedy


@dataclass(frozen=True)
class Problem:
    """One file that cannot be used."""

    path: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return escaping.line(f"{self.path}: {self.what}. {self.remedy}.")


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


# What format 3 has added to a record's noise.
NOISE_SINCE_3: tuple[str, ...] = (
    "fit_other_cpu_seconds",
    "fit_throttle_events",
    "power_source",
    "low_power_mode",
    "thermal_pressure",
)
NOISE_SINCE_3 += tuple(f"fit_{kind}_pressure_seconds" for kind in ("cpu", "memory", "io"))
NOISE_SINCE_3 += ("gpu_temperature_celsius", "gpu_clock_hertz", "gpu_throttle_shares", "gpu_processes_before")
NOISE_SINCE_3 += ("cool_down_seconds",)


@dataclass(frozen=True)
class Upgrade:
    """How a file becomes one of the next format.

    Attributes:
        added: fields that the next format has and this one has not; an older file that holds one is none.
        make: the file's content anew, but for the number of the format.
    """

    added: tuple[str, ...]
    make: Callable[[dict[str, Any]], dict[str, Any]]


def _format_4(data: dict[str, Any]) -> dict[str, Any]:
    """A record of format 3 as one of format 4. Its energy may hold that of a device that did not train."""
    found = {**data, "gpu": None}
    found["environment"] = {**data["environment"], "dropped_variables": None}
    found["noise"] = {**data["noise"], "suspended_seconds": None, "clock_jump_seconds": None}
    if data["status"] == OK:
        found["execution"] = {**data["execution"], "image_data_format": None, "optimizer_operations": None}
    old = data["energy"]
    foreign = {"cpu": meters.BOARD, "gpu": meters.PACKAGE}.get(data["device"])
    counts = [part["joules"] is not None and part["scope"] != foreign for part in old["domains"]]
    domains = [{**part, "counted": each} for part, each in zip(old["domains"], counts)]
    if old["joules"] is None:
        found["energy"] = {**old, "idle_reason": old["reason"], "domains": domains}
    else:
        found["energy"] = energy.total(domains, data["device"], old["window_seconds"], old["idle_seconds"])
    return found


# The energy of records of formats 1 and 2, as format 3 has it.
_UNMEASURED_BEFORE_3 = {
    key: value for key, value in energy.unmeasured("records of this format hold none").items() if key != "idle_reason"
}
# Format of a record -> how it becomes one of the next format. Older records are read for ever.
UPGRADES = {
    1: Upgrade(("identity",), lambda data: {**data, "identity": {"machine_id_hash": None, "hardware": None}}),
    2: Upgrade(
        ("control", "energy", "peak_device_memory_bytes", *(f"noise.{name}" for name in NOISE_SINCE_3)),
        lambda data: {
            **data,
            "control": None,
            "noise": {**dict.fromkeys(NOISE_SINCE_3), **data["noise"]},
            "energy": _UNMEASURED_BEFORE_3,
            "peak_device_memory_bytes": None,
        },
    ),
    3: Upgrade(
        (
            "gpu",
            "environment.dropped_variables",
            "execution.image_data_format",
            "execution.optimizer_operations",
            "noise.suspended_seconds",
            "noise.clock_jump_seconds",
            "energy.idle_reason",
        ),
        _format_4,
    ),
    4: Upgrade(("previous",), lambda data: {**data, "previous": None}),
}


def _upgrade_machine(data: dict[str, Any]) -> dict[str, Any]:
    """A machine file of format 1 as one of format 2."""
    cores = dict(data["cores"])
    levels = {kind: cores.pop(kind) for kind in ("performance", "efficiency")}
    known = {kind: count for kind, count in levels.items() if count is not None}
    gpus = [{**gpu, "compute_capability": None, "mig_profile": None} for gpu in data["gpus"]]
    return {**data, "cores": {**cores, "levels": known or None}, "gpus": gpus}


# The same of machine files.
MACHINE_UPGRADES = {1: Upgrade(("cores.levels",), _upgrade_machine)}


def upgrade(data: dict[str, Any], upgrades: Mapping[int, Upgrade]) -> dict[str, Any]:
    """The content of an older file as the newest format has it.

    Raises:
        BadFileError: if it does not follow its own format.
    """
    while (version := data["format_version"]) in upgrades:
        for name in upgrades[version].added:
            part, _, key = name.rpartition(".")
            inside = data.get(part) if part else data
            if isinstance(inside, dict) and key in inside:
                raise BadFileError(
                    f"does not follow its schema: {name} is there, which formats up to {version} have not"
                )
        try:
            data = {**upgrades[version].make(data), "format_version": version + 1}
        except KeyError as missing:
            raise BadFileError(f"does not follow its schema: it has no {missing.args[0]}") from None
        except (TypeError, AttributeError, ValueError, ArithmeticError):
            raise BadFileError(f"does not follow its schema: a part is not what format {version} has there") from None
    return data


class Reader:
    """Reads records and machine files.

    Args:
        folder: of the schemas.
    """

    def __init__(self, folder: Path) -> None:
        schema = schemas.load(folder / "record.schema.yaml")
        self._record = msgspec.json.Decoder(schemas.compile_type(schema, "Record", raw=("workload",)))
        self._workload = msgspec.json.Decoder(schemas.compile_type(schema["properties"]["workload"], "Workload"))
        self._machine = msgspec.json.Decoder(
            schemas.compile_type(schemas.load(folder / "machine.schema.yaml"), "Machine")
        )
        self._roofline = msgspec.json.Decoder(
            schemas.compile_type(schemas.load(folder / "roofline.schema.yaml"), "Roofline")
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
        record = _decode(self._record, content, FORMAT_VERSION, UPGRADES)
        workload = self._workload_of(record)
        _check_place(path, record)
        if workload.digest != record.workload_digest:
            raise BadFileError(
                f"was edited: the digest of its workload is {workload.digest[:12]}..., and it says "
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
        machine = _decode(self._machine, content, hardware.FORMAT_VERSION, MACHINE_UPGRADES)
        folder = path.split("/")[0]
        if machine.machine != folder:
            raise BadFileError(f"says machine {machine.machine!r} but lies under {folder!r}", _rename_remedy(folder))
        return machine

    def roofline(self, path: str, content: bytes) -> Any:
        """A sweep of matrix products; arguments and errors as for ``record``."""
        found = _decode(self._roofline, content, ROOFLINE_FORMAT)
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
            try:
                values = self._workload.decode(raw)
            except _UNDECODABLE as error:
                raise BadFileError(_explain(error, {"workload": _parse_any(raw)}, "workload")) from None
            _refuse_double_keys(raw, values)
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
        "Records are <machine>/runs/<stack>/<device>/<model>/<batch_size>/<repeat>.json; move it there, or remove it",
    )


def _check_place(path: str, record: Any) -> None:
    """Demand that a record lies where its cell and repeat belong."""
    machine, *kind, stack, device, model, batch_size, name = path.split("/")
    if (
        record.machine == machine
        and kind == (["controls", record.control] if record.control else ["runs"])
        and record.stack == stack
        and record.device == device
        and record.model == model
        and str(record.batch_size) == batch_size
        and f"{record.repeat}.json" == name
    ):
        return
    cell = grid.Cell(record.machine, record.stack, record.device, record.model, record.batch_size)
    run = grid.Run(cell, record.repeat, record.control)
    right = run.path
    alone = str(right.relative_to(grid.MACHINES / record.machine)) == path.partition("/")[2]
    raise BadFileError(
        f"is the record of {record.machine} {run}, which belongs to {right}",
        _rename_remedy(machine) if alone else "Move it there, or remove it",
    )


def _rename_remedy(folder: str) -> str:
    old = shlex.quote(f"MACHINE={folder}")
    return f"Give the folder its old name back, or rename it in full: make rename {old} TO=another-name"


# What a decoder raises on bytes that are not what it is for.
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


_NO_UPGRADES: Mapping[int, Upgrade] = {}


def _decode(
    decoder: msgspec.json.Decoder[Any], content: bytes, newest: int, upgrades: Mapping[int, Upgrade] = _NO_UPGRADES
) -> Any:
    """What a decoder makes of a file.

    Args:
        decoder: for files of the newest format.
        content: of the file.
        newest: number of that format.
        upgrades: of each older format that is read.

    Raises:
        BadFileError: saying what is wrong.
    """
    try:
        found = decoder.decode(content)
    except _UNDECODABLE as error:
        data = _parse(content)
        _refuse_newer(data, newest)
        if _version_of(data) not in upgrades:
            raise BadFileError(_explain(error, data)) from None
        data = upgrade(data, upgrades)
        try:
            return decoder.decode(json.dumps(data).encode())
        except msgspec.MsgspecError as upgraded:
            raise BadFileError(_explain(upgraded, data)) from None
    _refuse_double_keys(content, found)
    return found


def _refuse_double_keys(content: bytes, found: Any) -> None:
    """Refuse a file in which a key stands twice in one object: readers would differ in which value they believe.

    A decoder keeps the last one, so that what it has decoded, written again, has fewer colons; those within texts are
    the same in both, unless a backslash hides one.
    """
    if b"\\" in content or content.count(b":") != msgspec.json.encode(found).count(b":"):
        _parse_any(content)


def _parse(content: bytes) -> dict[str, Any]:
    """The file as plain JSON, to say what is wrong with it."""
    data = _parse_any(content)
    if not isinstance(data, dict):
        raise BadFileError("is JSON, but not a record")
    return data


def _parse_any(content: bytes) -> Any:
    """Any JSON, but none that readers understand in different ways.

    Raises:
        BadFileError: if it is none.
    """
    if not content.strip():
        raise BadFileError("is empty")
    try:
        found = json.loads(
            content.decode(), parse_constant=_refuse_constant, parse_int=_whole_number, object_pairs_hook=_single_keys
        )
    except UnicodeDecodeError as error:
        raise BadFileError(f"is not UTF-8 text ({error.reason})") from None
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(error.doc.rstrip()) - 1 or error.msg.startswith("Unterminated")
        what, why = "is cut off" if at_end else "is not JSON", error.msg.removesuffix(" starting at")
        raise BadFileError(f"{what} ({why}, line {error.lineno})") from None
    except RecursionError:
        raise BadFileError(_DEEP) from None
    level = [found]
    for _ in range(_DEEPEST):
        level = [each for value in level if isinstance(value, (dict, list)) for each in _inside(value)]
    if level:
        raise BadFileError(_DEEP)
    return found


_DEEP = "is nested deeper than any record"


def _inside(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _refuse_constant(constant: str) -> None:
    raise BadFileError(f"holds {constant}, which is no number; a record has null in its place")


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:  # Python itself refuses to read some thousands of them
        raise BadFileError(f"holds a whole number of {len(digits):,} digits, which no record has")
    return int(digits)


def _single_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        double = next(key for key in found if sum(key == other for other, _ in pairs) > 1)
        raise BadFileError(f"has the key {layout.printable(json.dumps(double)[:80])} twice in one object")
    return found


def _version_of(data: Mapping[str, Any]) -> int | None:
    """The format of a file; None where it names none."""
    version = data.get("format_version")
    return version if type(version) is int else None  # True is an int, too


def _refuse_newer(data: Mapping[str, Any], newest: int) -> None:
    version, code = _version_of(data), data.get("code")
    if version is not None and version > newest:
        writer = code.get("version") if isinstance(code, dict) else None
        by = f"trainmark {writer}" if isinstance(writer, str) else "a newer trainmark"
        raise BadFileError(
            f"has format {version}, and this trainmark reads formats up to {newest}",
            f"Update: it was written by {layout.printable(by[:80])}",
        )


def _explain(error: Exception, data: Mapping[str, Any], part: str = "") -> str:
    """What a schema demands and what was found.

    Args:
        error: msgspec's.
        data: of the file, or of its ``part``.
        part: of which msgspec has spoken, under whose name ``data`` has it; the whole file if not given.
    """
    text = str(error)
    match = re.fullmatch(r"(.*) - at (?:`key` in )?`\$\.?(.*)`", text, re.DOTALL)
    expected, where = (match[1], match[2]) if match else (text, "")
    expected, where = expected.replace("`", ""), f"{part}.{where}".strip(".")
    if not where or expected.startswith("Object "):
        words = f"{where[:_LONGEST_SHOWN]} {expected.removeprefix('Object ')[:_LONGEST_SHOWN]}".strip()
        return f"does not follow its schema: {layout.printable(words)}"
    value: Any = data
    for name in re.findall(r"[^.\[\]]+", where):
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else value
        elif isinstance(value, dict):
            value = value.get(name, value)
    found = layout.printable(json.dumps(value)[:80])
    return f"does not follow its schema: {where[:_LONGEST_SHOWN]} is {found}; {expected[0].lower()}{expected[1:]}"
