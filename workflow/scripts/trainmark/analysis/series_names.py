"""What series and comparisons are called: by no more than what tells them apart."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

WHO = ["machine", "device", "stack"]
BASELINE = [f"{axis}_baseline" for axis in WHO]
SIDES = (*WHO, *BASELINE)
Key = tuple[str, ...]


def label(key: Iterable[str], shown: Iterable[bool] = (True, True, True)) -> str:
    """Machine, device and stack in words, those that are to be shown."""
    machine, device, stack = key
    return ", ".join(word for word, wanted in zip((machine, device.upper(), stack), shown) if wanted)


def varying(rows: pd.DataFrame, columns: list[str] = WHO) -> tuple[bool, bool, bool]:
    """Which of machine, device and stack are to be shown: the machine, and what differs between the rows."""
    return (True, *(rows[column].nunique() > 1 for column in columns[1:]))


def series(rows: pd.DataFrame) -> dict[Key, str]:
    """Machine, device and stack of each series -> what it is called."""
    shown = varying(rows)
    return {key: label(key, shown) for key in _keys(rows, WHO)}


def pairs(cells: pd.DataFrame) -> dict[Key, str]:
    """Candidate and baseline of each pair of a comparison -> what it is called.

    By the candidate, and by the baseline where a candidate has several.
    """
    candidates, found = cells[WHO].drop_duplicates(), _keys(cells, [*WHO, *BASELINE])
    several = len(found) > len(candidates)
    shown, shown_baseline = varying(cells), varying(cells, BASELINE)
    names = {}
    for key in found:
        candidate, baseline = label(key[:3], shown), label(key[3:], shown_baseline)
        against = f"against {baseline}"
        names[key] = candidate if not several else against if len(candidates) == 1 else f"{candidate} {against}"
    return names


def _keys(rows: pd.DataFrame, columns: list[str]) -> list[Key]:
    return sorted(rows[columns].drop_duplicates().itertuples(index=False, name=None))


def both(cells: pd.DataFrame, most: int | None = None) -> list[tuple[str, str]]:
    """Candidate and baseline of each row in words: with the device, and with the stack where there are several.

    Args:
        cells: with the columns of both sides.
        most: how many of the first rows are wanted; all if not given.
    """
    stacks = pd.concat([cells["stack"], cells["stack_baseline"]]).nunique() > 1
    return [
        (label(key[:3], (True, True, stacks)), label(key[3:], (True, True, stacks)))
        for key in cells.loc[:, [*WHO, *BASELINE]].iloc[:most].itertuples(index=False, name=None)
    ]
