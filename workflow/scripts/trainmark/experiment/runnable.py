"""Which suites can be run, and the models of each: what a published claim may ask for."""

from __future__ import annotations

from collections.abc import Mapping

from trainmark.experiment import workloads

# The suite of runs that do not name one.
DEFAULT = "fashion-mnist"
SUITES: Mapping[str, tuple[str, ...]] = {
    DEFAULT: tuple(workloads.MODELS),
    "cifar-10": ("cnn", "resnet50"),
    "cifar-100-resnet50": ("resnet50",),
}
