"""JAX, through Keras 3: every training step is one program, which XLA compiles when it is first taken."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trainmark.measure.messages import UsedGpu
from trainmark.measure.worker.frameworks import (
    LOOK_UP,
    Framework,
    Operation,
    Step,
    WrongDeviceError,
    cudnn_version,
    plugin,
    updating,
)

_PLUGINS = ("jax-cuda13-plugin", "jax-cuda12-plugin", "jax-mps")
# An instruction of a compiled program: its kind, and the rest of its line.
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?[\w.-]+ = (?:\(.*?\)|\S+) ([a-z][a-z0-9-]*)\((.*)$", re.MULTILINE)
_TARGET = re.compile(r'custom_call_target="([^"]+)"')
# Instructions that do a model's arithmetic, and what cuBLAS, cuDNN and oneDNN do of it ...
_ARITHMETIC = re.compile(r"^(dot|convolution|ragged-dot)$|gemm|matmul|conv|rnn|lstm", re.IGNORECASE)
# ... those that name values and compute nothing ...
_PLUMBING = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast"}
# ... and those that call back to Python, which is on the host whatever the program's device is.
_CALLBACK = re.compile(r"callback", re.IGNORECASE)
# Instructions that read rows of an array by their numbers.
_LOOKING_UP = {"gather", "dynamic-slice"}


class Jax(Framework):
    """JAX on the CPU, on NVIDIA's GPUs, and with jax-mps, which is community software, on Apple's."""

    name = "jax"
    always_compiles = True
    number_type = "int32"
    jax: Any = None

    def variables(self, device: str, threads: int) -> dict[str, str | None]:
        """XLA's pool of threads on the CPU has NPROC threads."""
        return {"JAX_PLATFORMS": "cpu" if device == "cpu" else None, "NPROC": str(threads)}

    def import_library(self) -> None:
        """Import JAX and Keras."""
        import jax
        import keras

        self.jax, self.keras = jax, keras

    def configure(self, device: str, threads: int) -> None:
        """As for every framework; here products round by default. The threads were set before JAX was imported."""
        self.jax.config.update("jax_default_matmul_precision", "highest")
        if device == "gpu" and self._device().platform == "cpu":
            brought = plugin(*_PLUGINS) or f"none of {', '.join(_PLUGINS)}, which bring it, is installed"
            raise WrongDeviceError(
                f"A GPU was asked for and jax {self.jax.__version__} sees none ({brought}). Its warnings are in the "
                "log; see 'nvidia-smi', too."
            )

    def _device(self) -> Any:
        """What JAX computes on by default."""
        return self.jax.local_devices()[0]

    def package_versions(self) -> dict[str, str]:
        """Of JAX, and of the library that compiles for it."""
        import jaxlib

        return {"jax": self.jax.__version__, "jaxlib": jaxlib.__version__}

    def build(self) -> dict[str, str | None]:
        """As the plug-in was built."""
        from jax._src.lib import cuda_versions  # JAX exports it nowhere else

        cuda = cuda_versions and cuda_versions.cuda_runtime_build_version()  # 12080 is 12.8
        return {
            "framework_version": self.jax.__version__,
            "plugin": plugin(*_PLUGINS),
            "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None,
            "cudnn": cudnn_version(cuda_versions and cuda_versions.cudnn_build_version()),
        }

    def threads_in_use(self) -> tuple[int, int]:
        """The threads of XLA's one pool, counted where the system shows them by name."""
        self.jax.numpy.zeros(1).block_until_ready()
        names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
        threads = names.count("tf_XLAEigen") or int(os.environ["NPROC"])
        return threads, threads

    def rounds_products(self) -> bool:
        """As it was set."""
        return self.jax.config.jax_default_matmul_precision not in ("highest", "float32")

    def allow_rounded_products(self) -> None:
        """Convolutions, too: JAX takes this precision for both."""
        self.jax.config.update("jax_default_matmul_precision", "tensorfloat32")

    def wait(self, model: Any) -> None:
        """Wait for the variables, which the last step gives with all else."""
        self.jax.block_until_ready([variable.value for variable in model.variables])

    def gpu(self) -> UsedGpu:
        """JAX does not tell where on the bus a GPU is."""
        device = self._device()
        capability = getattr(device, "compute_capability", None)
        return {
            "name": device.device_kind,
            "compute_capability": str(capability) if capability else None,
            "pci_bus_id": None,
        }

    def peak_device_memory_bytes(self) -> int | None:
        """Of arrays and of the programs' own room; what JAX has reserved beyond is not counted."""
        return (self._device().memory_stats() or {}).get("peak_bytes_in_use") or None

    def variable_devices(self, model: Any) -> list[str]:
        """Where each array is; on several devices if it is divided."""
        return [_short(device) for variable in model.variables for device in variable.value.devices()]

    def observe_step(self, model: Any, images: Any, labels: Any) -> Step:
        """By the program that XLA compiled of the step, and the devices that it was compiled for.

        The optimizer's operations are those of the program before XLA fuses them: fused, they differ between devices.
        """
        from keras.src.backend.jax.trainer import _distribute_data

        model.train_on_batch(images, labels)
        (step,) = (cell.cell_contents for cell in model.train_function.__closure__ or ())
        kinds = ("trainable", "non_trainable", "optimizer", "metrics")
        state = model._get_jax_state(**{f"{kind}_variables": True for kind in kinds})
        traced = step.trace(state, _distribute_data((images, labels, None)))
        compiled = traced.lower().compile()  # JAX keeps what it has compiled: this is the program that was executed
        devices = [_short(device) for device in compiled.runtime_executable().local_devices()]
        placed = list(_instructions(compiled.as_text(), devices))
        inside = f"/{updating(model).name}/"
        updates = [kind for kind, scope in _primitives(traced.jaxpr, "/") if inside in scope]
        return Step(
            operations=[operation for operation, _ in placed],
            optimizer=[Operation(kind, device) for kind in updates for device in devices],
            look_ups=[operation for operation, text in placed if LOOK_UP in text and operation.kind in _LOOKING_UP],
        )

    def multiplier(self, device: str, side: int) -> tuple[Callable[[int], None], str]:
        """One program a product."""
        product = self.jax.jit(lambda left, right: left @ right)
        keys = self.jax.random.split(self.jax.random.key(1))
        left, right = (self.jax.random.uniform(key, (side, side)) for key in keys)

        def multiply(count: int) -> None:
            for _ in range(count):
                last = product(left, right)
                if device == "cpu":  # where programs that need nothing of each other may run side by side
                    last.block_until_ready()
            last.block_until_ready()  # a device works through its queue in order

        (where,) = product(left, right).devices()
        return multiply, _short(where)

    def look_up_layer(self, device: str, images: Any) -> Any:
        """The images are a variable: a constant would be compiled into the step, all of it."""
        ops = self.keras.ops

        class Images(self.keras.layers.Layer):  # type: ignore[misc,name-defined]
            def build(self, input_shape: Any) -> None:
                self.held = self.add_weight(
                    shape=images.shape, initializer=lambda shape, dtype: images, trainable=False
                )

            def call(self, numbers: Any) -> Any:
                return ops.take(self.held, numbers[:, 0], axis=0)

        layer = Images(name=LOOK_UP)
        layer.build((None, 1))
        layer.held.value.block_until_ready()
        return layer


