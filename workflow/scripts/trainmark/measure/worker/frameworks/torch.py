"""PyTorch, through Keras 3: on the CPU, on NVIDIA's GPUs, and on Apple's by Metal Performance Shaders (MPS)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from trainmark import system
from trainmark.measure.messages import UsedGpu
from trainmark.measure.worker.frameworks import LOOK_UP, Framework, Operation, Step, WrongDeviceError, cudnn_version

# Operations that do a model's arithmetic, as ATen names them, with those of oneDNN, cuDNN and MPS.
_ARITHMETIC = re.compile(
    r"^aten\.((\w*_)?(add|b|baddb|addb|sspadd)?mm(_\w+)?|(add)?mv|dot|linear(_backward)?"
    r"|\w*(convolution|rnn|lstm|gru|attention|scaled_dot_product)\w*)\."
)
# Operations that give the same values another form and compute nothing.
_PLUMBING = re.compile(r"^aten\.(detach|lift_fresh|_to_copy|copy_|view|t|alias|expand|empty\w*)\.")


class Torch(Framework):
    """PyTorch as it runs for most: one operation after the other, none compiled."""

    name = "torch"
    torch: Any = None

    def variables(self, device: str, threads: int) -> dict[str, str | None]:
        """Where an operation is missing on Apple's GPUs it must fail, not run on the CPU."""
        # Keras takes a GPU where there is one, unless it is told otherwise.
        return {"KERAS_TORCH_DEVICE": "cpu" if device == "cpu" else None, "PYTORCH_ENABLE_MPS_FALLBACK": None}

    def import_library(self) -> None:
        """Import PyTorch and Keras."""
        import keras
        import torch

        self.torch, self.keras = torch, keras

    def configure(self, device: str, threads: int) -> None:
        """As for every framework; here cuDNN's convolutions and recurrences round by default, products do not."""
        torch = self.torch
        if device == "gpu" and not self._gpu_type():
            raise WrongDeviceError(f"A GPU was asked for and torch {torch.__version__} sees none. {self._why_no_gpu()}")
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False

    def _gpu_type(self) -> str | None:
        """The device type of the GPU; None where PyTorch sees none."""
        if self.torch.cuda.is_available():
            return "cuda"
        return "mps" if self.torch.backends.mps.is_available() else None

    def _why_no_gpu(self) -> str:
        if system.MAC:
            return f"MPS is {'' if self.torch.backends.mps.is_built() else 'not '}built in; it needs macOS 14 or newer."
        if self.torch.version.cuda is None:
            return "It was built without CUDA."
        try:
            self.torch.cuda.init()
        except Exception as error:  # a RuntimeError, or an AssertionError in some builds
            return " ".join(str(error).split())
        return "See 'nvidia-smi'."

    def package_versions(self) -> dict[str, str]:
        """PyTorch's, without what a build adds to it, as in 2.11.0+cu130."""
        return {"torch": self._version()}

    def _version(self) -> str:
        return str(self.torch.__version__).partition("+")[0]

    def build(self) -> dict[str, str | None]:
        """As PyTorch says that it was built."""
        return {
            "framework_version": self._version(),
            "plugin": None,
            "cuda": self.torch.version.cuda,
            "cudnn": cudnn_version(self.torch.version.cuda and self.torch.backends.cudnn.version()),
        }

    def threads_in_use(self) -> tuple[int, int]:
        """As they were set."""
        return self.torch.get_num_threads(), self.torch.get_num_interop_threads()

    def rounds_products(self) -> bool:
        """Of products, or of cuDNN's convolutions and recurrences."""
        return bool(self.torch.backends.cuda.matmul.allow_tf32 or self.torch.backends.cudnn.allow_tf32)

    def allow_rounded_products(self) -> None:
        """Of products, and of cuDNN's convolutions and recurrences."""
        self.torch.backends.cuda.matmul.allow_tf32 = self.torch.backends.cudnn.allow_tf32 = True

    def why_no_xla(self, device: str) -> str | None:
        """PyTorch has a compiler of its own."""
        return "what Keras compiles PyTorch with is not XLA"

    def wait(self, model: Any) -> None:
        """Nothing to wait for on the CPU."""
        kind = self._of_model(model)
        if kind != "cpu":
            getattr(self.torch, kind).synchronize()

    def _of_model(self, model: Any) -> str:
        """The device type of a model."""
        return str(model.trainable_variables[0].value.device.type)

    def gpu(self) -> UsedGpu:
        """All of NVIDIA's; of Apple's PyTorch knows nothing."""
        if self._gpu_type() != "cuda":
            return {"name": None, "compute_capability": None, "pci_bus_id": None}
        found = self.torch.cuda.get_device_properties(0)
        return {
            "name": found.name,
            "compute_capability": f"{found.major}.{found.minor}",
            "pci_bus_id": _bus(found),
        }

    def peak_device_memory_bytes(self) -> int | None:
        """Of tensors, without what the allocator has reserved beyond; of MPS no peak is kept."""
        return int(self.torch.cuda.max_memory_allocated()) or None if self._gpu_type() == "cuda" else None

    def variable_devices(self, model: Any) -> list[str]:
        """Where each tensor is."""
        return [_short(variable.value.device) for variable in model.variables]

    def observe_step(self, model: Any, images: Any, labels: Any) -> Step:
        """By PyTorch's dispatcher, which shows every operation that reaches a kernel.

        The backward pass of a GPU runs on a thread of its own; autograd takes the observer there (at::ThreadLocalState
        holds it). That it did is demanded.

        Raises:
            WrongDeviceError: if no operation of the backward pass was seen.
        """
        model.train_on_batch(images, labels)  # at the first one, Keras tries the step on the device "meta"
        seen, updating, apply = [], False, model.optimizer.apply
        operation, tensors = self._operation, self._tensors

        def observed_apply(*arguments: Any, **options: Any) -> Any:
            nonlocal updating
            updating = True
            try:
                return apply(*arguments, **options)
            finally:
                updating = False

        held = next((layer.held for layer in model.layers if layer.name == LOOK_UP), None)

        class Observer(self.torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[misc,name-defined]
            def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                result = function(*args, **(kwargs or {}))
                looks_up = held is not None and any(each is held for each in tensors(args))
                seen.append((operation(str(function), args, result), updating, looks_up))
                return result

        model.optimizer.apply = observed_apply
        try:
            with Observer():
                model.train_on_batch(images, labels)
        finally:
            del model.optimizer.apply
        if not any("backward" in each.kind for each, _, _ in seen):
            raise WrongDeviceError("PyTorch showed no operation of the backward pass, so its device is not known.")
        return Step(
            operations=[each for each, _, _ in seen],
            optimizer=[each for each, updates, _ in seen if updates and not _PLUMBING.match(each.kind)],
            look_ups=[each for each, _, looks_up in seen if looks_up],
        )

    def _operation(self, kind: str, args: Any, result: Any) -> Operation:
        """An operation is where its results are, or what it works on where it has none."""
        involved = list(self._tensors(result)) or list(self._tensors(args))
        return Operation(kind, _short(involved[0].device) if involved else "", bool(_ARITHMETIC.match(kind)))

    def _tensors(self, value: Any) -> Iterator[Any]:
        """The tensors in arguments or results."""
        if isinstance(value, self.torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            for each in value:
                yield from self._tensors(each)

    def multiplier(self, device: str, side: int) -> tuple[Callable[[int], None], str]:
        """One operation a product."""
        torch, kind = self.torch, "cpu" if device == "cpu" else self._gpu_type()
        generator = torch.Generator().manual_seed(1)
        left, right = (torch.rand((side, side), generator=generator).to(kind) for _ in range(2))

        def multiply(count: int) -> None:
            for _ in range(count):
                last = left @ right
            last[0, 0].item()  # a device works through its queue in order

        return multiply, _short((left @ right).device)

    def look_up_layer(self, device: str, images: Any) -> Any:
        """The images are a tensor that the layer indexes."""
        held = self.torch.from_numpy(images).to("cpu" if device == "cpu" else self._gpu_type())
        held.sum().item()  # the copy is made when it is asked for
        layer = self.keras.layers.Lambda(
            lambda numbers: held.index_select(0, numbers[:, 0]), output_shape=tuple(images.shape[1:]), name=LOOK_UP
        )
        layer.held = held
        return layer


def _bus(found: Any) -> str | None:
    """``0000:00:04.0`` from a GPU's properties; None in versions that do not tell."""
    if not hasattr(found, "pci_domain_id"):
        return None
    return f"{found.pci_domain_id:04x}:{found.pci_bus_id:02x}:{found.pci_device_id:02x}.0"


def _short(device: Any) -> str:
    """``GPU:0`` for ``cuda:0`` and ``mps:0``."""
    kind = {"cuda": "GPU", "mps": "GPU"}.get(device.type, device.type.upper())
    return f"{kind}:{device.index or 0}"


FRAMEWORK = Torch
