"""The frameworks that Keras trains with: what differs between them, each in a file of its own.

A stack trains with the framework that its name begins with: ``X-1.2`` with ``X.py`` in this folder. That file, and the
lock of the stack, are all that a framework needs; nothing else in the project knows which one it is.
"""

from __future__ import annotations

import abc
import importlib
import importlib.metadata
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from trainmark import stacks, system
from trainmark.errors import TrainmarkError
from trainmark.experiment import controls
from trainmark.measure.messages import Execution, UsedGpu

# Of the layer that looks images up which are on the device, by which its operations are known in a step.
LOOK_UP = "images_on_device"


class WrongDeviceError(TrainmarkError):
    """The training did not run, or could not be proven to run, on the device that was asked for."""


@dataclass(frozen=True)
class Operation:
    """One operation of a training step.

    Attributes:
        kind: its name, as the framework has it.
        device: that it was executed on, as ``CPU:0`` or ``GPU:0``; empty where the framework names none.
        arithmetic: whether it is a matrix product, a convolution or a recurrence.
    """

    kind: str
    device: str
    arithmetic: bool = False


@dataclass(frozen=True)
class Step:
    """One training step that was executed.

    Attributes:
        operations: all that were executed.
        optimizer: those by which the optimizer updates the variables, without those that compute nothing. There are
            as many on every device.
        look_ups: where images are on the device beforehand, the operations that look them up.
    """

    operations: list[Operation]
    optimizer: list[Operation]
    look_ups: list[Operation]


class Framework(abc.ABC):
    """What a framework does in the process of a run. An instance configures that process, for good.

    Attributes:
        name: as records have it, and as Keras has it in ``KERAS_BACKEND``.
        always_compiles: whether every step is compiled by XLA, whatever the workload says.
        has_pipeline: whether it has a pipeline that brings images to a training.
        number_type: of the numbers by which images are looked up on the device.
        keras: once ``load`` has imported it.
    """

    name: ClassVar[str]
    always_compiles: ClassVar[bool] = False
    has_pipeline: ClassVar[bool] = False
    number_type: ClassVar[str] = "int64"
    keras: Any = None

    def load(self, device: str, threads: int) -> None:
        """Import the framework, and Keras upon it.

        Args:
            device: cpu or gpu.
            threads: that it may use.
        """
        variables = {"KERAS_BACKEND": self.name, **self.variables(device, threads)}
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self.import_library()

    @abc.abstractmethod
    def variables(self, device: str, threads: int) -> dict[str, str | None]:
        """Variables of the environment that the framework reads when it is imported; None for one that must not be."""

    @abc.abstractmethod
    def import_library(self) -> None:
        """Import the framework; sets ``keras``."""

    @abc.abstractmethod
    def configure(self, device: str, threads: int) -> None:
        """Set the threads, show one GPU or none, and have float32 be float32.

        Products rounded to TensorFloat-32 (10 bits of mantissa), which some frameworks make by default on Ampere and
        newer GPUs alone, would be something else than what all others compute.

        Raises:
            WrongDeviceError: if a GPU is asked for and the framework sees none.
        """

    @abc.abstractmethod
    def package_versions(self) -> dict[str, str]:
        """Versions of what was imported of the framework, by the names of the packages that may have brought it."""

    @abc.abstractmethod
    def build(self) -> dict[str, str | None]:
        """``framework_version``, ``plugin`` (name and version of what brings the GPU, or None), ``cuda``, ``cudnn``."""

    @abc.abstractmethod
    def threads_in_use(self) -> tuple[int, int]:
        """Threads within an operation, and across operations; the same number twice where there is one pool."""

    @abc.abstractmethod
    def rounds_products(self) -> bool:
        """Whether float32 products may be rounded to TensorFloat-32."""

    @abc.abstractmethod
    def allow_rounded_products(self) -> None:
        """Let float32 products, convolutions and recurrences be rounded to TensorFloat-32, after ``configure``."""

    @abc.abstractmethod
    def wait(self, model: Any) -> None:
        """Wait until the device has done all that was asked of it for this model."""

    @abc.abstractmethod
    def gpu(self) -> UsedGpu:
        """What the framework says of the GPU that it used; None for what it does not know."""

    @abc.abstractmethod
    def peak_device_memory_bytes(self) -> int | None:
        """The most GPU memory that tensors took; None where nothing counts it.

        Raises:
            Exception: of whatever kind a plug-in raises that does not count it.
        """

    @abc.abstractmethod
    def variable_devices(self, model: Any) -> list[str]:
        """The devices of a model's variables, as ``Operation.device``."""

    @abc.abstractmethod
    def observe_step(self, model: Any, images: Any, labels: Any) -> Step:
        """Take one training step, and tell its operations as the framework executed them.

        Args:
            model: compiled by Keras.
            images: of the step; or their numbers, of shape (n, 1).
            labels: of shape (n,).
        """

    @abc.abstractmethod
    def multiplier(self, device: str, side: int) -> tuple[Callable[[int], None], str]:
        """A function that multiplies two square float32 matrices so many times and waits; and the product's device."""

    @abc.abstractmethod
    def look_up_layer(self, device: str, images: Any) -> Any:
        """Copy images of shape (n, rows, columns) to the device; a layer that looks them up by numbers (batch, 1).

        The layer's name is ``LOOK_UP``.
        """

    def why_impossible(self, control: str, device: str, capability: str | None) -> str | None:
        """Why a control cannot be made, told without the framework; None where nothing is known to speak against it.

        Args:
            control: one of ``controls.NAMES``.
            device: cpu or gpu.
            capability: compute capability of the GPU, as 8.0; None where nobody tells it.
        """
        older = capability is not None and stacks.numbers(capability) < controls.SINCE_AMPERE
        if control == controls.TF32 and (device == "cpu" or system.MAC or older):
            return "only NVIDIA's GPUs since Ampere (compute capability 8.0) round products to TensorFloat-32"
        if control == controls.TF_DATA and not self.has_pipeline:
            return f"{self.name} has no such pipeline"
        return self.why_no_xla(device) if control == controls.XLA else None

    def why_no_xla(self, device: str) -> str | None:
        """Why XLA, turned on, would change nothing on a device or cannot compile for it; None where it can."""
        return f"XLA compiles every step of {self.name} already" if self.always_compiles else None

    def pipeline(self, images: Any, labels: Any, batch_size: int, shuffled: bool) -> Any:
        """What ``fit`` takes in place of arrays, where the framework ``has_pipeline``.

        Args:
            images: of shape (n, rows, columns).
            labels: of shape (n,).
            batch_size: of the training.
            shuffled: whether all of them are, anew in each epoch.
        """
        raise NotImplementedError(f"{self.name} has no pipeline")

    def optimizers(self) -> Any:
        """Keras' optimizers, of one implementation on every platform."""
        return self.keras.optimizers

    def check_optimizer(self, execution: Execution) -> None:
        """Demand that the observed step updated the variables as this stack does everywhere, by its operations.

        Raises:
            TrainmarkError: if it did otherwise.
        """
        if not execution["optimizer_operations"]:
            raise other_optimizer(execution, "some")


