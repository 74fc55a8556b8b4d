"""The doctor's report: findings as lines for a person, and as files to paste into a bug report."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainmark import escaping, files, words
from trainmark.doctor import anonymity

FOLDER = Path("results/doctor")
# The layout of the JSON file.
FORMAT_VERSION = 1

GOOD, WARNING, WRONG = "good", "warning", "wrong"
_SIGNS = {GOOD: "✓", WARNING: "!", WRONG: "✗"}
_PLAIN_SIGNS = {GOOD: "+", WARNING: "!", WRONG: "X"}
_WIDTH, _TOPIC_WIDTH = 110, 17


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: what it is about, in a word or two.
        verdict: GOOD, WARNING (what is measured counts, but less than it could) or WRONG (nothing is measured, or not
            what it says).
        text: what was found.
        advice: what to do, in words.
        command: what to type for that.
    """

    topic: str
    verdict: str
    text: str
    advice: str | None = None
    command: str | None = None


def lines(finding: Finding, encoding: str | None = "utf-8") -> list[str]:
    """A finding as a person reads it: a sign, the topic and what was found; below it what to do.

    A command stands on a line of its own, whole, however long it is.

    Args:
        finding: to show.
        encoding: of where it is shown: signs that it does not know give way to plain ones.
    """
    margin = " " * (_TOPIC_WIDTH + 3)
    first, *rest = [line for given in finding.text.splitlines() for line in _wrapped(given, margin)]
    shown = [f"{_sign(finding.verdict, encoding)} {finding.topic:<{_TOPIC_WIDTH}} {first.strip()}", *rest]
    if finding.advice:
        shown += _wrapped(finding.advice, margin)
    if finding.command:
        shown.append(f"{margin}  {finding.command}")
    return shown


def _wrapped(line: str, margin: str) -> list[str]:
    indent = margin + line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line.strip(),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _sign(verdict: str, encoding: str | None) -> str:
    try:
        "".join(_SIGNS.values()).encode(encoding or "ascii")
    except UnicodeEncodeError:
        return _PLAIN_SIGNS[verdict]
    return _SIGNS[verdict]


def summary(findings: Sequence[Finding]) -> str:
    """How many there are of each kind."""
    counts = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in _SIGNS}
    return f"{counts[GOOD]} good, {words.plural(counts[WARNING], 'warning')}, {counts[WRONG]} wrong"


def write(
    machine: str, title: str, findings: Sequence[Finding], facts: Mapping[str, Any], secrets: Mapping[str, str]
) -> list[Path]:
    """Write ``results/doctor/<machine>.txt`` and ``.json``, each whole or not at all, free of names and folders.

    Args:
        machine: its name.
        title: first line of the text.
        findings: in their order.
        facts: what the findings are made of.
        secrets: what is to be masked, as ``anonymity.secrets`` gives it.

    Returns:
        The files.

    Raises:
        OSError: if they cannot be written.
    """
    shown = [Finding(**anonymity.masked(asdict(finding), secrets)) for finding in findings]
    told = [line for finding in shown for line in lines(finding)]
    text = "\n".join(map(escaping.line, [title, "", *told, "", summary(shown)])) + "\n"
    data = {"format_version": FORMAT_VERSION, "machine": machine, "title": title}
    data |= {"findings": list(map(asdict, shown)), "facts": anonymity.masked(facts, secrets)}
    FOLDER.mkdir(parents=True, exist_ok=True)
    contents = {"txt": text, "json": json.dumps(data, indent=1) + "\n"}
    for suffix, content in contents.items():
        files.write_whole(FOLDER / f"{machine}.{suffix}", content)
    return [FOLDER / f"{machine}.{suffix}" for suffix in contents]
