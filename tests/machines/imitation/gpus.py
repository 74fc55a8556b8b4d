"""NVIDIA GPUs as NVIDIA's driver shows them: to its tools, and to a program through CUDA."""

from collections.abc import Mapping

# The oldest driver that runs programs of a release of CUDA (CUDA Compatibility, minor version compatibility).
_OLDEST_DRIVER = {"11": (450, 80), "12": (525, 60)}


def allotted(machine: dict) -> list[dict]:
    """The GPUs that the driver lets a process open, in the order of the bus: under a control group not all."""
    gpus = sorted(machine["gpus"], key=lambda gpu: gpu["bus_id"])
    return [gpu for number, gpu in enumerate(gpus) if machine["allotted"] is None or number in machine["allotted"]]


def cuda_devices(machine: dict, environment: Mapping[str, str]) -> list[dict]:
    """What a program sees through CUDA, as the programming guide says of CUDA_DEVICE_ORDER and CUDA_VISIBLE_DEVICES.

    Returns:
        For each device ``name``, ``bus_id``, ``compute_capability`` and ``memory_mib``. Of MIG devices one alone is
        seen, and no GPU beside it (MIG user guide, "CUDA device enumeration").
    """
    release = machine["tensorflow_build"]["cuda_version"].partition(".")[0]
    if machine["driver"] is None or tuple(map(int, machine["driver"].split(".")[:2])) < _OLDEST_DRIVER[release]:
        return []
    gpus = allotted(machine)
    if environment.get("CUDA_DEVICE_ORDER", "FASTEST_FIRST") != "PCI_BUS_ID":
        gpus = sorted(gpus, key=lambda gpu: -gpu["speed"])
    parts = [_part(gpu, part) for gpu in gpus for part in gpu["mig"]]
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return parts[:1] or gpus
    chosen = []
    for text in visible.split(","):
        found = _named(text.strip(), parts, gpus)
        if found is None:
            break
        if found in chosen:
            return []
        chosen.append(found)
    return [each for each in chosen if "of" in each][:1] or chosen


def _named(text: str, parts: list[dict], gpus: list[dict]) -> dict | None:
    """The device of one entry of CUDA_VISIBLE_DEVICES; None for one that is not valid."""
    whole = parts[:1] or gpus
    if text.isdigit():
        return whole[int(text)] if int(text) < len(whole) else None
    if text.startswith("MIG-"):
        fitting = [part for part in parts if text in (part["uuid"], part["old_uuid"])]
    elif text.startswith("GPU-"):
        fitting = [gpu for gpu in gpus if gpu["uuid"].startswith(text)]
        fitting = [next((part for part in parts if part["of"] == gpu["uuid"]), gpu) for gpu in fitting]
    else:
        fitting = []
    return fitting[0] if len(fitting) == 1 else None


def _part(gpu: dict, part: dict) -> dict:
    """A MIG device as a program sees it; drivers before 470 called it by its board and instances."""
    return {
        "name": f"{gpu['name']} MIG {part['profile']}",
        "uuid": part["uuid"],
        "old_uuid": f"MIG-{gpu['uuid']}/{part['instance']}/0",
        "bus_id": gpu["bus_id"],
        "compute_capability": gpu["compute_capability"],
        "memory_mib": part["memory_mib"],
        "of": gpu["uuid"],
    }


def short_bus_id(bus_id: str) -> str:
    """``0000:00:04.0``, as Linux and TensorFlow write it, of ``00000000:00:04.0``."""
    return bus_id[4:].lower()
