"""The configuration of a registry of results: this project's, and what the registry's own file says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trainmark.errors import TrainmarkError
from trainmark.experiment import workloads
from trainmark.planning import config as configuration
from trainmark.planning import project_copy, strict_yaml, suite_files

# Lies beside the folder of the archives; a registry may lack it.
FILE = "registry.yaml"
# What no registry can say otherwise. No machine of it is the one that draws, whatever that is called by its hardware,
# and a record that cannot be used does not cost the page of the others.
_FIXED: Mapping[str, Any] = {"machine": "registry", "on_bad_record": "skip"}


@dataclass(frozen=True)
class RegistryConfig:
    """A registry's configuration.

    Attributes:
        given: keys that are to be otherwise than in this project's configuration.
        settings: of the experiment that is compared, as a workload has them, but for the model.
        hardware: files with published figures.
    """

    given: Mapping[str, Any]
    settings: Mapping[str, Any]
    hardware: list[Path]


def read(registry: Path, project: Path) -> RegistryConfig:
    """The configuration of a registry.

    Args:
        registry: its folder.
        project: this project's folder.

    Raises:
        TrainmarkError: naming every problem at once, with file, line, key, value found and values allowed.
    """
    layers = [strict_yaml.read(str(project / "config/config.yaml"))]
    if (registry / FILE).exists():
        layers.append(strict_yaml.read(str(registry / FILE)))
    own = layers[1].values if layers[1:] else {}
    neutral = project_copy.NEUTRAL
    overlay = suite_files.overlay([own])
    if overlay:  # its values stand where the registry's file has none
        layers.insert(1, strict_yaml.read(str(project / overlay)))
        neutral = {key: value for key, value in neutral.items() if key not in layers[1].values}
    given = {**neutral, **own, **_FIXED}
    values = {key: value for layer in layers for key, value in layer.values.items()} | given
    schema = yaml.load((project / "workflow/schemas/config.schema.yaml").read_text(), Loader=strict_yaml.LOADER)
    # What stacks may be called is known where the page is drawn; all else is told before anything is read.
    found = configuration.schema_problems(values, configuration.with_suites(schema, values))
    problems = [problem for problem in found if problem.path[:1] != ("stacks",)]
    if problems:
        lines = [configuration.describe(problem, layers) for problem in problems]
        raise TrainmarkError("The registry's configuration cannot be used; nothing was read.\n" + "\n".join(lines))
    workload = workloads.describe(values["models"][0], {**values, "learning_rate": float(values["learning_rate"])})
    settings = {key: value for key, value in workload.items() if key != "model"}
    return RegistryConfig(given, settings, [project / file for file in values["hardware"]])
