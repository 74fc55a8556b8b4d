"""ResNet50 on CIFAR-100: what the public table of mac-ml-speed-test times on many Macs and some NVIDIA GPUs."""

from __future__ import annotations

from typing import Any

from trainmark.dataset import cifar
from trainmark.experiment.suites import resnet
from trainmark.experiment.suites.suite import STEP, Models, Suite

_CLASSES = cifar.CIFAR_100.classes
MODELS = Models()


@MODELS.add(**resnet.about(_CLASSES))
def resnet50(keras: Any) -> Any:
    """ResNet50 with fresh weights; 23,792,612 parameters."""
    return resnet.build(keras, _CLASSES)


_EXPERIMENT = (
    "The experiment is that of Daniel Bourke's mac-ml-speed-test, but that a tenth of its training images is for "
    "validation here."
)
SUITE = Suite(
    "cifar-100-resnet50", "ResNet50 on CIFAR-100", cifar.data_set(cifar.CIFAR_100), MODELS, _EXPERIMENT, time=STEP
)
