"""The suites: data set, models and measure, one file each; and of each one a twin with invented data.

To add one, write a file here with a ``SUITE``, name it below, and write its settings into config/suites/<name>.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trainmark.dataset import invented
from trainmark.errors import TrainmarkError
from trainmark.experiment.suites import cifar_10, cifar_100_resnet50, fashion_mnist
from trainmark.experiment.suites.suite import Model, Suite

# The article's. Its workloads and paths do not name it: they are as old as the project.
DEFAULT = fashion_mnist.SUITE.name


def _twin(suite: Suite) -> Suite:
    """The same with invented data, to try it where its data cannot be had."""
    data = invented.like(suite.data)
    return replace(suite, name=f"{invented.PREFIX}{suite.name}", title=f"{suite.title} on invented data", data=data)


_PUBLISHED = (fashion_mnist.SUITE, cifar_10.SUITE, cifar_100_resnet50.SUITE)
_SUITES = {suite.name: suite for suite in (*_PUBLISHED, *map(_twin, _PUBLISHED))}
NAMES = tuple(_SUITES)


def named(name: str) -> Suite:
    """A suite by its name.

    Raises:
        TrainmarkError: if there is none.
    """
    if name not in _SUITES:
        raise TrainmarkError(f"There is no suite {name[:80]!r}; expected one of {', '.join(NAMES)}.")
    return _SUITES[name]


def of(settings: Mapping[str, Any]) -> Suite:
    """The suite of a configuration, a workload or an experiment: the default one where none is named.

    Raises:
        TrainmarkError: as ``named``.
    """
    return named(settings.get("suite", DEFAULT))


def published(name: str) -> str:
    """The name of the suite whose settings a suite has: its own, or that of which it is the twin."""
    return name.removeprefix(invented.PREFIX)


def model_of(workload: Mapping[str, Any]) -> Model:
    """The model of a workload.

    Raises:
        TrainmarkError: if its suite has none of that name.
    """
    suite = of(workload)
    if workload["model"] not in suite.models:
        raise TrainmarkError(
            f"The suite {suite.name} has no model {workload['model']!r}; expected one of {', '.join(suite.models)}."
        )
    return suite.models[workload["model"]]


def models() -> list[str]:
    """The names of all suites' models, in the order in which they are shown."""
    return list(dict.fromkeys(name for suite in _PUBLISHED for name in suite.models))
