"""NVIDIA's libraries as the pinned environments bring them, and which GPUs and drivers their code fits.

The libraries are wheels in site-packages/nvidia, found without root.

TensorFlow 2.12 looks for them on the loader's path alone, and XLA looks for ``ptxas`` and ``libdevice`` where a CUDA
installation would be. Both are told through variables, which the loader reads when a process starts: so the supervisor
sets them for the training process.
"""

from __future__ import annotations

import ctypes
import os
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainmark import system
from trainmark.errors import TrainmarkError
from trainmark.machine.gpus import Gpu

# What TensorFlow opens before it shows a GPU, by the CUDA release that it was built with (its dso_loader.cc). The
# driver brings the first.
LIBRARIES = {
    "11": (
        "libcuda.so.1",
        "libcudart.so.11.0",
        "libcublas.so.11",
        "libcublasLt.so.11",
        "libcufft.so.10",
        "libcurand.so.10",
        "libcusolver.so.11",
        "libcusparse.so.11",
        "libcudnn.so.8",
    ),
    "12": (
        "libcuda.so.1",
        "libcudart.so.12",
        "libcublas.so.12",
        "libcublasLt.so.12",
        "libcufft.so.11",
        "libcurand.so.10",
        "libcusolver.so.11",
        "libcusparse.so.12",
        "libcudnn.so.9",
    ),
}

# CUDA keeps what the driver has compiled in a folder, 1 GiB at most unless it is told otherwise. This is the most.
_CACHE_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Build:
    """What the TensorFlow of a stack was built with, by the contents of its wheel.

    Attributes:
        machine_code: compute capabilities that it holds machine code for, which runs on those of the same major number
            and a higher minor one, too (CUDA C++ Programming Guide, Binary Compatibility).
        intermediate: compute capability of its intermediate code (PTX), which the driver compiles for all later ones.
        driver: the oldest that runs machine code (CUDA Compatibility, Minor Version Compatibility).
        compiling_driver: the oldest that reads this intermediate code: of the CUDA that it was written by.
    """

    machine_code: tuple[tuple[int, int], ...]
    intermediate: tuple[int, int]
    driver: str
    compiling_driver: str

    def has_machine_code(self, capability: tuple[int, ...]) -> bool:
        """Whether nothing has to be compiled for GPUs of this compute capability."""
        return any(major == capability[0] and minor <= capability[1] for major, minor in self.machine_code)


BUILDS = {
    "tf-2.12": Build(((3, 5), (5, 0), (6, 0), (7, 0), (7, 5)), (8, 0), "450.80.02", "520.61.05"),
    "tf-2.19": Build(((6, 0), (7, 0), (8, 0), (8, 9)), (9, 0), "525.60.13", "555.42.02"),
}


def must_compile(stack: str, gpu: Gpu | None) -> bool:
    """Whether the driver has to compile TensorFlow's code for this GPU before it can train."""
    if gpu is None or not gpu.compute_capability:
        return False
    return not BUILDS[stack].has_machine_code(_numbers(gpu.compute_capability))


def refuse_unfit(stack: str, gpu: Gpu) -> None:
    """Refuse a GPU or a driver for which a stack's TensorFlow holds no code.

    Raises:
        TrainmarkError: with what would fit. Drivers before 510, which do not name a GPU's compute capability, may be
            too old for every GPU. Apple's comes with macOS.
    """
    if system.MAC:
        return
    build, compiles = BUILDS[stack], must_compile(stack, gpu)
    if compiles and _numbers(gpu.compute_capability) < build.intermediate:
        raise TrainmarkError(
            f"The TensorFlow of {stack} holds no code for {gpu.name} (compute capability {gpu.compute_capability}); "
            f"expected {_dotted(build.machine_code[0])} or higher. Time its CPU alone, --config 'devices=[cpu]', or "
            f"another stack: {', '.join(sorted(set(BUILDS) - {stack}))}."
        )
    needed = build.compiling_driver if compiles else build.driver
    if gpu.driver and _numbers(gpu.driver) < _numbers(needed):
        why = "has to compile TensorFlow's code for it, and is" if compiles else "is"
        raise TrainmarkError(
            f"NVIDIA's driver {gpu.driver} {why} too old for {stack} on {gpu.name} (compute capability "
            f"{gpu.compute_capability or 'unknown'}): {needed} or newer is needed. Update the driver, or time the CPU "
            "alone: --config 'devices=[cpu]'."
        )


def compiled_code(folder: Path, stack: str) -> dict[str, str]:
    """The variables by which what the driver compiles is kept from run to run, all of it.

    Args:
        folder: of the user's cache.
        stack: that is timed.
    """
    return {"CUDA_CACHE_PATH": str(folder / "cuda" / stack), "CUDA_CACHE_MAXSIZE": str(_CACHE_BYTES)}


def _numbers(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in (version or "").split(".") if part.isdigit())


def _dotted(capability: tuple[int, int]) -> str:
    return ".".join(map(str, capability))


def wheels_folder() -> Path:
    """Where this Python's environment has NVIDIA's wheels, if it has any."""
    return Path(sysconfig.get_path("purelib"), "nvidia")


def variables(folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables that make TensorFlow and XLA find the wheels below ``folder``; none where there are no wheels.

    What the caller had in a path stays behind ours: ``libcuda`` may be found by it.
    """
    found = {}
    libraries = sorted(str(path) for path in folder.glob("*/lib") if path.is_dir())
    if libraries:
        found["LD_LIBRARY_PATH"] = _joined([*libraries, inherited.get("LD_LIBRARY_PATH", "")])
    compiler = folder / "cuda_nvcc"
    if (compiler / "bin").is_dir():
        found["PATH"] = _joined([str(compiler / "bin"), inherited.get("PATH", "")])
        found["XLA_FLAGS"] = f"--xla_gpu_cuda_data_dir={compiler}"
    return found


def _joined(paths: list[str]) -> str:
    return os.pathsep.join(path for path in paths if path)


def unloadable(names: tuple[str, ...]) -> list[str]:
    """Why each of these libraries that cannot be loaded cannot: the loader's own words, which name it."""
    problems = []
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError as error:
            problems.append(str(error))
    return problems


def explain_missing_gpu(build: Mapping[str, object]) -> str:
    """Why TensorFlow sees no NVIDIA GPU.

    Args:
        build: ``tf.sysconfig.get_build_info()``.
    """
    release = str(build.get("cuda_version") or "").split(".")[0]
    if not build.get("is_cuda_build"):
        return "This TensorFlow was built without CUDA, so it cannot see a GPU."
    problems = unloadable(LIBRARIES.get(release, ()))
    if problems:
        hint = " libcuda.so.1 comes with NVIDIA's driver: see 'nvidia-smi'." if "libcuda.so" in problems[0] else ""
        return f"These libraries could not be loaded: {'; '.join(problems)}.{hint}"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    shown = f" CUDA_VISIBLE_DEVICES is {hidden!r}." if hidden is not None else ""
    return f"All CUDA libraries were loaded, but the driver shows no GPU that it can use: see 'nvidia-smi'.{shown}"
