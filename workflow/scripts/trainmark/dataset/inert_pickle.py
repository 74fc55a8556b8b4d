"""Pickles of plain values and numpy arrays, read without doing anything that they say.

A pickle is a program. Of what it may call, this reader has stand-ins alone, and they do nothing but keep what they are
given: numpy's own functions, which a pickle could feed with anything, are not among them.
"""

from __future__ import annotations

import io
import math
import pickle
from dataclasses import dataclass
from typing import Any

# What a pickled array is made by; numpy 2 has renamed the module.
_RECONSTRUCT = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}


class NotPlainError(Exception):
    """A pickle asks for more than plain values and arrays of bytes, or is none."""


@dataclass(frozen=True)
class Bytes:
    """An array of unsigned bytes: its content in the order of C, and its shape."""

    content: bytes
    shape: tuple[int, ...]


class _Name:
    """Stands for a name that a pickle mentions; it cannot be called or changed."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise NotPlainError("it changes what is no part of it")


class _Kept:
    """Keeps what an array or its type was to be made of."""

    __slots__ = ("given", "state")

    def __init__(self, given: tuple[Any, ...]) -> None:
        self.given, self.state = given, None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Maker(_Name):
    """Stands for a function, or a type, that makes something."""

    __slots__ = ()

    def __call__(self, *given: Any) -> _Kept:
        return _Kept(given)


_ARRAY, _TYPE, _CLASS = _Maker(), _Maker(), _Name()
_KNOWN = {**dict.fromkeys(_RECONSTRUCT, _ARRAY), ("numpy", "dtype"): _TYPE, ("numpy", "ndarray"): _CLASS}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """A stand-in for what a pickle may mention."""
        if (module, name) not in _KNOWN:
            raise NotPlainError(f"it asks for {module}.{name}"[:200])
        return _KNOWN[module, name]


def load(content: bytes) -> dict[bytes, Any]:
    """The dictionary that a pickle of Python 2 holds; its texts are bytes, its arrays ``Bytes``.

    Raises:
        NotPlainError: if it holds anything else.
    """
    try:
        found = _Reader(io.BytesIO(content), encoding="bytes").load()
    except NotPlainError:
        raise
    except Exception as error:  # of whatever kind nonsense makes the reader raise
        raise NotPlainError(f"it is no whole pickle ({type(error).__name__})") from None
    if not isinstance(found, dict):
        raise NotPlainError(f"it holds a {type(found).__name__} in place of a dictionary")
    return {key: _array(value) if isinstance(value, _Kept) else value for key, value in found.items()}


def _array(kept: _Kept) -> Bytes:
    """An array from the state that numpy gives it: version, shape, type, whether in Fortran's order, content."""
    match kept.state:
        case (int(), tuple(shape), _Kept(given=(b"u1" | b"uint8", *_)), False | 0, bytes(content)):
            if all(type(n) is int and n >= 0 for n in shape) and math.prod(shape) == len(content):
                return Bytes(content, shape)
    raise NotPlainError("an array in it is not one of unsigned bytes in C's order")
