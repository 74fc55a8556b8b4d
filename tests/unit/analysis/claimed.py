"""The shipped claims, and invented machines and runs that fit them."""

import pandas as pd
from trainmark.analysis import ledger
from trainmark.planning import claim_files

from tests import synthetic
from tests.conftest import ROOT
from tests.unit.analysis.frames import frame

LEDGER = {claim["id"]: claim for claim in ledger.load([ROOT / "config/claims/article.yaml"]).claims}
SHIPPED = ledger.load(ROOT / path for path in claim_files.SHIPPED)


IDS = {
    "synthetic-m1": {"apple-m1", "apple-m1-8"},
    "synthetic-m2-max": {"apple-m2-max", "apple-m2-max-30"},
    "synthetic-m2-max-38": {"apple-m2-max", "apple-m2-max-38"},
    "synthetic-p100": {"nvidia-p100"},
    "synthetic-t4": {"nvidia-t4"},
    "synthetic-v100": {"nvidia-v100", "nvidia-v100-sxm2"},
}


# Invented sweeps, TFLOPS.
PEAKS = {"synthetic-m2-max": (10.3, 10.4, 10.5), "synthetic-m2-max-38": (13.2, 13.3, 13.4)}


def runs_of(noise=synthetic.NOISE, **factors):
    """Runs of the five machines, the times of some of them multiplied: by machine, of its GPU."""
    records = []
    for name in synthetic.KINDS:
        factor = factors.get(name.removeprefix("synthetic-").replace("-", "_"), 1.0)
        of_gpu = factor if callable(factor) else lambda *_, f=factor: f
        apply = lambda device, model, size, g=of_gpu: g(model, size) if device == "gpu" else 1.0  # noqa: E731
        records += synthetic.records_of(name, noise=noise, factor=apply)
    return frame(records)


def peaks_of(factor=1.0, spread=1.0):
    rows = []
    for machine, values in PEAKS.items():
        middle = values[1]
        for value in values:
            flops = factor * (middle + (value - middle) * spread) * 1e12
            rows.append({"machine": machine, "device": "gpu", "stack": "tf-2.19", "flops_per_second": flops})
    return pd.DataFrame(rows)


ALL = runs_of()
