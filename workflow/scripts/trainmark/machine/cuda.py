"""NVIDIA's libraries as the pinned environments bring them, and which GPUs and drivers their code fits.

The libraries are wheels in site-packages/nvidia, found without root.

Some frameworks look for them on the loader's path alone, and XLA looks for ``ptxas`` and ``libdevice`` where a CUDA
installation would be. Both are told through variables, which the loader reads when a process starts: so the supervisor
sets them for the training process.
"""

from __future__ import annotations

import ctypes
import os
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from trainmark import stacks, system
from trainmark.errors import TrainmarkError
from trainmark.machine.gpus import Gpu
from trainmark.stacks import Build

# What a framework opens before it shows a GPU, by the CUDA release that it was built with. The driver brings the first.
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
    "13": (
        "libcuda.so.1",
        "libcudart.so.13",
        "libcublas.so.13",
        "libcublasLt.so.13",
        "libcufft.so.12",
        "libcurand.so.10",
        "libcusolver.so.12",
        "libcusparse.so.12",
        "libcudnn.so.9",
    ),
}

# CUDA keeps what the driver has compiled in a folder, 1 GiB at most unless it is told otherwise. This is the most.
_CACHE_BYTES = 4 * 2**30


def must_compile(stack: str, gpu: Gpu | None) -> bool:
    """Whether the driver has to compile a stack's code for this GPU before it can train.

    Of a stack that no lock pins nothing is known, and nothing said.
    """
    if gpu is None or not gpu.compute_capability or stacks.is_unpinned(stack):
        return False
    return not stacks.named(stack).build.has_machine_code(stacks.numbers(gpu.compute_capability))


def refuse_unfit(stack: str, gpu: Gpu) -> None:
    """Refuse a GPU or a driver for which a stack holds no code.

    Raises:
        TrainmarkError: with what would fit. Drivers before 510, which do not name a GPU's compute capability, may be
            too old for every GPU. Apple's comes with macOS.
    """
    if system.MAC or stacks.is_unpinned(stack):
        return
    says, capability = stacks.named(stack), stacks.numbers(gpu.compute_capability)
    if capability and not says.build.has_code(capability):
        fit = [each for each in stacks.names() if stacks.named(each).build.has_code(capability)]
        instead = f", or another stack: {', '.join(fit)}" if fit else ""
        raise TrainmarkError(
            f"{says.label} ({stack}) holds no code for {gpu.name} (compute capability {gpu.compute_capability}); "
            f"expected {_expected(says.build)}. Time its CPU alone, --config 'devices=[cpu]'{instead}."
        )
    compiles = must_compile(stack, gpu)
    needed = says.build.compiling_driver if compiles else says.build.driver
    if gpu.driver and stacks.numbers(gpu.driver) < stacks.numbers(needed):
        why = "has to compile the code for it, and is" if compiles else "is"
        raise TrainmarkError(
            f"NVIDIA's driver {gpu.driver} {why} too old for {says.label} ({stack}) on {gpu.name} (compute capability "
            f"{gpu.compute_capability or 'unknown'}): {needed} or newer is needed. Update the driver, or time the CPU "
            "alone: --config 'devices=[cpu]'."
        )


def _expected(build: Build) -> str:
    """The compute capabilities that a build has code for, in words."""
    lowest = ".".join(map(str, build.machine_code[0]))
    return f"{lowest} or higher" if build.intermediate else f"{lowest} to {build.machine_code[-1][0]}.x"


def compiled_code(folder: Path, stack: str) -> dict[str, str]:
    """The variables by which what the driver compiles is kept from run to run, all of it.

    Args:
        folder: of the user's cache.
        stack: that is timed.
    """
    return {"CUDA_CACHE_PATH": str(folder / "cuda" / stack), "CUDA_CACHE_MAXSIZE": str(_CACHE_BYTES)}


def wheels_folder() -> Path:
    """Where this Python's environment has NVIDIA's wheels, if it has any."""
    return Path(sysconfig.get_path("purelib"), "nvidia")


def variables(folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables that make frameworks and XLA find the wheels below ``folder``; none where there are no wheels.

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
    """Why a framework sees no NVIDIA GPU.

    Args:
        build: ``is_cuda_build``, and ``cuda_version`` of the CUDA that it was built with.
    """
    release = str(build.get("cuda_version") or "").split(".")[0]
    if not build.get("is_cuda_build"):
        return "What is installed was built without CUDA, so it cannot see a GPU."
    problems = unloadable(LIBRARIES.get(release, ()))
    if problems:
        hint = " libcuda.so.1 comes with NVIDIA's driver: see 'nvidia-smi'." if "libcuda.so" in problems[0] else ""
        return f"These libraries could not be loaded: {'; '.join(problems)}.{hint}"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    shown = f" CUDA_VISIBLE_DEVICES is {hidden!r}." if hidden is not None else ""
    return f"All CUDA libraries were loaded, but the driver shows no GPU that it can use: see 'nvidia-smi'.{shown}"
