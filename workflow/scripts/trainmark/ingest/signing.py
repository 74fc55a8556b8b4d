"""Signatures of packed results, made and checked by OpenSSH's ssh-keygen: no cryptography is written here.

A signature shows that all that it is of came from the holder of one key, not that any number is true. Keys are Ed25519
alone, since one kind is enough and hardware keys ask for a finger.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
import shutil
import struct
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

from trainmark import escaping, files, mutex, process_environment, system
from trainmark.ingest.bad_files import BadFileError

# What a signature is for, which ssh-keygen holds it to: one that was made for anything else is none of ours.
NAMESPACE = "trainmark-results"
LARGEST_BYTES = 4096  # a signature has 330
AGAIN = "Get all of it again from where it came"
_SECONDS = 20
_UNFINISHED = ".new-"  # folders of keys that are being made
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_ARMOUR = re.compile(rf"{BEGIN}\s([A-Za-z0-9+/=\s]+){END}\s*")
_KIND = b"ssh-ed25519"
# A key as OpenSSH writes it: its kind and 32 bytes, each behind its length.
_KEY_START, _KEY_BYTES = struct.pack(">I", len(_KIND)) + _KIND + struct.pack(">I", 32), 4 + len(_KIND) + 4 + 32
# A good signature, of a key that was thrown away. Where ssh-keygen does not take it, it cannot check any.
SAMPLE = b"trainmark\n"
SAMPLE_SIGNATURE = """
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgii5XCzUAfJj/hirB98BfrLOK9g
tybXMQf0hnoumJpdsAAAARdHJhaW5tYXJrLXJlc3VsdHMAAAAAAAAABnNoYTUxMgAAAFMA
AAALc3NoLWVkMjU1MTkAAABAVK4INZJQjx3ZODhbjt6205IQmxN8qigWO89P8ZeNcUslJ7
IZEj+VbYeDxxsjg5xSisk8vazpiCSshrvxy3YfCg==
"""


class _UnavailableError(Exception):
    """Signatures can be made or checked here for no fault of what is signed; the text says why."""


def key_path() -> Path:
    """Where this user's key lies.

    Raises:
        RuntimeError: if the user has no home.
    """
    config = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (config if config.is_absolute() else Path.home() / ".config") / "trainmark/signing_key"


class Signer:
    """Signs with this user's key, which is made when it is first needed.

    Attributes:
        said: what the user has to know of it.
    """

    def __init__(self) -> None:
        self.said: list[str] = []

    def sign(self, content: bytes) -> bytes | None:
        """A signature; None where none can be made, which ``said`` explains."""
        try:
            path = key_path()
            if _make_key(path):
                self.said.append(
                    f"trainmark: {path} is the new key that signs your results. It has no passphrase. Receivers know "
                    "you by it: show it to nobody, and copy it to every other account or installation from which you "
                    "send results."
                )
            result = _ssh_keygen("-Y", "sign", "-f", str(path), "-n", NAMESPACE, content=content)
            if result.returncode:
                raise _UnavailableError(_complaint(result))
            self.said.append(f"trainmark: signed by {_key_of(_unarmoured(result.stdout))}.")
        except (_UnavailableError, BadFileError, OSError, RuntimeError) as error:
            self.said.append(f"trainmark: packed without a signature: {escaping.line(str(error))}")
            return None
        return result.stdout


def _make_key(path: Path) -> bool:
    """Make the key, if there is none; it appears whole. What a killed making has left is removed.

    Returns:
        Whether it was made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _held(path.parent) as alone:
        for left in path.parent.glob(f"{_UNFINISHED}*") if alone else ():
            shutil.rmtree(left, ignore_errors=True)
        if path.exists():
            return False
        _generate(path)
    return True


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Hold a folder's lock, and say whether there are any; who else holds it makes a key, which takes a moment."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        while (locked := mutex.attempt(descriptor)) is False:
            time.sleep(0.05)
        yield bool(locked)
    finally:
        os.close(descriptor)


