"""Texts made fit to be shown to anybody: without the names and folders of the person who made them."""

from __future__ import annotations

import contextlib
import os
import platform
import pwd
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Below these lie the system's own files, which are alike on all machines.
_PUBLIC = (
    "/bin",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/Library",
    "/opt/homebrew",
    "/proc",
    "/sbin",
    "/sys",
    "/System",
    "/tmp/trainmark-timing.lock",
    "/usr",
)
# Within these: where people keep files in memory; all that is not the system's, on a Mac; homes of FreeBSD and of labs.
_PRIVATE = ("/dev/shm", "/System/Volumes/Data", "/usr/home", "/usr/local/home")
# Names of accounts and machines that are nobody's in particular. Taken out, they would only spoil the text.
_NOBODYS = {"root", "user", "users", "admin", "ubuntu", "debian", "fedora", "centos", "jovyan", "colab", "kaggle"}
_NOBODYS |= {
    "ec2-user",
    "localhost",
    "local",
    "mac",
    "macos",
    "linux",
    "server",
    "host",
    "cpu",
    "gpu",
    "apple",
    "nvidia",
}
_SHORTEST_NAME = 3  # shorter ones are words and numbers of any text
# An address, which stays, or an absolute path, which goes: up to a character that ends it.
_PATH = re.compile(r"https?://[^\s'\"`<>]+|(?<![\w.~>*-])/+[^\s'\"`,;:()<>|]+")
# What follows the stand-in of a folder.
_REST = re.compile(r"(?<=[>~])(?:/[^\s'\"`,;:()<>|]*)+")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_UUID = re.compile(r"\b(GPU|MIG)-[0-9a-fA-F][0-9a-fA-F/-]{6,}")


def secrets() -> dict[str, str]:
    """What identifies the person who runs this process: folder or name -> what stands in its place."""
    found = {sys.prefix: "<environment>", sys.base_prefix: "<python>"}
    host, given = platform.node(), os.environ
    found |= {str(Path.cwd()): "<checkout>", given.get("TMPDIR", ""): "<temporary>", given.get("HOME", ""): "<home>"}
    found |= dict.fromkeys((host, host.partition(".")[0]), "<host>")
    found |= {given.get(name, ""): "<user>" for name in ("USER", "LOGNAME")}
    with contextlib.suppress(KeyError):  # a user without an entry
        entry = pwd.getpwuid(os.getuid())
        found |= {entry.pw_dir: "<home>", entry.pw_name: "<user>", entry.pw_gecos.partition(",")[0]: "<user>"}
    return found


def masked(value: Any, known: Mapping[str, str]) -> Any:
    """A text without what identifies a person, or a structure of such texts; keys of a mapping are ours and stay.

    Known folders and names give way to their stand-ins, names as whole words in whatever case. Then every absolute path
    that is left does, but for those of the operating system, and so do user and password within addresses. Names that
    are everyday words (``root``, ``gpu``) stay where they are not part of a path: there they tell nothing.

    Args:
        value: what JSON can hold.
        known: folder or name -> what stands in its place.
    """
    if isinstance(value, Mapping):
        return {key: masked(each, known) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(each, known) for each in value]
    return _masked_text(value, known) if isinstance(value, str) else value


def _masked_text(text: str, known: Mapping[str, str]) -> str:
    text = _UUID.sub(r"\1-<uuid>", _CREDENTIALS.sub("", text))
    longest_first = sorted(known, key=len, reverse=True)  # a checkout before the home that it is in
    for secret in longest_first:
        if not secret.startswith("/") or _is_public(secret):
            continue
        for folder in {secret.rstrip("/"), os.path.realpath(secret).rstrip("/")} - {""}:
            text = re.sub(rf"{re.escape(folder)}(?![\w.-])", known[secret], text)
    text = _PATH.sub(lambda match: match[0] if _is_public(match[0]) else "<path>", _REST.sub("/...", text))
    for secret in longest_first:
        if not secret.startswith("/") and len(secret) >= _SHORTEST_NAME and secret.lower() not in _NOBODYS:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", known[secret], text, flags=re.IGNORECASE)
    return text


def _is_public(path: str) -> bool:
    path = "/" + path.lstrip("/") if path.startswith("/") else path
    return path.startswith("http") or (_lies_in(path, _PUBLIC) and not _lies_in(path, _PRIVATE))


def _lies_in(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in folders)