def _instructions(program: str, devices: list[str]) -> Iterator[tuple[Operation, str]]:
    """The instructions of a compiled program with the rest of their lines, once for each of its devices."""
    for kind, rest in _INSTRUCTION.findall(program):
        if kind in _PLUMBING:
            continue
        target = _TARGET.search(rest)
        name = target[1] if target else kind
        for device in ["CPU:0"] if _CALLBACK.search(name) else devices:
            yield Operation(name, device, bool(_ARITHMETIC.search(name))), rest


def _primitives(program: Any, scope: str) -> Iterator[tuple[str, str]]:
    """The operations of a traced program, each with the names of the scopes that it is in."""
    for equation in program.eqns:
        inside = f"{scope}{equation.source_info.name_stack}/"
        values = (
            each
            for value in equation.params.values()
            for each in (value if isinstance(value, (tuple, list)) else [value])
        )
        parts = [part for value in values if hasattr(part := getattr(value, "jaxpr", value), "eqns")]
        for part in parts:
            yield from _primitives(part, inside)
        if not parts:
            yield equation.primitive.name, inside


def _short(device: Any) -> str:
    """``GPU:0`` for the first device of any platform but the CPU."""
    return f"{'CPU' if device.platform == 'cpu' else 'GPU'}:{device.id}"


FRAMEWORK = Jax
