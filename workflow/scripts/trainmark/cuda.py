"""NVIDIA's libraries as the pinned environments bring them: wheels in site-packages/nvidia, found without root.

TensorFlow 2.12 looks for them on the loader's path alone, and XLA looks for ``ptxas`` and ``libdevice`` where a CUDA
installation would be. Both are told through variables, which the loader reads when a process starts: so the supervisor
sets them for the training process.
"""

from __future__ import annotations

import ctypes
import os
import sysconfig
from collections.abc import Mapping
from pathlib import Path

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


def wheels_folder() -> Path:
    """Where this Python's environment has NVIDIA's wheels, if it has any."""
    return Path(sysconfig.get_path("purelib"), "nvidia")


def variables(folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables that make TensorFlow and XLA find the wheels below ``folder``; none where there are no wheels.

    What the user's shell had in a path stays behind ours: ``libcuda`` may be found by it.
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
        return "This TensorFlow was built without CUDA, so it can never see one."
    problems = unloadable(LIBRARIES.get(release, ()))
    if problems:
        hint = " libcuda.so.1 comes with NVIDIA's driver: see 'nvidia-smi'." if "libcuda.so" in problems[0] else ""
        return f"These libraries could not be loaded: {'; '.join(problems)}.{hint}"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    shown = f" CUDA_VISIBLE_DEVICES is {hidden!r}." if hidden is not None else ""
    return f"All CUDA libraries were loaded, so the driver shows none that it can use: see 'nvidia-smi'.{shown}"
