"""Hypothesis strategies for records, machine files and sweeps: good ones, made bad.

A good document is changed in a few places, since what is wild from the first byte on is refused by the first check.
"""

import copy
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import strategies as st
from trainmark.machine import energy
from trainmark.records import record

from tests.conftest import (
    failed_record,
    older,
    path_of,
    synthetic_gpu,
    synthetic_machine,
    synthetic_record,
    synthetic_sweep,
)

MACHINE, START, END = "synthetic", "2026-01-01T00:00:00.000+00:00", "2026-01-01T00:00:30.000+00:00"
# Texts that terminals, HTML, Markdown, CSV, shells, file systems and readers of numbers take for something else.
TEXTS = [
    "",
    " ",
    "\x00",
    "\x1b[31mred",
    "a\nb",
    "a\r\nb",
    "\u202eabc",
    "\ud800",
    "é",
    "\U0001f600",
    "<script>",
    "](x)",
    "=1+1",
]
TEXTS += [
    "`x`",
    "$(touch x)",
    "{x}",
    "../x",
    "/etc/passwd",
    "C:\\x",
    "nan",
    "1e999",
    "null",
    "a" * 300,
    "x" * 200_000,
    "\\",
]
NUMBERS = [0, 1, -1, 2, 3, 10**9, 2**31, 2**53, 2**63, 2**64, 10**20, 10**400, -(10**20)]
NUMBERS += [
    0.0,
    -0.0,
    0.5,
    1.0,
    1e-300,
    5e-324,
    1e308,
    -1e308,
    1e16,
    0.1 + 0.2,
    float("nan"),
    float("inf"),
    -float("inf"),
]
DEEP = [json.loads("[" * 100 + "]" * 100), json.loads('{"a":' * 80 + "1" + "}" * 80)]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
)
values = st.one_of(
    scalars,
    st.sampled_from(DEEP),
    st.lists(scalars, max_size=4),
    st.dictionaries(st.sampled_from([*TEXTS[:20], "seed", "joules", "a"]), scalars, max_size=3),
)


def documents() -> dict[str, dict]:
    """Good documents of each kind, by a name that says which."""
    domain = {"domain": "package-0", "scope": "CPU package", "source": "synthetic", "counted": True, "joules": 800.0}
    metered = energy.total([domain | {"idle_watts": 1.0, "reason": None}], "cpu", 20.0, 5.0)
    found = {
        "record": synthetic_record(energy=metered),
        "GPU record": synthetic_record(
            device="gpu", gpu=synthetic_gpu("Synthetic GPU"), noise__gpu_throttle_shares={"power": 0.5}
        ),
        "failed record": failed_record(previous="5eed" * 16),
        "control": synthetic_record(control="device-data", execution__look_up_devices=["CPU:0"]),
        "machine": synthetic_machine(),
        "sweep": synthetic_sweep(),
    }
    for version in range(1, record.FORMAT_VERSION):
        found[f"record of format {version}"] = older(synthetic_record(), version)
    for data in found.values():
        data |= {key: value for key, value in (("started_at", START), ("ended_at", END)) if key in data}
    return found


DOCUMENTS = documents()


def place(data: dict) -> str:
    """Where a good document lies, below the folder of the machines."""
    if "products" in data:
        return f"{data['machine']}/roofline/{data['stack']}/{data['device']}.json"
    return "/".join(path_of(data).parts[2:]) if "repeat" in data else f"{data['machine']}/machine.json"


