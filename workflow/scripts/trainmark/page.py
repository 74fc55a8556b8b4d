"""The page: what the runs say, in sentences, figures and tables, in one file."""

from __future__ import annotations

import base64
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
    "gpu_speed_up": (
        "Line chart: CPU time divided by GPU time over the batch size, one panel for each model",
        "CPU time divided by GPU time (geometric means) of the same machine, stack, model and batch size.",
    ),
    "stack_speed_up": (
        "Line chart: training time with the older stack divided by that with the newer one, one panel for each model",
        "Time with the older stack divided by time with the newer (geometric means), all else equal: what the upgrade "
        "changed. The numbers, and whether both learned the same, are in the version matrix below.",
    ),
}

STACK_COLUMNS = ["machine", "stack", "device", "python", "tensorflow", "keras", "tensorflow_metal", "intra_op_threads"]
STACK_COLUMNS += ["optimizer_class", "jit_compile", "lock_file"]


@dataclass(frozen=True)
class PageData:
    """What the page is made from: runs.csv, cells.csv, machines.csv, and the axes of the configured grid."""

    runs: pd.DataFrame
    cells: pd.DataFrame
    machines: pd.DataFrame
    grid: Mapping[str, Any]


def read_machines(path: Path) -> pd.DataFrame:
    """machines.csv, one row a machine, every value as text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def render(data: PageData, figures: Path, template: Path, preferred_settings: str) -> str:
    """The page's HTML.

    Args:
        data: the tables.
        figures: the folder that ``figures.draw_all`` filled.
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
        figures=embed(figures),
        cells=_rows(data.cells[tables.of_experiment(data.cells, experiment)]),
        failed=_rows(runs[runs["status"] != OK]),
        stack_matrix=_rows(comparing.newer_against_older_stack(ok)),
        missing=_rows(tables.missing_runs(runs, data.grid)),
        left_out=left_out(data.runs[~shown]),
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


def left_out(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Runs of another experiment or protocol, counted by machine, epochs and samples."""
    keys = ["machine", "epochs", "train_samples", "protocol", "settings_digest"]
    return _rows(runs.groupby(keys).size().rename("count").reset_index())


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
