"""Hypothesis strategies for records, machine files, sweeps, archives and configurations: good ones, made bad.

A good document is changed in a few places, since what is wild from the first byte on is refused by the first check.
"""

import copy
import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import strategies as st
from trainmark.ingest import signing
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


NAMES = [
    place(DOCUMENTS["record"]),
    "synthetic/machine.json",
    "synthetic/SHA256SUMS",
    "synthetic/SHA256SUMS.sig",
    "SHA256SUMS",
    "results/machines/x/machine.json",
]
NAMES += [
    "../x.json",
    "/tmp/x.json",
    "a/../../x.json",
    "..\\x.json",
    "C:\\x.json",
    "",
    ".",
    "/",
    "./",
    "a//b.json",
    ".hidden.json",
]
NAMES += [
    "a\x00b.json",
    "a\nb.json",
    "\x1b[31m.json",
    "é.json",
    "a" * 300 + ".json",
    "a/" * 40 + "b.json",
    "readme.txt",
    "x.JSON",
]
KINDS = [
    tarfile.REGTYPE,
    tarfile.AREGTYPE,
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
    tarfile.CHRTYPE,
]
KINDS += [tarfile.GNUTYPE_SPARSE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.CONTTYPE, b"Z"]
names = st.one_of(st.sampled_from(NAMES), st.sampled_from(NAMES[:5]), st.text(max_size=12))
contents = st.one_of(
    st.sampled_from([encode(data) for data in DOCUMENTS.values()]),
    files().map(lambda file: file.content),
    st.binary(max_size=200),
    st.sampled_from([b"", bytes(2**21), b"1" * 60_000, b"0 x\n" * 100]),
)
good = st.sampled_from([(place(data), encode(data)) for data in DOCUMENTS.values()])
loose = st.lists(
    st.one_of(good, good, files().map(lambda file: (file.path, file.content)), st.tuples(names, contents)), max_size=5
)
# A good signature, of other checksums.
SIGNATURE = "\n".join([signing.BEGIN, *signing.SAMPLE_SIGNATURE.split(), signing.END, ""]).encode()
signatures = st.one_of(st.just(SIGNATURE), damaged(SIGNATURE), st.binary(max_size=200))


@st.composite
def packed(draw) -> list[tuple[str, bytes]]:
    """Good files with their checksums, and perhaps with a signature, which is never of these."""
    found = draw(st.lists(good, min_size=1, max_size=3, unique_by=lambda file: file[0]))
    lines = [f"{hashlib.sha256(content).hexdigest()}  {path.partition('/')[2]}\n" for path, content in found]
    found.append(("synthetic/SHA256SUMS", "".join(lines).encode()))
    return found + [("synthetic/SHA256SUMS.sig", each) for each in draw(st.lists(signatures, max_size=1))]


members = st.one_of(loose, loose, loose, packed())


@st.composite
def tar_archives(draw) -> bytes:
    """A tar archive of members of every kind, whose headers may say something else than what follows."""
    buffer = io.BytesIO()
    options = {"format": draw(st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))}
    with tarfile.open(fileobj=buffer, mode="w", **options) as archive:
        for name, content in draw(members):
            member = tarfile.TarInfo(name)
            member.type = draw(st.sampled_from([*KINDS, *[tarfile.REGTYPE] * 60]))
            member.linkname = draw(st.sampled_from(["", "/etc/passwd", "../x", name]))
            member.size = len(content)
            if draw(st.booleans()) and options["format"] == tarfile.PAX_FORMAT:
                keys = st.sampled_from(
                    ["path", "size", "GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.name", "mtime", "x"]
                )
                member.pax_headers = draw(
                    st.dictionaries(keys, st.sampled_from(["0", "-1", "1" * 50, "x" * 5000, "../y", "0,1"]))
                )
            try:
                archive.addfile(member, io.BytesIO(content))
            except (ValueError, OSError, UnicodeError):  # what this format has no room for
                continue
    return buffer.getvalue()


@st.composite
def zip_archives(draw) -> bytes:
    """A zip archive, with sizes and methods that may be wrong."""
    buffer = io.BytesIO()
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w") as archive:  # of names that stand twice
        for name, content in draw(members):
            info = zipfile.ZipInfo(name or "x")
            info.compress_type = draw(st.sampled_from(methods))
            info.external_attr = draw(st.sampled_from([0, 0o100644 << 16, 0o120777 << 16, 0o020666 << 16, 0x10]))
            try:
                archive.writestr(info, content)
            except (ValueError, UnicodeError):
                continue
    content = buffer.getvalue()
    if draw(st.booleans()):
        old, new = draw(
            st.sampled_from([(b"\x08\0", b"\x63\0"), (b"PK\x01\x02", b"PK\x01\x03"), (b"\x14\0", b"\xff\0")])
        )
        content = content.replace(old, new, 1)
    return content


@st.composite
def archives(draw) -> bytes:
    """An archive of any kind, whole or damaged."""
    content = draw(st.one_of(tar_archives(), tar_archives(), zip_archives(), st.binary(max_size=600)))
    if draw(st.booleans()):
        content = gzip.compress(content, 1)
    return draw(st.one_of(st.just(content), st.just(content), damaged(content)))


PLAIN = [
    "1",
    "0",
    "-1",
    "3.0",
    "017",
    "0x10",
    "1_000",
    "1:30",
    ".nan",
    ".inf",
    "1e3",
    "1.0e3",
    "true",
    "no",
    "~",
    "null",
    "''",
]
PLAIN += [
    "[]",
    "{}",
    "[1, 1]",
    "[a, b]",
    "{a: 1}",
    "auto",
    "nobody",
    '"a{x}b"',
    '"\\0"',
    '"\\ud800"',
    '"\\e[31m"',
    "2026-01-01",
]
PLAIN += [
    "9" * 5000,
    "[" * 2000,
    "&a [*a]",
    "*b",
    "!!python/object:os.system x",
    "<<",
    "x" * 5000,
    "|\n  a\n  b",
    "'../x'",
    "/dev/zero",
]
PLAIN += [
    "[config/claims/article.yaml]",
    "[/dev/zero]",
    "config/references.yaml",
    "[32, 64]",
    "[cpu]",
    "[gpu]",
    "[mlp]",
    "[tf-2.19]",
]


@st.composite
def configurations(draw, text: str) -> bytes:
    """A configuration file in which some values, keys or bytes are others.

    Args:
        draw: hypothesis's.
        text: of a good one, with one key a line.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        number = draw(st.integers(0, len(lines) - 1))
        key, _, value = lines[number].partition(": ")
        kind = draw(st.sampled_from(["value", "value", "value", "key", "twice", "gone", "tab", "text"]))
        if kind == "value":
            lines[number] = f"{key}: {draw(st.sampled_from(PLAIN))}"
        elif kind == "key":
            lines[number] = (
                f"{draw(st.sampled_from([key[:-1], key.upper(), '1', '? [a]', '<<', '', key + key]))}: {value}"
            )
        elif kind == "twice":
            lines.insert(number, lines[number])
        elif kind == "gone" and len(lines) > 1:
            del lines[number]
        elif kind == "tab":
            lines[number] = f"\t{lines[number]}"
        else:
            lines[number] = draw(st.text(max_size=30))
    content = "\n".join(lines).encode(errors="surrogatepass") + b"\n"
    return draw(st.one_of(st.just(content), st.just(content), st.just(content), damaged(content)))
