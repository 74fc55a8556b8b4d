"""Fakes of RAPL's files, of NVML and of Apple's counters that behave as the real ones."""

from tests.machines import boxes
from tests.machines.imitation import apple_energy, nvml


def write_zone(folder, zone, name, microjoules, largest=262_143_328_850):
    path = folder / zone
    path.mkdir(parents=True, exist_ok=True)
    for file, value in (("name", name), ("energy_uj", microjoules), ("max_energy_range_uj", largest)):
        (path / file).write_text(f"{value}\n")
    return path / "energy_uj"


class FakeNvml(nvml.Library):
    """NVML as the imitated machines have it, with readings that a test sets; ``counts`` is false for the P100.

    The machine has a T4, a V100 and an A100 with an instance, whose UUIDs begin with GPU-1, GPU-8f6d, GPU-2 and MIG-1.
    """

    def __init__(self, counts=True, watts=100.0):
        facts = {"counts_energy": counts, "celsius": 61, "megahertz": 1380, "throttle": 0x04 | 0x40 | 0x01}
        part = {**boxes.mig("3g.20gb", 1, 19968), "uuid": "MIG-1"}
        there = [
            boxes.gpu("Tesla T4", 0, uuid="GPU-1", **facts),
            boxes.gpu("Tesla V100-SXM2-16GB", 1, uuid="GPU-8f6d", **facts),
            boxes.gpu("NVIDIA A100-SXM4-40GB", 2, uuid="GPU-2", mig=[part], mig_capable=True, **facts),
        ]
        super().__init__({"gpus": there, "allotted": None, "driver": "535.104.05", "nvml_seconds": 0})
        self.watts, self.millijoules, self.gone, self.asked = watts, 5_000_000, False, []
        vars(self).update(self.functions())

    def device_get_handle_by_UUID(self, uuid):  # noqa: N802, NVML's own name
        self.asked.append(uuid)
        return super().device_get_handle_by_UUID(uuid)

    def device_get_handle_by_pci_bus_id(self, bus_id):
        self.asked.append(bus_id)
        return super().device_get_handle_by_pci_bus_id(bus_id)

    def device_get_total_energy_consumption(self, handle):
        super().device_get_total_energy_consumption(handle)  # refuses what has no counter
        return self.millijoules

    def device_get_power_usage(self, handle):
        return int(self.watts * 1000)

    def device_get_compute_running_processes(self, handle):
        return ["another"]

    def _timed(self, function):
        call = super()._timed(function)

        def unless_gone(*arguments):
            if self.gone:
                raise nvml.DriverNotLoaded if function.__name__ == "init" else nvml.GpuIsLost
            return call(*arguments)

        return unless_gone


class FakeApple:
    """What zeus-apple-silicon does; fields that a chip does not have are None."""

    def __init__(self, **millijoules):
        self.fields = millijoules

    def AppleEnergyMonitor(self):  # noqa: N802, the library's own name
        return self

    def get_cumulative_energy(self):
        if self.fields is None:
            raise RuntimeError("Failed to create IOReport subscription.")
        return apple_energy.metrics(self.fields)
