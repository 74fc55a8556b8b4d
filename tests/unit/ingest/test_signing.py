"""Tests of trainmark.ingest.signing and origins with the real ssh-keygen. All records are synthetic."""

import base64
import csv
import io
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from trainmark import system
from trainmark.analysis import collecting, table_files
from trainmark.ingest import merge_lines, merging, origins, packing, renaming, signing
from trainmark.machine import hardware
from trainmark.report.sections import details

from tests import report
from tests.conftest import ROOT, older, path_of, synthetic_machine, synthetic_record

SCHEMAS = ROOT / "workflow/schemas"
TARGET, NOTES = Path("results/machines"), Path("results/origins")
OTHER_ID = {"machine_id_hash": "1" * 32, "hardware": synthetic_record()["identity"]["hardware"]}
NO_ID = OTHER_ID | {"machine_id_hash": None}
pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen (OpenSSH)")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TARGET.mkdir(parents=True)
    (tmp_path / "alice").mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "alice"))
    return tmp_path


def write(data: dict, top: Path) -> Path:
    path = top / path_of(data).relative_to(TARGET)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def results(top: Path, machine: str = "synthetic", repeats=(1, 2), described: bool = True, **changes) -> Path:
    """A machine's results below a folder of its own."""
    for repeat in repeats:
        write(synthetic_record(machine=machine, repeat=repeat, seed=2023 + repeat, **changes), top)
    if described:
        data = synthetic_machine(machine)
        data["machine_id_hash"] = changes.get("identity", data)["machine_id_hash"]
        (top / machine / "machine.json").write_text(json.dumps(data))
    return top


def pack(top: Path, user: str | None = "alice", machine: str = "synthetic") -> Path:
    """An archive as a user packs it; None for one without signature."""
    output = Path(f"{top}-{user}-{machine}.tar.gz")
    if user is None:
        packing.pack(machine, top, SCHEMAS, output)
        return output
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(Path(user).absolute()))
        signer = signing.Signer()
        packing.pack(machine, top, SCHEMAS, output, signer.sign)
    assert "signed by SHA256:" in signer.said[-1]
    return output


def key_of(user: str) -> str:
    path = Path(user, "trainmark/signing_key")
    shown = subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, text=True, check=True)
    return shown.stdout.split()[1]


def merge(*sources: Path, **options) -> merging.Merge:
    return merging.bring_in(list(sources), TARGET, SCHEMAS, **options)


def said(*sources: Path, **options) -> str:
    return "\n".join(merge_lines.lines(merge(*sources, **options)))


def snapshot() -> dict:
    return {str(p): p.read_bytes() for p in Path("results").rglob("*") if p.is_file() and p.name != "lock"}


def refusal(*sources: Path, **options) -> str:
    before = snapshot()
    found = merge(*sources, **options)
    assert not found.written
    assert snapshot() == before
    (problem,) = found.problems
    return str(problem)


def table() -> dict[str, dict]:
    """The report's table of where the records come from, without the rest of the report."""
    collecting.collect(Path.cwd() / TARGET, SCHEMAS, Path.cwd(), skip_bad=True, gate=report.WITHOUT_REFERENCES)
    data = SimpleNamespace(tables={"origins": table_files.read(Path.cwd(), "origins")}, own={report.GRID["machine"]})
    (shown,) = details.origins(data).tables
    return {row["machine"]: row for row in shown.rows}


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


def test_signed_archive_is_merged_and_the_page_says_by_whom(here):
    archive = pack(results(here / "theirs"))
    line = f"synthetic: 3 new, 0 identical; signed by {key_of('alice')}, a key that is new for this machine"
    assert said(archive).splitlines() == [line, merge_lines.BELIEVED]
    assert said(archive) == f"synthetic: 0 new, 3 identical; signed by {key_of('alice')}"
    before = snapshot()
    again = merge(archive)
    assert (again.new, again.notes, again.problems) == ({}, {}, [])
    assert snapshot() == before
    made = report.make([], here, draw=False)
    (shown,) = (t for s in made.document.sections for t in s.tables if t.name == "origins")
    assert "not that its numbers are true" in made.html
    assert "can forge this order, too" in made.html
    (row,) = shown.rows
    assert row == table()["synthetic"]
    assert (row["came"], row["records"]) == (f"signed by {key_of('alice')}", 2)
    archive = pack(results(here / "theirs", repeats=(1, 2, 3)))
    assert "1 new, 3 identical; signed by" in said(archive)
    assert table()["synthetic"]["came"] == f"signed by {key_of('alice')}"


def test_equal_results_give_equal_signed_archives(here):
    top = results(here / "theirs")
    assert pack(top).read_bytes() == pack(top).read_bytes()


