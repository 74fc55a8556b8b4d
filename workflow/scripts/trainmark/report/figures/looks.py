"""What a machine looks like: in every figure of the page, the same colour; never told by its colour alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from trainmark.analysis.series_names import WHO, Key

# The page's --ink, --soft, --line and --paper in the light theme. On the page they follow the reader's theme.
INK, SOFT, GRID, PAPER = "#1b1f24", "#57606a", "#d0d7de", "#ffffff"
# Visible on white and on black: for what the page cannot recolour.
MIDDLE = "#7d8590"
# Each has a contrast of 3 to light and to dark paper, and any two differ by at least 20 (CIEDE2000), also without red
# or without green cones. There are no more such colours; the markers, eleven, tell apart what shares one.
COLOURS = ("#0c698b", "#cd8001", "#0ea68b", "#bf6dff", "#a63f43")
# All can be hollow. The diamond is kept for published figures and the cross for what has no result.
MARKERS: tuple[Any, ...] = ("o", "s", "^", "P", "v", "*", "<", (4, 1, 0), ">", "p", (3, 1, 0))
PUBLISHED, LOST = "D", "x"
_DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Look:
    """How points and lines are drawn.

    Attributes:
        colour: of both.
        marker: of the points, as matplotlib names it.
        hollow: whether the points are.
        dashes: of the lines, as matplotlib names them; empty for none.
    """

    colour: str
    marker: Any
    hollow: bool = False
    dashes: str = "-"

    @property
    def face(self) -> str:
        """The colour that fills its points."""
        return PAPER if self.hollow else self.colour

    @property
    def mark(self) -> tuple[str, Any, bool]:
        """What tells its points from others."""
        return self.colour, self.marker, self.hollow


# (machine, device, stack) -> look.
Looks = Mapping[Key, Look]


def assign_looks(runs: pd.DataFrame) -> Looks:
    """The look of each machine, device and stack: its colour is the machine's, hollow points are of its CPU.

    The marker is that of the machine with its stack, and so is the kind of line.
    """
    keys = sorted(runs[WHO].drop_duplicates().itertuples(index=False, name=None))
    machines = _numbered(machine for machine, _, _ in keys)
    stacks = _numbered(sorted({stack for _, _, stack in keys}))
    colours = {machine: COLOURS[number % len(COLOURS)] for machine, number in machines.items()}
    markers = _markers([(machine, stack) for machine, _, stack in keys], colours)
    return {
        (machine, device, stack): Look(
            colours[machine], markers[machine, stack], device == "cpu", _DASHES[stacks[stack] % len(_DASHES)]
        )
        for machine, device, stack in keys
    }


def _markers(keys: list[tuple[str, str]], colours: Mapping[str, str]) -> dict[tuple[str, str], Any]:
    """A marker for each machine and stack; with its colour it is nobody else's as long as there are enough."""
    found: dict[tuple[str, str], Any] = {}
    used: set[tuple[str, Any]] = set()
    for number, key in enumerate(dict.fromkeys(sorted(keys))):
        turns = [MARKERS[(number + step) % len(MARKERS)] for step in range(len(MARKERS))]
        found[key] = next((marker for marker in turns if (colours[key[0]], marker) not in used), turns[0])
        used.add((colours[key[0]], found[key]))
    return found


def _numbered(words: Iterable[str]) -> dict[str, int]:
    return {word: number for number, word in enumerate(dict.fromkeys(words))}


def look_of(key: Key, keys: Iterable[Key], looks: Looks) -> Look:
    """The look of a series.

    Args:
        key: machine, device and stack; a control may follow, or those of a baseline.
        keys: of all series of the figure.
        looks: of machines, devices and stacks.
    """
    first = looks.get(key[:3], Look(INK, MARKERS[0]))
    if len(key) == 4:  # a control: the machine's colour, a marker for what differs
        kinds = _numbered(sorted({" ".join(each[2:]) for each in keys}))
        return replace(first, marker=MARKERS[kinds[" ".join(key[2:])] % len(MARKERS)])
    if len(key) < 6:
        return first
    sides = list(itertools.chain.from_iterable((each[:3], each[3:]) for each in keys))
    second = looks.get(key[3:], Look(INK, MARKERS[0]))
    if sides.count(key[:3]) == 1:
        return first
    # A pair looks like the side that tells it from the others; where none does, like both.
    return second if sides.count(key[3:]) == 1 else replace(second, colour=first.colour)


def neutral_looks(keys: list[Any]) -> dict[Any, Look]:
    """Looks that nobody takes for a machine's: shades of grey, a marker each, for batch sizes and models."""
    shades = (SOFT, INK, MIDDLE)
    return {
        key: Look(shades[number % len(shades)], MARKERS[number % len(MARKERS)], dashes="")
        for number, key in enumerate(keys)
    }
