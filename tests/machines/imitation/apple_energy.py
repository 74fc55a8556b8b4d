"""Apple's energy counters as zeus-apple-silicon 1.1.0 shows them: the imitated environment's module of that name."""

import time

# What AppleEnergyMetrics holds, each in millijoules; a chip without a part has None.
FIELDS = ("cpu_total_mj", "efficiency_cores_mj", "performance_cores_mj", "efficiency_cluster_mj")
FIELDS += ("performance_cluster_mj", "efficiency_core_manager_mj", "performance_core_manager_mj")
FIELDS += ("dram_mj", "gpu_mj", "gpu_sram_mj", "ane_mj")


class AppleEnergyMetrics:
    """Energies between two moments, or since the monitor was made."""


def monitor(watts: dict[str, float] | None) -> type:
    """The class AppleEnergyMonitor of a chip.

    Args:
        watts: what each of FIELDS draws; of an Ultra those of one die, since the library assigns the second die's
            readings over the first's. None where there are no counters, as in a virtual machine.
    """

    class AppleEnergyMonitor:
        def __init__(self) -> None:
            if watts is None:
                raise RuntimeError("Failed to create IOReport subscription.")
            self._start, self._windows = time.monotonic(), {}

        def get_cumulative_energy(self) -> AppleEnergyMetrics:
            return self._since(self._start)

        def _since(self, start: float) -> AppleEnergyMetrics:
            seconds = time.monotonic() - start
            return metrics({field: rate * seconds * 1000 for field, rate in watts.items()})

        def begin_window(self, label: str, restart: bool = False) -> None:
            if label in self._windows and not restart:
                raise RuntimeError(f"A measurement window with label '{label}' is already active.")
            self._windows[label] = time.monotonic()

        def end_window(self, label: str) -> AppleEnergyMetrics:
            return self._since(self._windows.pop(label))

    return AppleEnergyMonitor


def metrics(millijoules: dict[str, float | None]) -> AppleEnergyMetrics:
    """Energies by field; what is not named the chip does not have."""
    found = AppleEnergyMetrics()
    for field in FIELDS:
        value = millijoules.get(field)
        setattr(found, field, None if value is None else int(value))
    return found
