"""The bounds of the benchmarks' figures. They are said, not asserted: a noisy machine fails nothing."""

from __future__ import annotations

import math

PAST = "PAST ITS BOUND"
# Machines -> what the page has at most, MB, and the seconds that its whole report may take.
PAGE_MEGABYTES = {5: 1.0, 25: 2.0, 1000: 5.0}
REPORT_SECONDS = {5: 10.0, 1000: 30.0}


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
