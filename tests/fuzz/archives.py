"""Hypothesis strategies for archives, of good files and bad ones, whose headers and bytes may be anything."""

import gzip
import hashlib
import io
import tarfile
import warnings
import zipfile

from hypothesis import strategies as st
from trainmark.ingest import signing

from tests.fuzz.strategies import DOCUMENTS, damaged, encode, files, place

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
