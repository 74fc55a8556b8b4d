"""Invented runs as a table."""

import pandas as pd
from trainmark.analysis import comparison_statistics


def frame(records) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {key: r[key] for key in ("machine", "device", "stack", "model", "batch_size")}
            | {key: r["durations"][key] for key in comparison_statistics.MEASURES}
            | {"test_accuracy": 0.8}
            for r in records
        ]
    )


def runs(times, **columns):
    steady = [time / 3 for time in times]
    return pd.DataFrame(
        {"fit_seconds": times, "steady_state_epoch_seconds": steady, "test_accuracy": 0.8, "model": "mlp", **columns}
    )


def table(*cells):
    """Runs of (machine, device, stack, seconds)."""
    return pd.concat(
        runs([seconds], machine=machine, device=device, stack=stack, batch_size=32)
        for machine, device, stack, seconds in cells
    )


TWO = table(
    ("a", "cpu", "tf-2.19", 10.0),
    ("a", "gpu", "tf-2.19", 5.0),
    ("b", "cpu", "tf-2.19", 40.0),
    ("b", "gpu", "tf-2.19", 10.0),
    ("b", "gpu", "tf-2.12", 20.0),
    ("c", "gpu", "tf-2.12", 2.0),
)
