"""Tests of trainmark.ingest.signing with the real ssh-keygen. All records are synthetic."""

import base64
import io
import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from trainmark import system
from trainmark.ingest import packing, signing

from tests.conftest import ROOT, synthetic_record
from tests.unit.ingest.conftest import SCHEMAS, write
from tests.unit.ingest.signed_results import key_of, pack, refusal, results, said, table

pytestmark = [
    pytest.mark.usefixtures("alice"),
    pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (OpenSSH)"),
]


def test_key_is_made_once_is_its_users_alone_and_names_nobody(here, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here / "deep/config"))
    signer = signing.Signer()
    first = signer.sign(b"x")
    path = here / "deep/config/trainmark/signing_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    public = subprocess.run(["ssh-keygen", "-y", "-P", "", "-f", path], capture_output=True, text=True, check=True)
    assert public.stdout.split()[::2] == ["ssh-ed25519", "trainmark"]  # kind and comment
    assert os.listdir(path.parent) == ["signing_key"]
    new, signed = signer.said
    assert str(path) in new
    assert "has no passphrase" in new
    assert "copy it" in new
    again = signing.Signer()
    assert again.sign(b"x") == first
    assert again.said == [signed]
    key, checked = signing.check(b"x", first)
    assert (signed, checked) == (f"trainmark: signed by {key}.", True)


@pytest.mark.parametrize("value", ["", "relative"])
def test_key_lies_in_the_users_config_folder(monkeypatch, tmp_path, value):
    monkeypatch.setenv("XDG_CONFIG_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert signing.key_path() == tmp_path / ".config/trainmark/signing_key"


def test_equal_results_give_equal_signed_archives(here):
    top = results(here / "theirs")
    assert pack(top).read_bytes() == pack(top).read_bytes()


def test_unpacked_archive_is_as_good_as_the_archive(here):
    shutil.unpack_archive(pack(results(here / "theirs")), here / "unpacked")
    assert "3 new, 0 identical; signed by" in said(here / "unpacked")


def unpacked(here: Path) -> Path:
    shutil.unpack_archive(pack(results(here / "theirs")), here / "unpacked")
    return here / "unpacked/synthetic"


def fake(*fields: bytes) -> bytes:
    """A signature that names what it likes."""
    blob = b"SSHSIG" + struct.pack(">I", 1) + b"".join(struct.pack(">I", len(f)) + f for f in fields)
    return b"-----BEGIN SSH SIGNATURE-----\n" + base64.encodebytes(blob) + b"-----END SSH SIGNATURE-----\n"


def texts(*words: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(word)) + word for word in words)


