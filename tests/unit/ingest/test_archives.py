"""Tests of trainmark.ingest.archives: what strangers may send. All data synthetic."""

import bz2
import gzip
import io
import json
import lzma
import os
import re
import resource
import tarfile
import zipfile
from pathlib import Path

import pytest
from trainmark import files
from trainmark.ingest import archives
from trainmark.ingest.bad_files import BadFileError

from tests.conftest import ROOT, synthetic_record

SCRIPTS = ROOT / "workflow/scripts"
NAME = "synthetic/runs/tf-2.19/cpu/mlp/32/1.json"
CONTENT = json.dumps(synthetic_record()).encode()


def tar(members, **options) -> bytes:
    """A tar archive of names and contents, or of TarInfos made by hand."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as archive:
        for member, content in members:
            if isinstance(member, str):
                member = tarfile.TarInfo(member)
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zipped(members, compression=zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def unpack(folder: Path, content: bytes, name: str = "x.tar.gz") -> dict[str, bytes]:
    (folder / name).write_bytes(content)
    top = archives.unpacked(folder / name, folder / "scratch")
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def refusal(folder: Path, content: bytes) -> str:
    name = "x.zip" if content[:2] == b"PK" else "x.tar.gz" if content[:2] == b"\x1f\x8b" else "x.tar"
    with pytest.raises(BadFileError) as caught:
        unpack(folder, content, name)
    return str(caught.value)


def header(name: str, kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


GOOD = [("synthetic/machine.json", b"{}"), (NAME, CONTENT), ("synthetic/SHA256SUMS", b"0  x\n")]
FORMS = {
    "tar": ("x.tar", tar(GOOD)),
    "gzip": ("x.tar.gz", gzip.compress(tar(GOOD))),
    "capitals": ("X.TAR.GZ", gzip.compress(tar(GOOD))),
    "no suffix": ("results", gzip.compress(tar(GOOD))),
    "wrong suffix": ("x.zip", gzip.compress(tar(GOOD))),
    "zip": ("x.zip", zipped(GOOD)),
    "zip by another name": ("x.tgz", zipped(GOOD)),
    "stored": ("x.zip", zipped(GOOD, zipfile.ZIP_STORED)),
    "backslashes": ("x.zip", zipped([(name.replace("/", "\\"), content) for name, content in GOOD])),
    "pax": ("x.tar", tar(GOOD, format=tarfile.PAX_FORMAT, pax_headers={"comment": "0" * 40})),
    "long names": ("x.tar", tar([(f"{'wrapped' * 9}/{'again' * 9}/{name}", content) for name, content in GOOD])),
}


@pytest.mark.parametrize(("name", "content"), FORMS.values(), ids=FORMS)
def test_archive_is_known_by_its_content(tmp_path, name, content):
    found = unpack(tmp_path, content, name)
    assert sorted(found.values()) == sorted(content for _, content in GOOD)
    assert {path.split("/")[-1] for path in found} == {"machine.json", "1.json", "SHA256SUMS"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (lzma.compress(tar(GOOD)), "is compressed by xz"),
        (bz2.compress(tar(GOOD)), "is compressed by bzip2"),
        (b"Rar!\x1a\x07", "is compressed by RAR"),
        (b"", "is empty"),
        (b"hello", "is neither a folder nor an archive"),
    ],
    ids=["xz", "bzip2", "rar", "empty", "text"],
)
def test_other_archive_is_refused_by_its_content(tmp_path, content, expected):
    assert expected in refusal(tmp_path, content)


def damaged(content: bytes, start: int, length: int = 4) -> bytes:
    return content[:start] + bytes(255 - byte for byte in content[start : start + length]) + content[start + length :]


def sparse() -> bytes:
    """GNU's old form of a file with holes: a few bytes that say they are a gigabyte."""
    member = bytearray(header(NAME, tarfile.GNUTYPE_SPARSE, 512))
    member[386:410] = b"%011o\0%011o\0" % (0, 512)
    member[483:495] = b"%011o\0" % 2**30
    member[148:156] = b" " * 8
    member[148:156] = b"%06o\0 " % sum(member)
    return bytes(member) + bytes(512) + bytes(1024)


def pax_sparse() -> bytes:
    """The same by pax headers."""
    member = tarfile.TarInfo(NAME)
    member.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**30), "GNU.sparse.name": NAME}
    member.size = 1
    return tar([(member, b"x")], format=tarfile.PAX_FORMAT)


def renamed_to_nothing(content: bytes) -> bytes:
    """A zip archive whose one member has a name of no letters."""
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    data = bytearray(content)
    data[central + 28 : central + 30] = data[local + 26 : local + 28] = b"\0\0"
    del data[central + 46]
    del data[local + 30]
    end = data.index(b"PK\x05\x06")
    data[end + 12 : end + 16] = (end - (central - 1)).to_bytes(4, "little")
    data[end + 16 : end + 20] = (central - 1).to_bytes(4, "little")
    return bytes(data)


def pax_of_digits(count: int) -> bytes:
    """A header whose reader, before Python 3.11.10 and 3.12.6, takes time by the square of its length."""
    content = b"1" * count
    return header("x", tarfile.XHDTYPE, len(content)) + padded(content) + tar(GOOD)


def long_name() -> bytes:
    size = 60 * 2**20
    name = header("././@LongLink", tarfile.GNUTYPE_LONGNAME, size) + bytes(b"x" * size)
    return name + header("x", tarfile.REGTYPE, 0) + bytes(1024)


