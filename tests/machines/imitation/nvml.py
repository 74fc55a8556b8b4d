"""NVML as nvidia-ml-py shows it: the functions of the imitated environment's module ``pynvml``.

Handles, refusals and names are those of NVML's API reference; every call takes as long as the machine says.
"""

import time
import types

from . import gpus

NVML_CLOCK_GRAPHICS, NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 0, 1, 2, 0
NVML_DEVICE_MIG_DISABLE, NVML_DEVICE_MIG_ENABLE = 0, 1
# Boards count their energy anew about so often.
_COUNTER_SECONDS = 0.02


class NVMLError(Exception):
    """What every function may raise; ``value`` is NVML's number."""

    words, value = "Unknown Error", 999

    def __str__(self) -> str:
        return self.words


def _error(name: str, value: int, words: str) -> type[NVMLError]:
    return type(f"NVMLError_{name}", (NVMLError,), {"value": value, "words": words})


Uninitialized = _error("Uninitialized", 1, "Uninitialized")
InvalidArgument = _error("InvalidArgument", 2, "Invalid Argument")
NotSupported = _error("NotSupported", 3, "Not Supported")
NotFound = _error("NotFound", 6, "Not Found")
DriverNotLoaded = _error("DriverNotLoaded", 9, "Driver Not Loaded")
GpuIsLost = _error("GpuIsLost", 15, "GPU is lost")


class Handle:
    """A GPU, or a MIG device of one (``part``)."""

    def __init__(self, gpu: dict, part: dict | None = None) -> None:
        self.gpu, self.part = gpu, part