ED25519 = texts(b"ssh-ed25519", bytes(32))
SPACE = signing.NAMESPACE.encode()
HOSTILE = {
    "empty": (b"", "which is not a signature"),
    "binary": (bytes(range(256)), "which is not a signature"),
    "text": (b"hello", "which is not a signature"),
    "large": (b"x" * 5000, "is larger than 4,096 bytes"),
    "not base64": (b"-----BEGIN SSH SIGNATURE-----\nA\n-----END SSH SIGNATURE-----\n", "which is not a signature"),
    "cut": (fake(ED25519, SPACE)[:90] + b"\n-----END SSH SIGNATURE-----\n", "which is not a signature"),
    "no fields": (fake(), "which is not a signature"),
    "RSA": (fake(texts(b"ssh-rsa", b"\1\0\1", bytes(256)), SPACE), "another kind of key than Ed25519"),
    "hardware key": (fake(texts(b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:"), SPACE), "another kind"),
    "long key": (fake(ED25519 + b"x", SPACE, b"", b"sha512", b""), "another kind"),
    "another use": (fake(ED25519, b"git", b"", b"sha512", b""), "was made for something else"),
    "no signature in it": (fake(ED25519, SPACE, b"", b"sha512", texts(b"ssh-ed25519", bytes(64))), "does not fit"),
    "unknown hash": (fake(ED25519, SPACE, b"", b"md5", texts(b"ssh-ed25519", bytes(64))), "does not fit the list"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_signature_is_refused_with_a_sentence(here, content, expected):
    folder = unpacked(here)
    (folder / "SHA256SUMS.sig").write_bytes(content)
    text = refusal(folder.parent)
    assert "synthetic/SHA256SUMS: has a signature, SHA256SUMS.sig, which " in text
    assert expected in text
    assert len(text) < 500


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "nowhere"])
def test_signature_that_is_no_file_is_refused_and_not_waited_for(here, kind):
    path = unpacked(here) / "SHA256SUMS.sig"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "gone")
    assert "has a signature, SHA256SUMS.sig, which " in refusal(here / "unpacked")


def test_signature_of_a_real_key_of_another_kind_is_refused(here):
    folder = unpacked(here)
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", "rsa"], check=True)
    for arguments, expected in (
        (["-f", "rsa", "-n", signing.NAMESPACE], "another kind of key"),
        (["-f", "alice/trainmark/signing_key", "-n", "git"], "for something else"),
    ):
        command = ["ssh-keygen", "-Y", "sign", *arguments]
        made = subprocess.run(
            command,
            input=(folder / "SHA256SUMS").read_bytes(),
            stdout=subprocess.PIPE,
            check=True,
            stderr=subprocess.DEVNULL,
        )
        (folder / "SHA256SUMS.sig").write_bytes(made.stdout)
        assert expected in refusal(folder.parent)


def test_list_that_was_changed_after_it_was_signed_is_refused(here):
    folder = unpacked(here)
    write(synthetic_record(repeat=9), folder.parent)  # and the checksums made anew, as anybody can
    packing.pack("synthetic", folder.parent, SCHEMAS, here / "forged.tar.gz")
    shutil.copy(folder / "SHA256SUMS.sig", here / "kept")
    shutil.unpack_archive(here / "forged.tar.gz", here / "forged")
    shutil.copy(here / "kept", here / "forged/synthetic/SHA256SUMS.sig")
    assert "does not fit the list of checksums: one of them was changed or damaged" in refusal(here / "forged")
    (folder / "SHA256SUMS").unlink()
    assert "SHA256SUMS: is missing, though it was signed" in refusal(folder.parent)


def test_archive_with_a_signature_of_megabytes_is_refused(here):
    with tarfile.open(here / "x.tar.gz", "w:gz") as archive:
        for name in ("SHA256SUMS", "SHA256SUMS.sig"):
            member = tarfile.TarInfo(f"synthetic/{name}")
            member.size = 2**21
            archive.addfile(member, io.BytesIO(bytes(2**21)))
    assert "holds 'synthetic/SHA256SUMS.sig' of over" in refusal(here / "x.tar.gz")


OLD = '#!/bin/sh\necho "ssh-keygen: unknown option -- Y" >&2\necho "usage: ssh-keygen" >&2\nexit 1\n'
NOBODY = '#!/bin/sh\necho "No user exists for uid 4711" >&2\nexit 255\n'
SLOW = "#!/bin/sh\nexec sleep 60\n"
PROGRAMS = {
    "none": ("", "there is no ssh-keygen here"),
    "old": (OLD, "OpenSSH 8.1 or later is needed): ssh-keygen: unknown option -- Y"),
    "without user": (NOBODY, "No user exists for uid 4711"),
    "slow": (SLOW, "did not answer within 1 s"),
}


@pytest.mark.parametrize(("program", "expected"), PROGRAMS.values(), ids=PROGRAMS)
def test_without_ssh_keygen_that_can_all_goes_on_and_is_said(here, monkeypatch, program, expected):
    signed = pack(results(here / "theirs"))
    keys = here / "alice/trainmark/signing_key"
    with monkeypatch.context() as patch:
        (here / "bin").mkdir()
        if program:
            (here / "bin/ssh-keygen").write_text(program)
            (here / "bin/ssh-keygen").chmod(0o755)
        patch.setenv("PATH", f"{here / 'bin'}:/bin" if program == SLOW else str(here / "bin"))
        patch.setattr(system, "_FOLDERS", ())
        patch.setattr(signing, "_SECONDS", 1)
        if not program:  # with PATH as it is, nothing else of the system is needed
            assert shutil.which("ssh-keygen") is None
        for user in ("alice", "new"):
            patch.setenv("XDG_CONFIG_HOME", str(here / user))
            signer = signing.Signer()
            assert packing.pack("synthetic", here / "theirs", SCHEMAS, here / "x.tar.gz", signer.sign) == 3
            assert expected in signer.said[-1]
            assert "packed without a signature" in signer.said[-1]
        assert keys.exists()
        assert not list((here / "new").rglob("*key*"))
        shutil.unpack_archive(here / "x.tar.gz", here / "unsigned")
        assert not list((here / "unsigned").rglob("*.sig"))
        assert "signature of SHA256:" in (text := said(signed))
        assert "not checked" in text
        assert table()["synthetic"]["came"] == "signature not checked"
    # With one that can, the same archive is checked after all.
    assert "0 new, 3 identical; signed by" in said(signed)
    assert table()["synthetic"]["came"] == f"signed by {key_of('alice')}"


@pytest.mark.parametrize("folder", ["file", "/proc/none", "locked"])
def test_config_folder_that_cannot_be_written_leaves_the_pack_unsigned(here, monkeypatch, folder):
    (here / "file").touch()
    (here / "locked").mkdir(mode=0o500)
    if folder == "locked" and os.access(here / "locked", os.W_OK):
        pytest.skip("root may write everywhere")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here / folder))
    signer = signing.Signer()
    assert packing.pack("synthetic", results(here / "theirs"), SCHEMAS, here / "x.tar.gz", signer.sign) == 3
    (line,) = signer.said
    assert "packed without a signature" in line
    assert "unsigned" in said(here / "x.tar.gz")


