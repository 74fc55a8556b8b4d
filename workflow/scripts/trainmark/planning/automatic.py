"""What is timed where the configuration says "auto"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainmark import stacks
from trainmark.planning.config import Surroundings


def chosen_stacks(config: Mapping[str, Any], here: Surroundings, measured: Sequence[str]) -> list[str]:
    """The stacks to time.

    "auto" is the article's with conda, else the installed one. But where this machine was ``measured`` with other
    stacks alone, it stays with these: a forgotten --use-conda must not begin another experiment.
    """
    if config["stacks"] != "auto":
        named = [
            each for stack in config["stacks"] for each in (here.unpinned if stack == stacks.INSTALLED else [stack])
        ]
        return list(dict.fromkeys(named))
    if here.use_conda:
        return [stacks.ARTICLES]
    if here.installed_stack in measured or not measured:
        return [here.installed_stack or stacks.ARTICLES]
    return list(measured)


def chosen_devices(config: Mapping[str, Any], here: Surroundings) -> list[str]:
    """The devices to train on; "auto" is the CPU, and the GPU where there is one of this machine's own."""
    if config["devices"] != "auto":
        return list(config["devices"])
    return ["cpu", "gpu"] if here.gpus and not here.virtual_mac else ["cpu"]