class Library:
    """NVML on one machine.

    Args:
        machine: what is imitated.
    """

    def __init__(self, machine: dict) -> None:
        self._machine, self._ready = machine, False
        self._gpus = gpus.allotted(machine)

    def functions(self) -> dict[str, object]:
        """What the module ``pynvml`` holds."""
        errors = [NVMLError, Uninitialized, InvalidArgument, NotSupported, NotFound, DriverNotLoaded, GpuIsLost]
        found = {error.__name__: error for error in errors}
        found |= {name: value for name, value in globals().items() if name.startswith("NVML_")}
        # device_get_name -> nvmlDeviceGetName
        for name in [name for name in dir(self) if name.startswith(("init", "shutdown", "system_", "device_"))]:
            capital = "".join(word[0].upper() + word[1:] for word in name.split("_"))
            found[f"nvml{capital}"] = self._timed(getattr(self, name))
        found["nvmlDeviceGetComputeRunningProcesses_v3"] = found["nvmlDeviceGetComputeRunningProcesses"]
        return found

    def _timed(self, function: object) -> object:
        def call(*arguments: object) -> object:
            time.sleep(self._machine["nvml_seconds"])
            if not self._ready and function.__name__ not in ("init", "shutdown"):
                raise Uninitialized
            return function(*arguments)

        return call

    def init(self) -> None:
        if self._machine["driver"] is None:
            raise DriverNotLoaded
        self._ready = True

    def shutdown(self) -> None:
        self._ready = False

    def system_get_driver_version(self) -> str:
        return self._machine["driver"]

    def device_get_count(self) -> int:
        return len(self._gpus)

    def device_get_handle_by_index(self, index: int) -> Handle:
        if not 0 <= index < len(self._gpus):
            raise InvalidArgument
        return Handle(self._gpus[index])

    def device_get_handle_by_UUID(self, uuid: str | bytes) -> Handle:  # noqa: N802, NVML's own name
        text = uuid.decode() if isinstance(uuid, bytes) else uuid
        for gpu in self._gpus:
            if gpu["uuid"] == text:
                return Handle(gpu)
            for part in gpu["mig"]:
                if part["uuid"] == text:
                    return Handle(gpu, part)
        raise NotFound

    def device_get_handle_by_pci_bus_id(self, bus_id: str | bytes) -> Handle:
        text = bus_id.decode() if isinstance(bus_id, bytes) else bus_id
        for gpu in self._gpus:
            if text.lower() in (gpu["bus_id"].lower(), gpus.short_bus_id(gpu["bus_id"])):
                return Handle(gpu)
        raise NotFound

    def device_get_index(self, handle: Handle) -> int:
        return self._gpus.index(self._whole(handle))

    def device_get_minor_number(self, handle: Handle) -> int:
        return self._whole(handle)["minor"]

    def device_get_name(self, handle: Handle) -> str:
        return handle.gpu["name"] + (f" MIG {handle.part['profile']}" if handle.part else "")

    def device_get_UUID(self, handle: Handle) -> str:  # noqa: N802, NVML's own name
        return (handle.part or handle.gpu)["uuid"]

    def device_get_pci_info(self, handle: Handle) -> types.SimpleNamespace:
        domain, bus, device = handle.gpu["bus_id"].partition(".")[0].split(":")
        numbers = {"domain": int(domain, 16), "bus": int(bus, 16), "device": int(device, 16)}
        return types.SimpleNamespace(busId=handle.gpu["bus_id"], **numbers)

    def device_get_memory_info(self, handle: Handle) -> types.SimpleNamespace:
        total = (handle.part or handle.gpu)["memory_mib"] * 2**20
        return types.SimpleNamespace(total=total, free=total - 2**20, used=2**20)

    def device_get_cuda_compute_capability(self, handle: Handle) -> tuple[int, ...]:
        return tuple(int(number) for number in handle.gpu["compute_capability"].split("."))

    def device_get_mig_mode(self, handle: Handle) -> list[int]:
        gpu = self._whole(handle)
        if not gpu["mig_capable"]:
            raise NotSupported
        return [int(bool(gpu["mig"]))] * 2

    def device_get_max_mig_device_count(self, handle: Handle) -> int:
        return 7 if self._whole(handle)["mig_capable"] else 0

    def device_get_mig_device_handle_by_index(self, handle: Handle, index: int) -> Handle:
        if not 0 <= index < len(self._whole(handle)["mig"]):
            raise NotFound
        return Handle(handle.gpu, handle.gpu["mig"][index])

    def device_get_device_handle_from_mig_device_handle(self, handle: Handle) -> Handle:
        return Handle(self._instance(handle)["gpu"])

    def device_is_mig_device_handle(self, handle: Handle) -> bool:
        return handle.part is not None

    def device_get_gpu_instance_id(self, handle: Handle) -> int:
        return self._instance(handle)["instance"]

    def device_get_compute_instance_id(self, handle: Handle) -> int:
        return self._instance(handle)["compute_instance"]

    def device_get_total_energy_consumption(self, handle: Handle) -> int:
        """Millijoules; Volta and newer, and whole boards alone."""
        if handle.part or not handle.gpu["counts_energy"]:
            raise NotSupported
        ticks = time.monotonic() // _COUNTER_SECONDS
        return int(ticks * _COUNTER_SECONDS * handle.gpu["watts"] * 1000)

    def device_get_power_usage(self, handle: Handle) -> int:
        """Milliwatts; of a MIG device, those of its board."""
        return int(handle.gpu["watts"] * 1000)

    def device_get_temperature(self, handle: Handle, sensor: int) -> int:
        return self._whole(handle)["celsius"]

    def device_get_clock_info(self, handle: Handle, kind: int) -> int:
        return self._whole(handle)["megahertz"]

    def device_get_current_clocks_throttle_reasons(self, handle: Handle) -> int:
        return self._whole(handle)["throttle"]

    def device_get_compute_running_processes(self, handle: Handle) -> list:
        return []

    @staticmethod
    def _whole(handle: Handle) -> dict:
        if handle.part:
            raise InvalidArgument
        return handle.gpu

    @staticmethod
    def _instance(handle: Handle) -> dict:
        if not handle.part:
            raise InvalidArgument
        return {**handle.part, "gpu": handle.gpu}
