"""Versions of what a run was made with."""

from __future__ import annotations

import platform
import sys

from trainmark.machine import gpus, hardware
from trainmark.measure.worker.frameworks import Framework


def found(framework: Framework) -> dict[str, str | None]:
    """Versions of what was imported, and of what lies below it."""
    drivers = {gpu.driver for gpu in gpus.usable() if gpu.driver}
    return {
        "framework": framework.name,
        **framework.build(),
        "keras": framework.keras.__version__,
        "numpy": sys.modules["numpy"].__version__,
        "python": platform.python_version(),
        "gpu_driver": ", ".join(sorted(drivers)) or None,
        "operating_system": hardware.operating_system(),
    }


def imported(framework: Framework) -> dict[str, str]:
    """Versions of what was imported, whichever environment it came from, to be held against the lock."""
    others = {"keras": framework.keras.__version__, "numpy": sys.modules["numpy"].__version__}
    return framework.package_versions() | others
