"""The small picture of a claim: what was claimed as a band, what was measured as a point, on a logarithmic axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainmark.contents.columns import brief, ratio

_WIDTH, _MARGIN = 280, 12
_MIDDLE, _BAND, _AXIS, _TEXT = 14, 10, 28, 41
# Beyond this ratio of its ends, an axis has its ticks at 1, 2 and 5 of each decade; below, at even distances.
_WIDE = 4
_STEPS = (1, 2, 2.5, 5)
_MOST_TICKS = 5


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from one value to another."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where a value lies, in the picture's units; at the end where it is beyond it."""
        inside = min(max(value, self.low), self.high)
        share = math.log(inside / self.low) / math.log(self.high / self.low)
        return round(_MARGIN + share * (_WIDTH - 2 * _MARGIN), 1)

    def ticks(self) -> list[float]:
        """Round values on it."""
        last = math.ceil(math.log10(self.high)) + 1
        if self.high / self.low > _WIDE:
            found = [
                value
                for value in _round(range(math.floor(math.log10(self.low)), last), (1, 2, 5))
                if self.low <= value <= self.high
            ]
            return found[:: math.ceil(len(found) / (2 * _MOST_TICKS))]
        multiples = range(0)
        for step in _round(range(math.floor(math.log10(self.high - self.low)) - 1, last), _STEPS):
            multiples = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
            if len(multiples) <= _MOST_TICKS:
                return [number * step for number in multiples]
        return []


def _round(decades: range, digits: tuple[float, ...]) -> list[float]:
    """Round numbers, in order."""
    return [digit * 10.0**decade for decade in decades for digit in digits]


def axis_of(values: list[float]) -> Axis:
    """An axis with room for some values; what is 0 or infinite is beyond its ends."""
    there = [value for value in values if 0 < value < math.inf]
    return Axis(min(there) / 1.15, max(there) * 1.15)


def draw(axis: Axis, claimed: tuple[float, float], outside: bool, measured: float, ends: tuple[float, float]) -> str:
    """An SVG, of numbers alone.

    Args:
        axis: of the picture.
        claimed: the values that the claim allows; 0 or infinity where it has no end.
        outside: whether it allows all but those.
        measured: what was measured.
        ends: of its 95 % interval; NaN without repeats.
    """
    bands = [claimed] if not outside else [(0.0, claimed[0]), (claimed[1], math.inf)]
    parts = [
        f'<rect class="claimed" x="{axis.at(low)}" y="{_MIDDLE - _BAND}" '
        f'width="{round(max(axis.at(high) - axis.at(low), 1), 1)}" height="{2 * _BAND}"/>'
        for low, high in bands
    ]
    parts.append(f'<path class="axis" d="M{_MARGIN} {_AXIS}H{_WIDTH - _MARGIN}"/>')
    for tick in axis.ticks():
        x = axis.at(tick)
        parts.append(f'<path class="axis" d="M{x} {_AXIS}v-3"/><text x="{x}" y="{_TEXT}">{tick:g}</text>')
    if not math.isnan(ends[0]):
        parts.append(f'<path class="interval" d="M{axis.at(ends[0])} {_MIDDLE}H{axis.at(ends[1])}"/>')
    parts.append(f'<circle class="measured" cx="{axis.at(measured)}" cy="{_MIDDLE}" r="4"/>')
    said = f"Claimed: {_range(claimed, outside)}. Measured: {ratio(measured)}"
    said += "." if math.isnan(ends[0]) else f", 95 % interval {ratio(ends[0])} to {ratio(ends[1])}."
    return (
        f'<svg class="claim" viewBox="0 0 {_WIDTH} 46" role="img" aria-label="{said} Logarithmic axis.">'
        f"{''.join(parts)}</svg>"
    )


def _range(claimed: tuple[float, float], outside: bool) -> str:
    """What is claimed, in words."""
    low, high = claimed
    if outside:
        return f"below {brief(low)} or above {brief(high)}"
    if math.isinf(high):
        return f"above {brief(low)}"
    return f"below {brief(high)}" if low == 0 else f"{brief(low)} to {brief(high)}"