def test_unpacked_archive_is_as_good_as_the_archive(here):
    shutil.unpack_archive(pack(results(here / "theirs")), here / "unpacked")
    assert "3 new, 0 identical; signed by" in said(here / "unpacked")


@pytest.mark.parametrize("how", ["name", "identity", "both", "one merge"])
def test_another_key_is_refused_until_it_is_accepted(here, how):
    first = pack(results(here / "first", described=how != "name", **({"identity": NO_ID} if how == "name" else {})))
    changes = {"repeats": (7,), "machine": "synthetic-b" if how == "identity" else "synthetic"}
    changes |= {"described": False, "identity": NO_ID} if how == "name" else {}
    second = pack(results(here / "second", **changes), "mallory", changes["machine"])
    sources = [first, second] if how == "one merge" else [second]
    if how != "one merge":
        assert merge(first).written
    text = refusal(*sources)
    assert f"{changes['machine']}: is signed by {key_of('mallory')}, but earlier results of this machine were" in text
    assert f"signed by {key_of('alice')}. Ask the owner" in text
    assert f"make merge FROM={second} KEY={key_of('mallory')}" in text
    assert "is signed by" in refusal(*sources, accepted_keys=["SHA256:another"])
    assert merge(*sources, accepted_keys=[key_of("mallory")]).written
    assert merge(first, second).problems == []  # both are known now


def test_another_machine_under_the_name_is_told_as_that_and_not_as_another_key(here):
    merge(pack(results(here / "first")))
    text = refusal(pack(results(here / "second", repeats=(8,), identity=OTHER_ID), "bob"))
    assert "is not the machine that has this name here" in text


def test_another_key_of_another_machine_is_no_matter(here):
    merge(pack(results(here / "first")))
    assert merge(pack(results(here / "second", "synthetic-b", identity=OTHER_ID), "bob", "synthetic-b")).written
    rows = table()
    assert [rows[name]["came"] for name in ("synthetic", "synthetic-b")] == [
        f"signed by {key_of(user)}" for user in ("alice", "bob")
    ]


def test_two_of_a_kind_without_id_may_have_two_keys(here):
    merge(pack(results(here / "first", identity=NO_ID, described=False)))
    second = pack(results(here / "second", "synthetic-b", (4,), False, identity=NO_ID), "bob", "synthetic-b")
    assert merge(second).written


def test_refused_key_costs_the_others_nothing(here):
    merge(pack(results(here / "first")))
    bad = pack(results(here / "bad", repeats=(7,)), "mallory")
    good = pack(results(here / "good", "synthetic-b", identity=OTHER_ID), "bob", "synthetic-b")
    found = merge(bad, good, skip_bad=True)
    assert {path.partition("/")[0] for path in found.new} == {"synthetic-b"}
    assert len(found.problems) == 1


def test_what_is_refused_is_not_noted_nor_is_its_key(here):
    results(TARGET, "synthetic", repeats=(1,))
    copied = results(here / "copied", "synthetic-b", repeats=(1,), identity=OTHER_ID)
    theirs = path_of(synthetic_record(machine="synthetic-b")).relative_to(TARGET)
    times = synthetic_record(machine="synthetic", repeat=1)  # one measurement under two names
    data = json.loads((copied / theirs).read_text()) | {key: times[key] for key in ("started_at", "ended_at")}
    write(data, copied)
    found = merge(pack(copied, "mallory", "synthetic-b"), skip_bad=True)
    assert "filed under synthetic" in found.problems[0].what
    assert found.notes == {}
    assert not NOTES.exists()
    good = results(here / "good", "synthetic-b", repeats=(4,), identity=OTHER_ID)
    assert merge(pack(good, "bob", "synthetic-b")).written


def test_what_was_copied_by_hand_is_signed_once_its_archive_is_merged(here):
    archive = pack(results(here / "theirs"))
    shutil.copytree(here / "theirs", TARGET, dirs_exist_ok=True)
    assert table()["synthetic"]["came"] == "unsigned"
    assert "0 new, 3 identical; signed by" in said(archive)
    assert table()["synthetic"]["came"] == f"signed by {key_of('alice')}"


def test_what_comes_unsigned_later_does_not_wear_the_signature(here):
    merge(pack(results(here / "first")))
    for source in (pack(results(here / "packed", repeats=(3,)), None), results(here / "folder", repeats=(4,))):
        assert "synthetic: 1 new, 1 identical; unsigned" in said(source)
    by_hand = write(synthetic_record(repeat=5, seed=2028), TARGET)
    assert by_hand.exists()
    assert table()["synthetic"]["came"] == f"2 signed by {key_of('alice')}; 3 unsigned"
    # The same records, signed after all.
    assert "0 new, 2 identical; signed by" in said(pack(here / "packed"))
    assert table()["synthetic"]["came"] == f"3 signed by {key_of('alice')}; 2 unsigned"


