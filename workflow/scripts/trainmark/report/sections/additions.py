"""What could be measured besides, and how: one list in the place of sections that have nothing to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainmark.contents.columns import Column
from trainmark.report.sections.document import Section, Table
from trainmark.report.sections.report_data import ReportData
from trainmark.words import enumerate_words

KEY = "additions"
_MERGE = "There: make benchmark, then make pack. Here: make merge FROM=their-results.tar.gz, then make report."
# The archive of a machine whose records this repository ships.
EXAMPLE = "results/example/{}.tar.gz"


@dataclass(frozen=True)
class Addition:
    """Something to measure.

    Attributes:
        what: it is.
        how: to get it.
        shows: keys of the sections that it would fill.
    """

    what: str
    how: str
    shows: tuple[str, ...]


# In the place of the section's key where the runs have epochs enough.
_COMPARED = "steady-state-speed-up, of what is compared"
ADDITIONS = (
    Addition("A run that is ok", "The section Excluded runs says why none is.", ("throughput",)),
    Addition(
        "The example's machine, two vCPUs of an AMD EPYC, with intervals",
        "make merge FROM={example}, then make report. It takes seconds.",
        ("ranking",),
    ),
    Addition("Another machine", _MERGE, ("ranking", _COMPARED)),
    Addition(
        "Runs on a GPU",
        "On a machine with an Apple or NVIDIA GPU, make benchmark times it beside the CPU. If that is another "
        f"machine: {_MERGE}",
        ("specifications-gpu", "training-time-gpus", "speed-up-gpu-against-cpu", "break-even"),
    ),
    Addition("Runs of Macs", f"With Apple Silicon. {_MERGE}", ("training-time-apple-gpus", "speed-up-apple-gpus")),
    Addition("Runs of a Mac and of an NVIDIA GPU", _MERGE, ("speed-up-apple-against-nvidia",)),
    Addition(
        "GPUs with different published TFLOPS",
        f"Their figures are in config/hardware.yaml, to which you can add. {_MERGE}",
        ("tflops",),
    ),
    Addition(
        "Runs on a CPU", "make benchmark, with cpu among the devices of the configuration.", ("training-time-cpus",)
    ),
    Addition("Repeats", "make benchmark makes three of each; with plain snakemake: --config repeats=3.", ("spread",)),
    Addition(
        "Two epochs or more",
        "make benchmark trains five; with plain snakemake: --config epochs=5. It is another experiment then.",
        ("steady-state", "steady-state-speed-up"),
    ),
    Addition(
        "Convergence references of this experiment",
        "The references in config/references.yaml are of the article's experiment: make benchmark.",
        ("learning",),
    ),
    Addition("Runs of models whose operations are counted", "They are mlp, cnn and lstm.", ("utilisation",)),
    Addition(
        "Controls, runs in which one thing is otherwise: less work for the host, fewer threads, XLA, another precision",
        "snakemake --cores 1 --config 'controls=[device-data,threads-2,mixed-float16]'; see config/README.md.",
        ("control-ratios",),
    ),
    Addition("Energy", "It needs a meter that may be read. make doctor says what is missing here.", ("energy",)),
)


def gather(data: ReportData, sections: list[Section]) -> list[Section]:
    """The sections that have something to show, and one that lists what the others need.

    It comes first where one machine is alone, and otherwise behind what was compared.
    """
    kept = [
        section for section in sections if not (section.missing and (not section.tables or section.key == "energy"))
    ]
    kept = [section for section, following in zip(kept, [*kept[1:], None]) if not _bare(section, following)]
    rows = [row for addition in ADDITIONS if (row := _row(addition, _unmet(data, sections), data))]
    if not rows:
        return kept
    columns = (
        Column("what", "What", "long"),
        Column("how", "How", "long"),
        Column("shows", "What it would show", "long"),
    )
    found = Section(KEY, "What you could add, and how", tables=[Table(KEY, "What you could add", columns, rows)])
    alone = data.runs["machine"].nunique() == 1
    place = 1 if alone else next(n for n, section in enumerate(kept) if section.key == "cells")
    return [*kept[:place], found, *kept[place:]]


def _unmet(data: ReportData, sections: list[Section]) -> dict[str, str]:
    """Key -> title of what has nothing to show."""
    found = {section.key: section.title for section in sections if section.missing}
    if data.figures["ranking"]["missing"]:
        found["ranking"] = "The ranking"
    if data.runs["epochs"].max() > 1 and "steady-state-speed-up" in found:
        found[_COMPARED] = found.pop("steady-state-speed-up")
    return found


def _row(addition: Addition, unmet: Mapping[str, str], data: ReportData) -> dict[str, str] | None:
    """What is said of an addition; None where it would show nothing new."""
    shown = [unmet[key] for key in addition.shows if key in unmet]
    if not shown:
        return None
    if "{example}" in addition.how and data.example.empty:
        return None
    archives = " ".join(map(EXAMPLE.format, data.example["machine"].unique()))
    how = addition.how.replace("{example}", archives)
    if "energy" in unmet and "energy" in addition.shows:
        reasons = data.tables["energy_unmeasured"]["why"].dropna().unique()
        how += f" What the runs say: {enumerate_words(reasons, 3)}." if len(reasons) else ""
    return {"what": addition.what, "how": how, "shows": "; ".join(shown)}


def _bare(section: Section, following: Section | None) -> bool:
    """Whether a section is a heading above nothing."""
    nothing = not (section.texts or section.figures or section.tables or section.cards or section.code)
    return section.level == 2 and nothing and (following is None or following.level == 2)
