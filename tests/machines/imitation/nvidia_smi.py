"""nvidia-smi: a list of the GPUs and tables of their fields. It knows nothing of CUDA_VISIBLE_DEVICES."""

import re
import time

from . import gpus

Answer = tuple[str, str, int]
# compute_cap is known from driver 510 on; before, and for every name that it does not know, it refuses the whole query.
_COMPUTE_CAPABILITY_SINCE = 510
_NO_DRIVER = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA "
    "driver is installed and running.\n\n"
)


def run(machine: dict, arguments: list[str]) -> Answer:
    """What it answers."""
    if machine["driver"] is None:
        return _NO_DRIVER, "", 9
    options = {}
    left = list(arguments)
    while left:
        name, _, value = left.pop(0).partition("=")
        if name in ("-i", "--id", "-l", "--loop") and not value and left:
            value = left.pop(0)
        options[name] = value
    found = gpus.allotted(machine)
    chosen = options.get("-i", options.get("--id"))
    if chosen:
        found = [gpu for number, gpu in enumerate(found) if _is(gpu, number, chosen)]
        if not found:
            return "No devices were found\n", "", 6
    unknown = set(options) - {"-L", "--list-gpus", "-i", "--id", "--query-gpu", "--format"}
    if unknown:
        return f"Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n\n{min(unknown)}", "", 1
    if "-L" in options or "--list-gpus" in options:
        return _list(found), "", 0
    if "--query-gpu" in options:
        return _query(machine, found, options["--query-gpu"].split(","), options.get("--format", ""))
    versions = f"NVIDIA-SMI {machine['driver']}  Driver Version: {machine['driver']}  CUDA Version: {machine['cuda']}"
    return f"{time.ctime()}\n+{'-' * 77}+\n| {versions:<75} |\n+{'-' * 77}+\n", "", 0


def _is(gpu: dict, number: int, text: str) -> bool:
    return text in (str(number), gpu["uuid"], gpu["bus_id"], gpus.short_bus_id(gpu["bus_id"]))


def _list(found: list[dict]) -> str:
    lines = []
    for number, gpu in enumerate(found):
        lines.append(f"GPU {number}: {gpu['name']} (UUID: {gpu['uuid']})")
        for position, part in enumerate(gpu["mig"]):
            lines.append(f"  MIG {part['profile']:<10} Device {position:2}: (UUID: {part['uuid']})")
    return "".join(f"{line}\n" for line in lines)


def _query(machine: dict, found: list[dict], fields: list[str], form: str) -> Answer:
    if "csv" not in form.split(","):
        return "", "--query-gpu needs --format=csv\n", 2
    fields = [field.strip() for field in fields]
    known = _fields(machine)
    for field in fields:
        if field not in known:
            return f'Field "{field}" is not a valid field to query.\n\n', "", 2
    rows = [[known[field](number, gpu) for field in fields] for number, gpu in enumerate(found)]
    if "nounits" in form:
        rows = [[re.sub(r" (MiB|W|MHz|%)$", "", value) for value in row] for row in rows]
    if "noheader" not in form:
        rows.insert(0, fields)
    return "".join(", ".join(row) + "\n" for row in rows), "", 0


def _fields(machine: dict) -> dict:
    absent = "[N/A]" if int(machine["driver"].split(".")[0]) >= 450 else "[Not Supported]"
    found = {
        "index": lambda number, gpu: str(number),
        "count": lambda number, gpu: str(len(gpus.allotted(machine))),
        "name": lambda number, gpu: gpu["name"],
        "uuid": lambda number, gpu: gpu["uuid"],
        "pci.bus_id": lambda number, gpu: gpu["bus_id"],
        "serial": lambda number, gpu: absent,
        "driver_version": lambda number, gpu: machine["driver"],
        "memory.total": lambda number, gpu: f"{gpu['memory_mib']} MiB",
        "memory.used": lambda number, gpu: absent if gpu["mig"] else "3 MiB",
        "temperature.gpu": lambda number, gpu: str(gpu["celsius"]),
        "temperature.memory": lambda number, gpu: "N/A",
        "power.draw": lambda number, gpu: f"{gpu['watts']:.2f} W",
        "clocks.sm": lambda number, gpu: f"{gpu['megahertz']} MHz",
        "utilization.gpu": lambda number, gpu: absent if gpu["mig"] else "0 %",
        "mig.mode.current": lambda number, gpu: _mig_mode(gpu, absent),
        "fan.speed": lambda number, gpu: absent,
    }
    found |= {"gpu_name": found["name"], "gpu_uuid": found["uuid"], "gpu_bus_id": found["pci.bus_id"]}
    if int(machine["driver"].split(".")[0]) >= _COMPUTE_CAPABILITY_SINCE:
        found["compute_cap"] = lambda number, gpu: gpu["compute_capability"]
    return found


def _mig_mode(gpu: dict, absent: str) -> str:
    if not gpu["mig_capable"]:
        return absent
    return "Enabled" if gpu["mig"] else "Disabled"
