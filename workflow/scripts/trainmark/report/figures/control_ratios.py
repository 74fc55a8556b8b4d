"""The figure of the controls, in each of which one thing is otherwise."""

from __future__ import annotations

import pandas as pd

from trainmark.analysis import series_names
from trainmark.analysis.control_ratios import overall
from trainmark.analysis.series_names import WHO
from trainmark.contents.figures import Figure
from trainmark.experiment import controls
from trainmark.report.figures.figure_spec import Exhibit, constants, few, lacking, ratio_exhibit

_WORDS = {
    controls.DEVICE_DATA: "images on the device beforehand",
    controls.XLA: "steps compiled by XLA",
    controls.TF32: "products rounded to TensorFloat-32",
    controls.TF_DATA: "a tf.data pipeline",
}


def in_words(control: str) -> str:
    """What a control is, in a figure's legend."""
    if held_to := controls.threads(control):
        return f"{held_to} CPU threads"
    type_name = controls.computes_in(control)
    return f"mixed precision ({type_name})" if type_name else _WORDS[control]


def controls_against_plain(figure: Figure, cells: pd.DataFrame) -> Exhibit:
    """Plain time / time of the control, by model and batch size."""
    if cells.empty:
        return lacking(figure)
    who = series_names.series(cells)
    of = f"{next(iter(who.values()))}, {constants(cells)}" if len(who) == 1 else constants(cells)
    keys = cells[[*WHO, "control"]].drop_duplicates().itertuples(index=False, name=None)
    names = {key: (f"{who[key[:3]]}: " if len(who) > 1 else "") + in_words(key[3]) for key in keys}
    means = [
        f"{names[(*(row[axis] for axis in WHO), row['comparison'])]} {row['geometric_mean']:.3g}"
        for row in overall(cells).to_dict("records")
    ]
    return ratio_exhibit(
        figure.name,
        figure.title,
        cells,
        axis="Times as fast (plain run / control)",
        note=f"Above 1: faster than the plain run. Logarithmic axis. {of}".strip(),
        alt=f"{figure.title} Geometric mean over the test cases of each: {few(means)}.",
        series=[*WHO, "control"],
        names=names,
        reference_label="as fast as the plain run",
    )