def updating(model: Any) -> Any:
    """The optimizer that updates a model's variables; for float16, Keras wraps it in one that scales the loss."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def other_optimizer(execution: Execution, expected: str) -> TrainmarkError:
    """The error of a step that updated the variables by other operations than expected."""
    found = execution["optimizer_operations"] or "none"
    return TrainmarkError(
        f"The optimizer is {execution['optimizer_class']}, and its operations in a training step are {found}; expected "
        f"{expected}. Times with another implementation of the optimizer are not comparable."
    )


def of(stack: str) -> Framework:
    """The framework that a stack trains with.

    Args:
        stack: its name, as ``X-1.2`` for the framework in ``X.py``.

    Raises:
        TrainmarkError: if there is no such file.
    """
    prefix = stacks.framework(stack)
    folder = Path(__file__).parent
    known = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    if prefix not in known:
        raise TrainmarkError(
            f"Stack {stack} would train with {prefix}.py in {folder}, which is missing; there are "
            f"{', '.join(f'{each}.py' for each in known)}. Name a stack that begins with one of these, or write the "
            "file (docs/adding.md)."
        )
    framework: Framework = importlib.import_module(f"{__name__}.{prefix}").FRAMEWORK()
    return framework


def package_version(name: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def cudnn_version(number: Any) -> str | None:
    """CuDNN's version as text, from its number since 9: 91002 is 9.10.2."""
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}" if number else None


def plugin(*names: str) -> str | None:
    """Name and version of the first of these packages that is installed; None where none is."""
    return next((f"{name} {version}" for name in names if (version := package_version(name))), None)
