"""The bounds of the benchmarks' figures. They are said, not asserted: a noisy machine fails nothing."""

from __future__ import annotations

import math

PAST = "PAST ITS BOUND"


def print_bound(what: str, value: float, least: float = -math.inf, most: float = math.inf) -> None:
    """Say whether a figure is within its bound.

    Args:
        what: it is, with its unit.
        value: as it was measured.
        least: the bound below.
        most: the bound above.
    """
    wanted = " and ".join(
        words
        for words, there in (
            (f"at least {least:g}", math.isfinite(least)),
            (f"at most {most:g}", math.isfinite(most)),
        )
        if there
    )
    verdict = "within its bound" if least <= value <= most else PAST
    print(f"bound: {what} is {value:.3f}, wanted {wanted}: {verdict}", flush=True)
