"""The drawing of exhibits, as SVG, as a part of the page, and where it is wanted as PNG."""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG

from trainmark.analysis import table_files
from trainmark.machine import hardware
from trainmark.report.figures import by_batch_size, by_series, curves, dots, inline, plane
from trainmark.report.figures.figure_spec import Exhibit
from trainmark.report.figures.layout import Drawn
from trainmark.report.figures.looks import Looks
from trainmark.report.figures.style import STYLE

_KINDS = {
    "lines": by_batch_size.draw_lines,
    "ratios": by_batch_size.draw_ratios,
    "rows": by_series.draw_rows,
    "scatter": plane.draw_scatter,
    "curves": curves.draw_curves,
    "dots": dots.draw_dots,
}


@contextlib.contextmanager
def drawing(exhibits: list[Exhibit], looks: Looks, folder: Path, png: bool) -> Iterator[Callable[[], None]]:
    """Draw each exhibit that is not missing, on all cores, while the block does something else.

    NAME.svg and, with ``png``, NAME.png are files for themselves, NAME.html is what the page holds, NAME.csv the data.

    Yields:
        What returns when all of them are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [exhibit for exhibit in exhibits if not exhibit.missing]
    processes = min(hardware.usable_cores(), len(wanted))
    if processes < 2:
        for exhibit in wanted:
            draw(exhibit, looks, folder, png)
        yield lambda: None
        return
    wanted.sort(key=lambda exhibit: -len(exhibit.table))  # the long ones first, so that none is left for one core alone
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        begun = [pool.submit(draw, exhibit, looks, folder, png) for exhibit in wanted]

        def finish() -> None:
            for each in begun:
                each.result()

        yield finish


def build(exhibit: Exhibit, looks: Looks) -> Drawn:
    """One exhibit, laid out; to be drawn, and closed, in the style of all figures."""
    drawn = _KINDS[exhibit.kind](exhibit, looks)
    inline.name_panels(drawn.panels)
    return drawn


def draw(exhibit: Exhibit, looks: Looks, folder: Path, png: bool) -> None:
    """Draw one exhibit into its files."""
    with mpl.rc_context(STYLE):
        drawn = build(exhibit, looks)
        svg = io.StringIO()
        # Straight to the canvases: figure.savefig draws everything twice.
        FigureCanvasSVG(drawn.figure).print_svg(svg, metadata={"Date": None})
        part = inline.markup(exhibit.name, svg.getvalue(), drawn, exhibit.alt)
        if png:  # a third of the time
            drawn.figure.set_dpi(120)
            FigureCanvasAgg(drawn.figure).print_png(folder / f"{exhibit.name}.png", metadata={"Software": None})
        plt.close(drawn.figure)
    (folder / f"{exhibit.name}.svg").write_text(inline.stand_alone(svg.getvalue(), exhibit.alt))
    (folder / f"{exhibit.name}.html").write_text(part)
    (folder / f"{exhibit.name}.csv").write_text(table_files.csv_text(exhibit.table))