def test_what_was_measured_here_is_nobodys_who_signs_it(here, monkeypatch):
    monkeypatch.setattr(hardware, "machine_id_hash", lambda: "0" * 32)
    results(TARGET, "synthetic-a")
    shutil.copytree(TARGET / "synthetic-a", here / "theirs/synthetic-a")
    forged = pack(results(here / "theirs", "synthetic-a", repeats=(3,)), "mallory", "synthetic-a")
    assert merge(forged).written
    assert report.GRID["machine"] == "synthetic-a"
    assert table()["synthetic-a"]["came"] == f"1 signed by {key_of('mallory')}; 2 measured here"


@pytest.mark.parametrize("how", ["rename", "as"])
def test_signature_and_key_survive_another_name(here, how):
    archive = pack(results(here / "theirs"))
    if how == "rename":
        merge(archive)
        renaming.rename("synthetic", "synthetic-new", TARGET, SCHEMAS)
    else:
        assert merge(archive, rename_to="synthetic-new").written
    assert table()["synthetic-new"]["came"] == f"signed by {key_of('alice')}"
    text = refusal(pack(results(here / "second", repeats=(7,)), "mallory"), rename_to="synthetic-new")
    assert f"AS=synthetic-new KEY={key_of('mallory')}" in text
    assert merge(archive, rename_to="synthetic-new").new == {}


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


def test_other_key_is_refused_also_where_it_cannot_be_checked(here, monkeypatch):
    merge(pack(results(here / "first")))
    second = pack(results(here / "second", repeats=(7,)), "mallory")
    monkeypatch.setattr(system, "find_program", lambda name: None)
    assert "is signed by" in refusal(second)


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


DAMAGED = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "other key": lambda path: path.write_text(path.read_text().replace("SHA256:", "MD5:")),
    "no key": lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "key": None})),
    "unknown field": lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "x": 1})),
    "newer format": lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 2})),
    "deep": lambda path: path.write_text("[" * 100_000),
    "folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("harm", DAMAGED.values(), ids=DAMAGED)
def test_damaged_note_is_named_and_costs_no_record(here, harm):
    archive = pack(results(here / "theirs"))
    merge(archive)
    (path,) = NOTES.iterdir()
    harm(path)
    text = said(archive)
    assert f"{path}: " in text
    assert "0 new, 3 identical" in text
    row = table()["synthetic"]
    assert (row["records"], row["came"]) == (2, "unsigned")
    (left_out,) = csv.DictReader(Path("excluded_files.csv").read_text().splitlines())
    assert left_out["path"] == str(path.absolute())
    path.rmdir() if path.is_dir() else path.unlink()
    assert "0 new, 3 identical; signed by" in said(archive)
    assert table()["synthetic"]["came"] == f"signed by {key_of('alice')}"


def test_notes_of_two_folders_can_be_copied_together(here):
    merge(pack(results(here / "first")))
    Path("results").rename("one")
    TARGET.mkdir(parents=True)
    merge(pack(results(here / "second", "synthetic-b", identity=OTHER_ID), "bob", "synthetic-b"))
    shutil.copytree("one", "results", dirs_exist_ok=True)
    assert {row["came"] for row in table().values()} == {f"signed by {key_of(user)}" for user in ("alice", "bob")}
    assert "is signed by" in refusal(pack(results(here / "third", repeats=(7,)), "mallory"))


def test_of_several_notes_the_best_counts():
    memory = origins.Memory()
    for signature, key in (("unsigned", None), ("signed", "SHA256:k"), ("not checked", None)):
        fields = {"machine_id_hash": None, "hardware": None, "records": ["d"]}
        memory.add(origins.Note(signature=signature, key=key, **fields))
    assert memory.records == {"d": origins.Origin("signed", "SHA256:k")}
    assert memory.keys_of((None, None), []) == set()  # of nobody in particular
    assert memory.keys_of((None, None), ["d"]) == {"SHA256:k"}


def test_records_of_older_formats_are_signed_and_known_too(here):
    top = here / "theirs"
    for repeat in (1, 2):
        write(older(synthetic_record(repeat=repeat, seed=2023 + repeat), 3), top)
    assert "2 new, 0 identical; signed by" in said(pack(top))
    assert table()["synthetic"]["came"] == f"signed by {key_of('alice')}"