@pytest.mark.parametrize("harm", ["damaged", "passphrase", "open"])
def test_key_that_cannot_be_used_leaves_the_pack_unsigned(here, harm):
    signing.Signer().sign(b"x")
    path = here / "alice/trainmark/signing_key"
    if harm == "damaged":
        path.write_text("none")
    elif harm == "open":
        path.chmod(0o644)
    else:
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", path], check=True, stdout=subprocess.DEVNULL
        )
    signer = signing.Signer()
    assert signer.sign(b"x") is None
    assert "packed without a signature: ssh-keygen" in signer.said[-1]


def test_key_that_two_make_at_once_is_one(here, monkeypatch):
    real = signing.files.create

    def late(source, target):
        shutil.copy(source, target)  # by the other, in the meantime
        real(source, target)

    monkeypatch.setattr(signing.files, "create", late)
    signature = signing.Signer().sign(b"x")
    assert signing.check(b"x", signature) == (key_of("alice"), True)


@pytest.mark.parametrize("there", [False, True], ids=["before the key was there", "after"])
def test_what_a_killed_making_of_a_key_has_left_is_removed(here, there):
    if there:
        signing.Signer().sign(b"x")
    left = here / "alice/trainmark/.new-killed"
    left.mkdir(parents=True)
    (left / "signing_key").write_text("a private key")
    assert signing.Signer().sign(b"x") is not None
    assert sorted(path.name for path in left.parent.iterdir()) == ["signing_key"]


def test_keys_that_are_made_at_once_are_one(here):
    code = "from trainmark.ingest import signing; s = signing.Signer(); s.sign(b'x'); print(s.said[-1])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert {process.communicate(timeout=60)[0] for process in processes} == {
        f"trainmark: signed by {key_of('alice')}.\n"
    }
    assert [path.name for path in (here / "alice/trainmark").iterdir()] == ["signing_key"]
