"""Fakes of RAPL's files, of NVML and of Apple's counters that behave as the real ones."""

import types


def write_zone(folder, zone, name, microjoules, largest=262_143_328_850):
    path = folder / zone
    path.mkdir(parents=True, exist_ok=True)
    for file, value in (("name", name), ("energy_uj", microjoules), ("max_energy_range_uj", largest)):
        (path / file).write_text(f"{value}\n")
    return path / "energy_uj"


class FakeNvml:
    """What nvidia-ml-py does on a GPU; ``counts`` is false for those before Volta, as the P100."""

    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0

    class NVMLError(Exception):
        """What every question may raise."""

    def __init__(self, counts=True, watts=100.0):
        self.counts, self.watts, self.millijoules, self.gone, self.asked = counts, watts, 5_000_000, False, []

    def nvmlInit(self):  # noqa: N802, NVML's own name
        if self.gone:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetHandleByPciBusId(self, bus_id):  # noqa: N802
        self.asked.append(bus_id)
        return "gpu"

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        self.asked.append(uuid)
        return "gpu"

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu):  # noqa: N802
        if not self.counts:
            raise self.NVMLError("Not Supported")
        return self._known(self.millijoules)

    def nvmlDeviceGetPowerUsage(self, gpu):  # noqa: N802
        return self._known(int(self.watts * 1000))

    def nvmlDeviceGetTemperature(self, gpu, sensor):  # noqa: N802
        return self._known(61)

    def nvmlDeviceGetClockInfo(self, gpu, kind):  # noqa: N802
        return self._known(1380)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, gpu):  # noqa: N802
        return self._known(0x04 | 0x40 | 0x01)

    def nvmlDeviceGetComputeRunningProcesses(self, gpu):  # noqa: N802
        return self._known(["another"])

    def _known(self, value):
        if self.gone:
            raise self.NVMLError("GPU is lost")
        return value


class FakeApple:
    """What zeus-apple-silicon does; fields that a chip does not have are None."""

    def __init__(self, **millijoules):
        self.fields = {"cpu_total_mj": None, "gpu_mj": None, "dram_mj": None, **millijoules}

    def AppleEnergyMonitor(self):  # noqa: N802, the library's own name
        return self

    def get_cumulative_energy(self):
        if self.fields is None:
            raise RuntimeError("Failed to create IOReport subscription.")
        return types.SimpleNamespace(**self.fields)
