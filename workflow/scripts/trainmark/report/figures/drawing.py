"""The drawing of exhibits, as SVG and PNG."""

from __future__ import annotations

import concurrent.futures
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

from trainmark.analysis import table_files
from trainmark.machine import hardware
from trainmark.report.figures import by_batch_size, by_series
from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.style import STYLE, Looks

_KINDS = {
    "bars": by_batch_size.draw_bars,
    "lines": by_batch_size.draw_lines,
    "ratios": by_batch_size.draw_ratios,
    "rows": by_series.draw_rows,
    "scatter": by_series.draw_scatter,
    "curves": by_series.draw_curves,
}


def draw_all(exhibits: list[Exhibit], looks: Looks, folder: Path) -> None:
    """Draw each exhibit that is not missing as NAME.svg and NAME.png, with its data in NAME.csv, on all cores."""
    folder.mkdir(parents=True, exist_ok=True)
    exhibits = [exhibit for exhibit in exhibits if not exhibit.missing]
    processes = min(hardware.usable_cores(), len(exhibits))
    if processes < 2:
        for exhibit in exhibits:
            draw(exhibit, looks, folder)
        return
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        for done in [pool.submit(draw, exhibit, looks, folder) for exhibit in exhibits]:
            done.result()


def build(exhibit: Exhibit, looks: Looks) -> plt.Figure:
    """One exhibit, laid out; to be drawn, and closed, in the style of all figures."""
    figure = _KINDS[exhibit.kind](exhibit, looks)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once is enough for both files
    return figure


def draw(exhibit: Exhibit, looks: Looks, folder: Path) -> None:
    """Draw one exhibit into its files."""
    with mpl.rc_context(STYLE):
        figure = build(exhibit, looks)
        figure.savefig(folder / f"{exhibit.name}.svg", metadata={"Date": None})
        figure.savefig(folder / f"{exhibit.name}.png", dpi=150, metadata={"Software": None})
        plt.close(figure)
    (folder / f"{exhibit.name}.csv").write_text(table_files.csv_text(exhibit.table))
