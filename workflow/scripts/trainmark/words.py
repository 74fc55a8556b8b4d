"""Numbers and lists in words."""

from __future__ import annotations

from collections.abc import Iterable


def plural(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def enumerate_words(words: Iterable[str], most: int = 6) -> str:
    """Words joined by commas, at most so many."""
    words = list(words)
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + rest


def and_words(words: Iterable[str]) -> str:
    """All of some words: ``a``, ``a and b``, ``a, b and c``."""
    *firsts, last = words
    return f"{', '.join(firsts)} and {last}" if firsts else last


def duration_text(seconds: float) -> str:
    """A duration as people say it: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def cut(text: str, most: int) -> str:
    """A text of at most so many characters, which ends in dots where some are missing."""
    return text if len(text) <= most else f"{text[: max(0, most - 3)]}..."[:most]
