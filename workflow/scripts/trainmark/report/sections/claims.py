"""The report's section on published claims: a card for each that was measured, and a list of the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from trainmark.analysis import claims, verdicts
from trainmark.analysis.series_names import SIDES, WHO, label
from trainmark.contents import figures, tables
from trainmark.report.sections import claim_pictures, speed
from trainmark.report.sections.claim_pictures import Axis
from trainmark.report.sections.document import Card, Section, Table, Verdict, declared, rows_of, with_interval
from trainmark.report.sections.report_data import ReportData
from trainmark.words import plural

KEY = "claims"
# A verdict is told by a sign and a word, not by its colour alone.
SIGNS = {
    verdicts.REPRODUCED: "\u2713",
    verdicts.CONTRADICTED: "\u2717",
    verdicts.WITHIN_NOISE: "\u2248",
    verdicts.NOT_MEASURED: "\u2013",
}
_SAID = (
    "\u2713 reproduced, \u2717 contradicted, \u2248 within noise. In the pictures, the band is what was claimed, and "
    "the point with its line what was measured, with its 95 % interval."
)
_HOW = (
    "Verdicts come from the measurements alone. Reproduced: the 95 % interval lies within the claimed range, for "
    "every test case if the claim is about every one. Contradicted: an interval, corrected for the number of test "
    "cases, lies outside. Within noise: neither. A claim gets a verdict for every machine and stack "
    f"that it fits; of more than {claims.MOST_OF_A_KIND} machines of one kind, for those with the most runs. The "
    "claims are in config/claims.yaml, or in the files that the configuration names, and you can add your own. All "
    "verdicts are in claims.csv."
)
# What a card says of so many machines and stacks at once; the others are behind a click.
MOST_VERDICTS = 2
_MOST_BASELINES = 3
Rows = list[dict[str, Any]]


def ledger(data: ReportData) -> Section:
    """Every claim with its verdicts."""
    said: dict[tuple[str, str], Rows] = {}
    for row in rows_of(data.tables["claims"]):
        said.setdefault((row["claim"], row["source"]), []).append(row)
    places = _places(data)
    cards, missing = [], []
    for rows in said.values():
        if any(row["measured"] is not None for row in rows):
            cards.append(_card(rows, places))
        else:
            missing.append(
                {**rows[0], "detail": "; ".join(dict.fromkeys(row["detail"].removeprefix("missing: ") for row in rows))}
            )
    texts = [_SAID] if cards else [f"None of the {plural(len(missing), 'published claim')} was measured here."]
    title = "Published claims, and what was measured"
    return Section(KEY, title, texts, tables=_missing(missing), cards=cards, open=bool(cards), how=_HOW)


def _missing(rows: Rows) -> list[Table]:
    """The claims that nothing was measured of."""
    columns = tables.named("claims").pick("statement detail source", detail="What is missing")
    words = "Claims that were not measured, and what is missing"
    found = declared("claims", rows, columns, "claims-not-measured", "Not measured")
    return [replace(table, folded=words) for table in found]


def _card(rows: Rows, places: Mapping[tuple[str, str, str], str]) -> Card:
    """A claim with its verdicts, those with a measurement first."""
    first = rows[0]
    claimed = first["claimed_low"], first["claimed_high"]
    values = [row[column] for row in rows for column in ("measured", "low", "high") if row[column] is not None]
    of_peak = not any(row["baseline"] for row in rows)
    axis = claim_pictures.axis_of([*claimed, *values, *([] if of_peak else [1.0])])
    ordered = sorted(rows, key=lambda row: row["measured"] is None)
    found = [_verdict(row, axis, places) for row in ordered]
    expected = first["expected"].removeprefix("every test case ")
    return Card(
        f"claim-{first['claim']}",
        first["claim"],
        first["statement"],
        first["source"],
        first["note"] or "",
        expected,
        found,
    )


def _verdict(row: Mapping[str, Any], axis: Axis, places: Mapping[tuple[str, str, str], str]) -> Verdict:
    """What the measurements of one machine and stack say of a claim."""
    picture, measured = "", ""
    if row["measured"] is not None:
        ends = (math.nan, math.nan) if row["low"] is None else (row["low"], row["high"])
        claimed = row["claimed_low"], row["claimed_high"]
        picture = claim_pictures.draw(axis, claimed, bool(row["claimed_outside"]), row["measured"], ends)
        measured = with_interval(row["measured"], *ends)
    who = row["candidate"] or ""
    baselines = (row["baseline"] or "").split("; ")
    where = next((key for one in baselines if (key := places.get((who, one, row["stack"] or "")))), "")
    if row["baseline"]:
        more = f" and {len(baselines) - _MOST_BASELINES} more" if len(baselines) > _MOST_BASELINES else ""
        who += f" against {'; '.join(baselines[:_MOST_BASELINES])}{more}"
    said = row["verdict"], SIGNS[row["verdict"]], measured, row["detail"]
    return Verdict(who, row["stack"] or "", *said, picture, where)


def _places(data: ReportData) -> dict[tuple[str, str, str], str]:
    """Candidate, baseline and stack -> the key of the section that compares them."""
    found: dict[tuple[str, str, str], str] = {}
    for name, cells in _comparisons(data):
        for row in cells.drop_duplicates().itertuples(index=False, name=None):
            candidate, baseline = (label((*side, ""), (True, True, False)) for side in (row[:2], row[3:5]))
            if row[2] == row[5]:
                found.setdefault((candidate, baseline, row[2]), figures.named(name).section)
    for machine, device, stack in data.tables["utilisation"][WHO].drop_duplicates().itertuples(index=False, name=None):
        found[label((machine, device, ""), (True, True, False)), "", stack] = "utilisation"
    return found


def _comparisons(data: ReportData) -> list[tuple[str, pd.DataFrame]]:
    """Each comparison: the name of its figure, and the sides of its rows of comparisons.csv."""
    cells = data.tables["comparisons"]
    found = [(f.name, cells[cells["exhibit"] == f.number]) for f in figures.FIGURES if "comparisons_summary" in f.given]
    return [(name, part[list(SIDES)]) for name, part in [*found, *speed.further(data)] if len(part)]


def link_back(sections: list[Section]) -> None:
    """Say in each comparison's section which claims are about it."""
    by_key = {section.key: section for section in sections}
    for card in by_key[KEY].cards:
        for key in dict.fromkeys(verdict.where for verdict in card.verdicts if verdict.where):
            if key in by_key:
                by_key[key].claims.append(card)
