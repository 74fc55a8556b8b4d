"""How a declaration's function, and what it is given, are found by their names."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def function(package: str, made_by: str) -> Callable[..., Any]:
    """The function of a declaration.

    Args:
        package: in which its module lies, as ``trainmark.analysis``.
        made_by: module and function.
    """
    module, name = made_by.split(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"{package}.{module}"), name)
    return found


def has(kind: type, name: str) -> bool:
    """Whether objects of a dataclass have an attribute; it is not computed, which may take long or fail."""
    return hasattr(kind, name) or name in kind.__dataclass_fields__  # type: ignore[attr-defined]
