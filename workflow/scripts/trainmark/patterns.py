"""Patterns of the JSON schemas, as JSON Schema means them."""

from __future__ import annotations

import re


def to_python(pattern: str) -> str:
    r"""A pattern for Python's ``re``, whose own ``$`` lets a line break follow; JSON Schema's is the very end."""
    return re.sub(r"(?<!\\)\$$", r"\\Z", pattern)