def each_path(value, path: tuple = ()) -> Iterator[tuple]:
    """Every path into a document."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from each_path(each, (*path, key))


def put(data, path: tuple, make) -> None:
    """Change a value in a document to what ``make`` makes of it; ``...`` removes it."""
    for key in path[:-1]:
        data = data[key]
    made = make(data[path[-1]])
    if made is ...:
        del data[path[-1]]
    else:
        data[path[-1]] = made


def nearby(value):
    """Values that are like this one, and may pass where wild ones do not."""
    if isinstance(value, bool) or value is None:
        return st.sampled_from([True, False, None, 0, 1])
    if isinstance(value, (int, float)):
        if abs(value) > sys.float_info.max:
            return st.sampled_from([-value, value + 1, str(value)])
        factors = st.sampled_from([0, 0.5, 0.999999, 1.000001, 2, -1, 1e3, 1e-3, 1e6, 1e30])
        return st.one_of(
            factors.map(lambda f: value * f), st.just(value + 1), st.just(float(value)), st.just(str(value))
        )
    if isinstance(value, str):
        return st.one_of(
            st.just(value + "x"), st.just(value[:-1]), st.just(value * 50), st.just(value.upper()), st.text()
        )
    if isinstance(value, list):
        return st.sampled_from([[], value * 2, value[:-1], [*value, None], value * 2000, [value]])
    return st.sampled_from(
        [{}, list(value.values()), [value], {**value, "": 1}, {**value, **{f"k{n}": 1 for n in range(99)}}]
    )


@st.composite
def changed(draw, data: dict) -> dict:
    """A document that was changed in a few places."""
    data = copy.deepcopy(data)
    for _ in range(draw(st.integers(0, 3))):
        paths = list(each_path(data))
        path = draw(st.sampled_from(paths))
        kind = draw(st.sampled_from(["near", "near", "wild", "gone", "added", "copied"]))
        value = data
        for key in path:
            value = value[key]
        if kind == "near":
            new = draw(nearby(value))
        elif kind == "wild":
            new = copy.deepcopy(draw(values))
        elif kind == "gone":
            new = ...
        elif kind == "copied":
            new = copy.deepcopy(_value_at(data, draw(st.sampled_from(paths))))
        else:
            new = {**value, draw(st.sampled_from(TEXTS)): draw(scalars)} if isinstance(value, dict) else [value]
        put(data, path, lambda _, made=new: made)
        if not data:
            break
    return data


def _value_at(data, path: tuple):
    for key in path:
        data = data[key]
    return data


def encode(data) -> bytes:
    """JSON, with NaN and with halves of characters."""
    return json.dumps(data, ensure_ascii=True).encode()


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """Bytes that were changed in a few places."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, max(0, len(content))))
        kind = draw(st.sampled_from(["cut", "flip", "insert", "repeat", "drop"]))
        if kind == "cut":
            content = content[:start]
        elif kind == "flip":
            content = content[:start] + bytes(255 - each for each in content[start : start + 3]) + content[start + 3 :]
        elif kind == "insert":
            content = (
                content[:start]
                + draw(st.sampled_from([b"\0", b"\xff", b'"', b"{", b"[" * 5000, b"1" * 5000]))
                + content[start:]
            )
        elif kind == "repeat":
            content = content[:start] + content[start : start + 40] * 2 + content[start + 40 :]
        else:
            content = content[:start] + content[start + draw(st.integers(1, 40)) :]
    return content


@st.composite
def doubled(draw, content: bytes) -> bytes:
    """JSON in which a key stands twice."""
    keys = list(re.finditer(rb'"(\w+)": ("[^"]*"|[-\d.]+)', content))
    if not keys:
        return content
    match = draw(st.sampled_from(keys))
    other = draw(st.sampled_from([match[0], b'"%s": 1' % match[1], b'"%s": null' % match[1]]))
    return content[: match.start()] + other + b", " + content[match.start() :]


@dataclass(frozen=True)
class File:
    """A file below the folder of the machines."""

    path: str
    content: bytes = field(repr=False)


@st.composite
def files(draw, kinds=tuple(DOCUMENTS)) -> File:
    """A file that is named like a result, with whatever in it."""
    data = DOCUMENTS[draw(st.sampled_from(kinds))]
    content = encode(draw(changed(data)))
    content = draw(st.one_of(st.just(content), st.just(content), damaged(content), doubled(content)))
    return File(place(data), content)
