"""What a file holds, decoded, or why it cannot be: it is no JSON, of another format, or does not follow its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from trainmark.ingest.bad_files import BadFileError
from trainmark.ingest.older_formats import Upgrade, upgrade
from trainmark.records import layout

_LONGEST_SHOWN = 120  # of a name that may be anything
_DEEPEST = 20  # of lists and objects within each other; a record has 5
_MOST_DIGITS = 20  # of a whole number; the longest that a record may hold has 16
# What a decoder raises on bytes that are not what it is for.
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NO_UPGRADES: Mapping[int, Upgrade] = {}


def decode(
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


def decode_part(decoder: msgspec.json.Decoder[Any], content: bytes, part: str) -> Any:
    """What a decoder makes of a part of a file that the file's own decoder has left as it is.

    Args:
        decoder: for that part.
        content: of it.
        part: its name in the file.

    Raises:
        BadFileError: saying what is wrong.
    """
    try:
        found = decoder.decode(content)
    except _UNDECODABLE as error:
        raise BadFileError(_explain(error, {part: _parse_any(content)}, part)) from None
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
    raise BadFileError(f"holds {constant}, which is not a number; a record has null instead")


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
            f"has format {version}, but this trainmark reads formats up to {newest}",
            f"Update trainmark: the file was written by {layout.printable(by[:80])}",
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
