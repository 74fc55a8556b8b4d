"""What a registry says of its archives: on the terminal, and as Markdown that a pull request shows."""

from __future__ import annotations

from collections.abc import Sequence

from trainmark import words
from trainmark.escaping import markdown
from trainmark.ingest import merge_lines
from trainmark.ingest.registry import Outcome

# Said of what is refused though it is not new, where something is.
_BEFORE = " (published before)"


def headline(outcomes: Sequence[Outcome]) -> str:
    """How many archives were taken and refused."""
    taken = sum(each.taken for each in outcomes)
    refused = len(outcomes) - taken
    return f"{words.plural(len(outcomes), 'archive')}: {taken} taken, {refused} refused"


def lines(outcomes: Sequence[Outcome], removed: Sequence[str]) -> list[str]:
    """Lines for the terminal: one an archive, and one a reason."""
    found, some_new = [], any(each.new for each in outcomes)
    for each in outcomes:
        if each.taken:
            what = f"{each.added} new, {each.identical} identical; {each.origin}"
            found.append(f"taken: {each.name} ({', '.join(each.machines)}): {' '.join((f'{what}.', *each.remarks))}")
        else:
            found.append(f"refused: {each.name}{_BEFORE if some_new and not each.new else ''}")
            found += [f"  - {reason}" for reason in each.reasons]
    found += [f"removed: {name}" for name in removed]
    return [*found, f"{headline(outcomes)}."]


def text(outcomes: Sequence[Outcome], removed: Sequence[str]) -> str:
    """The same as Markdown, in which nothing that an archive says is a link, a name, a picture or a format."""
    refused = [each for each in outcomes if not each.taken]
    found = [f"# {headline(outcomes)}", ""]
    if refused:
        found += ["## Refused", ""]
    for each in refused:
        old = any(other.new for other in outcomes) and not each.new
        found += [f"**{markdown(each.name)}**{_BEFORE if old else ''}", ""]
        found += [f"- {markdown(reason)}" for reason in each.reasons] + [""]
    taken = [each for each in outcomes if each.taken]
    if taken:
        found += ["## Taken", "", "| archive | machine | files new | there already | signature | to know |"]
        found.append("|---|---|---:|---:|---|---|")
        found += [_row(each) for each in taken]
        found += ["", merge_lines.BELIEVED, ""]
    if removed:
        found += ["## Removed", "", *(f"- {markdown(name)}" for name in removed), ""]
    return "\n".join(found)


def _row(each: Outcome) -> str:
    texts = [markdown(text) for text in (each.name, ", ".join(each.machines))]
    texts += [f"{each.added:,}", f"{each.identical:,}"]
    texts += [markdown(text) for text in (each.origin, " ".join((*(["New here."] if each.new else []), *each.remarks)))]
    return f"| {' | '.join(texts)} |"
