"""What a merge tells the user."""

from __future__ import annotations

from collections import Counter

from trainmark.ingest.merging import Merge

BELIEVED = (
    "Checksums show damage, not forgery. A signature shows that the whole archive came from the holder of one key, "
    "not that its numbers are true."
)


def lines(merge: Merge) -> list[str]:
    """Lines for the user: one a machine, then one a problem."""
    new = Counter(path.partition("/")[0] for path in merge.new)
    said: dict[str, list[str]] = {}
    for arrival in merge.arrivals:
        said.setdefault(arrival.machine, []).append(str(arrival))
    found = [
        f"{name}: {new[name]} new, {merge.identical[name]} identical; {', '.join(dict.fromkeys(said[name]))}"
        for name in sorted({*new, *merge.identical})
    ]
    if merge.new and merge.arrivals:
        found.append(BELIEVED)
    found += [str(problem) for problem in merge.memory.problems]
    again = Counter(path.partition("/")[0] for path in merge.moved)
    found += [
        f"{name}: was measured again; {count} files stand in an earlier session now" for name, count in again.items()
    ]
    found += [f"{path}: differs from yours only in driver or system; yours is kept" for path in merge.kept]
    return found + [f"  - {problem}" for problem in merge.problems]