def _generate(path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=path.parent) as folder:
        made = Path(folder, path.name)
        # A comment of our own: ssh-keygen's would hold the names of user and computer.
        result = _ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", "trainmark", "-f", str(made))
        if result.returncode:
            raise _UnavailableError(_complaint(result))
        with contextlib.suppress(FileExistsError):
            files.create(made, path)


def check(content: bytes, signature: bytes) -> tuple[str, bool]:
    """Check a signature of which nothing is believed.

    Args:
        content: that should be signed.
        signature: as ssh-keygen writes it.

    Returns:
        The fingerprint of the key that it names, and whether it was checked; it is not where ssh-keygen cannot do it.

    Raises:
        BadFileError: if it is none of ours, or of other content.
    """
    blob = _unarmoured(signature)
    key = _key_of(blob)
    try:
        if _fits(content, blob):
            return key, True
        if _fits(SAMPLE, base64.b64decode(SAMPLE_SIGNATURE)):
            raise BadFileError("does not fit the list of checksums: one of them was changed or damaged", AGAIN)
    except _UnavailableError:
        pass
    return key, False


def _fits(content: bytes, blob: bytes) -> bool:
    """Whether ssh-keygen finds a signature good; it reads what was read here, whatever else was in its file."""
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    with tempfile.NamedTemporaryFile("w", suffix=".sig") as file:
        file.write("\n".join([BEGIN, *lines, END, ""]))
        file.flush()
        result = _ssh_keygen("-Y", "check-novalidate", "-n", NAMESPACE, "-s", file.name, content=content)
    return result.returncode == 0


def _ssh_keygen(*arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen without a terminal, so that it asks for nothing; ``content`` is its standard input."""
    program = system.find_program("ssh-keygen")
    if program is None:
        raise _UnavailableError("there is no ssh-keygen here; it comes with OpenSSH.")
    try:
        return subprocess.run(
            [program, *arguments],
            input=content,
            capture_output=True,
            timeout=_SECONDS,
            env=process_environment.clean(),
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise _UnavailableError(f"{program} did not answer within {_SECONDS} s.") from None


def _complaint(result: subprocess.CompletedProcess[bytes]) -> str:
    lines = [line for line in result.stderr.decode(errors="replace").splitlines() if line.strip()]
    words = next((line for line in lines if "option" in line), lines[-1] if lines else "nothing")
    return f"ssh-keygen failed (OpenSSH 8.1 or later is needed): {words.strip()[:200]}"


def _unarmoured(signature: bytes) -> bytes:
    """What a signature's text stands for.

    Raises:
        BadFileError: if it is no text of that kind.
    """
    match = _ARMOUR.fullmatch(signature.decode("ascii", errors="replace")) if len(signature) <= LARGEST_BYTES else None
    with contextlib.suppress(binascii.Error):
        if match:
            return base64.b64decode("".join(match[1].split()), validate=True)
    raise BadFileError("is not a signature that ssh-keygen wrote", AGAIN)


def _key_of(blob: bytes) -> str:
    """The fingerprint of the key that a signature names, as OpenSSH writes it.

    The layout is that of PROTOCOL.sshsig in OpenSSH's sources.

    Raises:
        BadFileError: if it is of another kind or for another use.
    """
    try:
        if blob[:10] != b"SSHSIG" + struct.pack(">I", 1):
            raise ValueError
        fields, rest = [], blob[10:]
        while rest:
            (length,) = struct.unpack(">I", rest[:4])
            fields.append(rest[4 : 4 + length])
            if len(fields[-1]) != length:
                raise ValueError
            rest = rest[4 + length :]
        key, namespace, *_ = fields
    except (ValueError, struct.error):
        raise BadFileError("is not a signature that ssh-keygen wrote", AGAIN) from None
    if len(key) != _KEY_BYTES or not key.startswith(_KEY_START):
        raise BadFileError("is of another kind of key than Ed25519", "Ask for what 'make pack' writes")
    if namespace != NAMESPACE.encode():
        raise BadFileError("was made for something else than results of trainmark", "Ask for what 'make pack' writes")
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
