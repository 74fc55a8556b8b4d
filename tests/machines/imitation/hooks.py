"""Changes to modules when they are imported: what an imitated machine lets a library see."""

import importlib.abc
import importlib.machinery
import os
import sys
import types
from collections.abc import Callable

from . import darwin, devices, sleeping
from .files import Tree

Action = Callable[[types.ModuleType], None]


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules as Python does, and has some of them changed."""

    def __init__(self, actions: dict[str, Action], as_on_linux: frozenset[str]) -> None:
        self._actions, self._as_on_linux = actions, as_on_linux

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        if name not in self._actions and name not in self._as_on_linux:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            spec.loader = _Loader(spec.loader, self._actions.get(name), name in self._as_on_linux)
        return spec


class _Loader:
    """A module's own loader, and what is done when it has run."""

    def __init__(self, loader: object, action: Action | None, as_on_linux: bool) -> None:
        self._loader, self._action, self._as_on_linux = loader, action, as_on_linux

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: object) -> object:
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        platform = sys.platform
        sys.platform = "linux" if self._as_on_linux else platform
        try:
            self._loader.exec_module(module)
        finally:
            sys.platform = platform
        if self._action:
            self._action(module)


def install(machine: dict, tree: Tree) -> None:
    """Have the modules changed that would see the real machine."""
    actions = {**devices.actions(machine), "subprocess": lambda module: _start_from(tree, module)}
    as_on_linux = frozenset()
    if machine["system"] == "Darwin":
        actions |= {"ctypes": darwin.add_mach, "resource": darwin.count_bytes, "sysconfig": darwin.keep_build}
        as_on_linux = frozenset({"psutil"})
    if machine["sleeps_seconds"]:
        actions[sleeping.MODULE] = sleeping.fall_asleep
    sys.meta_path.insert(0, _Finder(actions, as_on_linux))


def _start_from(tree: Tree, subprocess: types.ModuleType) -> None:
    """Start programs from the imitated tree, too."""
    holder = subprocess if hasattr(subprocess, "_fork_exec") else subprocess._posixsubprocess
    name = "_fork_exec" if holder is subprocess else "fork_exec"
    fork_exec = getattr(holder, name)

    def start(arguments: object, executables: tuple, *rest: object) -> int:
        places = [os.fsencode(tree.place(path) or path) for path in executables]
        return fork_exec(arguments, tuple(places), *rest)

    setattr(holder, name, start)
