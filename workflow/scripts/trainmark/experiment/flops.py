"""How many floating-point operations a model's arithmetic takes: counted from its layers, as its suite says."""

from __future__ import annotations

import functools

from trainmark.experiment.suites.suite import Model


def forward(model: Model | None) -> int | None:
    """Operations of one sample's forward pass; None for a model whose layers are not listed."""
    return sum(model.forward) if model and model.forward else None


def training(model: Model | None) -> int | None:
    """Operations of training on one sample once.

    The forward pass, and backwards as many again for the gradients of the weights and of each layer's inputs; those of
    the images are not needed.
    """
    return 3 * sum(model.forward) - model.unneeded if model and model.forward else None


@functools.cache  # asked for every record of a report
def of_fit(model: Model | None, epochs: int, train_samples: int, validation_samples: int) -> int | None:
    """Operations of a whole fit: its training and the validation after each epoch."""
    once, again = training(model), forward(model)
    if once is None or again is None:
        return None
    return epochs * (train_samples * once + validation_samples * again)
