"""Paths of the imitated machine: listed ones lie in a folder of ours, whatever asks for them through Python.

What C code opens by itself (TensorFlow reads /proc/cpuinfo, say) is the real machine's.
"""

import builtins
import errno
import io
import os
import sys
import time
from collections.abc import Iterator

REAL = {name: getattr(os, name) for name in ("open", "stat", "lstat", "listdir", "scandir", "readlink", "access")}
real_open = builtins.open
# A library that knows Linux alone where it is built for it, and whose use of /proc is not what is imitated.
_EXEMPT = "psutil"
# Through which others reach the functions of ``os``.
_BETWEEN = (__name__, "os", "genericpath", "posixpath", "pathlib", "glob")


class Tree:
    """Which paths lie in our folder.

    Args:
        folder: our folder; ``/etc/machine-id`` is ``<folder>/etc/machine-id``.
        paths: what lies there, with all below it; one that ends in ``*`` stands for every path that begins so.
        root_only: paths that only root may read.
        counting: paths of counters, and what each rises by in a second.
    """

    def __init__(self, folder: str, paths: list[str], root_only: list[str], counting: dict[str, float]) -> None:
        self.folder, self._counting = folder, counting
        self._starts = tuple(path.rstrip("*") for path in paths)
        self._open_ended = tuple(path[:-1] for path in paths if path.endswith("*"))
        self._root_only = frozenset(root_only)
        self._parents = {parent for start in self._starts for parent in _parents(start)}

    def covers(self, path: str) -> bool:
        """Whether an absolute path lies in our folder."""
        if not path.startswith(self._starts):
            return False
        return path.startswith(self._open_ended) or any(
            path == start or path.startswith(f"{start}/") for start in self._starts
        )

    def place(self, path: object) -> str | None:
        """Where a path lies in our folder; None if it is the real machine's."""
        text = _text(path)
        if text is None or not self.covers(text):
            return None
        return None if _caller().startswith(_EXEMPT) else self.folder + text

    def refuse(self, path: object) -> None:
        """Raise PermissionError where only root may read."""
        if _text(path) in self._root_only:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    def count(self, path: object) -> str | None:
        """What a counter shows now; None for every other file."""
        rate = self._counting.get(_text(path))
        return None if rate is None else f"{int(time.monotonic() * rate)}\n"

    def merged(self, path: object) -> list[str] | None:
        """The names in a folder of which a part is ours; None for every other folder."""
        text = _text("." if path is None else path)
        if text not in self._parents:
            return None
        real = [name for name in REAL["listdir"](text) if not self.covers(os.path.join(text, name))]
        try:
            ours = REAL["listdir"](self.folder + text)
        except OSError:
            ours = []
        return sorted({*real, *(name for name in ours if self._leads_to_ours(os.path.join(text, name)))})

    def _leads_to_ours(self, path: str) -> bool:
        return self.covers(path) or path in self._parents


def _caller() -> str:
    """The module that asks."""
    frame = sys._getframe(1)
    while frame and frame.f_globals.get("__name__", "").startswith(_BETWEEN):
        frame = frame.f_back
    return frame.f_globals.get("__name__", "") if frame else ""


def _parents(path: str) -> Iterator[str]:
    while path != "/":
        path = os.path.dirname(path)
        yield path


def _text(path: object) -> str | None:
    """An absolute path without dots and double slashes; None for a descriptor or a relative path."""
    if isinstance(path, int):
        return None
    text = os.fsdecode(path)
    if not text.startswith("/"):
        return None
    return os.path.normpath(text) if "//" in text or "/." in text or text[-1] == "/" else text


class _Call:
    """A function of ``os`` that takes a path first. Not a function itself, or classes that keep it would bind it."""

    def __init__(self, name: str, real: object, tree: Tree) -> None:
        self.__name__, self.__doc__, self._real, self._tree = name, real.__doc__, real, tree

    def __call__(self, path: object = ".", *rest: object, **options: object) -> object:
        place = None if options.get("dir_fd") is not None else self._tree.place(path)
        if place is None:
            return self._real(path, *rest, **options)
        if self.__name__ == "open":
            self._tree.refuse(path)
        if self._real is real_open and (text := self._tree.count(path)) is not None:
            return io.StringIO(text)
        try:
            return self._real(place, *rest, **options)
        except OSError as error:
            error.filename = path
            raise


class _Access(_Call):
    def __call__(self, path: object, mode: int, **options: object) -> bool:
        try:
            if mode & os.R_OK:
                self._tree.refuse(path)
        except PermissionError:
            return False
        place = self._tree.place(path)
        return self._real(path if place is None else place, mode, **options)


class _List(_Call):
    def __call__(self, path: object = None) -> list:
        names = self._tree.merged(path) if not isinstance(path, int) else None
        if names is None:
            return super().__call__("." if path is None else path)
        return [os.fsencode(name) for name in names] if isinstance(path, bytes) else names


class _Scan(_Call):
    def __call__(self, path: object = None) -> object:
        path = "." if path is None else path
        if isinstance(path, int | bytes):
            return self._real(path)
        names, place = self._tree.merged(path), self._tree.place(path)
        if names is None and place is None:
            return self._real(path)
        if names is None:
            names = REAL["listdir"](place)
        return _Entries(os.fspath(path), names)


class _Entries:
    """What ``os.scandir`` gives."""

    def __init__(self, folder: str, names: list[str]) -> None:
        self._entries = iter([_Entry(folder, name) for name in names])

    def __iter__(self) -> "_Entries":
        return self

    def __next__(self) -> "_Entry":
        return next(self._entries)

    def __enter__(self) -> "_Entries":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


class _Entry:
    """What ``os.DirEntry`` is."""

    def __init__(self, folder: str, name: str) -> None:
        self.name, self.path = name, os.path.join(folder, name)

    def __fspath__(self) -> str:
        return self.path

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat(self.path) if follow_symlinks else os.lstat(self.path)

    def inode(self) -> int:
        return os.lstat(self.path).st_ino

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return os.path.isdir(self.path) and (follow_symlinks or not self.is_symlink())

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return os.path.isfile(self.path) and (follow_symlinks or not self.is_symlink())

    def is_symlink(self) -> bool:
        return os.path.islink(self.path)


def redirect(tree: Tree) -> None:
    """Put the tree's paths in their places for this process."""
    kinds = {"listdir": _List, "scandir": _Scan, "access": _Access}
    for name, real in REAL.items():
        ours = kinds.get(name, _Call)(name, real, tree)
        setattr(os, name, ours)
        for supports in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
            if real in supports:
                supports.add(ours)
    builtins.open = io.open = _Call("open", real_open, tree)
