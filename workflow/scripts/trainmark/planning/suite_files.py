"""The files that belong to a suite by their names: its values of the configuration, and its references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trainmark.experiment import suites

_VALUES = Path("config/suites")


def overlay(layers: Iterable[Mapping[str, Any]]) -> str | None:
    """The file that holds a suite's values, to be laid over config/config.yaml.

    Args:
        layers: values of the configuration, later ones overriding earlier ones.

    Returns:
        Its path; None for the default suite, whose values are in config/config.yaml, and for what is no suite, which is
        refused where the configuration is checked.
    """
    name = suites.DEFAULT
    for values in layers:
        name = values.get("suite", name)
    if not isinstance(name, str) or name not in suites.NAMES or suites.published(name) == suites.DEFAULT:
        return None
    return str(_VALUES / f"{suites.published(name)}.yaml")


def references(named: str) -> list[str]:
    """The files of references: the one that the configuration names, and those of other suites that lie beside it."""
    path = Path(named)
    return [named, *(str(each) for each in sorted(path.parent.glob("references-*.yaml")) if each != path)]
