"""What a suite is: a data set, models for it, and what their runs are compared by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainmark.dataset.data_set import DataSet

# What runs of a suite are compared by beside the time to train: nothing, or the mean step from the second epoch on.
FIT, STEP = "fit", "step"


@dataclass(frozen=True)
class Model:
    """A model of a suite.

    Attributes:
        build: makes it; is given ``keras``, that of the stack that trains, so that no framework has to be imported.
        parameters: their number; None where any number is believed.
        forward: operations of one sample's forward pass, layer by layer; without them, it has no utilisation.
        unneeded: operations of the way back that are not needed, since nobody asks for the gradients of the images.
        convolutional: whether a part is convolutions, for which there are algorithms with fewer multiplications than
            are counted.
    """

    build: Callable[[Any], Any]
    parameters: int | None = None
    forward: tuple[int, ...] = ()
    unneeded: int = 0
    convolutional: bool = False


class Models(dict[str, Model]):
    """The models of a suite by their names, in the order in which they are shown."""

    def add(self, **about: Any) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
        """Register a function that builds a model; its name is the model's name in config and in every record.

        Args:
            about: it, attributes of ``Model``.
        """

        def register(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
            self[build.__name__] = Model(build, **about)
            return build

        return register


@dataclass(frozen=True)
class Suite:
    """A data set with models for it.

    The settings of its runs, such as epochs and batch sizes, are in config/suites/<name>.yaml; of the default suite, in
    config/config.yaml.

    Attributes:
        name: in the configuration, in records and in their paths.
        title: as people write it.
        data: that its models train on.
        models: by their names.
        experiment: whose experiment it is, in a sentence.
        kind: what its models are called together.
        optimizer: with which they are trained.
        time: what its runs are compared by beside the time to train, FIT or STEP.
    """

    name: str
    title: str
    data: DataSet
    models: Mapping[str, Model]
    experiment: str
    kind: str = "Keras models"
    optimizer: str = "adam"
    time: str = FIT

    @property
    def trivial_accuracy(self) -> float:
        """What the simplest classifier that looks at an image reaches, where the classes are equally frequent.

        One threshold on one pixel (R. C. Holte, Very simple classification rules perform well on most commonly used
        datasets, Machine Learning 11, 1993) has two answers, and so is right for two classes at most. To always give
        the same answer reaches half of it.
        """
        return 2 / self.data.classes
