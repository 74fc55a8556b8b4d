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
    verdicts.UNTESTABLE: "\u2298",
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
    "claims are in config/claims, or in the files that the configuration names, and you can add your own. All verdicts "
    "are in claims.csv. A claim that names its workload is asked of the runs of that workload. It is in the list of "
    "what these machines cannot test if none of them has the hardware that it is about, or if trainmark does not have "
    "the workload."
)
# What a card says of so many machines and stacks at once; the others are behind a click.
MOST_VERDICTS = 2
_MOST_BASELINES = 3
# What the page has a section on, in which a candidate of the experiment that is shown stands.
_COMPARED = ("speed_up", "peak_tflops")
Rows = list[dict[str, Any]]


def ledger(data: ReportData) -> Section:
    """Every claim with its verdicts, and published tables against themselves."""
    every = data.tables["claims"]
    places = _places(data)
    cards, missing = [], []
    for rows in _by_claim(of_these_machines(every[every["table"].isna()])):
        if any(row["measured"] is not None for row in rows):
            cards.append(_card(rows, places))
        else:
            missing.append({**rows[0], "detail": _reasons(rows)})
    numbers = of_these_machines(every[every["table"].notna()])
    measured = numbers["measured"].notna()
    missing += _of_tables(numbers[~measured])
    elsewhere = every[~every.index.isin(of_these_machines(every).index)]
    texts = [_SAID] if cards else [f"None of the {plural(len(missing), 'published claim')} was measured here."]
    title = "Published claims, and what was measured"
    found = [
        *_measured_numbers(numbers[measured]),
        *_missing(missing, data.program),
        *_elsewhere(elsewhere, data.program),
    ]
    found += _checks(data.tables["published_checks"])
    return Section(KEY, title, texts, tables=found, cards=cards, open=bool(cards), how=_HOW)


def of_these_machines(judged: pd.DataFrame) -> pd.DataFrame:
    """The rows of claims.csv but for claims with a workload that no machine here could test."""
    return judged[~(judged["workload"].notna() & judged["candidate"].isna())]


def _by_claim(judged: pd.DataFrame) -> list[Rows]:
    """The rows of each claim, in the order of the files."""
    said: dict[tuple[str, str], Rows] = {}
    for row in rows_of(judged):
        said.setdefault((row["claim"], row["source"]), []).append(row)
    return list(said.values())


def _reasons(rows: Rows) -> str:
    """Why nothing was measured of a claim."""
    return "; ".join(dict.fromkeys(row["detail"].removeprefix("missing: ") for row in rows))


def _of_tables(judged: pd.DataFrame) -> Rows:
    """One row for each published table and its machines here, in the place of one for each of its numbers."""
    found = []
    for _, part in judged.groupby(["table", "verdict", "candidate"], sort=False, dropna=False):
        rows = rows_of(part.drop_duplicates("claim"))
        more = f", and {plural(len(rows) - 1, 'more number')} of this table" if len(rows) > 1 else ""
        found.append({**rows[0], "statement": f"{rows[0]['statement']}{more}", "detail": _reasons(rows)})
    return found


def _measured_numbers(judged: pd.DataFrame) -> list[Table]:
    """The numbers of published tables that were measured here."""
    columns = tables.named("claims").pick("statement candidate stack expected measured low high verdict source")
    return declared("claims", rows_of(judged), columns, "claims-of-tables", "Published tables, and what was measured")


def _missing(rows: Rows, program: str) -> list[Table]:
    """The claims that nothing was measured of."""
    columns = tables.named("claims").pick("statement detail command source", detail="What is missing")
    words = "Claims that were not measured, and what is missing"
    found = declared("claims", _typed(rows, program), columns, "claims-not-measured", "Not measured")
    return [replace(table, folded=words) for table in found]


def _elsewhere(judged: pd.DataFrame, program: str) -> list[Table]:
    """The claims that no machine here could test, a published table as one."""
    alone = [{**rows[0], "detail": _reasons(rows)} for rows in _by_claim(judged[judged["table"].isna()])]
    rows = _typed([*alone, *_of_tables(judged[judged["table"].notna()])], program)
    columns = tables.named("claims").pick("statement verdict detail command source", detail="Why")
    words = "Published claims that these machines cannot test"
    return [replace(table, folded=words) for table in declared("claims", rows, columns, "claims-elsewhere", words)]


def _typed(rows: Rows, program: str) -> Rows:
    """Rows whose commands call Snakemake as it is called here."""
    return [{**row, "command": row["command"] and row["command"].replace("snakemake", program, 1)} for row in rows]


def _checks(checks: pd.DataFrame) -> list[Table]:
    """Published tables against themselves."""
    columns = tables.named("published_checks").pick("said found verdict source")
    found = declared("published_checks", rows_of(checks), columns)
    return [replace(table, folded=table.title) for table in found]


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
    where = ""
    if row["measure"] in _COMPARED and row["measured_in"] is None:
        where = next((key for one in baselines if (key := places.get((who, one, row["stack"] or "")))), "")
    if row["baseline"]:
        more = f" and {len(baselines) - _MOST_BASELINES} more" if len(baselines) > _MOST_BASELINES else ""
        who += f" against {'; '.join(baselines[:_MOST_BASELINES])}{more}"
    elsewhere = f", in the experiment of {row['measured_in']}" if row["measured_in"] else ""
    said = row["verdict"], SIGNS[row["verdict"]], measured, f"{row['detail']}{elsewhere}"
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
