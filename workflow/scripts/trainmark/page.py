"""The page: what the runs say, in sentences, figures and tables, in one file."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

import trainmark
from trainmark import comparing, tables
from trainmark.record import OK

# Name -> alternative text and caption; a figure that was not drawn is left out.
FIGURES = {
    "training_time": (
        "Bar chart: median training time in seconds by batch size, one panel for each model",
        "Time of the whole fit, with the validation after each epoch, as a user waits for it; start-up of the process "
        "and evaluation on the test set are not in it. Every run is a point: look at their spread before you compare.",
    ),
    "throughput": (
        "Line chart: training samples per second over the batch size, one panel for each model",
        "Training samples times epochs, divided by the time of fit. The first epoch, which holds start-up, is in it.",
    ),
}

STACK_COLUMNS = ["machine", "stack", "device", "python", "tensorflow", "keras", "tensorflow_metal", "intra_op_threads"]
STACK_COLUMNS += ["optimizer_class", "jit_compile", "lock_file"]


@dataclass(frozen=True)
class PageData:
    """What the page is made from.

    Attributes:
        runs: runs.csv; the others likewise.
        cells: one row a cell.
        machines: one row a machine, every value as text.
        experiments: settings digest -> settings.
        left_out: files that could not be used.
        comparisons: one row a compared cell.
        summary: one row a candidate and model.
        figures: the folder that ``figures.draw_all`` filled.
        grid: axes of the configured grid.
        configured: names of the configured comparisons.
    """

    runs: pd.DataFrame
    cells: pd.DataFrame
    machines: pd.DataFrame
    experiments: Mapping[str, Any]
    left_out: pd.DataFrame
    comparisons: pd.DataFrame
    summary: pd.DataFrame
    figures: Path
    grid: Mapping[str, Any]
    configured: list[str]


def read_report(folder: Path, grid: Mapping[str, Any], configured: list[str]) -> PageData:
    """All tables of results/report."""
    texts = {
        name: pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
        for name in ("machines", "experiments", "left_out")
    }
    experiments = texts["experiments"].set_index("settings_digest")["settings"].map(json.loads).to_dict()
    return PageData(
        runs=tables.read_runs(folder / "runs.csv"),
        cells=tables.read_runs(folder / "cells.csv"),
        machines=texts["machines"],
        experiments=experiments,
        left_out=texts["left_out"],
        comparisons=comparing.read_cells(folder / "comparisons.csv"),
        summary=comparing.read_cells(folder / "comparisons_summary.csv"),
        figures=folder / "figures",
        grid=grid,
        configured=configured,
    )


def render(data: PageData, template: Path, preferred_settings: str) -> str:
    """The page's HTML.

    Args:
        data: the tables.
        template: the Jinja2 template.
        preferred_settings: settings digest of the experiment to show if there are runs of it.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"gib": gib, "seconds": seconds, "ratio": ratio}
    experiment = tables.choose_experiment(data.runs, preferred_settings)
    shown = tables.of_experiment(data.runs, experiment)
    runs = data.runs[shown]
    ok = runs[runs["status"] == OK]
    return environment.get_template(template.name).render(
        version=trainmark.__version__,
        grid=data.grid,
        counts=count_runs(runs),
        experiment=describe_experiment(runs),
        figures=embed(data.figures),
        cells=describe_cells(data, experiment),
        failed=_rows(runs[runs["status"] != OK]),
        comparisons=describe_comparisons(data),
        not_compared=[name for name in data.configured if name not in set(data.comparisons["comparison"])],
        bad_files=_rows(data.left_out),
        missing=_rows(tables.missing_runs(runs, data.grid)),
        left_out=left_out(data, ~shown, experiment),
        machines=_rows(data.machines),
        stacks=_rows(ok[STACK_COLUMNS].drop_duplicates()),
    )


def count_runs(runs: pd.DataFrame) -> dict[str, int]:
    """How many runs, ok ones, failed ones and machines there are."""
    ok = int((runs["status"] == OK).sum())
    return {"runs": len(runs), "ok": ok, "failed": len(runs) - ok, "machines": runs["machine"].nunique()}


def describe_experiment(runs: pd.DataFrame) -> dict[str, Any]:
    """What all the shown runs have in common."""
    first = runs.iloc[0]
    return {
        "epochs": int(first["epochs"]),
        "train_samples": int(first["train_samples"]),
        "protocol": int(first["protocol"]),
        "digest": first["settings_digest"][:12],
        "started": runs["started_at"].min()[:10],
        "ended": runs["ended_at"].max()[:10],
    }


def embed(folder: Path) -> list[dict[str, str]]:
    """The figures that were drawn, as data addresses, with their alternative texts and captions."""
    return [
        {"name": name, "alt": alt, "caption": caption, "address": _data_address(folder / f"{name}.svg")}
        for name, (alt, caption) in FIGURES.items()
        if (folder / f"{name}.svg").exists()
    ]


def describe_cells(data: PageData, experiment: tuple[str, int]) -> list[dict[str, Any]]:
    """Every cell; what is compared with nothing says why in ``grey``."""
    rows = _rows(data.cells)
    for row in rows:
        row["grey"] = why_apart(data, experiment, row["settings_digest"], row["protocol"])
        if row["apart"] and not row["grey"]:
            row["grey"] = f"its runs differ in {row['apart']}"
    return rows


def why_apart(data: PageData, experiment: tuple[str, int], settings: str, protocol: int) -> str:
    """In what an experiment or protocol differs from the one shown; empty where it is that one."""
    found = tables.difference(data.experiments[experiment[0]], data.experiments[settings])
    if protocol != experiment[1]:
        found.append(f"protocol {protocol} against {experiment[1]}")
    return ", ".join(found)


def describe_comparisons(data: PageData) -> list[dict[str, Any]]:
    """Each comparison with its figure, its summary and its cells."""
    found = []
    for number, (name, cells) in enumerate(data.comparisons.groupby("comparison", sort=False), start=1):
        path = data.figures / f"comparison_{number}.svg"
        summary = data.summary[data.summary["comparison"] == name]
        overall = summary[summary["model"] == comparing.ALL_MODELS]
        low, high = overall["geometric_mean"].min(), overall["geometric_mean"].max()
        over_all = ratio(low) if low == high else f"{ratio(low)} to {ratio(high)}"
        found.append(
            {
                "name": name,
                "number": number,
                "address": _data_address(path) if path.exists() else None,
                "alt": f"Chart: speed-up by batch size, a panel for each model. Geometric mean of all: {over_all}",
                "summary": _rows(summary),
                "cells": _rows(cells),
            }
        )
    return found


def left_out(data: PageData, others: pd.Series, experiment: tuple[str, int]) -> list[dict[str, Any]]:
    """Runs of another experiment or protocol, counted by machine, and in what they differ."""
    keys = ["machine", "protocol", "settings_digest"]
    rows = _rows(data.runs[others].groupby(keys).size().rename("count").reset_index())
    return [row | {"why": why_apart(data, experiment, row["settings_digest"], row["protocol"])} for row in rows]


def gib(value: str) -> str:
    """Bytes as GiB, one decimal."""
    return f"{int(float(value)) / 2**30:.1f} GiB" if value else "unknown"


def seconds(value: float) -> str:
    """Seconds with three significant digits."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def ratio(value: float) -> str:
    """A ratio with three significant digits."""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _data_address(path: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()
