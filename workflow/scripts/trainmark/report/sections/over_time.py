"""The page's section on machines that were measured again."""

from __future__ import annotations

from trainmark.analysis import over_time
from trainmark.contents import tables
from trainmark.contents.over_time import SECTION
from trainmark.report.sections import whole_tables
from trainmark.report.sections.document import Section
from trainmark.report.sections.report_data import ReportData
from trainmark.words import plural

_SAID = (
    "A machine that is measured again has sessions. Each is compared with the one before it, test case by test case: "
    "the later time over the earlier one. All else on this page is of the last session of each machine."
)
_HOW = (
    "Ratios and intervals are those of any comparison on this page (geometric means, Welch on log times). Verdicts are "
    "by intervals that hold of all rows together with 95 % (Bonferroni), and a change of under 1 % is called so: a "
    "machine that was merely started anew may differ by as much, which repeats within a session do not show. What "
    "changed is told as far as records and the machine's description say it; firmware and cooling are in neither. Test "
    "cases of which the two sessions did not compute the same (threads, optimizer, XLA, precision, image format) are "
    "left out; versions may differ, since they are what is compared."
)


def section(data: ReportData) -> list[Section]:
    """The sessions of machines that have several; nothing where none has."""
    table = data.tables["over_time"]
    if table.empty:
        return []
    counts = table["verdict"].value_counts()
    verdicts = (over_time.SLOWER, over_time.FASTER, over_time.SMALL, over_time.WITHIN_NOISE, over_time.UNKNOWN)
    words = [f"{counts[verdict]} {verdict}" for verdict in verdicts if verdict in counts]
    texts = [_SAID, f"{plural(len(table), 'comparison')}: {', '.join(words)}."]
    title = tables.named("over_time").title
    return [Section(SECTION, title, texts, tables=whole_tables.in_section(data, SECTION), level=3, how=_HOW)]
