"""Versions of what a run was made with."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

from trainmark.install import lockfile
from trainmark.machine import gpus, hardware


def found(tf: Any) -> dict[str, str | None]:
    """Versions of what was imported, and of what lies below it."""
    build = tf.sysconfig.get_build_info()
    drivers = {gpu.driver for gpu in gpus.usable() if gpu.driver}
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": tf.keras.__version__,
        "numpy": sys.modules["numpy"].__version__,
        "tensorflow_metal": package_version("tensorflow-metal"),
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
        "gpu_driver": ", ".join(sorted(drivers)) or None,
        "operating_system": hardware.operating_system(),
    }


def imported(tf: Any) -> dict[str, str]:
    """Versions of what was imported, whichever environment it came from, to be held against the lock."""
    tensorflow = dict.fromkeys(lockfile.TENSORFLOW_PACKAGES, tf.__version__)  # the lock pins one of them
    return tensorflow | {"keras": tf.keras.__version__, "numpy": sys.modules["numpy"].__version__}


def package_version(name: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