DEFLATED, LZMA = zipped([(NAME, CONTENT)]), zipped([(NAME, CONTENT)], zipfile.ZIP_LZMA)
HARMFUL = {
    "corrupt deflate": (damaged(DEFLATED, 30 + len(NAME), 200), "is not a whole archive"),
    "corrupt lzma": (damaged(LZMA, 30 + len(NAME) + 9, 200), "is not a whole archive"),
    "corrupt gzip": (damaged(gzip.compress(tar(GOOD)), 60, 40), "is not a whole archive"),
    "wrong checksum of gzip": (damaged(gzip.compress(tar(GOOD)), len(gzip.compress(tar(GOOD))) - 8), "not a whole"),
    "unknown compression": (DEFLATED.replace(b"\x08\0", b"\x63\0"), "is not a whole archive"),
    "corrupt header within": (damaged(tar(GOOD), 1024, 200), "is not a whole archive"),
    "sparse": (sparse(), "a sparse file"),
    "sparse by pax": (pax_sparse(), "a sparse file"),
    "pax of digits": (pax_of_digits(300_000), "holds a header that is larger"),
    "long name": (long_name, "holds a header that is larger than any file's"),
    "long name, packed": (lambda: gzip.compress(long_name()), "holds a header that is larger than any file's"),
    "one name twice": (tar([*GOOD, GOOD[0]]), "'synthetic/machine.json' twice"),
    "one name twice, but for capitals": (tar([*GOOD, ("SYNTHETIC/machine.json", b"")]), "twice"),
    "a file that is a folder": (tar([("a.json", b""), ("a.json/b.json", b"")]), "is not a whole archive"),
    "deep": (tar([("a/" * 50 + "b.json", b"")]), "longer than any result's"),
    "name of a thousand letters": (tar([("a" * 1000 + ".json", b"")]), "longer than any result's"),
    "device": (header("synthetic/a.json", tarfile.CHRTYPE, 0) + bytes(1024), "a link or a device"),
    "large record": (tar([(NAME, bytes(files.LARGEST_BYTES + 1))]), "of over 1,048,576 bytes"),
    "cut off between two files": (tar(GOOD)[:2048], "is not a whole archive"),
    "two in one": (tar(GOOD) + tar(GOOD), "is not a whole archive"),
    "nothing but zeros": (b"x" + bytes(256) + b"ustar" + bytes(4096), "is not a whole archive"),
}


@pytest.mark.parametrize(("content", "expected"), HARMFUL.values(), ids=HARMFUL)
def test_harmful_archive_is_refused_and_writes_nothing_large(tmp_path, content, expected):
    said = refusal(tmp_path, content() if callable(content) else content)  # made late: it is large
    assert expected in said
    assert len(said) < 500
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != tmp_path]
    assert sum(path.stat().st_size for path in written) <= files.LARGEST_BYTES
    assert all(path.is_relative_to(tmp_path / "scratch") for path in written)


def test_member_without_a_name_is_none(tmp_path):
    assert unpack(tmp_path, renamed_to_nothing(zipped([("a", b"x")]))) == {}


@pytest.mark.parametrize("does", ["while True: pass", "time.sleep(1000)"], ids=["computes", "waits"])
def test_library_that_does_not_come_back_is_ended(tmp_path, monkeypatch, does):
    limit = "archives.limit_this_process(int(sys.argv[3]), int(sys.argv[4]))"
    script = f"import sys, time; sys.path.insert(0, {str(SCRIPTS)!r})\n"
    script += f"from trainmark.ingest import archives\n{limit}\n{does}"
    (tmp_path / "hangs.py").write_text(script)
    monkeypatch.setattr(archives, "_SCRIPT", tmp_path / "hangs.py")
    monkeypatch.setattr(archives, "_SECONDS", 0)
    monkeypatch.setattr(archives, "_PATIENCE", 3)
    assert "takes more time or memory to unpack than records do" in refusal(tmp_path, tar(GOOD))


def test_header_of_digits_does_not_hang(tmp_path, monkeypatch):
    """Whether this Python's library hangs on it or not."""
    monkeypatch.setattr(archives, "_SECONDS", 0)
    said = "unpacked"
    try:
        assert unpack(tmp_path, pax_of_digits(60_000))
    except BadFileError as error:
        said = str(error)
    assert re.search("unpacked|takes more time or memory|is not a whole archive", said)


def test_archive_takes_no_more_memory_than_it_may(tmp_path, monkeypatch):
    """A zip archive of very many files, of which the library keeps a list."""
    monkeypatch.setattr(archives, "_MEMORY_BYTES", 48 * 2**20)
    content = zipped([(f"{number}.txt", b"") for number in range(50_000)], zipfile.ZIP_STORED)
    assert "memory to unpack than records do" in refusal(tmp_path, content)


def test_full_disk_is_no_fault_of_the_archive(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "x.json")

    monkeypatch.setattr(Path, "mkdir", full)
    (tmp_path / "x.tar").write_bytes(tar(GOOD))
    assert archives.unpack(tmp_path / "x.tar", tmp_path) == {"full": "x.json"}
    monkeypatch.undo()
    monkeypatch.setattr(archives, "_converse", lambda *_: {"full": "x.json"})
    with pytest.raises(OSError, match="No space left"):
        archives.unpacked(tmp_path / "x.tar", tmp_path / "scratch")


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.tar.gz")
    for path in (tmp_path / "x.tar.gz", Path("/dev/zero")):
        with pytest.raises(BadFileError, match="is neither a folder nor a file"):
            archives.unpacked(path, tmp_path / "scratch")


def test_unpacking_leaves_the_limits_of_this_process(tmp_path):
    before = [resource.getrlimit(each) for each in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)]
    unpack(tmp_path, tar(GOOD))
    assert before == [
        resource.getrlimit(each) for each in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)
    ]
