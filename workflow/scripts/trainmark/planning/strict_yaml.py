"""YAML files that a person writes, read strictly: what two readers would understand differently is refused.

YAML 1.1, which PyYAML and Snakemake read, takes 017 for 15, 1:30 for 90 and no for false, and of two equal keys it
believes the last one.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from trainmark import files
from trainmark.errors import TrainmarkError

# The C parser is ten times as fast, and this is done at every start.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Deeper than any of our files; with a limit, since parsers recurse.
_DEEPEST = 50
# Far more values than any of our files holds, aliases (*name) written out, of which a few lines make thousands of
# millions.
_MOST_VALUES = 100_000
_PLAIN = {
    "int": (re.compile(r"[-+]?(0|[1-9][0-9]{0,18})"), "write a whole number as 15 or 1000"),
    "float": (re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+][0-9]+)?"), "write a number as 0.001 or 1.0e-3"),
    "bool": (re.compile(r"(?i:true|false)"), "write true or false, or put a text into quotes"),
    "null": (re.compile(r"(null)?"), "write null, or put a text into quotes"),
}
_QUOTES = "put it into quotes if it is a text"


@dataclass(frozen=True)
class Layer:
    """One place that values come from: a file and its text, or the command line (``text`` None)."""

    name: str
    text: str | None
    values: Mapping[str, Any]

    @functools.cached_property  # it is asked for the same key again and again
    def _root(self) -> yaml.Node | None:
        return yaml.compose(self.text, Loader=LOADER) if self.text else None

    def line_of(self, path: tuple[Any, ...]) -> int | None:
        """Line (from 1) of the value to which keys and indices lead, as far down as they go."""
        node, line = self._root, None
        for part in path:
            if isinstance(node, yaml.MappingNode):
                pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                pair = (node.value[part], node.value[part])
            else:
                pair = None
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        return line


def read(name: str) -> Layer:
    """A file of keys and values.

    Raises:
        TrainmarkError: naming every problem at once, each with file and line, what was found and what to write.
    """
    text = _text(name)
    try:
        _refuse_depth(name, text)
        loader = LOADER(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise TrainmarkError(
                f"{name} holds no keys; expected lines as 'key: value', as in the file that it overlays."
            )
        problems = [f"  - {name}, line {line}: {what}" for line, what in _surprises(node)]
        if problems:
            raise TrainmarkError(f"{name} cannot be used; nothing was run.\n" + "\n".join(problems))
        return Layer(name, text, loader.construct_document(node))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        what = " ".join(str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split())
        if mark and text[mark.index : mark.index + 1] == "\t":
            what = "a tab is where only spaces are allowed"
        raise TrainmarkError(f"{name}{line}: is not YAML ({what[:200]}).") from None


def _text(name: str) -> str:
    try:
        content = files.read_start(name)
    except OSError as error:
        raise TrainmarkError(f"{name} cannot be read: {error.strerror}.") from None
    if len(content) > files.LARGEST_BYTES:
        raise TrainmarkError(f"{name} is too large; expected at most {files.LARGEST_BYTES:,} bytes.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TrainmarkError(f"{name}, line {line}: is not UTF-8 text ({error.reason}).") from None


def _refuse_depth(name: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else "?"
            raise TrainmarkError(f"{name}, line {line}: is nested too deeply; expected at most {_DEEPEST} levels.")


def _surprises(root: yaml.Node) -> Iterator[tuple[int, str]]:
    """Line and words of everything that may not be what its writer meant."""
    counts: dict[int, int] = {}
    try:
        if _count(root, counts, set()) > _MOST_VALUES:
            yield root.start_mark.line + 1, f"its aliases (*name) stand for over {_MOST_VALUES:,} values"
            return
    except RecursionError:
        yield root.start_mark.line + 1, "an alias (*name) is inside the value that it names"
        return
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield from _scalar_surprises(node)
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)
        elif isinstance(node, yaml.MappingNode):
            yield from _key_surprises(node)
            waiting += [value for _, value in reversed(node.value)]


def _count(node: yaml.Node, counts: dict[int, int], inside: set[int]) -> int:
    """How many values a node stands for, itself included.

    Raises:
        RecursionError: if it stands within itself.
    """
    if id(node) in inside:
        raise RecursionError
    if id(node) not in counts:
        parts = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            parts = [each for pair in parts for each in pair]
        counts[id(node)] = 1 + sum(_count(part, counts, inside | {id(node)}) for part in parts)
    return counts[id(node)]


def _key_surprises(node: yaml.MappingNode) -> Iterator[tuple[int, str]]:
    keys: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if key.tag.endswith(":merge"):
            yield line, "'<<' takes keys from elsewhere; write them out"
        elif not isinstance(key, yaml.ScalarNode):
            yield line, "a key is not a text"
        elif key.value in keys:
            yield line, f"{shown(key.value)} is here a second time, after line {keys[key.value]}; remove one of them"
        keys.setdefault(str(key.value), line)


def _scalar_surprises(node: yaml.ScalarNode) -> Iterator[tuple[int, str]]:
    line, kind = node.start_mark.line + 1, node.tag.rpartition(":")[2]
    if kind in _PLAIN:
        plain, instead = _PLAIN[kind]
        if not plain.fullmatch(node.value):
            yield line, f"YAML may read {shown(node.value)} as something else; {instead}"
    elif kind != "str":
        yield line, f"YAML reads {shown(node.value)} as a {kind}; {_QUOTES}"
    elif unprintable(node.value):
        yield line, f"{shown(node.value)} holds a character that cannot be printed"


def unprintable(text: str) -> bool:
    """Whether a text holds control characters other than line ends and tabs, or halves of characters."""
    return any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in text)


def shown(text: str) -> str:
    """A text as it may be printed: on one line, in ASCII where it is not printable, and not too long."""
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
